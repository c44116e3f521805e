// Export: a store's decisions as a text file, image by image in input order. One file per format beside this one.

import Glibc
import LTCore
import LTDecision

/// A text format for decisions.
public protocol PredictionFormat: Sendable {
    /// The name of its flag.
    static var name: String { get }
    /// What stands before the first image.
    static func head(_ labels: [DecisionLayer.Label]) -> String
    /// One image. `decisions` has one element per class, in the order of `labels`; nil for an image that failed.
    static func line(_ image: StoredImage, _ decisions: [ClassDecision]?, _ labels: [DecisionLayer.Label]) -> String
}

extension PredictionStore {
    /// Writes the decisions of every image to `path` ("-": standard output).
    /// - Parameter decider: see `RunInfo.decider()`.
    public func export<Format: PredictionFormat>(
        as format: Format.Type, to path: String, decider: Decider
    ) throws(LTError) {
        let labels = run.classes
        try within("--\(format.name) file \(path)") { () throws(LTError) in
            let sink = try TextSink(path)
            try sink.write(format.head(labels))
            try forEach { image throws(LTError) in
                var decisions: [ClassDecision]?
                if case .scores(let raw) = image.outcome { decisions = try decider.decide(raw) }
                try sink.write(format.line(image, decisions, labels))
            }
            try sink.close()
        }
    }
}

extension RunInfo {
    /// One label per column; without labels in the model, the column's number is id and name.
    public var classes: [DecisionLayer.Label] {
        layer.labels ?? (0..<columns).map { DecisionLayer.Label(id: $0, name: String($0)) }
    }

    /// What turns the run's raw outputs into decisions.
    /// - Throws: `invalidArgument` naming the flag for what the model did not say.
    public func decider() throws(LTError) -> Decider { try Decider(layer, classCount: columns) }
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
