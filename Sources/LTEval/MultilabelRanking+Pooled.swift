// The micro average precision: all (image, class) pairs in one ranking, for every group of classes and for all at once.
// Sorting all pairs would take several times the memory of the scores. So pairs are counted by the upper half of their
// scores' keys (65,536 buckets); then neighbouring buckets, a quarter of all pairs at a time, are gathered and each is
// sorted by itself, knowing from the counts what ranks before it. Ties: as in AveragePrecision.swift.

extension MultilabelPredictions {
    /// AP of all pairs of each group, then of all classes; `nil` for a group without classes.
    func pooledAveragePrecision(_ partition: ClassPartition) -> [Double?] {
        let groups = partition.sizes.count
        // Few pairs are sorted outright. So are more groups than any rule has, that the counters stay small.
        guard scores.count > 1 << 17, groups < 16 else {
            return (0..<groups).map { group in
                let classes = partition.groupOf.indices.filter { partition.groupOf[$0] == group }
                let part = selecting(classes: classes)
                return classes.isEmpty ? nil : averagePrecision(scores: part.scores, labels: part.labels)
            } + [averagePrecision(scores: scores, labels: labels)]
        }
        let pairs = PooledPairs(self, partition)
        // What ranks before each bucket.
        var total = PairCounts(groups)
        var before: [PairCounts] = []
        before.reserveCapacity(1 << 16)
        for bucket in 0..<1 << 16 {
            before.append(total)
            let own = pairs.counts[bucket * pairs.width..<(bucket + 1) * pairs.width]
            for (payload, count) in own.enumerated() where count > 0 { total.add(payload, count) }
        }
        let positives = total
        var areas = [Double](repeating: 0, count: groups + 1)
        for slice in pairs.slices(most: max(1 << 22, scores.count / 4)) {
            let size = pairs.size(slice)
            let parts: [[Double]]
            if slice.count == 1, size > 1 << 16 {
                // Most scores are alike: there is nothing to sort, counting the lower halves is enough.
                let cells = pairs.countLowerHalves(of: slice.lowerBound)
                var area = PooledArea(positives, before: before[slice.lowerBound])
                for key in 0..<1 << 16 { area.add(counts: cells[key * pairs.width..<(key + 1) * pairs.width]) }
                parts = [area.sums]
            } else {
                let gathered = pairs.gather(slice)
                let bunches = stripes(slice.count, parts: 64, minimum: 1)
                parts = parallelMap(bunches.count) { [before] bunch in
                    let own =
                        slice.lowerBound + bunches[bunch].lowerBound..<slice.lowerBound + bunches[bunch].upperBound
                    return gathered.areas(of: own, before: before, positives)
                }
            }
            for part in parts { for group in areas.indices { areas[group] += part[group] } }
        }
        return (0...groups).map { group in
            (group == groups ? classCount : partition.sizes[group]) > 0 ? areas[group] : nil
        }
    }
}

/// All pairs of a score matrix, by the upper half of their keys. A pair's payload is group · 2 + label.
private struct PooledPairs: Sendable {
    let predictions: MultilabelPredictions
    /// group · 2 of each class.
    let groupBits: [UInt32]
    /// Payloads there are.
    let width: Int
    let rows: [Range<Int>]
    /// Of each bucket the pairs of each payload.
    let counts: [Int]
    /// Of each stripe of rows the pairs of each bucket.
    let sizes: [[UInt32]]

    init(_ predictions: MultilabelPredictions, _ partition: ClassPartition) {
        let groupBits = partition.groupOf.map { UInt32($0) << 1 }
        let width = 2 * (partition.sizes.count + 1)
        let rows = stripes(predictions.rowCount, parts: 8)
        let partial = parallelMap(rows.count) { stripe -> [UInt32] in
            var counts = [UInt32](repeating: 0, count: width << 16)
            counts.withUnsafeMutableBufferPointer { counts in
                Self.forEachRow(of: predictions, rows[stripe], groupBits) { scores, labels, groupBits in
                    for column in 0..<groupBits.count {
                        let bucket = Int(descendingKey(scores[column]) &>> 16)
                        let payload = Int(groupBits[column] | UInt32(labels[column]))
                        counts[bucket &* width &+ payload] &+= 1
                    }
                }
            }
            return counts
        }
        counts = (0..<width << 16).map { cell in partial.reduce(0) { $0 + Int($1[cell]) } }
        sizes = partial.map { counts in
            (0..<1 << 16).map { counts[$0 * width..<($0 + 1) * width].reduce(0, +) }
        }
        self.predictions = predictions
        self.groupBits = groupBits
        self.width = width
        self.rows = rows
    }

    @inline(__always)
    private static func forEachRow(
        of predictions: MultilabelPredictions, _ rows: Range<Int>, _ groupBits: [UInt32],
        _ body: (UnsafePointer<Float>, UnsafePointer<UInt8>, UnsafeBufferPointer<UInt32>) -> Void
    ) {
        let classCount = predictions.classCount
        predictions.scores.withUnsafeBufferPointer { scores in
            predictions.labels.withUnsafeBytes { labels in
                let labels = labels.baseAddress!.assumingMemoryBound(to: UInt8.self)
                groupBits.withUnsafeBufferPointer { groupBits in
                    for row in rows {
                        body(scores.baseAddress! + row * classCount, labels + row * classCount, groupBits)
                    }
                }
            }
        }
    }

    func size(_ buckets: Range<Int>) -> Int {
        counts[buckets.lowerBound * width..<buckets.upperBound * width].reduce(0, +)
    }

    /// Ranges of buckets with at most so many pairs, or of one bucket; those without pairs at the ends are left out.
    func slices(most: Int) -> [Range<Int>] {
        var slices: [Range<Int>] = []
        var (next, held) = (0..<0, 0)
        for bucket in 0..<1 << 16 {
            let own = size(bucket..<bucket + 1)
            guard own > 0 else { continue }
            if held > 0, held + own > most {
                slices.append(next)
                held = 0
            }
            next = held == 0 ? bucket..<bucket + 1 : next.lowerBound..<bucket + 1
            held += own
        }
        if held > 0 { slices.append(next) }
        return slices
    }

    /// The pairs of a slice, bucket by bucket: the key's lower half, then the payload.
    func gather(_ slice: Range<Int>) -> GatheredPairs {
        let items = UnsafeMutablePointer<UInt32>.allocate(capacity: size(slice))
        // Where each stripe of rows puts its pairs of each bucket.
        var starts: [Int] = [0]
        var next = rows.map { _ in [Int]() }
        for bucket in slice {
            var position = starts[starts.count - 1]
            for stripe in rows.indices {
                next[stripe].append(position)
                position += Int(sizes[stripe][bucket])
            }
            starts.append(position)
        }
        nonisolated(unsafe) let target = items
        let first = UInt32(slice.lowerBound)
        let span = UInt32(slice.count)
        _ = parallelMap(rows.count) { [next] stripe in
            var next = next[stripe]
            let found = UnsafeMutablePointer<UInt32>.allocate(capacity: groupBits.count + 1)
            defer { found.deallocate() }
            next.withUnsafeMutableBufferPointer { next in
                Self.forEachRow(of: predictions, rows[stripe], groupBits) { scores, labels, groupBits in
                    var count = 0
                    for column in 0..<groupBits.count {
                        found[count] = UInt32(truncatingIfNeeded: column)
                        count &+= (descendingKey(scores[column]) &>> 16) &- first < span ? 1 : 0
                    }
                    for index in 0..<count {
                        let column = Int(found[index])
                        let key = descendingKey(scores[column])
                        let bucket = Int(key &>> 16 &- first)
                        target[next[bucket]] = key &<< 16 | groupBits[column] | UInt32(labels[column])
                        next[bucket] &+= 1
                    }
                }
            }
        }
        return GatheredPairs(items: items, starts: starts, first: slice.lowerBound)
    }

    /// For each lower half of keys in a bucket, the pairs of each payload.
    func countLowerHalves(of bucket: Int) -> [Int] {
        let partial = parallelMap(rows.count) { stripe -> [UInt32] in
            var cells = [UInt32](repeating: 0, count: width << 16)
            cells.withUnsafeMutableBufferPointer { cells in
                Self.forEachRow(of: predictions, rows[stripe], groupBits) { scores, labels, groupBits in
                    for column in 0..<groupBits.count {
                        let key = descendingKey(scores[column])
                        guard key >> 16 == bucket else { continue }
                        cells[Int(key & 0xFFFF) &* width &+ Int(groupBits[column] | UInt32(labels[column]))] &+= 1
                    }
                }
            }
            return cells
        }
        return (0..<width << 16).map { cell in partial.reduce(0) { $0 + Int($1[cell]) } }
    }
}

/// The pairs of neighbouring buckets.
private final class GatheredPairs: @unchecked Sendable {
    private let items: UnsafeMutablePointer<UInt32>
    /// Where each bucket begins, and the end.
    private let starts: [Int]
    private let first: Int

    init(items: UnsafeMutablePointer<UInt32>, starts: [Int], first: Int) {
        self.items = items
        self.starts = starts
        self.first = first
    }

    deinit { items.deallocate() }

    /// What some buckets add to the areas, sorting each. Calls for different buckets may run at the same time.
    func areas(of buckets: Range<Int>, before: [PairCounts], _ positives: PairCounts) -> [Double] {
        let largest = buckets.map { starts[$0 - first + 1] - starts[$0 - first] }.max() ?? 0
        let scratch = UnsafeMutablePointer<UInt32>.allocate(capacity: max(largest, 1))
        defer { scratch.deallocate() }
        var area = PooledArea(positives, before: before[buckets.lowerBound])
        for bucket in buckets {
            let size = starts[bucket - first + 1] - starts[bucket - first]
            let own = items + starts[bucket - first]
            sortByUpperHalf(own, size, scratch)
            area.add(sorted: own, size)
        }
        return area.sums
    }
}

/// Pairs and positives down to some rank, per group; the last is over all classes.
private struct PairCounts: Sendable {
    var seen: [Int]
    var hits: [Int]

    init(_ groups: Int) {
        seen = [Int](repeating: 0, count: groups + 1)
        hits = seen
    }

    mutating func add(_ payload: Int, _ count: Int) {
        let (group, label, all) = (payload >> 1, payload & 1, seen.count - 1)
        seen[all] += count
        hits[all] += count * label
        if group < all {
            seen[group] += count
            hits[group] += count * label
        }
    }
}

/// The steps of AP, added up run by run, per group and over all classes.
private struct PooledArea {
    private(set) var sums: [Double]
    private let positives: [Int]
    private var counts: PairCounts

    /// - Parameters:
    ///   - positives: the whole ranking.
    ///   - before: what ranks before the first run.
    init(_ positives: PairCounts, before: PairCounts) {
        sums = [Double](repeating: 0, count: positives.hits.count)
        self.positives = positives.hits
        counts = before
    }

    /// Adds a run of equal scores by its pairs of each payload.
    mutating func add(counts run: ArraySlice<Int>) {
        let before = counts.hits
        for (payload, count) in zip(0..., run) where count > 0 { counts.add(payload, count) }
        for group in sums.indices where counts.hits[group] > before[group] {
            sums[group] += Self.step(before[group], counts.hits[group], counts.seen[group], positives[group])
        }
    }

    /// Adds pairs, sorted by their upper halves.
    mutating func add(sorted items: UnsafeMutablePointer<UInt32>, _ count: Int) {
        let all = positives.count - 1
        let positives = positives
        var (sums, counts) = (self.sums, self.counts)
        sums.withUnsafeMutableBufferPointer { sums in
            counts.seen.withUnsafeMutableBufferPointer { seen in
                counts.hits.withUnsafeMutableBufferPointer { hits in
                    var position = 0
                    while position < count {
                        let run = items[position] &>> 16
                        let start = position
                        var own = 0
                        while position < count, items[position] &>> 16 == run {
                            own &+= Int(items[position] & 1)
                            position &+= 1
                        }
                        for item in start..<position {
                            let group = Int(items[item] & 0xFFFF) &>> 1
                            seen[group] &+= group < all ? 1 : 0
                        }
                        seen[all] &+= position &- start
                        guard own > 0 else { continue }
                        var done: UInt32 = 0
                        for item in start..<position where items[item] & 1 == 1 {
                            let group = Int(items[item] & 0xFFFF) &>> 1
                            guard group < all, done >> UInt32(group) & 1 == 0 else { continue }
                            done |= 1 << UInt32(group)
                            let mark = items[item] & 0xFFFF
                            var hitsOfGroup = 0
                            for other in item..<position where items[other] & 0xFFFF == mark { hitsOfGroup &+= 1 }
                            sums[group] += Self.step(
                                hits[group], hits[group] &+ hitsOfGroup, seen[group], positives[group])
                            hits[group] &+= hitsOfGroup
                        }
                        sums[all] += Self.step(hits[all], hits[all] &+ own, seen[all], positives[all])
                        hits[all] &+= own
                    }
                }
            }
        }
        (self.sums, self.counts) = (sums, counts)
    }

    @inline(__always)
    private static func step(_ before: Int, _ after: Int, _ seen: Int, _ positives: Int) -> Double {
        let count = Double(positives)
        return (Double(after) / count - Double(before) / count) * (Double(after) / Double(seen))
    }
}

/// Sorts ascending by the upper 16 bits.
private func sortByUpperHalf(
    _ items: UnsafeMutablePointer<UInt32>, _ count: Int, _ scratch: UnsafeMutablePointer<UInt32>
) {
    guard count > 64 else {
        var small = UnsafeMutableBufferPointer(start: items, count: count)
        small.sort()
        return
    }
    withUnsafeTemporaryAllocation(of: Int.self, capacity: 512) { counts in
        let counts = counts.baseAddress!
        counts.initialize(repeating: 0, count: 512)
        for position in 0..<count {
            let item = items[position]
            counts[Int(item &>> 16 & 255)] &+= 1
            counts[256 &+ Int(item &>> 24)] &+= 1
        }
        var (low, high) = (0, 0)
        for digit in 0..<256 {
            (counts[digit], low) = (low, low &+ counts[digit])
            (counts[256 &+ digit], high) = (high, high &+ counts[256 &+ digit])
        }
        for position in 0..<count {
            let item = items[position]
            let digit = Int(item &>> 16 & 255)
            scratch[counts[digit]] = item
            counts[digit] &+= 1
        }
        for position in 0..<count {
            let item = scratch[position]
            let digit = 256 &+ Int(item &>> 24)
            items[counts[digit]] = item
            counts[digit] &+= 1
        }
    }
}
