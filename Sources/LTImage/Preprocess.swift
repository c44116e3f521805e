// Preprocess: from an encoded image to the model's input tensor, as the ONNX file's `lt.preprocess` says it:
// decode → centre crop (precrop) → resize → centre crop → pad → (x · scale − mean) / std → layout.

import LTCore

/// The description of a preprocessing chain; `Codable` as the JSON value of `lt.preprocess`.
///
/// Lists of one value per channel (`mean`, `std`, `pad.value`) are in the channel order of `decode.color` and may hold
/// one value for all channels.
public struct Preprocess: Sendable, Equatable, Encodable {
    /// The channels of the tensor and their order.
    public enum Color: String, Sendable, Codable, CaseIterable { case rgb, bgr, grey }

    public struct Decode: Sendable, Equatable, Encodable {
        /// Whether the EXIF orientation is applied.
        public var exif: Bool
        public var color: Color
        public init(exif: Bool = true, color: Color = .rgb) {
            self.exif = exif
            self.color = color
        }
    }

    /// Height and width; in JSON `[height, width]`, or one number for a square.
    public struct Size: Sendable, Equatable {
        public var height: Int
        public var width: Int
        public init(height: Int, width: Int) {
            self.height = height
            self.width = width
        }
        public init(_ side: Int) { self.init(height: side, width: side) }
    }

    public struct Resize: Sendable, Equatable, Encodable {
        public enum Mode: String, Sendable, Codable, CaseIterable {
            /// The shorter side becomes `size`, the longer Int(size · long / short) (torchvision); where that is more than
            /// `longest`, the longer side becomes `longest`, the shorter Int(longest · size / longer).
            case shortest
            /// The longer side becomes `size`, the shorter is rounded half to even.
            case longest
            /// Both sides become `size`, the aspect ratio is lost.
            case squash
            /// The largest that fits into `size` with its aspect ratio, then padded to `size`.
            case letterbox
        }
        public var mode: Mode
        /// A square for `shortest` and `longest`.
        public var size: Size
        /// Of `shortest`: the longer side is at most this; `nil`: as long as it comes.
        public var longest: Int?
        public var kernel: ResizeKernel
        public init(mode: Mode, size: Size, longest: Int? = nil, kernel: ResizeKernel = .pilBilinear) {
            self.mode = mode
            self.size = size
            self.longest = longest
            self.kernel = kernel
        }
    }

    public struct Pad: Sendable, Equatable, Encodable {
        public enum Place: String, Sendable, Codable, CaseIterable {
            /// The picture in the middle (an odd pixel goes to the right and the bottom).
            case center
            /// The picture at the top left.
            case end
        }
        /// Pixel values before scaling, 0 … 255.
        public var value: [Double]
        /// Both sides grow to a multiple of this.
        public var multiple: Int
        public var at: Place
        public init(value: [Double] = [0], multiple: Int = 1, at: Place = .center) {
            self.value = value
            self.multiple = multiple
            self.at = at
        }
    }

    public enum Layout: String, Sendable, Codable, CaseIterable {
        case nchw = "NCHW"
        case nhwc = "NHWC"
    }

    public var decode: Decode
    /// Centre crop before resizing; a side that is shorter stays whole.
    public var precrop: Size?
    /// `nil`: the image keeps its size.
    public var resize: Resize?
    /// Centre crop; an image that is smaller is padded (torchvision's `CenterCrop`).
    public var crop: Size?
    /// How letterbox, crop and `multiple` pad; `nil` pads with 0, centred.
    public var pad: Pad?
    /// Multiplies the bytes 0 … 255.
    public var scale: Double
    public var mean: [Double]
    public var std: [Double]
    public var layout: Layout

    /// Throws nothing: `validate` tells whether the values make sense together.
    public init(
        decode: Decode = Decode(), precrop: Size? = nil, resize: Resize? = nil, crop: Size? = nil, pad: Pad? = nil,
        scale: Double = 1 / 255, mean: [Double] = [0], std: [Double] = [1], layout: Layout = .nchw
    ) {
        self.decode = decode
        self.precrop = precrop
        self.resize = resize
        self.crop = crop
        self.pad = pad
        self.scale = scale
        self.mean = mean
        self.std = std
        self.layout = layout
    }

    /// 3, or 1 for grey.
    public var channels: Int { decode.color == .grey ? 1 : 3 }

    /// Checks ranges and list lengths.
    /// - Throws: `invalidArgument`, naming the key.
    public func validate() throws(LTError) {
        func fail(_ key: String, _ actual: String, _ expected: String) -> LTError {
            LTError(.invalidArgument, "preprocess.\(key) is \(actual), expected \(expected)")
        }
        func check(_ size: Size, _ key: String) throws(LTError) {
            for side in [size.height, size.width] where !(1...32_768).contains(side) {
                throw fail(key, "\(side)", "1 … 32768")
            }
        }
        func check(_ list: [Double], _ key: String, _ expected: String, _ holds: (Double) -> Bool) throws(LTError) {
            guard list.count == 1 || list.count == channels else {
                throw fail(key, "\(list.count) numbers", channels == 1 ? "1 number" : "1 or \(channels) numbers")
            }
            for value in list where !holds(value) { throw fail(key, "\(value)", expected) }
        }
        if let precrop { try check(precrop, "precrop") }
        if let resize {
            try check(resize.size, "resize.size")
            if resize.mode == .shortest || resize.mode == .longest {
                guard resize.size.height == resize.size.width else {
                    throw fail(
                        "resize.size", "[\(resize.size.height), \(resize.size.width)]",
                        "one number for mode \(resize.mode.rawValue)")
                }
            }
            if let longest = resize.longest {
                guard resize.mode == .shortest else {
                    throw fail("resize.longest", "\(longest)", "none for mode \(resize.mode.rawValue)")
                }
                guard (resize.size.width...32_768).contains(longest) else {
                    throw fail("resize.longest", "\(longest)", "\(resize.size.width) … 32768")
                }
            }
        }
        if let crop { try check(crop, "crop") }
        if let pad {
            try check(pad.value, "pad.value", "0 … 255") { (0...255).contains($0) }
            guard (1...4096).contains(pad.multiple) else { throw fail("pad.multiple", "\(pad.multiple)", "1 … 4096") }
        }
        guard scale > 0, Float(scale).isNormal else { throw fail("scale", "\(scale)", "a number above 0") }
        try check(mean, "mean", "a finite number") { Float($0).isFinite }
        try check(std, "std", "a number above 0") { $0 > 0 && Float($0).isNormal }
    }
}
