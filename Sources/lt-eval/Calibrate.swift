// lt-eval calibrate: fits calibration and thresholds on held-out predictions and writes them into a new model file.

import ArgumentParser
import LTCore
import LTDecision
import LTEval

struct Calibrate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Fit calibration and per-class thresholds, and write a model file that carries them.",
        discussion: """
            Fits on the given predictions, which should be of images that neither training nor the final evaluation \
            sees; evaluations on the same predictions say so. The network itself stays as it is.
            """)

    @Argument(help: "The model that made the predictions.")
    var model: String

    @OptionGroup var store: StoreOptions

    @Option(
        help: ArgumentHelp(
            "How scores become probabilities: temperature (one per class), temperature-shared, platt, beta, isotonic; vector (multi-class).",
            discussion: "Default: platt; temperature for multi-class models. docs/metrics.md says when which."))
    var method: CalibrationOptions.Method?

    @Option(
        help: ArgumentHelp(
            "What the per-class thresholds are best for: f1, precision=P (greatest recall with a precision of P), recall=R, cost=FP:FN, none.",
            discussion: "Default: f1; none for multi-class models.", valueName: "objective"),
        transform: { try ThresholdObjective($0) })
    var thresholds: ThresholdObjective?

    @Option(
        help: ArgumentHelp(
            "A class with this many positives leans half on its frequency group, one with fewer leans more.",
            discussion: "0 leaves every class to itself.", valueName: "positives"))
    var shrinkage = Shrinkage.defaultPositives

    @Option(
        help: ArgumentHelp(
            "Also fits on all folds but one and measures on that one, for numbers that are not of the images of the fit. 0: not."
        )
    )
    var folds = 5

    @Flag(
        help: ArgumentHelp(
            "Also makes scores and decisions by nodes of the graph, as outputs of their own for other runtimes."))
    var intoGraph = false

    @Option(help: ArgumentHelp("The model file to write.", valueName: "NEW.onnx"))
    var out: String

    @Option(help: "Detectors: from which overlap with an object on a detection is right.")
    var iou = 0.5

    @Option(
        name: .customLong("protocol"),
        help: "Detectors: the rules of matching: \(DetectionProtocol.named.map(\.name).joined(separator: ", ")).")
    var rules = "lvis"

    @OptionGroup var known: LayerOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard !store.predictions.isEmpty, store.data != nil else {
            throw ValidationError("give --predictions and --data")
        }
        guard shrinkage >= 0, shrinkage.isFinite else {
            throw ValidationError("--shrinkage is \(shrinkage), expected at least 0")
        }
        guard folds == 0 || folds >= 2 else {
            throw ValidationError("--folds is \(folds), expected 0 or at least 2")
        }
    }

    func run() throws {
        let file = try ModelFile(model)
        if file.layer.task?.isDetection == true { return try calibrateDetector(file) }
        var (input, source) = try store.read(model: file)
        try known.apply(to: &input.layer)
        let options = input.options(method: method, thresholds: thresholds, shrinkage: shrinkage)
        var layer = try input.fitted(options, model: "sha256:" + source.modelDigest)
        let crossed = folds == 0 ? nil : try input.crossFitted(options, folds: folds)
        layer.calibration?.eceCrossFitted = crossed?.ece
        try write(&layer, of: file)
        input.layer = layer
        var report = try input.report(figures: output.isWritten)
        if let crossed { report.add(crossed) }
        try output.write(report)
        if input.skipped > 0 { throw incomplete }
    }

    private func calibrateDetector(_ file: ModelFile) throws {
        guard !intoGraph else {
            throw LTError(.unsupported, "a detector's calibration as nodes", hint: "leave out --into-graph")
        }
        var base = file.layer
        try known.apply(to: &base)
        var rules = try DetectionProtocol(named: rules)
        rules.iouThresholds = [iou]
        try rules.validate()
        let data = store.data ?? ""
        let threads = Parallel.processorCount
        let truth = try DetectionTruth.read(data, rules: rules, threads: threads)
        var parts: [DetectionSource] = []
        var detections: DetectionResults?
        for path in store.predictions {
            let part = try DetectionSource(path, gt: data, truth: truth, rules: rules, threads: threads, raw: true)
            guard let run = part.run else {
                throw LTError(.invalidArgument, "\(path) is no prediction store, whose scores are raw")
            }
            try file.requireSource(of: run)
            if base.labels == nil { base.labels = run.layer.labels }
            if try detections?.append(contentsOf: part.results) == nil { detections = part.results }
            parts.append(part)
        }
        guard let detections, let run = parts.first?.run else {
            throw LTError(.invalidArgument, "no predictions", hint: "give --predictions")
        }
        let matches = try DetectionMatches(truth, detections, rules: rules, threads: threads)
        let fit = try DetectionFit(
            base, on: matches, truth,
            options: CalibrationOptions(
                method: method ?? .platt, thresholds: thresholds ?? .f1, shrinkage: shrinkage), iou: iou,
            folds: folds, fittedOn: parts.first?.results.digest.map { "sha256:" + $0 },
            model: "sha256:" + run.modelDigest)
        var layer = fit.layer
        try write(&layer, of: file)
        try output.write(
            fit.report(provenance: [
                .init("data", .string(data)), .init("predictions", .array(parts.map { .object($0.provenance) })),
            ]))
        if parts.contains(where: { $0.failed > 0 }) { throw incomplete }
    }

    private func write(_ layer: inout DecisionLayer, of file: ModelFile) throws(LTError) {
        var graph = file.graph
        layer.removeOutputs(from: &graph)
        if intoGraph { try layer.addOutputs(to: &graph) }
        try layer.write(into: &graph)
        try graph.write(to: out)
        print("\(out) carries calibration and thresholds; on the images they were fitted on:")
    }
}
