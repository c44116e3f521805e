// Ground truth from a data set in memory, or a part of one, and detections of it that come one by one.

import LTCore
import LTData
import LTDecision

extension DetectionTruth {
    /// The annotations of a data set, its images by ascending id.
    /// - Parameter rules: masks are taken where masks overlap; frequencies and lists of categories under federated rules.
    /// - Throws: `invalidArgument` for an image without size or a repeated id; `malformed` for a mask that is none.
    public init(_ dataset: Dataset, rules: DetectionProtocol) throws(LTError) {
        self.init()
        digest = dataset.digest
        categories = dataset.categories.map {
            Category(
                id: $0.id, name: $0.name, frequency: rules.isFederated ? $0.frequency : nil, imageCount: $0.trainCount)
        }
        let order = Self.order(dataset)
        var positions = [Int](repeating: 0, count: dataset.images.count)
        for (position, index) in order.enumerated() {
            let image = dataset.images[index]
            guard let width = image.width, let height = image.height else {
                throw LTError(.invalidArgument, "image \(image.id) (\(image.path)) has no width and height")
            }
            if let last = images.last, last.id == image.id {
                throw LTError(.invalidArgument, "two images with id \(image.id)")
            }
            positions[index] = position
            images.append(Image(id: image.id, width: width, height: height))
            negatives.append(image.negativeCategories.map(Int32.init))
            notExhaustive.append(image.notExhaustiveCategories.map(Int32.init))
        }
        let sorted = dataset.annotations.indices.sorted {
            (positions[dataset.annotations[$0].image], $0) < (positions[dataset.annotations[$1].image], $1)
        }
        objectStarts = [Int](repeating: 0, count: images.count + 1)
        for index in sorted {
            let annotation = dataset.annotations[index]
            ids.append(annotation.id)
            objectImages.append(Int32(positions[annotation.image]))
            objectCategories.append(Int32(annotation.category))
            boxes += [annotation.box.x, annotation.box.y, annotation.box.width, annotation.box.height]
            areas.append(annotation.area)
            isCrowd.append(annotation.isCrowd)
            isIgnored.append(annotation.ignore)
            objectStarts[positions[annotation.image] + 1] += 1
            guard rules.iouType != .bbox else { continue }
            maskPositions.append(masks.count)
            try within("annotation \(annotation.id)") { () throws(LTError) in
                try masks.append(annotation.segmentation, dataset.polygons)
            }
        }
        for image in images.indices { objectStarts[image + 1] += objectStarts[image] }
    }

    /// The positions of a data set's images by ascending id: image i of its truth is image order[i] of the set.
    public static func order(_ dataset: Dataset) -> [Int] {
        dataset.images.indices.sorted { dataset.images[$0].id < dataset.images[$1].id }
    }
}

extension MaskSource {
    fileprivate mutating func append(
        _ segmentation: Dataset.Segmentation, _ polygons: Dataset.Polygons
    ) throws(LTError) {
        switch segmentation {
        case .none: appendNone()
        case .polygons(let range):
            var coordinates: [Double] = []
            var ends: [Int] = []
            for index in range {
                coordinates += polygons[index]
                ends.append(coordinates.count)
            }
            coordinates.withUnsafeBufferPointer { append(polygons: $0, ends: ends) }
        case .runs(let runs, let width, let height): try append(runs, width: width, height: height)
        case .compressedRuns(let text, let width, let height):
            let counts = Array(text.utf8)
            try counts.withUnsafeBufferPointer { bytes throws(LTError) in
                try append(compressed: bytes, width: width, height: height)
            }
        }
    }

    fileprivate mutating func append(_ runs: [UInt32], width: Int, height: Int) throws(LTError) {
        try runs.withUnsafeBufferPointer { counts throws(LTError) in
            try append(runs: counts, width: width, height: height)
        }
    }

    fileprivate mutating func append(_ mask: RunLengthMask) throws(LTError) {
        try append(mask.runs, width: mask.width, height: mask.height)
    }
}

extension DetectionResults {
    /// Adds the detections of an image, as a detector's output gave them.
    /// - Parameters:
    ///   - image: position in the truth.
    ///   - rules: with masks, those of the detections are taken; one without has the rectangle of its box.
    /// - Throws: `invalidArgument` for a mask of a size out of range.
    public mutating func append(_ detections: [Detection], image: Int, rules: DetectionProtocol) throws(LTError) {
        let takesMasks = rules.iouType != .bbox
        for detection in detections {
            let box = detection.box
            images.append(Int32(image))
            categories.append(Int32(detection.category))
            scores.append(Double(detection.score))
            boxes += [Double(box.x1), Double(box.y1), Double(box.x2 - box.x1), Double(box.y2 - box.y1)]
            areas.append(
                takesMasks && !rules.takesBoxAreas
                    ? .nan : Double(box.x2 - box.x1) * Double(box.y2 - box.y1))
            guard takesMasks else { continue }
            if let mask = detection.mask { try masks.append(mask) } else { masks.appendNone() }
        }
    }
}
