// lt-infer preprocess: the exact input tensor of an image.

import ArgumentParser
import LTPipeline

struct PreprocessImage: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "preprocess",
        abstract: "Write the tensor that a model gets for an image, to compare with a trainer's.")

    @Argument(help: "The model, an ONNX file.")
    var model: String

    @Argument(help: "The image.")
    var image: String

    @Option(help: ArgumentHelp("The NumPy file to write, float32.", valueName: "X.npy"))
    var out: String

    @OptionGroup(title: "What the model file does not say") var flags: ModelFlags

    func run() throws {
        let tensor = try InputTensor.make(model: model, image: image, settings: try flags.settings())
        try tensor.writeNPY(to: out)
        print("\(out): float32 \(tensor.shape)")
    }
}
