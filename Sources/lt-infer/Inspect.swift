// lt-infer inspect: what a model file is.

import ArgumentParser
import LTPipeline

struct Inspect: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show inputs, outputs, operators, parameters, work and decision layer of a model.")

    @Argument(help: "The model, an ONNX file.")
    var model: String

    @Flag(help: "JSON instead of text.")
    var json = false

    func run() throws {
        let inspection = try Inspection(model)
        print(json ? jsonText(inspection) : inspection.description)
    }
}
