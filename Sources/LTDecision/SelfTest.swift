// SelfTest: an input and the raw outputs it must give, stored in the model file; `lt-infer verify` runs it.

import LTCore

/// An input, the outputs it must give, and how near they must come.
public struct SelfTest: Sendable, Equatable {
    /// A named float32 tensor.
    public struct Value: Sendable, Equatable {
        public var name: String
        public var shape: [Int]
        /// Row-major.
        public var values: [Float]

        public init(name: String, shape: [Int], values: [Float]) {
            self.name = name
            self.shape = shape
            self.values = values
        }
    }

    public enum Input: Sendable, Equatable {
        /// The model's input tensors.
        case tensors([Value])
        /// Encoded image files: one, or the frames of one clip in order, as many as the model takes. The test covers
        /// decoding and preprocessing as well.
        case images([[UInt8]])
    }

    public var input: Input
    public var outputs: [Value]
    /// Greatest allowed |difference|, relative to the greatest |expected| of the output (at least 1).
    public var tolerance: Float

    public init(input: Input, outputs: [Value], tolerance: Float = 1e-4) {
        self.input = input
        self.outputs = outputs
        self.tolerance = tolerance
    }

    /// Compares one output of the model with the expected one.
    /// - Returns: the greatest |difference| ÷ max(1, greatest |expected|).
    /// - Throws: `notFound` for a name that has no expectation, `shapeMismatch`, `conflict` beyond the tolerance or for NaN.
    @discardableResult
    public func check(output name: String, shape: [Int], values: [Float]) throws(LTError) -> Float {
        guard let expected = outputs.first(where: { $0.name == name }) else {
            throw LTError(.notFound, "the self-test expects nothing of output '\(name)'")
        }
        guard shape == expected.shape, values.count == expected.values.count else {
            throw LTError(.shapeMismatch, "output '\(name)' has shape \(shape), expected \(expected.shape)")
        }
        var worst: Float = 0
        var scale: Float = 1
        for (value, wanted) in zip(values, expected.values) {
            let difference = value == wanted ? 0 : abs(value - wanted)
            // A NaN on either side must not compare as small.
            worst = difference.isNaN ? .infinity : max(worst, difference)
            if wanted.isFinite { scale = max(scale, abs(wanted)) }
        }
        guard worst <= tolerance * scale else {
            throw LTError(
                .conflict, "output '\(name)' differs by \(worst) from the self-test, allowed are \(tolerance * scale)")
        }
        return worst / scale
    }
}

/// JSON: `{"inputs": [{"name", "shape", "data"}] or "image": … or "images": […], "outputs": […], "tolerance": 1e-4}`;
/// `data` is base64 of little-endian float32, `image` base64 of the file, `images` a list of such texts.
extension SelfTest: Codable {
    enum CodingKeys: String, CodingKey { case inputs, image, images, outputs, tolerance }

    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        if let image = try values.decodeIfPresent(Base64.self, forKey: .image) {
            input = .images([image.bytes])
        } else if let images = try values.decodeIfPresent([Base64].self, forKey: .images) {
            input = .images(images.map(\.bytes))
        } else {
            input = .tensors(try values.decode([Value].self, forKey: .inputs))
        }
        outputs = try values.decode([Value].self, forKey: .outputs)
        tolerance = try values.decode(Float.self, forKey: .tolerance)
    }

    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        switch input {
        case .images(let files) where files.count == 1: try values.encode(Base64(files[0]), forKey: .image)
        case .images(let files): try values.encode(files.map(Base64.init), forKey: .images)
        case .tensors(let tensors): try values.encode(tensors, forKey: .inputs)
        }
        try values.encode(outputs, forKey: .outputs)
        try values.encode(tolerance, forKey: .tolerance)
    }
}

extension SelfTest.Value: Codable {
    enum CodingKeys: String, CodingKey { case name, shape, data }

    public init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        name = try fields.decode(String.self, forKey: .name)
        shape = try fields.decode([Int].self, forKey: .shape)
        let bytes = try fields.decode(Base64.self, forKey: .data).bytes
        let count = try Shape(shape).count
        guard bytes.count == count * 4 else {
            throw LTError(.shapeMismatch, "'\(name)' has \(bytes.count) bytes, its shape \(shape) needs \(count * 4)")
        }
        values = bytes.withUnsafeBytes { bytes in
            (0..<count).map {
                Float(bitPattern: UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 4 * $0, as: UInt32.self)))
            }
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: CodingKeys.self)
        try fields.encode(name, forKey: .name)
        try fields.encode(shape, forKey: .shape)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(values.count * 4)
        for value in values { withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes.append(contentsOf: $0) } }
        try fields.encode(Base64(bytes), forKey: .data)
    }
}
