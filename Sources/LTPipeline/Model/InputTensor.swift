// InputTensor: the exact tensor that a model gets for an image, to compare with a trainer's.

import LTCore
import LTImage
import LTPredictor

public enum InputTensor {
    /// Preprocesses `image`, or a folder of frames, as `model` says (under `settings`) into what the model takes.
    /// - Throws: errors of `Predictor`, of the file and of its decoder.
    public static func make(
        model: String, image: String, settings: ModelSettings
    ) throws(LTError) -> Tensor {
        let predictor = try Predictor(model, device: "reference", settings: settings)
        let sample: Sample
        if let clip = predictor.clip {
            let folder = try ClipFolder(image, clip)
            sample = try within("clip \(image)") { () throws(LTError) in
                try predictor.prepare(frames: { index throws(LTError) in try readFile(folder.frames[index]) })
            }
        } else {
            let content = try readFile(image)
            sample = try within("image \(image)") { () throws(LTError) in try predictor.prepare(content.bytes) }
        }
        return try sample.tensor.reshaped(try predictor.input.shape(sample.tensor.shape, count: 1))
    }
}
