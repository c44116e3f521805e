// SyntheticSet: writes a synthetic multi-label data set: JPEG files of several splits and COCO/LVIS-style annotations.
// Layout: DIR/<split>/<split>-000001.jpg and DIR/annotations/<split>.json; the annotations folder appears last and complete.

import Foundation
import LTCore
import LTDecision
import LTImage

/// What `lt-train synth` draws. The same settings give the same files.
public struct SyntheticSet: Sendable {
    public var family: SyntheticFamily
    public var seed: UInt64
    /// Usual side of an image in pixels; width and height lie between 7/8 and 5/4 of it.
    public var side: Int
    /// Images of the training split; only the pretraining family leaves it open.
    public var trainImages: Int?

    public init(family: SyntheticFamily = .demo, seed: UInt64 = 0, side: Int = 128, trainImages: Int? = nil) {
        self.family = family
        self.seed = seed
        self.side = side
        self.trainImages = trainImages
    }

    /// Images per class of VOC-MLT's training set.
    public static let trainingCounts = [
        6, 34, 8, 14, 154, 17, 249, 29, 479, 4, 240, 48, 11, 20, 775, 100, 5, 82, 7, 64,
    ]
    /// Images with 1, 2, … 5 kinds: 1,142 images with 2,346 labels.
    static let imagesBySize = [442, 349, 224, 101, 26]

    /// One line of what was written.
    public struct Split: Sendable {
        public let name: String
        public let images: Int
        public let labels: Int
        /// The least and the greatest number of images that a class has.
        public let positives: ClosedRange<Int>
    }

    /// Draws the set into `folder`. Splits: train, calibration and test of the demonstration; train and validation for
    /// pretraining. `progress` is called with images done and images in all, from several threads.
    /// - Throws: `invalidArgument` for impossible settings, `conflict` when the folder holds a finished set, `io` when files
    ///   cannot be written.
    public func write(
        to folder: String, progress: @escaping @Sendable (Int, Int) -> Void = { _, _ in }
    ) throws(LTError) -> [Split] {
        guard (32...4096).contains(side) else {
            throw LTError(.invalidArgument, "images of \(side) pixels, expected 32 … 4096")
        }
        if let trainImages, family == .demo || !(1...10_000_000).contains(trainImages) {
            throw LTError(
                .invalidArgument,
                family == .demo
                    ? "the demonstration set has exactly 1142 training images" : "\(trainImages) training images")
        }
        if let old = try? FileManager.default.contentsOfDirectory(atPath: folder + "/annotations"), !old.isEmpty {
            throw LTError(
                .conflict, "\(folder) holds a data set already (annotations/\(old.sorted()[0]))",
                hint: "choose another folder, or remove this one")
        }
        let kinds = family.kinds
        let plans = try plan(kinds.count)
        let counts = Self.positives(plans[0].images, kinds.count)
        let total = plans.reduce(0) { $0 + $1.images.count }
        let done = Counter()
        var splits: [Split] = []
        // An interrupted set has no annotations folder: it is never taken for a complete one, and drawn again.
        let unfinished = "\(folder)/annotations.part"
        try Self.removeFolder(unfinished)
        for (position, plan) in plans.enumerated() {
            let items = try draw(plan, position, kinds, folder) { progress(done.next(), total) }
            let annotations = try annotationFile(plan, items, kinds, counts)
            try within("split '\(plan.name)'") { () throws(LTError) in
                try SyntheticFolder.make(unfinished)
                try replaceFile("\(unfinished)/\(plan.name).json", with: Array(annotations))
            }
            let positives = Self.positives(plan.images, kinds.count)
            splits.append(
                Split(
                    name: plan.name, images: plan.images.count, labels: positives.reduce(0, +),
                    positives: (positives.min() ?? 0)...(positives.max() ?? 0)))
        }
        guard rename(unfinished, "\(folder)/annotations") == 0 else {
            throw systemError("cannot put \(folder)/annotations in place")
        }
        return splits
    }

    private struct SplitPlan: Sendable {
        let name: String
        let images: [[Int]]
    }

    private func plan(_ kinds: Int) throws(LTError) -> [SplitPlan] {
        let affinity = LabelPlan.affinity(kinds: kinds, seed: seed)
        var generator = SeededGenerator(seed: seed, index: 0x1ABE1)
        switch family {
        case .demo:
            let sizes = Self.imagesBySize.enumerated().flatMap { [Int](repeating: $0.offset + 1, count: $0.element) }
            let counts = Self.trainingCounts
            let popularity = counts.map { pow(Double($0), 0.15) }
            let train = try LabelPlan(counts: counts, sizes: sizes, affinity: affinity, generator: &generator)
            let calibration = LabelPlan(
                count: 400, minimum: 40, popularity: popularity, affinity: affinity, generator: &generator)
            let test = LabelPlan(
                count: 1000, minimum: 100, popularity: popularity, affinity: affinity, generator: &generator)
            return [
                SplitPlan(name: "train", images: train.images),
                SplitPlan(name: "calibration", images: calibration.images),
                SplitPlan(name: "test", images: test.images),
            ]
        case .pretrain:
            let even = [Double](repeating: 1, count: kinds)
            let train = LabelPlan(
                count: trainImages ?? 20_000, minimum: 0, popularity: even, affinity: affinity, generator: &generator)
            let validation = LabelPlan(
                count: 1000, minimum: 0, popularity: even, affinity: affinity, generator: &generator)
            return [
                SplitPlan(name: "train", images: train.images),
                SplitPlan(name: "validation", images: validation.images),
            ]
        }
    }

    private static func positives(_ images: [[Int]], _ kinds: Int) -> [Int] {
        var counts = [Int](repeating: 0, count: kinds)
        for kind in images.joined() { counts[kind] += 1 }
        return counts
    }

    /// Draws the images of a split on all cores; each has a generator of its own, so that the order does not matter.
    private func draw(
        _ plan: SplitPlan, _ position: Int, _ kinds: [SyntheticKind], _ folder: String,
        step: @escaping @Sendable () -> Void
    ) throws(LTError) -> [SyntheticItem] {
        let target = "\(folder)/\(plan.name)"
        try SyntheticFolder.make(target)
        return try ParallelResults.of(plan.images.count) { index throws(LTError) in
            var generator = SeededGenerator(seed: seed, index: UInt64(position + 1) << 40 | UInt64(index))
            let scene = try SyntheticScene(
                kinds: plan.images[index], family: kinds, style: family, side: side, generator: &generator)
            try SyntheticFolder.write(
                try scene.image.encodedJPEG(quality: 90), "\(target)/\(Self.fileName(plan.name, index))")
            step()
            return SyntheticItem(width: scene.image.width, height: scene.image.height, objects: scene.objects)
        }
    }

    private static func fileName(_ split: String, _ index: Int) -> String {
        let number = String(index + 1)
        return "\(split)-\(String(repeating: "0", count: max(0, 6 - number.count)))\(number).jpg"
    }
}

extension SyntheticSet {
    private static func removeFolder(_ path: String) throws(LTError) {
        guard FileManager.default.fileExists(atPath: path) else { return }
        do { try FileManager.default.removeItem(atPath: path) } catch {
            throw LTError(.io, "cannot remove folder \(path): \(error.localizedDescription)")
        }
    }
}

extension SyntheticSet {
    /// The JSON of one split; image_count and frequency (LVIS's rule) are those of the training split, as in LVIS.
    private func annotationFile(
        _ plan: SplitPlan, _ items: [SyntheticItem], _ kinds: [SyntheticKind], _ trainCounts: [Int]
    ) throws(LTError) -> Data {
        var images: [SyntheticAnnotations.Image] = []
        var annotations: [SyntheticAnnotations.Annotation] = []
        var instances = [Int](repeating: 0, count: kinds.count)
        for (index, item) in items.enumerated() {
            let shown = Set(plan.images[index])
            images.append(
                .init(
                    id: index + 1, file_name: Self.fileName(plan.name, index), width: item.width, height: item.height,
                    neg_category_ids: kinds.indices.filter { !shown.contains($0) }.map { $0 + 1 },
                    not_exhaustive_category_ids: []))
            for object in item.objects {
                instances[object.kind] += 1
                var annotation = SyntheticAnnotations.Annotation(
                    id: annotations.count + 1, image: index + 1, category: object.kind + 1, item.outline(of: object))
                annotation.iscrowd = 0
                annotations.append(annotation)
            }
        }
        let categories = kinds.enumerated().map { index, kind in
            SyntheticAnnotations.Category(
                id: index + 1, name: kind.name, frequency: FrequencyGroups.lvis.name(ofCount: trainCounts[index]) ?? "",
                image_count: trainCounts[index], instance_count: instances[index])
        }
        let file = SyntheticAnnotations(
            info: [
                "description":
                    "LongTail synthetic set '\(family.rawValue)', split \(plan.name), seed \(seed), side \(side)"
            ],
            images: images, annotations: annotations, categories: categories)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        do { return try encoder.encode(file) } catch {
            throw LTError(.library, "annotations do not encode: \(error)")
        }
    }
}
