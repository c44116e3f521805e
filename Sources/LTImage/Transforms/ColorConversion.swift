// ColorConversion: RGB to grey and back, with Pillow's integer arithmetic.

import LTCore

extension Image {
    /// Luma as Pillow's `convert("L")`: (19595 R + 38470 G + 7471 B + 32768) >> 16; alpha is dropped.
    public func grey() throws(LTError) -> Image {
        guard channels > 1 else { return self }
        let result = try Image(width: width, height: height, channels: 1)
        let (source, target) = (bytes, result.bytes)
        for pixel in 0..<(width * height) {
            let at = pixel * channels
            let luma = 19595 * Int(source[at]) + 38470 * Int(source[at + 1]) + 7471 * Int(source[at + 2]) + 32768
            target[pixel] = UInt8(truncatingIfNeeded: luma >> 16)
        }
        return result
    }

    /// RGB: grey is repeated three times, alpha is dropped without compositing.
    public func rgb() throws(LTError) -> Image {
        guard channels != 3 else { return self }
        let result = try Image(width: width, height: height, channels: 3)
        let (source, target) = (bytes, result.bytes)
        for pixel in 0..<(width * height) {
            for channel in 0..<3 {
                target[3 * pixel + channel] = source[pixel * channels + (channels == 1 ? 0 : channel)]
            }
        }
        return result
    }
}
