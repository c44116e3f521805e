// MultilabelRanking: what the ranking metrics need of a group of classes, computed once. Every class is sorted once over
// the images and every image once over the classes, in parallel; groups and total are put together from these. Columns
// are gathered a few at a time, so memory beyond the scores is some tens of megabytes.

/// The rankings of a group of classes over all images.
public struct MultilabelRanking: Sendable {
    /// One class over the images.
    public struct Class: Sendable {
        public var positives: Int
        public var averagePrecision: Double
        public var vocAveragePrecision11: Double?
        public var vocAveragePrecision: Double?
        public var rocAUC: Double?
        var interpolatedPrecision: InterpolatedPrecision
    }

    /// What is computed beside the classes' own rankings.
    struct Parts: OptionSet, Sendable {
        let rawValue: Int
        /// Of each image over the classes.
        static let images = Parts(rawValue: 1)
        /// Of all pairs.
        static let pooled = Parts(rawValue: 2)
        static let all: Parts = [.images, .pooled]
    }

    public internal(set) var rowCount: Int
    /// In the order of the group.
    public internal(set) var classes: [Class]
    var images = ImageRankings()
    /// AP of all pairs in one ranking; `nil` for a group without classes.
    public internal(set) var pooledAveragePrecision: Double?
}

extension MultilabelPredictions {
    /// The rankings of all classes.
    public var ranking: MultilabelRanking { rankings(ofGroups: []).total }

    /// The average precision of each class.
    public var classAveragePrecision: [Double] { classRankings().map(\.averagePrecision) }

    /// The rankings of groups of classes, each as if the others were not there, and of all classes.
    /// - Parameter groups: positions of classes; no class is in two groups.
    public func rankings(ofGroups groups: [[Int]]) -> (groups: [MultilabelRanking], total: MultilabelRanking) {
        rankings(ofGroups: groups, parts: .all)
    }

    /// - Parameter parts: what is not asked for is left empty.
    func rankings(
        ofGroups groups: [[Int]], parts: MultilabelRanking.Parts
    ) -> (groups: [MultilabelRanking], total: MultilabelRanking) {
        let partition = ClassPartition(groups, classCount: classCount)
        let classes = classRankings()
        let none = groups.count + 1
        var images =
            parts.contains(.images)
            ? imageRankings(partition) : [ImageRankings](repeating: ImageRankings(), count: none)
        let pooled =
            parts.contains(.pooled)
            ? pooledAveragePrecision(partition) : [Double?](repeating: nil, count: none)
        let all = MultilabelRanking(
            rowCount: rowCount, classes: classes, images: images.removeLast(),
            pooledAveragePrecision: pooled.last ?? nil
        )
        let own = groups.indices.map { group in
            MultilabelRanking(
                rowCount: rowCount, classes: groups[group].map { classes[$0] }, images: images[group],
                pooledAveragePrecision: pooled[group])
        }
        return (own, all)
    }

    /// Every class ranked over the images.
    func classRankings() -> [MultilabelRanking.Class] {
        // Neighbouring columns share cache lines; what is gathered of them stays within some megabytes.
        let width = max(4, min(32, (1 << 21) / max(rowCount, 1)))
        let blocks = (classCount + width - 1) / width
        return parallelMap(blocks) { block -> [MultilabelRanking.Class] in
            var columns = ColumnRanking(rowCount: rowCount, width: width)
            let own = block * width..<min((block + 1) * width, classCount)
            columns.gather(own, of: self)
            return own.indices.map { index in
                columns.rank(index - own.lowerBound)
                let ranked = columns.ranked
                return MultilabelRanking.Class(
                    positives: ranked.positives, averagePrecision: ranked.averagePrecision,
                    vocAveragePrecision11: ranked.vocAveragePrecision11,
                    vocAveragePrecision: ranked.vocAveragePrecision, rocAUC: ranked.rocAUC,
                    interpolatedPrecision: InterpolatedPrecision(ranked))
            }
        }.flatMap { $0 }
    }

    /// Every image sorted over the classes: sums per group, then over all classes.
    func imageRankings(_ partition: ClassPartition) -> [ImageRankings] {
        let rows = stripes(rowCount)
        let partial = parallelMap(rows.count) { stripe -> [ImageRankings] in
            var sums = [ImageRankings](repeating: ImageRankings(), count: partition.sizes.count + 1)
            let sorter = RadixSorter(capacity: classCount)
            // The sorted row again, group by group.
            let split = UnsafeMutablePointer<UInt64>.allocate(capacity: classCount)
            defer { split.deallocate() }
            var ranked = RankedPositives()
            var next = partition.starts
            for row in rows[stripe] {
                let start = row * classCount
                for index in 0..<classCount {
                    sorter.items[index] =
                        UInt64(descendingKey(scores[start + index])) << 32
                        | UInt64(truncatingIfNeeded: partition.groupOf[index]) << 1 | (labels[start + index] ? 1 : 0)
                }
                sorter.sort(classCount)
                ranked.read(sorter.items, classCount)
                sums[partition.sizes.count].add(ranked)
                guard !partition.sizes.isEmpty else { continue }
                for group in next.indices { next[group] = partition.starts[group] }
                for position in 0..<classCount {
                    let item = sorter.items[position]
                    let group = Int(truncatingIfNeeded: (item & 0xFFFF_FFFF) >> 1)
                    split[next[group]] = item
                    next[group] += 1
                }
                for (group, size) in partition.sizes.enumerated() where size > 0 {
                    ranked.read(split + partition.starts[group], size)
                    sums[group].add(ranked)
                }
            }
            return sums
        }
        return partial.dropFirst().reduce(into: partial[0]) { sums, part in
            for group in sums.indices { sums[group] += part[group] }
        }
    }
}

/// Groups of classes as a column index: which group each class is in.
struct ClassPartition: Sendable {
    /// For each class its group; the number of groups for a class in none.
    let groupOf: [Int]
    /// Classes in each group.
    let sizes: [Int]
    /// Where each group begins when all classes lie group by group; then where those in none begin.
    let starts: [Int]

    init(_ groups: [[Int]], classCount: Int) {
        var groupOf = [Int](repeating: groups.count, count: classCount)
        for (group, classes) in groups.enumerated() {
            for index in classes {
                precondition(groupOf[index] == groups.count, "a class in two groups")
                groupOf[index] = group
            }
        }
        self.groupOf = groupOf
        sizes = groups.map(\.count)
        var starts = [0]
        for size in sizes { starts.append(starts[starts.count - 1] + size) }
        self.starts = starts
    }
}
