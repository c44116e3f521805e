// DetectionTruth: what is known of the images: objects, and where the annotation is complete. Arrays, one entry per object,
// sorted by image, then as in the file; images and categories ascend by id and are addressed by position.

import LTCore

/// The ground truth of an evaluation of detections.
public struct DetectionTruth: Sendable {
    public struct Image: Sendable, Equatable {
        public var id: Int
        public var width: Int
        public var height: Int

        public init(id: Int, width: Int, height: Int) { (self.id, self.width, self.height) = (id, width, height) }
    }

    public struct Category: Sendable, Equatable {
        public var id: Int
        public var name: String
        /// "r", "c" or "f", by how many training images show it; `nil` where the file does not say.
        public var frequency: String?
        /// Training images that show it.
        public var imageCount: Int?

        public init(id: Int, name: String, frequency: String? = nil, imageCount: Int? = nil) {
            (self.id, self.name, self.frequency, self.imageCount) = (id, name, frequency, imageCount)
        }
    }

    /// Lists of categories, one per image.
    public struct Lists: Sendable, Equatable {
        var starts: [Int] = [0]
        var values: [Int32] = []

        /// The categories of an image.
        public subscript(image: Int) -> ArraySlice<Int32> { values[starts[image]..<starts[image + 1]] }

        mutating func append(_ list: some Sequence<Int32>) {
            values.append(contentsOf: list)
            starts.append(values.count)
        }
    }

    public internal(set) var images: [Image] = []
    public internal(set) var categories: [Category] = []
    /// Categories known to be absent from each image.
    public internal(set) var negatives = Lists()
    /// Categories of which each image may show more objects than are annotated.
    public internal(set) var notExhaustive = Lists()

    /// The annotation's id of each object.
    public internal(set) var ids: [Int] = []
    /// Where each image's objects begin; one more entry than images.
    public internal(set) var objectStarts: [Int] = [0]
    /// Image and category of each object, as positions.
    public internal(set) var objectImages: [Int32] = []
    public internal(set) var objectCategories: [Int32] = []
    /// x, y, width, height of each object, in pixels.
    public internal(set) var boxes: [Double] = []
    /// As the file says, not recomputed.
    public internal(set) var areas: [Double] = []
    public internal(set) var isCrowd: [Bool] = []
    /// Masks in file order where they were asked for, and each object's position among them.
    public internal(set) var masks = MaskSource()
    var maskPositions: [Int] = []
    public internal(set) var isIgnored: [Bool] = []

    /// What a reader must know: fields that were missing.
    public internal(set) var notes: [String] = []
    /// SHA-256 of the file.
    public internal(set) var digest: String?

    /// Objects in all images.
    public var count: Int { ids.count }
}
