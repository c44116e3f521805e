// RandomResizedCrop: torchvision's: a share of the area and a log-uniform aspect ratio, ten tries, else the largest centred
// rectangle whose ratio is in range. The caller resizes the rectangle to its input.

import LTCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The ranges that a rectangle is drawn from.
public struct RandomResizedCrop: Sendable, Equatable {
    /// Share of the image's area.
    public var scale: ClosedRange<Double>
    /// Width / height.
    public var ratio: ClosedRange<Double>

    public init(scale: ClosedRange<Double> = 0.08...1, ratio: ClosedRange<Double> = 3.0 / 4...4.0 / 3) {
        self.scale = scale
        self.ratio = ratio
    }

    /// Draws a rectangle of an image of this size.
    public func draw(width: Int, height: Int, _ generator: inout SeededGenerator) -> PixelRectangle {
        let area = Double(width) * Double(height)
        let logarithms = log(ratio.lowerBound)...log(ratio.upperBound)
        for _ in 0..<10 {
            let target = area * generator.uniform(scale)
            let aspect = exp(generator.uniform(logarithms))
            let w = (target * aspect).squareRoot().rounded(.toNearestOrEven)
            let h = (target / aspect).squareRoot().rounded(.toNearestOrEven)
            guard w >= 1, h >= 1, w <= Double(width), h <= Double(height) else { continue }
            let y = generator.below(height - Int(h) + 1)
            return PixelRectangle(x: generator.below(width - Int(w) + 1), y: y, width: Int(w), height: Int(h))
        }
        var (w, h) = (width, height)
        let whole = Double(width) / Double(height)
        if whole < ratio.lowerBound {
            h = min(height, max(1, Int((Double(w) / ratio.lowerBound).rounded(.toNearestOrEven))))
        } else if whole > ratio.upperBound {
            w = min(width, max(1, Int((Double(h) * ratio.upperBound).rounded(.toNearestOrEven))))
        }
        return PixelRectangle(x: (width - w) / 2, y: (height - h) / 2, width: w, height: h)
    }
}

/// A rectangle of fixed size at a random place; sides longer than the image's are the image's.
public struct RandomWindow: Sendable, Equatable {
    public var width: Int
    public var height: Int
    public init(width: Int, height: Int) {
        self.width = width
        self.height = height
    }

    /// Draws a rectangle of an image of this size; every place is equally likely.
    public func draw(width: Int, height: Int, _ generator: inout SeededGenerator) -> PixelRectangle {
        let (w, h) = (min(self.width, width), min(self.height, height))
        let y = generator.below(height - h + 1)
        return PixelRectangle(x: generator.below(width - w + 1), y: y, width: w, height: h)
    }
}
