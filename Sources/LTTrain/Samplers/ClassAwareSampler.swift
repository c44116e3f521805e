// Class-aware sampling (Shen et al., ECCV 2016; as in the Distribution-Balanced code): classes take turns in a cycle that
// is shuffled anew each time, and each draws `samples_per_class` consecutive images from its own shuffled cycle. An epoch is
// ⌊max_c n_c · C / reduce⌋ draws.

import LTCore

public struct ClassAwareSampler: Sampler {
    public static let name = "class-aware"
    public static let summary = "classes take turns, each draws a few of its images"

    public let epochLength: Int
    private let samplesPerClass: Int
    private var classes: ShuffledCycle
    private var members: [ShuffledCycle]
    private var generator: SeededGenerator
    private var current = 0
    private var left = 0

    /// - Throws: `invalidArgument` naming a class without images.
    public init(_ data: SamplerData, samplesPerClass: Int = 3, reduce: Int = 4, seed: UInt64) throws(LTError) {
        guard samplesPerClass > 0, reduce > 0, !data.classNames.isEmpty else {
            throw LTError(
                .invalidArgument, "class-aware sampling needs classes and positive samples_per_class and reduce")
        }
        let lists = data.members
        for (name, list) in zip(data.classNames, lists) where list.isEmpty {
            throw LTError(
                .invalidArgument, "class '\(name)' is in no training image; class-aware sampling cannot draw it",
                hint: "drop the class from the annotations or give it an image")
        }
        self.samplesPerClass = samplesPerClass
        epochLength = max(1, (lists.map(\.count).max() ?? 0) * lists.count / reduce)
        classes = ShuffledCycle(Array(lists.indices))
        members = lists.map(ShuffledCycle.init)
        generator = SeededGenerator(seed: seed)
    }

    public init(_ section: RecipeSection, data: SamplerData, seed: UInt64) throws(LTError) {
        let samples = try section.int("samples_per_class", in: 1...10_000) ?? 3
        let reduce = try section.int("reduce", in: 1...1_000_000) ?? 4
        try section.finish()
        try self.init(data, samplesPerClass: samples, reduce: reduce, seed: seed)
    }

    public mutating func next() -> Int {
        if left == 0 {
            current = classes.next(&generator)
            left = samplesPerClass
        }
        left -= 1
        return members[current].next(&generator)
    }

    public mutating func skip(_ count: Int) {
        var todo = count
        while todo > 0 {
            if left == 0 {
                current = classes.next(&generator)
                left = samplesPerClass
            }
            let step = min(todo, left)
            members[current].skip(step, &generator)
            left -= step
            todo -= step
        }
    }
}
