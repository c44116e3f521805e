// DetectionResults: a detector's output over all images as arrays, one entry per detection, in file order.

import LTCore

/// Detections to evaluate against a `DetectionTruth`.
public struct DetectionResults: Sendable {
    /// The image's position in the truth.
    public internal(set) var images: [Int32] = []
    /// The category's position in the truth; -1 for a category that the truth does not know, whose detections count only
    /// against the limit per image.
    public internal(set) var categories: [Int32] = []
    public internal(set) var scores: [Double] = []
    /// x, y, width, height of each detection, in pixels.
    public internal(set) var boxes: [Double] = []
    /// Pixels that decide which ranges of area an unmatched detection belongs to; NaN where it is the mask's area, which
    /// only detections that count are decoded for.
    public internal(set) var areas: [Double] = []
    /// One per detection where masks were asked for.
    public internal(set) var masks = MaskSource()

    /// What a reader must know: unknown categories.
    public var notes: [String] = []
    /// SHA-256 of the file.
    public internal(set) var digest: String?

    public var count: Int { scores.count }

    public init() {}

    /// Adds the detections of another part of the same results behind these.
    /// - Throws: `outOfMemory` when masks are too many.
    public mutating func append(contentsOf other: DetectionResults) throws(LTError) {
        images += other.images
        categories += other.categories
        scores += other.scores
        boxes += other.boxes
        areas += other.areas
        masks.append(contentsOf: other.masks)
        notes += other.notes
        digest = nil
    }
}
