// PNG through libspng: every colour type, bit depth and interlacing, to RGB of 8 bits. https://libspng.org

import CLTKernels
import CSPNG
import LTCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A PNG file with its header read. It refers to the bytes, which must outlive it.
final class PNGFile {
    private(set) var header: ImageHeader
    private let context: OpaquePointer
    private let byteCount: Int
    private var bitsPerPixel = 1

    init(_ bytes: UnsafeRawBufferPointer) throws(LTError) {
        var memory = spng_alloc(
            malloc_fn: lt_allocate, realloc_fn: lt_reallocate, calloc_fn: lt_allocate_zeroed, free_fn: lt_release)
        guard let context = spng_ctx_new2(&memory, 0) else {
            throw LTError(.outOfMemory, "cannot start the PNG decoder")
        }
        self.context = context
        byteCount = bytes.count
        // Set before anything can throw: from here on deinit frees the context.
        header = ImageHeader(format: .png, width: 0, height: 0, orientation: 1)
        let refusals = lt_refusals()
        // Metadata chunks are bounded so that a small file cannot inflate into a large one.
        var status = spng_set_chunk_limits(context, 1 << 26, 1 << 27)
        if status == 0 { status = spng_set_png_buffer(context, bytes.baseAddress, bytes.count) }
        var ihdr = spng_ihdr()
        if status == 0 { status = spng_get_ihdr(context, &ihdr) }
        try PNGFile.check(status, refusals)
        // Samples by colour type: 2 is RGB, 4 grey and alpha, 6 RGBA.
        let samples = ihdr.color_type == 2 ? 3 : ihdr.color_type == 4 ? 2 : ihdr.color_type == 6 ? 4 : 1
        bitsPerPixel = samples * Int(ihdr.bit_depth)
        header = ImageHeader(
            format: .png, width: Int(ihdr.width), height: Int(ihdr.height), orientation: PNGFile.orientation(bytes))
    }

    /// Walks the chunks for eXIf, which may stand before or after the picture.
    private static func orientation(_ bytes: UnsafeRawBufferPointer) -> Int {
        var at = 8
        while at + 12 <= bytes.count {
            let length = (0..<4).reduce(0) { $0 << 8 | Int(bytes[at + $1]) }
            guard length <= bytes.count - at - 12 else { return 1 }
            let body = (at + 8)..<(at + 8 + length)
            if bytes[(at + 4)..<(at + 8)].elementsEqual("eXIf".utf8) {
                return Exif.orientation(UnsafeRawBufferPointer(rebasing: bytes[body]))
            }
            at = body.upperBound + 4
        }
        return 1
    }

    deinit { spng_ctx_free(context) }

    func decode() throws(LTError) -> Image {
        // Deflate shrinks to 1/1032 at best: a file too short for its size is told before memory is taken.
        guard header.width * header.height / 8 * bitsPerPixel / 1032 <= byteCount else {
            throw LTError(
                .malformed, "truncated PNG: \(byteCount) bytes cannot hold \(header.width)×\(header.height) pixels")
        }
        let image = try Image(width: header.width, height: header.height, channels: 3)
        let refusals = lt_refusals()
        try PNGFile.check(
            spng_decode_image(context, image.pixels.pointer, image.pixels.byteCount, Int32(SPNG_FMT_RGB8.rawValue), 0),
            refusals)
        return image
    }

    /// - Parameter refusals: before the call; libspng takes zlib's lack of memory for damage.
    private static func check(_ status: Int32, _ refusals: Int) throws(LTError) {
        guard status != 0 else { return }
        let message = String(cString: spng_strerror(status))
        let isMemory = status == SPNG_EMEM.rawValue || lt_refusals() != refusals
        throw LTError(isMemory ? .outOfMemory : .malformed, "PNG: \(message)")
    }
}

extension Image {
    /// Encodes as PNG: 8-bit grey, RGB or RGBA.
    public func encodedPNG() throws(LTError) -> [UInt8] {
        guard let context = spng_ctx_new(Int32(SPNG_CTX_ENCODER.rawValue)) else {
            throw LTError(.outOfMemory, "cannot start the PNG encoder")
        }
        defer { spng_ctx_free(context) }
        var ihdr = spng_ihdr()
        guard let width = UInt32(exactly: width), let height = UInt32(exactly: height) else {
            throw LTError(.invalidArgument, "image of \(self.width)×\(self.height) pixels is too large for PNG")
        }
        ihdr.width = width
        ihdr.height = height
        ihdr.bit_depth = 8
        // Colour types of the standard: 0 grey, 2 RGB, 6 RGBA.
        ihdr.color_type = channels == 1 ? 0 : channels == 3 ? 2 : 6
        var status = spng_set_option(context, SPNG_ENCODE_TO_BUFFER, 1)
        if status == 0 { status = spng_set_ihdr(context, &ihdr) }
        if status == 0 {
            status = spng_encode_image(
                context, pixels.pointer, pixels.byteCount, Int32(SPNG_FMT_PNG.rawValue),
                Int32(SPNG_ENCODE_FINALIZE.rawValue))
        }
        var count = 0
        var memory: UnsafeMutableRawPointer?
        if status == 0 { memory = spng_get_png_buffer(context, &count, &status) }
        defer { free(memory) }
        guard status == 0, let memory else {
            throw LTError(.library, "PNG encoder: \(String(cString: spng_strerror(status)))")
        }
        return Array(UnsafeRawBufferPointer(start: memory, count: count))
    }
}
