// lt-infer plan: kernel, layout and device of each node.

import ArgumentParser
import LTPipeline

struct Plan: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Show which kernel computes each node of a model.")

    @Argument(help: "The model, an ONNX file.")
    var model: String

    @Option(help: "Images per batch.")
    var batch = 1

    @OptionGroup var runsOn: RunsOn

    func run() throws {
        print(try ModelPlan.table(model, device: try runsOn.backend(), options: runsOn.planOptions, batch: batch))
    }
}
