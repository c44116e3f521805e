// InputTensor: the exact tensor that a model gets for an image, to compare with a trainer's.

import LTCore
import LTImage
import LTPredictor

public enum InputTensor {
    /// Preprocesses `image` as `model` says (under `settings`) into [1] + the model's sample shape.
    /// - Throws: errors of `Predictor`, of the file and of its decoder.
    public static func make(
        model: String, image: String, settings: ModelSettings
    ) throws(LTError) -> Tensor {
        let predictor = try Predictor(model, device: "reference", settings: settings)
        let content = try readFile(image)
        let tensor = try Tensor(.float32, try Shape([1] + predictor.sampleShape.dims))
        try within("image \(image)") { () throws(LTError) in
            _ = try predictor.prepare(content.bytes, into: tensor.elements())
        }
        return tensor
    }
}
