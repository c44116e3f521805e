// LongTail: makes a long-tailed set out of a larger one: class sizes by an `ImbalanceProfile`, and a rule that says which
// images are kept and in which order. Selections of the first two rules are those of the published code, index by index.

import LTCore
import LTDecision

/// How a long-tailed set is drawn from a larger one.
public struct LongTail: Sendable, Equatable {
    /// Which images of a class are kept.
    public enum Selection: Sendable, Equatable {
        /// LDAM, IB: class by class in ascending order, each class's images shuffled by one NumPy generator, the first n.
        case shuffled(seed: UInt32)
        /// CDB: class by class, the first n in file order.
        case first
        /// DB, for images with several classes; see `Dataset.cooccurring`.
        case cooccurring(seed: UInt64)
        /// Those that a list names, in its order; the profile plays no part. See `Dataset.positions(of:)`.
        case listed([String])
    }

    public var profile: ImbalanceProfile
    public var selection: Selection

    public init(_ profile: ImbalanceProfile, _ selection: Selection) {
        self.profile = profile
        self.selection = selection
    }
}

extension Dataset {
    /// The long-tailed part of this set, in the selection's order. Training counts (and LVIS's frequencies, where the
    /// set has them) become its own.
    /// - Throws: `invalidArgument` when the set does not suit the selection or a class is left without images.
    public func longTailed(_ options: LongTail) throws(LTError) -> Dataset {
        var result = subset(try selected(options))
        for (index, count) in result.imageCounts.enumerated() {
            result.categories[index].trainCount = count
            if result.categories[index].frequency != nil {
                result.categories[index].frequency = FrequencyGroups.lvis.name(ofCount: count)
            }
        }
        return result
    }

    /// Positions in `images` of the long-tailed part, in order.
    /// - Throws: `invalidArgument` when the set does not suit the selection or a class is left without images.
    public func selected(_ options: LongTail) throws(LTError) -> [Int] {
        if case .listed(let names) = options.selection { return try positions(of: names) }
        return try within("long-tailed part of \(source)") { () throws(LTError) in
            try options.profile.validate()
            let pool = try pool(options)
            let largest = balancedSize(pool)
            let chosen: [Int]
            switch options.selection {
            case .listed: chosen = []
            case .cooccurring(let seed):
                chosen = cooccurring(
                    options.profile.sizes(classes: categories.count, largest: largest), pool: pool, seed: seed)
            case .shuffled(let seed):
                var generator = MersenneTwister(seed: seed)
                let sizes = options.profile.sizes(classes: categories.count, largest: largest)
                chosen = zip(pool, sizes).flatMap { images, size in
                    var order = images
                    generator.shuffle(&order)
                    return order.prefix(size)
                }
            case .first:
                let sizes = options.profile.sizes(classes: categories.count, largest: largest.rounded(.down))
                // The balanced case keeps everything, also where classes differ.
                chosen = zip(pool, sizes).flatMap { options.profile.isBalanced ? $0[...] : $0.prefix($1) }
            }
            try requireEachCategory(in: chosen)
            return chosen
        }
    }

    /// For each category the positions of its images, ascending.
    private func pool(_ options: LongTail) throws(LTError) -> [[Int]] {
        if case .cooccurring = options.selection {
        } else if let image = images.first(where: { $0.labels.count != 1 }) {
            throw LTError(
                .invalidArgument, "image \(image.id) has \(image.labels.count) classes, expected one for each image",
                hint: "the Pareto profile draws from images with several classes")
        }
        try requireImagesOfEachCategory()
        var pool = [[Int]](repeating: [], count: categories.count)
        for (position, image) in images.enumerated() { for label in image.labels { pool[label].append(position) } }
        return pool
    }

    /// Images per class if the pool were balanced.
    private func balancedSize(_ pool: [[Int]]) -> Double {
        Double(pool.reduce(0) { $0 + $1.count }) / Double(max(1, categories.count))
    }

    private func requireEachCategory(in chosen: [Int]) throws(LTError) {
        var counts = [Int](repeating: 0, count: categories.count)
        for position in chosen { for label in images[position].labels { counts[label] += 1 } }
        let empty = zip(categories, counts).filter { $0.1 == 0 }.map(\.0.name)
        guard empty.isEmpty else {
            throw LTError(
                .invalidArgument,
                "the profile leaves \(empty.count) of \(categories.count) classes without images: "
                    + Self.listed(empty),
                hint: "choose a milder imbalance, or a larger set")
        }
    }
}
