// The options that say what detections are evaluated, and by which rules.

import ArgumentParser
import Foundation
import LTCore
import LTEval
import LTPredictions

struct DetectionOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The ground truth: an LVIS or COCO annotation file.", valueName: "GT.json"))
    var gt: String

    @Option(
        parsing: .upToNextOption,
        help: ArgumentHelp(
            "The detections: COCO results files, or prediction stores of `lt-infer run`; several for parts.",
            valueName: "DT.json|preds.db"))
    var results: [String]

    @OptionGroup var rules: DetectionRuleOptions

    /// What was evaluated, and what it came from.
    struct Evaluated {
        var evaluation: DetectionEvaluation
        var provenance: [ReportJSON.Member]
        /// Whether images of a store failed.
        var isIncomplete: Bool
    }

    /// Reads and evaluates.
    /// - Parameter takesDigests: whether the provenance should name the files' digests.
    func evaluate(takesDigests: Bool) throws(LTError) -> Evaluated {
        let rules = try rules.rules()
        let threads = self.rules.threads
        let truth = try DetectionTruth.read(gt, rules: rules, threads: threads, takesDigest: takesDigests)
        var parts: [DetectionSource] = []
        var detections: DetectionResults?
        for path in results {
            let part = try DetectionSource(
                path, gt: gt, truth: truth, rules: rules, threads: threads, takesDigest: takesDigests)
            if try detections?.append(contentsOf: part.results) == nil { detections = part.results }
            parts.append(part)
        }
        guard var detections else { throw LTError(.invalidArgument, "no results", hint: "give --results") }
        detections.notes += parts.flatMap(\.notes)
        let evaluation = try DetectionEvaluation(detections, truth, rules: rules, threads: threads)
        let provenance: [ReportJSON.Member] = [
            .init(
                "gt",
                .object([.init("file", .string(gt)), .init("sha256", truth.digest.map { .string($0) } ?? .null)])),
            .init("results", .array(parts.map { .object($0.provenance) })),
        ]
        return Evaluated(
            evaluation: evaluation, provenance: provenance, isIncomplete: parts.contains { $0.failed > 0 })
    }
}

/// The options that say which rules.
struct DetectionRuleOptions: ParsableArguments {
    @Option(
        name: .customLong("protocol"),
        help: "The rules: \(DetectionProtocol.named.map(\.name).joined(separator: ", ")).")
    var name = "lvis"

    @Option(
        help:
            "What overlaps: \(DetectionProtocol.IoUType.allCases.map(\.rawValue).joined(separator: ", ")). Default: the protocol's."
    )
    var iouType: String?

    @Option(help: "With masks, the area of a detection: mask, or box where the results have one (as lvis-api).")
    var segmArea: String?

    @Option(help: "Detections that count per image (lvis) or per image and category (coco); -1: all.")
    var maxDets: Int?

    @Option(help: ArgumentHelp("IoU thresholds, ascending. Default: 0.5,0.55,…,0.95.", valueName: "T,T,…"))
    var iouThresholds: String?

    @Flag(help: "Reproduce the reference to the last oddity: errors, -1 for undefined numbers, annotation id 0.")
    var strictReference = false

    @Option(help: "Threads. Default: the processors that the process may use.")
    var threads = Parallel.processorCount

    func validate() throws {
        guard (1...1024).contains(threads) else { throw ValidationError("--threads \(threads), expected 1 … 1024") }
    }

    func rules() throws(LTError) -> DetectionProtocol {
        var rules = try DetectionProtocol(named: name)
        rules.isStrict = strictReference
        if let iouType {
            guard let type = DetectionProtocol.IoUType(rawValue: iouType) else {
                throw LTError(.invalidArgument, "--iou-type \(iouType), expected bbox, segm or boundary")
            }
            rules.iouType = type
        }
        rules.takesBoxAreas = strictReference
        if let segmArea {
            guard segmArea == "mask" || segmArea == "box" else {
                throw LTError(.invalidArgument, "--segm-area \(segmArea), expected mask or box")
            }
            rules.takesBoxAreas = segmArea == "box"
        }
        if let iouThresholds {
            rules.iouThresholds = []
            for part in iouThresholds.split(separator: ",") {
                guard let value = Double(part) else {
                    throw LTError(
                        .invalidArgument, "--iou-thresholds has '\(part)', expected numbers with commas between")
                }
                rules.iouThresholds.append(value)
            }
        }
        if let maxDets { rules.limit(maxDets) }
        try rules.validate()
        return rules
    }
}

/// One part of the results: a file, or a store.
struct DetectionSource {
    var results: DetectionResults
    var notes: [String] = []
    var failed = 0
    var provenance: [ReportJSON.Member]

    /// The run of a store.
    var run: RunInfo?

    /// - Parameter raw: takes a store's scores as the model gave them, without calibration.
    init(
        _ path: String, gt: String, truth: DetectionTruth, rules: DetectionProtocol, threads: Int, raw: Bool = false,
        takesDigest: Bool = true
    ) throws(LTError) {
        provenance = [.init("file", .string(path))]
        guard try Self.isStore(path) else {
            results = try DetectionResults.read(
                path, truth: truth, rules: rules, threads: threads, takesDigest: takesDigest)
            provenance.append(.init("sha256", results.digest.map { .string($0) } ?? .null))
            return
        }
        // The store is read as the results file that `lt-infer run --lvis-json` writes of it, so both give the same numbers.
        let file = FileManager.default.temporaryDirectory.path + "/lt-eval-\(UUID().uuidString).json"
        defer { unlink(file) }
        let (run, counts) = try Self.export(path, to: file, gt: gt, raw: raw)
        self.run = run
        results = try within("prediction store \(path)") { () throws(LTError) in
            try DetectionResults.read(
                file, truth: truth, rules: rules, threads: threads, takesDigest: takesDigest)
        }
        failed = counts.failed
        if failed > 0 { notes.append("\(failed) images of \(path) failed: they have no detections") }
        let held = counts.scored + counts.failed
        if held < truth.images.count {
            notes.append("\(path) holds \(held) images, the ground truth \(truth.images.count)")
        }
        provenance += [
            .init("sha256_as_lvis_json", results.digest.map { .string($0) } ?? .null),
            .init("model", .string(run.model)), .init("model_sha256", .string(run.modelDigest)),
            .init("settings_sha256", .string(run.settingsDigest)),
        ]
    }

    private static func export(
        _ path: String, to file: String, gt: String, raw: Bool
    ) throws(LTError) -> (run: RunInfo, counts: PredictionStore.Counts) {
        try within("prediction store \(path)") { () throws(LTError) in
            let store = try PredictionStore.read(path)
            var run = store.run
            if raw { run.layer.calibration = nil }
            try store.export(as: LVISResults(ImageIDs(groundTruth: gt)), to: file, decider: run.decider())
            return (store.run, try store.counts())
        }
    }

    /// Whether a file is an SQLite database.
    static func isStore(_ path: String) throws(LTError) -> Bool {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw systemError("cannot open \(path)") }
        defer { close(descriptor) }
        var status = stat()
        // What is read from a pipe is gone.
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return false }
        var head = [UInt8](repeating: 0, count: 15)
        return read(descriptor, &head, head.count) == head.count && head == Array("SQLite format 3".utf8)
    }
}
