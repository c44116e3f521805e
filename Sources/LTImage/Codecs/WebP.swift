// WebP through libwebp: lossy and lossless; of an animation the first frame on its canvas.
// https://developers.google.com/speed/webp/docs/riff_container

import CWebP
import LTCore

/// A WebP file with its header read.
struct WebPFile {
    let header: ImageHeader
    private let isAnimated: Bool

    init(_ bytes: UnsafeRawBufferPointer) throws(LTError) {
        var features = WebPBitstreamFeatures()
        let status = WebPGetFeatures(
            bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), bytes.count, &features)
        guard status == VP8_STATUS_OK, features.width > 0, features.height > 0 else {
            throw LTError(
                .malformed,
                status == VP8_STATUS_NOT_ENOUGH_DATA ? "WebP ends inside its header" : "WebP header is damaged")
        }
        isAnimated = features.has_animation != 0
        header = ImageHeader(
            format: .webp, width: Int(features.width), height: Int(features.height),
            orientation: WebPFile.orientation(bytes))
    }

    func decode(_ bytes: UnsafeRawBufferPointer) throws(LTError) -> Image {
        let image = try Image(width: header.width, height: header.height, channels: 3)
        if isAnimated {
            try decodeFirstFrame(bytes, into: image)
        } else {
            let decoded = WebPDecodeRGBInto(
                bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), bytes.count, image.bytes.baseAddress,
                image.pixels.byteCount, Int32(image.width * 3))
            guard decoded != nil else { throw LTError(.malformed, "WebP is truncated or damaged") }
        }
        return image
    }

    private func decodeFirstFrame(_ bytes: UnsafeRawBufferPointer, into image: Image) throws(LTError) {
        var data = WebPData(bytes: bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), size: bytes.count)
        var options = WebPAnimDecoderOptions()
        guard WebPAnimDecoderOptionsInit(&options) != 0, let decoder = WebPAnimDecoderNew(&data, &options) else {
            throw LTError(.malformed, "animated WebP is truncated or damaged")
        }
        defer { WebPAnimDecoderDelete(decoder) }
        var info = WebPAnimInfo()
        var frame: UnsafeMutablePointer<UInt8>?
        var timestamp: Int32 = 0
        guard WebPAnimDecoderGetInfo(decoder, &info) != 0, Int(info.canvas_width) == image.width,
            Int(info.canvas_height) == image.height, WebPAnimDecoderGetNext(decoder, &frame, &timestamp) != 0,
            let frame
        else { throw LTError(.malformed, "the first frame of an animated WebP is damaged") }
        let target = image.bytes
        for pixel in 0..<(image.width * image.height) {
            for channel in 0..<3 { target[3 * pixel + channel] = frame[4 * pixel + channel] }
        }
    }

    /// Walks the RIFF chunks for EXIF, which follows the picture.
    private static func orientation(_ bytes: UnsafeRawBufferPointer) -> Int {
        var at = 12
        while at + 8 <= bytes.count {
            let length = (0..<4).reduce(0) { $0 | Int(bytes[at + 4 + $1]) << (8 * $1) }
            guard length <= bytes.count - at - 8 else { return 1 }
            if bytes[at..<(at + 4)].elementsEqual("EXIF".utf8) {
                var body = bytes[(at + 8)..<(at + 8 + length)]
                // Some writers keep JPEG's prefix.
                if body.starts(with: "Exif\0\0".utf8) { body = body.dropFirst(6) }
                return Exif.orientation(UnsafeRawBufferPointer(rebasing: body))
            }
            at += 8 + length + length & 1
        }
        return 1
    }
}
