// Crop: a rectangle of an image, and the draw of a random one.

import LTCore

/// A rectangle of whole pixels inside an image.
public struct PixelRectangle: Sendable, Equatable {
    public var x: Int
    public var y: Int
    public var width: Int
    public var height: Int
    public init(x: Int, y: Int, width: Int, height: Int) {
        self.x = x
        self.y = y
        self.width = width
        self.height = height
    }
}

extension Image {
    /// The pixels of `rectangle`.
    /// - Throws: `invalidArgument` when it is empty or reaches outside the image.
    public func cropped(_ rectangle: PixelRectangle) throws(LTError) -> Image {
        let (x, y, width, height) = (rectangle.x, rectangle.y, rectangle.width, rectangle.height)
        guard x >= 0, y >= 0, width > 0, height > 0, width <= self.width, height <= self.height,
            x <= self.width - width, y <= self.height - height
        else {
            throw LTError(
                .invalidArgument, "crop \(width)×\(height) at (\(x), \(y)) of an image of \(self.width)×\(self.height)")
        }
        let result = try Image(width: width, height: height, channels: channels)
        for row in 0..<height {
            (result.pixels.pointer + row * width * channels).copyMemory(
                from: pixels.pointer + ((y + row) * self.width + x) * channels, byteCount: width * channels)
        }
        return result
    }
}

/// A random crop: each side is a uniform share of the image's, drawn again until the aspect ratio (height / width) is
/// in range; after `tries` draws the whole image is taken.
public struct RandomCrop: Sendable, Equatable {
    public var share: ClosedRange<Double>
    public var aspect: ClosedRange<Double>
    public var tries: Int

    /// The defaults are those of the Distribution-Balanced loss's training.
    public init(share: ClosedRange<Double> = 0.8...1, aspect: ClosedRange<Double> = 0.5...2, tries: Int = 50) {
        self.share = share
        self.aspect = aspect
        self.tries = tries
    }

    /// Draws a rectangle; the position is uniform among those that fit.
    public func draw(width: Int, height: Int, _ generator: inout SeededGenerator) -> PixelRectangle {
        for _ in 0..<tries {
            let w = min(max(Int(Double(width) * generator.uniform(share)), 1), width)
            let h = min(max(Int(Double(height) * generator.uniform(share)), 1), height)
            guard aspect.contains(Double(h) / Double(w)) else { continue }
            let x = generator.below(width - w + 1)
            return PixelRectangle(x: x, y: generator.below(height - h + 1), width: w, height: h)
        }
        return PixelRectangle(x: 0, y: 0, width: width, height: height)
    }
}
