// ImageDecoder: the pixels [height, width, channels] (uint8) of an encoded image, pixel_format RGB, BGR or Grayscale.
// The runtime holds no codecs: who has one registers it. New in opset 20.
// https://onnx.ai/onnx/operators/onnx__ImageDecoder.html

import LTCore

/// Where a module with codecs makes them known to the ImageDecoder operator.
public enum ImageDecoding {
    /// Decodes a file to [height, width, 3] in the order R, G, B, or (grey) to [height, width, 1].
    public typealias Decoder = @Sendable (UnsafeRawBufferPointer, _ isGrey: Bool) throws(LTError) -> Tensor

    private static let decoder = Lock<Decoder?>(nil)

    /// The decoder of every ImageDecoder from now on.
    public static func register(_ decoder: @escaping Decoder) { Self.decoder.withLock { $0 = decoder } }

    static func decode(_ bytes: UnsafeRawBufferPointer, isGrey: Bool) throws(LTError) -> Tensor {
        guard let decoder = decoder.withLock({ $0 }) else {
            throw LTError(
                .unsupported, "ImageDecoder without codecs, expected a decoder registered with ImageDecoding")
        }
        return try decoder(bytes, isGrey)
    }
}

struct ImageDecoderOperator: Operator {
    static let schema = OperatorSchema("ImageDecoder", opsets: 20...Opset.latest, inputs: 1...1, types: [.uint8])

    enum PixelFormat: String, Sendable {
        case rgb = "RGB"
        case bgr = "BGR"
        case grey = "Grayscale"
    }

    let format: PixelFormat

    init(_ node: OperatorNode) throws(LTError) {
        let name = try node.node.string("pixel_format") ?? "RGB"
        guard let format = PixelFormat(rawValue: name) else {
            throw LTError(
                .invalidArgument, "attribute 'pixel_format' is '\(name)', expected RGB, BGR or Grayscale")
        }
        self.format = format
    }

    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        _ = try Self.first(inputs).dims("encoded_stream", ranks: 1...1)
        return [Facts(.uint8, [nil, nil, format == .grey ? 1 : 3])]
    }

    func run(_ inputs: [Tensor?]) throws(LTError) -> [Tensor] {
        _ = try infer(inputs.map { $0.map { Facts($0) } })
        let image = try ImageDecoding.decode(inputs[0]!.bytes, isGrey: format == .grey)
        guard image.type == .uint8, image.shape.rank == 3, image.dims[2] == (format == .grey ? 1 : 3) else {
            throw LTError(.typeMismatch, "the decoder answered tensor(\(image.type.onnxName)) \(image.shape)")
        }
        if format != .bgr { return [image] }
        return [try image.strided(image.shape, [image.dims[1] * 3, 3, -1], offset: 2)]
    }
}
