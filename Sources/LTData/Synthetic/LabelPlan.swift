// LabelPlan: which kinds each synthetic image shows: a long-tailed training split with exact counts, and splits in which
// every kind has enough positives to measure.

import LTCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

struct LabelPlan {
    /// For each image the kinds it shows.
    let images: [[Int]]

    /// How readily kinds appear together: symmetric, log-normal, the same for all splits of a seed.
    static func affinity(kinds: Int, seed: UInt64) -> [[Double]] {
        var generator = SeededGenerator(seed: seed, index: 0xAFF1)
        var table = [[Double]](repeating: [Double](repeating: 1, count: kinds), count: kinds)
        for a in 0..<kinds {
            for b in 0...a {
                let value = exp(0.8 * generator.normal())
                table[a][b] = value
                table[b][a] = value
            }
        }
        return table
    }

    /// A training split in which kind k appears in exactly `counts[k]` images and `sizes[i]` kinds appear in image i.
    /// Kinds are placed from rare to frequent, into images whose kinds they like.
    /// - Throws: `invalidArgument` when the numbers cannot be met.
    init(
        counts: [Int], sizes: [Int], affinity: [[Double]], generator: inout SeededGenerator
    ) throws(LTError) {
        guard counts.reduce(0, +) == sizes.reduce(0, +) else {
            throw LTError(.invalidArgument, "\(counts.reduce(0, +)) labels for \(sizes.reduce(0, +)) places in images")
        }
        var room = generator.shuffled(sizes)
        var images = [[Int]](repeating: [], count: sizes.count)
        let order = counts.indices.sorted { (counts[$0], $0) < (counts[$1], $1) }
        for (position, kind) in order.enumerated() {
            let left = order.count - position
            // An image with as much room as kinds are left must take each of them.
            var keyed: [(key: Double, image: Int)] = []
            for image in images.indices where room[image] > 0 {
                var weight = Double(room[image] * room[image])
                for other in images[image] { weight *= affinity[kind][other] }
                let key = room[image] >= left ? -1 : -log(1 - generator.uniform()) / weight
                keyed.append((key, image))
            }
            keyed.sort { ($0.key, $0.image) < ($1.key, $1.image) }
            guard keyed.count >= counts[kind], keyed.filter({ $0.key < 0 }).count <= counts[kind] else {
                throw LTError(.invalidArgument, "kind \(kind) cannot be placed in \(counts[kind]) images")
            }
            for (_, image) in keyed.prefix(counts[kind]) {
                images[image].append(kind)
                room[image] -= 1
            }
        }
        guard room.allSatisfy({ $0 == 0 }) else {
            throw LTError(.invalidArgument, "the training counts leave images without a kind")
        }
        self.images = images.map { generator.shuffled($0) }
    }

    /// A split of `count` images led by each kind in turn, with 0 to 4 companions, in which every kind has at least
    /// `minimum` images. `popularity[k]` weighs how often kind k is a companion.
    init(
        count: Int, minimum: Int, popularity: [Double], affinity: [[Double]], generator: inout SeededGenerator
    ) {
        self.init(
            leads: (0..<count).map { $0 % popularity.count }, minimum: minimum, popularity: popularity,
            affinity: affinity, generator: &generator)
    }

    /// The same with a given leading kind of each image.
    init(
        leads: [Int], minimum: Int, popularity: [Double], affinity: [[Double]], generator: inout SeededGenerator
    ) {
        let kinds = popularity.count
        var images: [[Int]] = []
        for lead in leads {
            var shown = [lead]
            let draw = generator.uniform()
            let companions = [0.12, 0.42, 0.72, 0.92].firstIndex { draw < $0 } ?? 4
            while shown.count < min(kinds, companions + 1) {
                let weights = (0..<kinds).map { kind in
                    shown.contains(kind) ? 0 : shown.reduce(popularity[kind]) { $0 * affinity[kind][$1] }
                }
                var rest = generator.uniform() * weights.reduce(0, +)
                let picked = weights.firstIndex { weight in
                    rest -= weight
                    return rest < 0
                }
                shown.append(picked ?? weights.firstIndex { $0 > 0 } ?? 0)
            }
            images.append(shown)
        }
        for kind in 0..<kinds {
            var missing = minimum - images.count { $0.contains(kind) }
            for image in generator.shuffled(Array(images.indices)) where missing > 0 {
                guard images[image].count < 5, !images[image].contains(kind) else { continue }
                images[image].append(kind)
                missing -= 1
            }
        }
        self.images = images.map { generator.shuffled($0) }
    }
}
