// Box: a rectangle by its corners, in continuous coordinates: pixel k covers k ..< k + 1, so a whole image is
// (0, 0, width, height). Areas and overlaps are float32, as torchvision computes them.

/// A rectangle x1 … x2, y1 … y2.
public struct Box: Sendable, Equatable {
    public var x1, y1, x2, y2: Float

    @inlinable public init(x1: Float, y1: Float, x2: Float, y2: Float) {
        (self.x1, self.y1, self.x2, self.y2) = (x1, y1, x2, y2)
    }

    @inlinable public var width: Float { x2 - x1 }
    @inlinable public var height: Float { y2 - y1 }
    /// 0 for a box that ends before it begins.
    @inlinable public var area: Float { max(width, 0) * max(height, 0) }
    @inlinable public var isFinite: Bool { x1.isFinite && y1.isFinite && x2.isFinite && y2.isFinite }

    /// Intersection over union; 0 where the union is empty.
    @inlinable public func iou(_ other: Box) -> Float {
        let width = max(min(x2, other.x2) - max(x1, other.x1), 0)
        let height = max(min(y2, other.y2) - max(y1, other.y1), 0)
        let intersection = width * height
        let union = area + other.area - intersection
        return union > 0 ? intersection / union : 0
    }

    /// The part that lies in an image.
    @inlinable public func clipped(width: Int, height: Int) -> Box {
        let (w, h) = (Float(width), Float(height))
        return Box(
            x1: min(max(x1, 0), w), y1: min(max(y1, 0), h), x2: min(max(x2, 0), w), y2: min(max(y2, 0), h))
    }

    /// The greatest distance between two corresponding edges.
    public func distance(_ other: Box) -> Float {
        max(max(abs(x1 - other.x1), abs(y1 - other.y1)), max(abs(x2 - other.x2), abs(y2 - other.y2)))
    }
}

/// One object that a model found.
public struct Detection: Sendable, Equatable {
    /// Position in the labels; without labels the model's own label.
    public var category: Int
    /// 0 … 1, after the activation and before calibration.
    public var score: Float
    /// In pixels of the upright original image, inside it.
    public var box: Box
    /// Of the upright original image.
    public var mask: RunLengthMask?

    public init(category: Int, score: Float, box: Box, mask: RunLengthMask? = nil) {
        self.category = category
        self.score = score
        self.box = box
        self.mask = mask
    }
}

/// What a model says of one image, before calibration and thresholds.
public enum Prediction: Sendable, Equatable {
    /// Raw outputs, one per class.
    case scores([Float])
    /// Best first.
    case detections([Detection])
}
