// RunLog: what a run writes down as it goes: log.csv (a row per iteration), log.jsonl (an object per epoch), and on request
// an event file for TensorBoard. Files are appended to; a resumed run first drops what lies behind its checkpoint, so that no
// step is there twice.

import Foundation
import LTCore

final class RunLog {
    struct Step {
        /// Counted from 0.
        var iteration: Int
        /// Counted from 0.
        var epoch: Int
        var rate: Double
        /// Not a number when the step was skipped.
        var loss: Double
        /// Before clipping.
        var gradientNorm: Double
        /// Of the loss, in the order of the log's header.
        var parts: [Double]

        init(
            iteration: Int, epoch: Int, rate: Double, loss: Double, gradientNorm: Double, parts: [Double] = []
        ) {
            self.parts = parts
            self.iteration = iteration
            self.epoch = epoch
            self.rate = rate
            self.loss = loss
            self.gradientNorm = gradientNorm
        }
        init?(csv line: some StringProtocol) {
            let fields = line.split(separator: ",", omittingEmptySubsequences: false)
            guard fields.count >= 5, let iteration = Int(fields[0]), let epoch = Int(fields[1]),
                let rate = Double(fields[2]), let loss = Double(fields[3]), let norm = Double(fields[4])
            else { return nil }
            let parts = fields.dropFirst(5).compactMap { Double($0) }
            guard parts.count == fields.count - 5 else { return nil }
            self.init(
                iteration: iteration, epoch: epoch, rate: rate, loss: loss, gradientNorm: norm, parts: parts)
        }
        var csv: String {
            "\(iteration),\(epoch),\(rate),\(loss),\(gradientNorm)" + parts.map { ",\($0)" }.joined() + "\n"
        }
    }

    /// One line of log.jsonl.
    struct Epoch: Codable {
        /// Counted from 1.
        var epoch: Int
        /// Iterations done.
        var iteration: Int
        /// The learning rate of its last step.
        var rate: Double
        /// Mean over the steps of the epoch.
        var loss: Double?
        /// Split → metric → value.
        var validation: [String: [String: Double]] = [:]
        /// The best epoch so far by the recipe's `select`.
        var best: Int?
        // Seconds of this process: in all, validating after this epoch, waiting for batches in all.
        var seconds = 0.0
        var validationSeconds = 0.0
        var waitSeconds = 0.0

        init(epoch: Int, iteration: Int, rate: Double, loss: Double?) {
            self.epoch = epoch
            self.iteration = iteration
            self.rate = rate
            self.loss = loss
        }

        enum CodingKeys: String, CodingKey {
            case epoch, iteration, loss, validation, best, seconds
            case rate = "lr"
            case validationSeconds = "validation_seconds"
            case waitSeconds = "wait_seconds"
        }
    }

    private var header: String {
        (["iteration", "epoch", "lr", "loss", "grad_norm"] + parts).joined(separator: ",") + "\n"
    }
    /// Names of the parts of the loss.
    private let parts: [String]
    let csvPath: String
    let jsonPath: String
    /// TensorBoard looks for "tfevents" in names.
    let eventPath: String
    private let hasEvents: Bool
    private let writes: Bool
    private var csv: AppendedFile?
    private var json: AppendedFile?
    private var events: AppendedFile?
    private let encoder = JSONEncoder()

    /// - Parameters:
    ///   - parts: names of the parts of the loss.
    ///   - writes: false in the processes that only take part.
    init(folder: String, parts: [String], tensorboard: Bool, writes: Bool) {
        self.parts = parts
        csvPath = folder + "/log.csv"
        jsonPath = folder + "/log.jsonl"
        eventPath = folder + "/events.out.tfevents.longtail"
        hasEvents = tensorboard
        self.writes = writes
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    }

    /// Opens the files; what lies behind a number of iterations is dropped, everything for 0.
    /// - Parameter epochIsOpen: an epoch that ends exactly there is dropped too.
    func begin(at iteration: Int, epochIsOpen: Bool = false) throws(LTError) {
        guard writes else { return }
        csv = try AppendedFile(csvPath, start: Array(header.utf8)) { (bytes) in
            Self.prefixOfLines(bytes) { (line, number) in
                number == 0 || Step(csv: line).map { $0.iteration < iteration } ?? false
            }
        }
        json = try AppendedFile(jsonPath, start: []) { (bytes) in
            Self.prefixOfLines(bytes) { (line, _) in
                guard let epoch = try? JSONDecoder().decode(Epoch.self, from: Data(line.utf8)) else { return false }
                return epoch.iteration < iteration || (epoch.iteration == iteration && !epochIsOpen)
            }
        }
        guard hasEvents else { return }
        events = try AppendedFile(eventPath, start: EventFile.start) { (bytes) in
            EventFile.prefix(bytes) { (event) in
                // Validation is written at the number of iterations done, steps at the one that they are.
                event.tags.allSatisfy { $0.hasPrefix("train/") }
                    ? event.step < iteration : event.step < iteration || (event.step == iteration && !epochIsOpen)
            }
        }
        // A new run begins with empty files.
        if iteration == 0 { for file in [csv, json, events] { try file?.flush() } }
    }

    func add(_ step: Step) {
        csv?.append(step.csv.utf8)
        events?.append(
            EventFile.Event(
                step: step.iteration,
                values: [
                    ("train/loss", step.loss), ("train/lr", step.rate), ("train/grad_norm", step.gradientNorm),
                ] + zip(parts, step.parts).map { ("train/\($0)", $1) }
            ).record)
    }

    func add(_ epoch: Epoch) {
        if let line = try? encoder.encode(epoch) { json?.append(Array(line) + [0x0A]) }
        let values = epoch.validation.flatMap { split, metrics in metrics.map { ("\(split)/\($0.key)", $0.value) } }
        guard !values.isEmpty else { return }
        events?.append(EventFile.Event(step: epoch.iteration, values: values.sorted { $0.0 < $1.0 }).record)
    }

    /// Writes what was added.
    func flush() throws(LTError) { for file in [csv, json, events] { try file?.flush() } }

    /// What log.csv has.
    func steps() throws(LTError) -> [Step] {
        guard writes else { return [] }
        try csv?.flush()
        return String(decoding: try readFile(csvPath), as: UTF8.self).split(separator: "\n").compactMap {
            Step(csv: $0)
        }
    }

    /// What log.jsonl has.
    func epochs() throws(LTError) -> [Epoch] {
        guard writes else { return [] }
        try json?.flush()
        return String(decoding: try readFile(jsonPath), as: UTF8.self).split(separator: "\n").compactMap {
            try? JSONDecoder().decode(Epoch.self, from: Data($0.utf8))
        }
    }

    /// The bytes of the first whole lines that are kept.
    private static func prefixOfLines(_ bytes: [UInt8], _ keeps: (Substring, Int) -> Bool) -> Int {
        var length = 0
        for (number, line) in bytes.split(separator: 0x0A, omittingEmptySubsequences: false).dropLast().enumerated() {
            guard keeps(Substring(decoding: line, as: UTF8.self), number) else { break }
            length += line.count + 1
        }
        return length
    }
}

/// A file that grows at its end; what is added waits in memory for a moment.
private final class AppendedFile {
    private let path: String
    private let handle: FileHandle
    private var waiting: [UInt8] = []
    private var written = ContinuousClock.now
    private var failure: LTError?

    /// - Parameters:
    ///   - start: what a fresh file begins with.
    ///   - kept: how many of the bytes that are there stay.
    init(_ path: String, start: [UInt8], kept: ([UInt8]) -> Int) throws(LTError) {
        self.path = path
        let manager = FileManager.default
        let old = manager.fileExists(atPath: path) ? [UInt8](try readFile(path)) : []
        if old.isEmpty { _ = manager.createFile(atPath: path, contents: nil) }
        guard let handle = FileHandle(forUpdatingAtPath: path) else {
            throw LTError(.io, "cannot write \(path): \(String(cString: strerror(errno)))")
        }
        self.handle = handle
        let length = old.starts(with: start) ? kept(old) : 0
        do {
            try handle.truncate(atOffset: UInt64(length))
            try handle.seekToEnd()
        } catch { throw LTError(.io, "cannot write \(path): \(error.localizedDescription)") }
        if length == 0 { waiting = start }
    }

    func append(_ bytes: some Sequence<UInt8>) {
        waiting += bytes
        guard waiting.count > 1 << 16 || ContinuousClock.now - written > .seconds(1) else { return }
        do throws(LTError) { try write() } catch { failure = error }
    }

    /// - Throws: `io`, of this or an earlier attempt.
    func flush() throws(LTError) {
        if let failure { throw failure }
        try write()
    }

    private func write() throws(LTError) {
        guard !waiting.isEmpty else { return }
        do { try handle.write(contentsOf: waiting) } catch {
            throw LTError(.io, "cannot write \(path): \(error.localizedDescription)")
        }
        waiting = []
        written = .now
    }

    deinit { try? handle.close() }
}
