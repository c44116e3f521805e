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
                try Self.makeFolder(unfinished)
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

    private struct Item: Sendable {
        let width: Int
        let height: Int
        let objects: [SyntheticObject]
    }

    /// Draws the images of a split on all cores; each has a generator of its own, so that the order does not matter.
    private func draw(
        _ plan: SplitPlan, _ position: Int, _ kinds: [SyntheticKind], _ folder: String,
        step: @escaping @Sendable () -> Void
    ) throws(LTError) -> [Item] {
        let target = "\(folder)/\(plan.name)"
        try Self.makeFolder(target)
        let results = Results<Item>(count: plan.images.count)
        DispatchQueue.concurrentPerform(iterations: plan.images.count) { index in
            guard !results.failed else { return }
            var generator = SeededGenerator(seed: seed, index: UInt64(position + 1) << 40 | UInt64(index))
            results.set(
                index,
                Result { () throws(LTError) in
                    let scene = try SyntheticScene(
                        kinds: plan.images[index], family: kinds, style: family, side: side, generator: &generator)
                    let bytes = try scene.image.encodedJPEG(quality: 90)
                    let path = "\(target)/\(Self.fileName(plan.name, index))"
                    try Self.writeImage(bytes, path)
                    step()
                    return Item(width: scene.image.width, height: scene.image.height, objects: scene.objects)
                })
        }
        return try results.all()
    }

    private static func fileName(_ split: String, _ index: Int) -> String {
        let number = String(index + 1)
        return "\(split)-\(String(repeating: "0", count: max(0, 6 - number.count)))\(number).jpg"
    }

    /// Writes without syncing each file to the disk, which would take most of the time: annotations come last.
    private static func writeImage(_ bytes: [UInt8], _ path: String) throws(LTError) {
        let file = fopen(path, "wb")
        let isWritten = file != nil && fwrite(bytes, 1, bytes.count, file) == bytes.count
        let isClosed = file.map { fclose($0) == 0 } ?? false
        guard isWritten, isClosed else {
            throw LTError(.io, "cannot write \(path): \(String(cString: strerror(errno)))")
        }
    }

    private static func makeFolder(_ path: String) throws(LTError) {
        do { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) } catch {
            throw LTError(.io, "cannot make folder \(path): \(error.localizedDescription)")
        }
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

/// Counts up, from any thread.
private final class Counter: @unchecked Sendable {
    private let lock = NSLock()
    private var count = 0
    func next() -> Int {
        lock.withLock {
            count += 1
            return count
        }
    }
}

/// Results by position, set from any thread; the first error in order wins.
private final class Results<Value: Sendable>: @unchecked Sendable {
    private let lock = NSLock()
    private var values: [Result<Value, LTError>?]
    private var anyFailed = false

    init(count: Int) { values = [Result<Value, LTError>?](repeating: nil, count: count) }

    var failed: Bool { lock.withLock { anyFailed } }

    func set(_ index: Int, _ value: Result<Value, LTError>) {
        lock.withLock {
            values[index] = value
            if case .failure = value { anyFailed = true }
        }
    }

    func all() throws(LTError) -> [Value] {
        let values = lock.withLock { self.values }
        for case .failure(let error)? in values { throw error }
        return values.compactMap { value in
            if case .success(let item)? = value { item } else { nil }
        }
    }
}

extension SyntheticSet {
    /// The JSON of one split. Boxes and polygons are those of the whole object, also where another covers it, cut at the
    /// image's border; image_count and frequency (LVIS's rule) are those of the training split, as in LVIS.
    private func annotationFile(
        _ plan: SplitPlan, _ items: [Item], _ kinds: [SyntheticKind], _ trainCounts: [Int]
    ) throws(LTError) -> Data {
        var images: [ImageRecord] = []
        var annotations: [AnnotationRecord] = []
        var instances = [Int](repeating: 0, count: kinds.count)
        for (index, item) in items.enumerated() {
            let shown = Set(plan.images[index])
            images.append(
                ImageRecord(
                    id: index + 1, file_name: Self.fileName(plan.name, index), width: item.width, height: item.height,
                    neg_category_ids: kinds.indices.filter { !shown.contains($0) }.map { $0 + 1 },
                    not_exhaustive_category_ids: []))
            for object in item.objects {
                instances[object.kind] += 1
                let (width, height) = (Double(item.width), Double(item.height))
                let polygons = object.outline.polygons.map { polygon in
                    polygon.map { Point(min(width, max(0, $0.x)), min(height, max(0, $0.y))) }
                }
                let outline = Silhouette(polygons)
                let box = outline.bounds
                annotations.append(
                    AnnotationRecord(
                        id: annotations.count + 1, image_id: index + 1, category_id: object.kind + 1,
                        bbox: [box.x0, box.y0, box.x1 - box.x0, box.y1 - box.y0].map(Self.hundredth),
                        segmentation: polygons.map { $0.flatMap { [Self.hundredth($0.x), Self.hundredth($0.y)] } },
                        area: Self.hundredth(outline.area), iscrowd: 0))
            }
        }
        let categories = kinds.enumerated().map { index, kind in
            CategoryRecord(
                id: index + 1, name: kind.name,
                frequency: FrequencyGroups.lvis.name(ofCount: trainCounts[index]) ?? "",
                image_count: trainCounts[index], instance_count: instances[index])
        }
        let file = File(
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

    private static func hundredth(_ value: Double) -> Double { (value * 100).rounded() / 100 }

    private struct File: Encodable {
        let info: [String: String]
        let images: [ImageRecord]
        let annotations: [AnnotationRecord]
        let categories: [CategoryRecord]
    }
    private struct ImageRecord: Encodable {
        let id: Int
        let file_name: String
        let width: Int
        let height: Int
        let neg_category_ids: [Int]
        let not_exhaustive_category_ids: [Int]
    }
    private struct AnnotationRecord: Encodable {
        let id: Int
        let image_id: Int
        let category_id: Int
        let bbox: [Double]
        let segmentation: [[Double]]
        let area: Double
        let iscrowd: Int
    }
    private struct CategoryRecord: Encodable {
        let id: Int
        let name: String
        let frequency: String
        let image_count: Int
        let instance_count: Int
    }
}
