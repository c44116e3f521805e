// Orientation: turns and mirrors by EXIF's eight cases, as Pillow's ImageOps.exif_transpose.

import CLTKernels
import LTCore

extension Image {
    /// The upright image of one stored with EXIF `orientation` (1 … 8; anything else changes nothing).
    public func oriented(_ orientation: Int) throws(LTError) -> Image {
        guard (2...8).contains(orientation) else { return self }
        let swaps = orientation >= 5
        let result = try Image(width: swaps ? height : width, height: swaps ? width : height, channels: channels)
        // Offset in the source of the target's pixel (0, 0) and what a step right or down adds to it.
        let (right, down) = (channels, width * channels)
        let (endX, endY) = ((width - 1) * right, (height - 1) * down)
        let (start, stepX, stepY): (Int, Int, Int)
        switch orientation {
        case 2: (start, stepX, stepY) = (endX, -right, down)
        case 3: (start, stepX, stepY) = (endX + endY, -right, -down)
        case 4: (start, stepX, stepY) = (endY, right, -down)
        case 5: (start, stepX, stepY) = (0, down, right)
        case 6: (start, stepX, stepY) = (endY, -down, right)
        case 7: (start, stepX, stepY) = (endX + endY, -down, -right)
        default: (start, stepX, stepY) = (endX, down, -right)
        }
        lt_turn_u8(
            bytes.baseAddress, start, stepX, stepY, channels, result.bytes.baseAddress, result.width, result.height)
        return result
    }
}
