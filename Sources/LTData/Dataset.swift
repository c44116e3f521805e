// Dataset: images, ground truth, and categories with training counts, in compact records: a set with a million annotations
// takes some hundred bytes for each. Categories, images and annotations are named by their position (index) everywhere.

import LTCore
import LTDecision

/// Images with their ground truth.
public struct Dataset: Sendable {
    /// One class.
    public struct Category: Sendable, Equatable {
        /// The data set's own number.
        public var id: Int
        public var name: String
        /// Training images that have it; nil when the file does not say.
        public var trainCount: Int?
        /// LVIS's `frequency` (r, c, f), as the file says.
        public var frequency: String?

        public init(id: Int, name: String, trainCount: Int? = nil, frequency: String? = nil) {
            self.id = id
            self.name = name
            self.trainCount = trainCount
            self.frequency = frequency
        }
    }

    /// One image; `path` is relative to the data set's `imageFolder`.
    public struct Image: Sendable, Equatable {
        /// The data set's own number.
        public var id: Int
        public var path: String
        /// Pixels; nil when the file does not say.
        public var width: Int?
        public var height: Int?
        public var split: String?
        /// Indices of the categories the image has, ascending, without repeats.
        public var labels: [Int]
        /// LVIS: indices of categories verified to be absent.
        public var negativeCategories: [Int] = []
        /// LVIS: indices of categories of which not every instance is annotated.
        public var notExhaustiveCategories: [Int] = []
        /// The frame files of a clip, in order, below `path`; nil for an image.
        public var frames: [String]?
        /// Position in the data set's `archive`; nil: that of the image.
        public var archived: Int?

        public init(id: Int, path: String, width: Int? = nil, height: Int? = nil, split: String? = nil, labels: [Int]) {
            self.id = id
            self.path = path
            self.width = width
            self.height = height
            self.split = split
            self.labels = labels
        }
    }

    /// A box in pixels of the original image, from its upper left corner.
    public struct Box: Sendable, Equatable {
        public var x, y, width, height: Double
        public init(x: Double, y: Double, width: Double, height: Double) {
            self.x = x
            self.y = y
            self.width = width
            self.height = height
        }
    }

    /// The mask of an annotation, as its file gives it.
    public enum Segmentation: Sendable, Equatable {
        case none
        /// Positions in the data set's `polygons`.
        case polygons(Range<Int>)
        /// COCO's uncompressed run lengths, column by column, beginning with zeros.
        case runs([UInt32], width: Int, height: Int)
        /// COCO's compressed run lengths.
        case compressedRuns(String, width: Int, height: Int)
    }

    /// One annotated object.
    public struct Annotation: Sendable, Equatable {
        /// The data set's own number.
        public var id: Int
        /// Position in `images`.
        public var image: Int
        /// Position in `categories`.
        public var category: Int
        public var box: Box
        /// Pixels, as the file says; else the box's.
        public var area: Double
        public var segmentation: Segmentation
        public var isCrowd: Bool
        public var ignore: Bool

        /// - Parameter area: the box's when absent.
        public init(
            id: Int, image: Int, category: Int, box: Box, area: Double? = nil, segmentation: Segmentation = .none,
            isCrowd: Bool = false, ignore: Bool = false
        ) {
            self.id = id
            self.image = image
            self.category = category
            self.box = box
            self.area = area ?? box.width * box.height
            self.segmentation = segmentation
            self.isCrowd = isCrowd
            self.ignore = ignore
        }
    }

    /// Polygons, flat: x, y, x, y, … in pixels.
    public struct Polygons: Sendable, Equatable {
        private var coordinates: [Double] = []
        private var ends: [Int] = []

        public init() {}
        public var count: Int { ends.count }
        public subscript(index: Int) -> ArraySlice<Double> {
            coordinates[(index == 0 ? 0 : ends[index - 1])..<ends[index]]
        }
        mutating func append(_ coordinate: Double) { coordinates.append(coordinate) }
        /// Ends the polygon whose coordinates were appended; returns how many they are.
        mutating func endPolygon() -> Int {
            let start = ends.last ?? 0
            ends.append(coordinates.count)
            return coordinates.count - start
        }
    }

    /// Where it was read from, for messages and provenance.
    public var source: String
    /// SHA-256 of the annotation file; nil for a folder.
    public var digest: String?
    /// The folder that image paths start from.
    public var imageFolder: String
    public var categories: [Category]
    public var images: [Image]
    public var annotations: [Annotation]
    public var polygons: Polygons
    /// The pixels of all images, when the format keeps them together; nil when each image is a file.
    public var archive: PixelArchive?
    /// Every image has exactly one class.
    public var isSingleLabel: Bool { images.allSatisfy { $0.labels.count == 1 } }

    public init(
        source: String, digest: String? = nil, imageFolder: String, categories: [Category], images: [Image],
        annotations: [Annotation] = [], polygons: Polygons = Polygons(), archive: PixelArchive? = nil
    ) {
        self.source = source
        self.digest = digest
        self.imageFolder = imageFolder
        self.categories = categories
        self.images = images
        self.annotations = annotations
        self.polygons = polygons
        self.archive = archive
    }

    /// Where an image lies on this machine.
    public func file(of image: Image) -> String {
        image.path.hasPrefix("/") || imageFolder.isEmpty ? image.path : imageFolder + "/" + image.path
    }

    /// The image files, in order.
    public var files: [String] { images.map { file(of: $0) } }
}
