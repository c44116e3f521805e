// Image: decoded 8-bit pixels, interleaved rows without padding.

import LTCore

/// Pixels of an image: `height` rows of `width` pixels of `channels` bytes (1 grey, 3 RGB, 4 RGBA).
public struct Image: Sendable {
    public let width: Int
    public let height: Int
    public let channels: Int
    public let pixels: Buffer

    /// Makes an uninitialised image.
    /// - Throws: `invalidArgument` for sizes below 1 or channels other than 1, 3, 4; `outOfMemory`.
    public init(width: Int, height: Int, channels: Int) throws(LTError) {
        guard width > 0, height > 0, [1, 3, 4].contains(channels) else {
            throw LTError(.invalidArgument, "image of \(width)×\(height) pixels with \(channels) channels")
        }
        self.width = width
        self.height = height
        self.channels = channels
        pixels = try Buffer(byteCount: try Shape([height, width, channels]).count)
    }

    public var bytes: UnsafeMutableBufferPointer<UInt8> {
        UnsafeMutableBufferPointer(start: pixels.pointer.assumingMemoryBound(to: UInt8.self), count: pixels.byteCount)
    }
}
