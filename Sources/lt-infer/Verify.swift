// lt-infer verify: ONNX test cases and embedded self-tests.

import ArgumentParser
import LTPipeline
import LTRuntime

struct Verify: ParsableCommand {
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

    @Flag(name: .shortAndLong, help: "A line for cases that pass, too.")
    var verbose = false

    @OptionGroup var runsOn: RunsOn

    func validate() throws { if paths.isEmpty { throw ValidationError("give a folder or a model") } }

    func run() throws {
        let result = try Verification.run(
            paths, device: runsOn.device, options: runsOn.planOptions,
            tolerance: .init(rtol: rtol, atol: atol, relativeToMax: relativeToMax), verbose: verbose
        ) { print($0) }
        print(result)
        if result.failed > 0 { throw ExitCode.failure }
    }
}
