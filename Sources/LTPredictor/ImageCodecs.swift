// ImageCodecs: LTImage's decoders for models that decode images themselves (the operator ImageDecoder).

import LTCore
import LTImage
import LTRuntime

public enum ImageCodecs {
    /// Makes the decoders known to the runtime. `Predictor` does so itself.
    public static func register() { _ = registered }

    private static let registered: Void = ImageDecoding.register { bytes, isGrey throws(LTError) in
        let options = DecodeOptions(color: isGrey ? .grey : .rgb, appliesOrientation: false)
        let image = try Image.decode(bytes, options)
        let tensor = try Tensor(.uint8, try Shape([image.height, image.width, image.channels]))
        _ = tensor.elements(UInt8.self).update(from: image.bytes)
        return tensor
    }
}
