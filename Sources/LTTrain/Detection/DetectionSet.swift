// DetectionSet: what detection training needs of a Dataset: pictures with their objects. Crowds and objects marked to be ignored
// become regions that are left out; boxes are cut at the picture, those without area dropped. LVIS annotates a picture
// completely for some categories only; as in the papers of EQL and BACL, training takes what is not annotated for background.

import LTCore
import LTData
import LTDecision
import LTEval
import LTImage

/// Pictures with boxes, categories and masks.
public struct DetectionSet: Sendable {
    /// What becomes of pictures without an object.
    public enum EmptyPictures: String, Sendable, CaseIterable {
        /// They show background.
        case background
        case skip
    }

    private struct Picture: Sendable {
        var sample: Sample
        var size: (width: Int, height: Int)
        /// Positions in the data set's annotations: objects, ignored regions.
        var objects: [Int] = []
        var ignored: [Int] = []
    }

    private let dataset: Dataset
    private var pictures: [Picture] = []
    public let labels: [DecisionLayer.Label]
    /// Pictures that show each category, and pictures that show any: LVIS's image_count of the training set.
    public let counts: ClassCounts
    /// What was found and changed, for the user: a sentence each.
    public private(set) var notes: [String] = []
    /// SHA-256 of the annotation file.
    public var digest: String? { dataset.digest }

    /// Pictures that training sees.
    public var count: Int { pictures.count }
    public var samples: [Sample] { pictures.map(\.sample) }
    /// What samplers by category (repeat factors) see: the categories of each picture's objects.
    public var samplerData: SamplerData {
        SamplerData(
            labels: pictures.map { Set($0.objects.map { dataset.annotations[$0].category }).sorted() },
            classNames: labels.map(\.name))
    }

    /// - Parameter needsMasks: objects without a mask are dropped.
    /// - Throws: `notFound` naming and counting missing image files; `invalidArgument` for a set without boxes, sizes or
    ///   (where they are needed) masks.
    public init(
        _ dataset: Dataset, needsMasks: Bool = false, emptyPictures: EmptyPictures = .background
    ) throws(LTError) {
        if dataset.archive == nil { try dataset.requireFiles() }
        guard !dataset.annotations.isEmpty else {
            throw LTError(.invalidArgument, "data set \(dataset.source) has no boxes, which a detector learns from")
        }
        self.dataset = dataset
        labels = dataset.categories.map { DecisionLayer.Label(id: $0.id, name: $0.name) }
        for (image, sample) in zip(dataset.images, dataset.samples) {
            guard let width = image.width, let height = image.height else {
                throw LTError(
                    .invalidArgument, "image \(image.id) (\(image.path)) has no width and height in \(dataset.source)")
            }
            pictures.append(Picture(sample: sample, size: (width, height)))
        }
        var (clipped, empty, unmasked, masked) = (0, 0, 0, 0)
        for (index, annotation) in dataset.annotations.enumerated() {
            let size = pictures[annotation.image].size
            let whole = Self.box(annotation)
            let box = whole.clipped(width: size.width, height: size.height)
            guard whole.isFinite, min(box.width, box.height) >= DetectionPicture.leastSide else {
                empty += 1
                continue
            }
            // Boxes of whole pixels and a rounding error are not worth a word.
            if whole.distance(box) > 0.5 { clipped += 1 }
            if annotation.isCrowd || annotation.ignore {
                pictures[annotation.image].ignored.append(index)
                continue
            }
            if needsMasks {
                guard dataset.hasMask(annotation) else {
                    unmasked += 1
                    continue
                }
                masked += 1
            }
            pictures[annotation.image].objects.append(index)
        }
        guard !needsMasks || masked > 0 else {
            throw LTError(
                .invalidArgument, "no object of \(dataset.source) has a mask (segmentation), which this training needs",
                hint: "use annotations with segmentations, or leave out mask head and copy-paste")
        }
        let without = pictures.count { $0.objects.isEmpty }
        guard without < pictures.count else {
            let crowds = dataset.annotations.count - empty - unmasked
            throw LTError(
                .invalidArgument,
                "data set \(dataset.source) has no object to learn from: of \(dataset.annotations.count) annotations "
                    + "\(empty) have no area in their pictures, \(crowds) are crowds or to be ignored")
        }
        if emptyPictures == .skip { pictures.removeAll { $0.objects.isEmpty } }

        var images = [Int](repeating: 0, count: labels.count)
        for picture in pictures {
            for category in Set(picture.objects.map({ dataset.annotations[$0].category })) { images[category] += 1 }
        }
        counts = ClassCounts(
            names: labels.map(\.name), images: images, total: pictures.count { !$0.objects.isEmpty })
        let unseen = images.count { $0 == 0 }
        for (number, what) in [
            (clipped, "boxes reach beyond their pictures: cut at the edges"),
            (empty, "boxes have no area in their pictures: dropped"),
            (unmasked, "objects have no mask: dropped"),
            (without, emptyPictures == .skip ? "pictures show no object: left out" : "pictures show background alone"),
            (unseen, "of \(labels.count) categories have no object: they stay, with a count of 0"),
        ] where number > 0 { notes.append("\(number) \(what)") }
    }

    private static func box(_ annotation: Dataset.Annotation) -> Box {
        let box = annotation.box
        return Box(
            x1: Float(box.x), y1: Float(box.y), x2: Float(box.x + box.width), y2: Float(box.y + box.height))
    }

    /// A picture decoded, with its objects.
    /// - Parameter needsMasks: masks are read too, where they are.
    /// - Throws: what decoding throws, with the file's name; `shapeMismatch` for a file of another size than annotated;
    ///   `malformed` for a mask that is none.
    public func picture(_ index: Int, masks needsMasks: Bool = false) throws(LTError) -> DetectionPicture {
        let own = pictures[index]
        return try within("image \(own.sample.name)") { () throws(LTError) in
            let image = try own.sample.image().rgb()
            guard (image.width, image.height) == own.size else { throw mismatch(own, image) }
            var picture = DetectionPicture(image: image)
            for position in own.objects {
                let annotation = dataset.annotations[position]
                let box = Self.box(annotation).clipped(width: image.width, height: image.height)
                var object = DetectionPicture.Object(box: box, category: annotation.category)
                if needsMasks {
                    do throws(LTError) { object.mask = try dataset.mask(annotation) } catch {
                        throw error.inside("annotation \(annotation.id)")
                    }
                }
                picture.objects.append(object)
            }
            picture.ignored = own.ignored.map {
                Self.box(dataset.annotations[$0]).clipped(width: image.width, height: image.height)
            }
            return picture
        }
    }

    /// What to say of a file of another size than its annotation's.
    private func mismatch(_ picture: Picture, _ image: Image) -> LTError {
        let annotated = "its annotation says \(picture.size.width)×\(picture.size.height)"
        let size = "\(image.width)×\(image.height) pixels"
        let stored = try? picture.sample.image(DecodeOptions(appliesOrientation: false))
        guard let stored, (stored.width, stored.height) != (image.width, image.height) else {
            return LTError(
                .shapeMismatch, "the file has \(size), \(annotated)",
                hint: "the image folder may be that of another set, or its files were resized")
        }
        return LTError(
            .shapeMismatch, "the file has \(size) when it is turned as its EXIF orientation says, \(annotated)",
            hint: "boxes are those of upright pictures, as the exported file sees them: annotate these, or take the "
                + "orientation out of the file")
    }
}

extension Dataset {
    /// Polygons of fewer than three points are none.
    fileprivate func hasMask(_ annotation: Annotation) -> Bool {
        switch annotation.segmentation {
        case .none: false
        case .polygons(let range): range.contains { polygons[$0].count >= 6 }
        case .runs, .compressedRuns: true
        }
    }

    fileprivate func mask(_ annotation: Annotation) throws(LTError) -> InstanceMask? {
        guard hasMask(annotation) else { return nil }
        switch annotation.segmentation {
        case .none: return nil
        case .polygons(let range): return .polygons(range.map { Array(polygons[$0]) }.filter { $0.count >= 6 })
        case .runs(let runs, let width, let height):
            // Counts may end early.
            var pool = MaskPool()
            try pool.append(runs: runs, width: width, height: height)
            return .pixels(try RunLengthMask(width: width, height: height, runs: pool.runs(0)))
        case .compressedRuns(let text, let width, let height):
            return .pixels(try RunLengthMask(width: width, height: height, compressed: text))
        }
    }
}
