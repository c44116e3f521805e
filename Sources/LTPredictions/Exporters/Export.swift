// Export: what a store holds as a text file, image by image in input order. One file per format beside this one.

import Glibc
import LTCore
import LTDecision

/// A text format for predictions.
public protocol PredictionFormat: Sendable {
    /// The name of its flag.
    static var name: String { get }
    /// Checks before a run that the format can hold what it will make, and one of its images.
    /// - Throws: `invalidArgument`, `notFound`.
    func check(_ run: RunInfo) throws(LTError)
    func check(image path: String) throws(LTError)
    /// What stands before the first image.
    mutating func head(_ store: PredictionStore) throws(LTError) -> String
    /// One image. `decisions` has one element per class in the order of the run's classes, or one per detection; nil for
    /// an image that failed.
    mutating func line(_ image: StoredImage, _ decisions: Decisions?, _ run: RunInfo) throws(LTError) -> String
    /// What stands after the last image.
    func tail() -> String
    /// What the caller should be told about the file.
    var note: String? { get }
}

extension PredictionFormat {
    public func check(_ run: RunInfo) throws(LTError) {}
    public func check(image path: String) throws(LTError) {}
    public mutating func head(_ store: PredictionStore) throws(LTError) -> String { "" }
    public func tail() -> String { "" }
    public var note: String? { nil }
}

extension PredictionStore {
    /// Writes the decisions of every image to `path` ("-": standard output).
    /// - Parameter decider: see `RunInfo.decider()`.
    /// - Returns: the format's note.
    @discardableResult
    public func export(
        as format: any PredictionFormat, to path: String, decider: PredictionDecider
    ) throws(LTError) -> String? {
        var format = format
        try within("--\(type(of: format).name) file \(path)") { () throws(LTError) in
            try format.check(run)
            let sink = try TextSink(path)
            try sink.write(try format.head(self))
            try forEach { image throws(LTError) in
                let decisions = try image.outcome.prediction.map { (prediction) throws(LTError) in
                    try decider.decide(prediction)
                }
                try sink.write(try format.line(image, decisions, run))
            }
            try sink.write(format.tail())
            try sink.close()
        }
        return format.note
    }
}

extension RunInfo {
    /// One label per column; without labels in the model, the column's number is id and name.
    public var classes: [DecisionLayer.Label] { layer.labels ?? (0..<columns).map { label($0) } }

    /// The label of a class.
    public func label(_ position: Int) -> DecisionLayer.Label {
        guard let labels = layer.labels, labels.indices.contains(position) else {
            return DecisionLayer.Label(id: position, name: String(position))
        }
        return labels[position]
    }

    /// What turns the run's raw outputs into decisions.
    /// - Throws: `invalidArgument` naming the flag for what the model did not say.
    public func decider() throws(LTError) -> PredictionDecider {
        try PredictionDecider(layer, classCount: columns)
    }
}

/// A buffered text file whose errors are not lost.
private final class TextSink {
    private let file: Int32
    private var pending: [UInt8] = []

    init(_ path: String) throws(LTError) {
        file = path == "-" ? dup(1) : open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard file >= 0 else { throw systemError("cannot write") }
    }

    deinit { Glibc.close(file) }

    func write(_ text: String) throws(LTError) {
        pending.append(contentsOf: text.utf8)
        if pending.count >= 1 << 16 { try flush() }
    }

    func close() throws(LTError) { try flush() }

    private func flush() throws(LTError) {
        var done = 0
        while done < pending.count {
            let count = pending.withUnsafeBytes { Glibc.write(file, $0.baseAddress! + done, $0.count - done) }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw systemError("cannot write") }
            done += count
        }
        pending.removeAll(keepingCapacity: true)
    }
}
