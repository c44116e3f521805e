// ColorConversion: RGB to grey and back, with Pillow's integer arithmetic.

import CLTKernels
import LTCore

extension Image {
    /// Luma as Pillow's `convert("L")`: (19595 R + 38470 G + 7471 B + 32768) >> 16; alpha is dropped.
    public func grey() throws(LTError) -> Image {
        guard channels > 1 else { return self }
        let result = try Image(width: width, height: height, channels: 1)
        lt_luma_u8(bytes.baseAddress, width * height, channels, result.bytes.baseAddress)
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
