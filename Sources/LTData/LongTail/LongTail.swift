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

    /// Which part of the set is meant.
    public enum Part: String, CaseIterable, Sendable {
        case train
        /// The images of `heldOut`, class by class.
        case heldOut = "held-out"
    }

    public var profile: ImbalanceProfile
    public var selection: Selection
    /// The last images of each class in file order that stay out of the pool, for validation (CDB: 25).
    public var heldOut: Int
    public var part: Part

    public init(_ profile: ImbalanceProfile, _ selection: Selection, heldOut: Int = 0, part: Part = .train) {
        self.profile = profile
        self.selection = selection
        self.heldOut = heldOut
        self.part = part
    }
}

extension Dataset {
    /// The long-tailed part of this set, in the selection's order. Training counts (and LVIS's frequencies, where the
    /// set has them) become those of the training part.
    /// - Throws: `invalidArgument` when the set does not suit the selection or a class is left without images.
    public func longTailed(_ options: LongTail) throws(LTError) -> Dataset {
        let chosen = try selected(options, part: .train)
        let train = subset(chosen)
        var result = options.part == .train ? train : subset(try selected(options, part: .heldOut))
        for (index, count) in train.imageCounts.enumerated() {
            result.categories[index].trainCount = count
            if result.categories[index].frequency != nil {
                result.categories[index].frequency = FrequencyGroups.lvis.name(ofCount: count)
            }
        }
        return result
    }

    /// Positions in `images` of a part of the long-tailed set, in order.
    /// - Throws: `invalidArgument` when the set does not suit the selection or a class is left without images.
    public func selected(_ options: LongTail, part: LongTail.Part) throws(LTError) -> [Int] {
        try within("long-tailed part of \(source)") { () throws(LTError) in
            try options.profile.validate()
            let pools = try pools(options)
            guard part == .train else { return pools.heldOut.flatMap { $0 } }
            let chosen: [Int]
            switch options.selection {
            case .listed(let names): chosen = try positions(of: names)
            case .cooccurring(let seed):
                let sizes = options.profile.sizes(classes: categories.count, largest: balancedSize(pools.train))
                chosen = cooccurring(sizes, pool: pools.train, seed: seed)
            case .shuffled(let seed):
                var generator = MersenneTwister(seed: seed)
                let sizes = options.profile.sizes(classes: categories.count, largest: balancedSize(pools.train))
                chosen = zip(pools.train, sizes).flatMap { pool, size in
                    var order = pool
                    generator.shuffle(&order)
                    return order.prefix(size)
                }
            case .first:
                let largest = balancedSize(pools.train).rounded(.down)
                let sizes = options.profile.sizes(classes: categories.count, largest: largest)
                // The balanced case keeps everything, also where classes differ.
                chosen = zip(pools.train, sizes).flatMap { options.profile.isBalanced ? $0[...] : $0.prefix($1) }
            }
            if case .listed = options.selection { return chosen }
            try requireEachCategory(in: chosen, options)
            return chosen
        }
    }

    private struct Pools {
        /// For each category the positions of its images, ascending.
        var train: [[Int]]
        var heldOut: [[Int]]
    }

    private func pools(_ options: LongTail) throws(LTError) -> Pools {
        var classes = [[Int]](repeating: [], count: categories.count)
        for (position, image) in images.enumerated() { for label in image.labels { classes[label].append(position) } }
        if case .listed = options.selection, options.part == .train, options.heldOut == 0 {
            return Pools(train: classes, heldOut: [])
        }
        let needsSingle =
            if case .cooccurring = options.selection { options.heldOut > 0 } else { true }
        if needsSingle, let image = images.first(where: { $0.labels.count != 1 }) {
            throw LTError(
                .invalidArgument, "image \(image.id) has \(image.labels.count) classes, expected one for each image",
                hint: "the Pareto profile draws from images with several classes")
        }
        guard options.heldOut > 0 || options.part == .train else {
            throw LTError(
                .invalidArgument, "the held-out part of a set that holds nothing out",
                hint: "say how many images of each class stay out of training")
        }
        try requireImagesOfEachCategory()
        if let scarce = classes.firstIndex(where: { $0.count <= options.heldOut }) {
            throw LTError(
                .invalidArgument,
                "class \(categories[scarce].name) has \(classes[scarce].count) images, expected more "
                    + "than the \(options.heldOut) that are held out")
        }
        return Pools(
            train: classes.map { Array($0.dropLast(options.heldOut)) },
            heldOut: classes.map { Array($0.suffix(options.heldOut)) })
    }

    /// Images per class if the pool were balanced.
    private func balancedSize(_ pool: [[Int]]) -> Double {
        Double(pool.reduce(0) { $0 + $1.count }) / Double(max(1, categories.count))
    }

    private func requireEachCategory(in chosen: [Int], _ options: LongTail) throws(LTError) {
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
