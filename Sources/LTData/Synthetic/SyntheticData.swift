// SyntheticData: `lt-train synth --format`: a small synthetic set in the files of a real one. What a format's files look like
// is in SyntheticFormatTable's entries; this is what they share: classes, sizes, splits, drawing.

import Foundation
import LTCore
import LTImage

/// What is drawn, and in which format. The same settings give the same files.
public struct SyntheticData: Sendable {
    public var format: String
    /// nil: the format's default.
    public var classes: Int?
    /// Training images of the most frequent class.
    public var images: Int?
    /// Images of each class in validation and test splits.
    public var testImages: Int?
    /// Side of an image in pixels.
    public var side: Int?
    /// Sizes of the training classes; nil: the format's default.
    public var profile: ImbalanceProfile?
    /// Variants of the format.
    public var variants: Set<String>
    public var seed: UInt64

    public init(
        format: String, classes: Int? = nil, images: Int? = nil, testImages: Int? = nil, side: Int? = nil,
        profile: ImbalanceProfile? = nil, variants: Set<String> = [], seed: UInt64 = 0
    ) {
        self.format = format
        self.classes = classes
        self.images = images
        self.testImages = testImages
        self.side = side
        self.profile = profile
        self.variants = variants
        self.seed = seed
    }

    /// What was written.
    public struct Result: Sendable {
        public var splits: [SyntheticSet.Split] = []
        /// Lines for a recipe: `train: {format: …}`, `NAME: {…}` for `validate`.
        public var sections: [(name: String, text: String)] = []
    }

    /// Draws the set below `root`, where its files lie as the papers' repositories have them (data/…, appendix/…).
    /// `progress` is called with the number of images done, from several threads.
    /// - Throws: `invalidArgument` for impossible settings, `conflict` when one of its folders is there already, `io`.
    public func write(
        to root: String, progress: @escaping @Sendable (Int) -> Void = { _ in }
    ) throws(LTError) -> Result {
        guard let format = SyntheticFormatTable.all.first(where: { $0.name == self.format }) else {
            throw LTError(
                .invalidArgument,
                "format '\(self.format)', expected one of \(SyntheticFormatTable.all.map(\.name).joined(separator: ", "))"
            )
        }
        return try within("synthetic set of format \(format.name)") { () throws(LTError) in
            let job = try SyntheticJob(self, format, root, progress)
            let result = try format.write(job)
            try job.folder.finish()
            return result
        }
    }
}

/// A format that synthetic sets are written in.
public struct SyntheticFormat: Sendable {
    /// Usual numbers: classes, training images of the largest class, images of each class in other splits, pixels.
    struct Defaults: Sendable {
        var classes: Int
        var images: Int
        var testImages: Int
        var side: Int
        var profile = ImbalanceProfile.none
    }

    public let name: String
    /// What is written, for `lt-train synth --help`.
    public let summary: String
    /// Names of variants and what they change.
    public let variants: [(name: String, summary: String)]
    let classes: ClosedRange<Int>
    let defaults: Defaults
    /// Files and folders it consists of, below the root.
    let targets: @Sendable (Set<String>) -> [String]
    let write: @Sendable (SyntheticJob) throws(LTError) -> SyntheticData.Result
}

/// One set being drawn.
struct SyntheticJob: Sendable {
    let folder: SyntheticFolder
    let variants: Set<String>
    let seed: UInt64
    let side: Int
    let testImages: Int
    /// Training images per class.
    let sizes: [Int]
    let kinds: [SyntheticKind]
    let profile: ImbalanceProfile
    private let habits: SyntheticHabits
    private let done = Counter()
    private let progress: @Sendable (Int) -> Void

    init(
        _ data: SyntheticData, _ format: SyntheticFormat, _ root: String,
        _ progress: @escaping @Sendable (Int) -> Void
    ) throws(LTError) {
        func checked(_ name: String, _ value: Int, _ range: ClosedRange<Int>) throws(LTError) -> Int {
            guard range.contains(value) else {
                throw LTError(
                    .invalidArgument,
                    range.count == 1
                        ? "\(value) \(name), this format has \(range.lowerBound)"
                        : "\(value) \(name), expected \(range.lowerBound) … \(range.upperBound)")
            }
            return value
        }
        let classes = try checked("classes", data.classes ?? format.defaults.classes, format.classes)
        let images = try checked("images", data.images ?? format.defaults.images, 1...1_000_000)
        testImages = try checked("test images", data.testImages ?? format.defaults.testImages, 1...1_000_000)
        let usual = format.defaults.side
        side = try checked("pixels", data.side ?? usual, usual == 32 ? 32...32 : 32...1024)
        if let stray = data.variants.subtracting(format.variants.map(\.name)).min() {
            let known = format.variants.map(\.name).joined(separator: ", ")
            throw LTError(
                .invalidArgument, "variant '\(stray)', \(known.isEmpty ? "this format has none" : "expected \(known)")")
        }
        profile = data.profile ?? format.defaults.profile
        try profile.validate()
        switch profile {
        // Shapes the selection from a pool, which has all classes alike.
        case .pareto: sizes = [Int](repeating: images, count: classes)
        default: sizes = profile.sizes(classes: classes, largest: Double(images))
        }
        if let empty = sizes.firstIndex(of: 0) {
            throw LTError(
                .invalidArgument, "the profile leaves class \(empty) of \(classes) without images",
                hint: "more images, or a milder imbalance")
        }
        let (total, overflow) = classes.multipliedReportingOverflow(by: max(images, testImages))
        guard !overflow, total <= 20_000_000 else {
            throw LTError(.invalidArgument, "\(classes) classes of \(max(images, testImages)) images")
        }
        kinds = SyntheticKind.list(classes)
        // Outlines alone do not tell more classes than there are outlines.
        habits = kinds.count > 48 ? SyntheticHabits(texture: 1, hue: 1) : SyntheticHabits(texture: 0.9, hue: 0.9)
        variants = data.variants
        seed = data.seed
        self.progress = progress
        folder = try SyntheticFolder(root: root, targets: format.targets(data.variants))
    }

    /// Class of each image of a split, in random order. `split` numbers the splits: 1 for training.
    func labels(_ counts: [Int], split: UInt64) -> [Int] {
        var generator = SeededGenerator(seed: seed, index: 0x5B11 + split)
        return generator.shuffled(counts.enumerated().flatMap { [Int](repeating: $0.offset, count: $0.element) })
    }
    /// The same number of images of every class.
    func balanced(_ count: Int, split: UInt64) -> [Int] {
        labels([Int](repeating: count, count: kinds.count), split: split)
    }

    /// Runs `body` for every image of a split on all cores, with a generator of its own each.
    func each<Value: Sendable>(
        _ count: Int, split: UInt64, _ body: @Sendable (Int, inout SeededGenerator) throws(LTError) -> Value
    ) throws(LTError) -> [Value] {
        try ParallelResults.of(count) { index throws(LTError) in
            var generator = SeededGenerator(seed: seed, index: split << 40 | UInt64(index))
            let value = try body(index, &generator)
            progress(done.next())
            return value
        }
    }

    /// A picture of one object of a class: place, size, turn, colours, texture and background vary.
    func picture(_ label: Int, _ generator: inout SeededGenerator) throws(LTError) -> Image {
        try SyntheticScene(
            kinds: [label], family: kinds, habits: habits, width: side, height: side, scale: 1.5, generator: &generator
        ).image
    }

    /// A picture of objects of several classes.
    func scene(_ labels: [Int], _ generator: inout SeededGenerator) throws(LTError) -> SyntheticScene {
        let width = Int(generator.uniform(0.875...1.25) * Double(side))
        let height = Int(generator.uniform(0.875...1.25) * Double(side))
        return try SyntheticScene(
            kinds: labels, family: kinds, habits: habits, width: max(32, width), height: max(32, height),
            generator: &generator)
    }

    /// Classes of each image of a split of images with several classes: each led by one kind.
    func plan(_ leads: [Int], split: UInt64) -> [[Int]] {
        let affinity = LabelPlan.affinity(kinds: kinds.count, seed: seed)
        var generator = SeededGenerator(seed: seed, index: 0x91A2 + split)
        // Companions come from the frequent classes, so that rare ones stay rare.
        let popularity = sizes.map { pow(Double($0), 1.5) }
        return LabelPlan(
            leads: leads, minimum: 0, popularity: popularity, affinity: affinity, generator: &generator
        ).images
    }

    /// One line of a result.
    func split(_ name: String, _ labels: [[Int]]) -> SyntheticSet.Split {
        var counts = [Int](repeating: 0, count: kinds.count)
        for label in labels.joined() { counts[label] += 1 }
        return SyntheticSet.Split(
            name: name, images: labels.count, labels: counts.reduce(0, +),
            positives: (counts.min() ?? 0)...(counts.max() ?? 0))
    }
    func split(_ name: String, _ labels: [Int]) -> SyntheticSet.Split { split(name, labels.map { [$0] }) }

    /// A path below the root, as a recipe beside it would say.
    func place(_ path: String) -> String { folder.root == "." ? path : "\(folder.root)/\(path)" }

    /// A whole number with leading zeros.
    static func digits(_ number: Int, _ count: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, count - text.count)) + text
    }
    /// WordNet-like name of a class, as ImageNet's folders have.
    static func wordNetID(_ label: Int) -> String { "n" + digits(1_440_764 + 17 * label, 8) }
}
