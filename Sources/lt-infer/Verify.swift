// lt-infer verify: ONNX test cases and embedded self-tests.

import ArgumentParser
import LTDecision
import LTPipeline
import LTPredictor
import LTRuntime

struct Verify: ParsableCommand {
    enum Match: String, ExpressibleByArgument, CaseIterable { case values, detections }

    static let configuration = CommandConfiguration(
        abstract: "Check models against expected outputs.",
        discussion: """
            A folder is an ONNX test case (model.onnx, test_data_set_*/{input,output}_*.pb) or holds such folders; a file is a
            model that carries a self-test.
            """)

    @Argument(help: "Test-case folders and models.")
    var paths: [String]

    @Option(help: "Relative tolerance of test cases.")
    var rtol = LTRuntime.Verify.Tolerance().rtol

    @Option(help: "Absolute tolerance of test cases.")
    var atol = LTRuntime.Verify.Tolerance().atol

    @Option(
        help: ArgumentHelp(
            "Tolerance of test cases as a share of the greatest expected value of an output, beside the other two.",
            valueName: "share"))
    var relativeToMax = LTRuntime.Verify.Tolerance().relativeToMax

    @Option(help: "How outputs of test cases are compared: value by value, or as detections in any order.")
    var match = Match.values

    @Option(help: "Detections: how far an edge of a box may be off, in pixels.")
    var boxTolerance = DetectionMatch.Tolerance().box

    @Option(help: "Detections: how far a score may be off.")
    var scoreTolerance = DetectionMatch.Tolerance().score

    @Option(help: "Detections: the least intersection over union of masks.")
    var maskIou = DetectionMatch.Tolerance().maskIoU

    @Flag(name: .shortAndLong, help: "A line for cases that pass, too.")
    var verbose = false

    @OptionGroup var runsOn: RunsOn
    @Option(help: "Detections: what makes a score of a raw output, where the model does not say.")
    var activation: DecisionLayer.Activation?

    @Option(help: ArgumentHelp("Detections: class names, where the model has none.", valueName: "file"))
    var labels: String?

    @OptionGroup(title: "What a detector's file does not say") var detector: DetectorFlags

    func validate() throws { if paths.isEmpty { throw ValidationError("give a folder or a model") } }

    func run() throws {
        var settings = ModelSettings()
        settings.activation = activation
        settings.postprocess = detector.postprocess
        if let labels { settings.labels = try ModelSettings.names(inFile: labels) }
        let result = try Verification.run(
            paths, device: try runsOn.backend(), options: runsOn.planOptions,
            tolerance: .init(rtol: rtol, atol: atol, relativeToMax: relativeToMax),
            match: match == .values
                ? .values
                : .detections(.init(box: boxTolerance, score: scoreTolerance, maskIoU: maskIou), settings),
            verbose: verbose
        ) { print($0) }
        print(result)
        if result.failed > 0 { throw ExitCode.failure }
    }
}
