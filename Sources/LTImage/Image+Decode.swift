// Decoding: bytes of a JPEG, PNG or WebP file (told apart by content, not by name) to 8-bit pixels, upright.

import LTCore

/// An encoded image format that `Image.decode` reads.
public enum ImageFormat: String, Sendable, CaseIterable {
    case jpeg
    case png
    case webp

    /// Tells the format by the first bytes; `nil` when they begin none of them.
    public init?(sniffing bytes: UnsafeRawBufferPointer) {
        func begins(_ signature: [UInt8], at offset: Int = 0) -> Bool {
            bytes.count >= offset + signature.count
                && signature.indices.allSatisfy { bytes[offset + $0] == signature[$0] }
        }
        if begins([0xFF, 0xD8, 0xFF]) {
            self = .jpeg
        } else if begins([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) {
            self = .png
        } else if begins(Array("RIFF".utf8)), begins(Array("WEBP".utf8), at: 8) {
            self = .webp
        } else {
            return nil
        }
    }
}

/// How `Image.decode` turns a file into pixels.
public struct DecodeOptions: Sendable, Equatable {
    /// The channels asked for.
    public enum Color: Sendable, Equatable {
        case rgb
        /// One channel, luma as Pillow's `convert("L")`: (19595 R + 38470 G + 7471 B + 32768) >> 16.
        case grey
    }

    public var color: Color
    /// Whether the EXIF orientation is applied, so that the image stands upright.
    public var appliesOrientation: Bool
    /// Images with more pixels are refused before memory is taken for them.
    public var maximumPixels: Int

    public init(color: Color = .rgb, appliesOrientation: Bool = true, maximumPixels: Int = 1 << 28) {
        self.color = color
        self.appliesOrientation = appliesOrientation
        self.maximumPixels = maximumPixels
    }
}

/// What a file's header says, before any pixel is decoded.
public struct ImageHeader: Sendable, Equatable {
    public let format: ImageFormat
    /// Stored size, before the orientation is applied.
    public let width: Int
    public let height: Int
    /// EXIF orientation, 1 … 8 (1: stored upright).
    public let orientation: Int

    /// The size of the upright image.
    public var uprightSize: (width: Int, height: Int) { orientation >= 5 ? (height, width) : (width, height) }
}

extension Image {
    /// Decodes a JPEG, PNG or WebP file to RGB or grey.
    ///
    /// Alpha is dropped without compositing, 16-bit samples keep their high byte, grey becomes R = G = B, CMYK and YCCK
    /// JPEGs are read as Adobe's inverted ones; the pixels are those of Pillow's `Image.open(f).convert("RGB")`.
    /// Of an animated file the first frame is taken, on its canvas. A truncated file is an error.
    /// - Throws: `malformed` for bytes that are no such image or are damaged; `unsupported` for what the codec does not
    ///   know; `outOfMemory` for more than `maximumPixels`.
    public static func decode(
        _ bytes: UnsafeRawBufferPointer, _ options: DecodeOptions = DecodeOptions()
    ) throws(LTError) -> Image {
        let header: ImageHeader
        var image: Image
        switch try format(of: bytes) {
        case .jpeg:
            let file = try JPEGFile(bytes)
            header = file.header
            try header.check(options)
            image = try file.decode(bytes, grey: options.color == .grey)
        case .png:
            let file = try PNGFile(bytes)
            header = file.header
            try header.check(options)
            image = try file.decode()
        case .webp:
            let file = try WebPFile(bytes)
            header = file.header
            try header.check(options)
            image = try file.decode(bytes)
        }
        if options.color == .grey { image = try image.grey() }
        return options.appliesOrientation ? try image.oriented(header.orientation) : image
    }

    /// Decodes the bytes of a file; see `decode(_:_:)` above.
    public static func decode(
        _ bytes: [UInt8], _ options: DecodeOptions = DecodeOptions()
    ) throws(LTError) -> Image {
        try bytes.withRawBytes { bytes throws(LTError) in try decode(bytes, options) }
    }

    /// Reads format, size and orientation without decoding.
    /// - Throws: as `decode`, but damage after the header goes unnoticed.
    public static func header(of bytes: UnsafeRawBufferPointer) throws(LTError) -> ImageHeader {
        switch try format(of: bytes) {
        case .jpeg: return try JPEGFile(bytes).header
        case .png: return try PNGFile(bytes).header
        case .webp: return try WebPFile(bytes).header
        }
    }

    /// The size of the upright image, read from the header alone.
    public static func size(of bytes: [UInt8]) throws(LTError) -> (width: Int, height: Int) {
        try bytes.withRawBytes { bytes throws(LTError) in try header(of: bytes) }.uprightSize
    }

    private static func format(of bytes: UnsafeRawBufferPointer) throws(LTError) -> ImageFormat {
        guard !bytes.isEmpty else { throw LTError(.malformed, "empty file, expected a JPEG, PNG or WebP image") }
        guard let format = ImageFormat(sniffing: bytes) else {
            let start = bytes.prefix(4).map { byte in
                let digits = String(byte, radix: 16)
                return digits.count == 1 ? "0" + digits : digits
            }
            throw LTError(
                .malformed, "file begins with bytes \(start.joined(separator: " ")), expected a JPEG, PNG or WebP image"
            )
        }
        return format
    }
}

extension ImageHeader {
    func check(_ options: DecodeOptions) throws(LTError) {
        // Codecs bound each side by 2^31, so the product fits.
        guard width * height <= options.maximumPixels else {
            throw LTError(
                .outOfMemory, "image of \(width)×\(height) pixels, the limit is \(options.maximumPixels) pixels")
        }
    }
}

extension [UInt8] {
    /// `withUnsafeBytes` with a typed error.
    public func withRawBytes<Result>(
        _ body: (UnsafeRawBufferPointer) throws(LTError) -> Result
    ) throws(LTError) -> Result {
        let result: Swift.Result<Result, LTError> = withUnsafeBytes { bytes in
            do throws(LTError) { return .success(try body(bytes)) } catch { return .failure(error) }
        }
        return try result.get()
    }
}
