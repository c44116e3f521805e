// The micro average precision: all (image, class) pairs in one ranking, for every group of classes and for all at once.
// Sorting all pairs would take several times the memory of the scores. So pairs are counted by the upper half of their
// scores' keys (65,536 buckets); then slices of neighbouring buckets are gathered and sorted one after the other, each
// knowing from the counts what ranks before it. Ties: as in AveragePrecision.swift.

extension MultilabelPredictions {
    /// AP of all pairs of each group, then of all classes; `nil` for a group without classes.
    func pooledAveragePrecision(_ partition: ClassPartition) -> [Double?] {
        let groups = partition.sizes.count
        guard groups < 16 else {
            // More groups than any rule has: one by one, so that the counters stay small.
            return (0..<groups).map { group in
                let classes = partition.groupOf.indices.filter { partition.groupOf[$0] == group }
                return classes.isEmpty
                    ? nil
                    : selecting(classes: classes).pooledAveragePrecision(ClassPartition([], classCount: classes.count))[
                        0]
            } + pooledAveragePrecision(ClassPartition([], classCount: classCount))
        }
        // Of each bucket: pairs of each group (and of none) without and with label.
        let width = 2 * (groups + 1)
        let counts = bucketCounts(partition, width)
        var total = PairCounts(groups: groups)
        var slices: [Slice] = []
        let most = max(1 << 22, scores.count / 6)
        var next = Slice(before: total)
        for bucket in 0..<1 << 16 {
            let own = counts[bucket * width..<(bucket + 1) * width]
            let size = own.reduce(0, +)
            guard size > 0 else { continue }
            if next.size > 0, next.size + size > most {
                slices.append(next)
                next = Slice(before: total)
            }
            if next.size == 0 { next.buckets = bucket..<bucket }
            while next.sizes.count < bucket - next.buckets.lowerBound { next.sizes.append(0) }
            next.buckets = next.buckets.lowerBound..<bucket + 1
            next.sizes.append(size)
            next.size += size
            for (index, count) in own.enumerated() { total.add(group: index >> 1, label: index & 1, count) }
        }
        slices.append(next)
        let positives = total.hits
        let areas = parallelMap(slices.count) { [slices] slice in
            slices[slice].size > most
                ? countedArea(of: slices[slice], partition, positives)
                : sortedArea(of: slices[slice], partition, positives)
        }
        return (0...groups).map { group in
            guard group == groups ? classCount > 0 : partition.sizes[group] > 0 else { return nil }
            return areas.reduce(0) { $0 + $1[group] }
        }
    }

    private func bucketCounts(_ partition: ClassPartition, _ width: Int) -> [Int] {
        let rows = stripes(rowCount, parts: 8)
        let partial = parallelMap(rows.count) { stripe -> [Int] in
            var counts = [Int](repeating: 0, count: width << 16)
            counts.withUnsafeMutableBufferPointer { counts in
                forEachRow(rows[stripe], partition) { scores, payload in
                    for column in 0..<classCount {
                        let bucket = Int(descendingKey(scores[column]) >> 16)
                        counts[bucket &* width &+ Int(payload(column))] &+= 1
                    }
                }
            }
            return counts
        }
        return partial.dropFirst().reduce(into: partial[0]) { sum, part in
            for index in sum.indices { sum[index] += part[index] }
        }
    }

    /// Calls `body` with the scores of each row and what gives a column's group · 2 + label.
    @inline(__always)
    private func forEachRow(
        _ rows: Range<Int>, _ partition: ClassPartition,
        _ body: (_ scores: UnsafePointer<Float>, _ payload: (Int) -> UInt32) -> Void
    ) {
        let groupBits = partition.groupOf.map { UInt32($0) << 1 }
        scores.withUnsafeBufferPointer { scores in
            labels.withUnsafeBytes { labels in
                groupBits.withUnsafeBufferPointer { groupBits in
                    for row in rows {
                        let start = row &* classCount
                        body(scores.baseAddress! + start) { groupBits[$0] | UInt32(labels[start &+ $0]) }
                    }
                }
            }
        }
    }

    /// The areas that a slice adds, by sorting its pairs: into buckets first, then each bucket by the lower half.
    private func sortedArea(of slice: Slice, _ partition: ClassPartition, _ positives: [Int]) -> [Double] {
        let items = UnsafeMutablePointer<UInt32>.allocate(capacity: slice.size)
        let columns = UnsafeMutablePointer<UInt32>.allocate(capacity: classCount + 1)
        let largest = slice.sizes.max() ?? 0
        let scratch = UnsafeMutablePointer<UInt32>.allocate(capacity: largest)
        defer {
            items.deallocate()
            columns.deallocate()
            scratch.deallocate()
        }
        var starts: [Int] = []
        var sum = 0
        for size in slice.sizes {
            starts.append(sum)
            sum += size
        }
        let first = UInt32(slice.buckets.lowerBound)
        let span = UInt32(slice.buckets.count)
        starts.withUnsafeMutableBufferPointer { next in
            forEachRow(0..<rowCount, partition) { scores, payload in
                var found = 0
                for column in 0..<classCount {
                    columns[found] = UInt32(truncatingIfNeeded: column)
                    found &+= (descendingKey(scores[column]) >> 16) &- first < span ? 1 : 0
                }
                for index in 0..<found {
                    let column = Int(columns[index])
                    let key = descendingKey(scores[column])
                    let bucket = Int(key >> 16 &- first)
                    items[next[bucket]] = key << 16 | payload(column)
                    next[bucket] &+= 1
                }
            }
        }
        var counts = slice.before
        var area = PooledArea(positives, before: slice.before)
        var start = 0
        for size in slice.sizes where size > 0 {
            let own = items + start
            sortByUpperHalf(own, size, scratch)
            var position = 0
            while position < size {
                let run = own[position] >> 16
                area.begin()
                while position < size, own[position] >> 16 == run {
                    let payload = Int(own[position] & 0xFFFF)
                    counts.add(group: payload >> 1, label: payload & 1, 1)
                    if payload & 1 == 1 { area.mark(payload >> 1) }
                    position &+= 1
                }
                area.end(counts)
            }
            start += size
        }
        return area.sums
    }

    /// The same for a slice of one bucket too large to gather (most scores alike): its lower halves are counted.
    private func countedArea(of slice: Slice, _ partition: ClassPartition, _ positives: [Int]) -> [Double] {
        let width = 2 * (partition.sizes.count + 1)
        let bucket = UInt32(slice.buckets.lowerBound)
        var cells = [Int](repeating: 0, count: width << 16)
        cells.withUnsafeMutableBufferPointer { cells in
            forEachRow(0..<rowCount, partition) { scores, payload in
                for column in 0..<classCount {
                    let key = descendingKey(scores[column])
                    if key >> 16 == bucket { cells[Int(key & 0xFFFF) &* width &+ Int(payload(column))] &+= 1 }
                }
            }
        }
        var counts = slice.before
        var area = PooledArea(positives, before: slice.before)
        for key in 0..<1 << 16 {
            area.begin()
            for payload in 0..<width {
                let count = cells[key * width + payload]
                guard count > 0 else { continue }
                counts.add(group: payload >> 1, label: payload & 1, count)
                if payload & 1 == 1 { area.mark(payload >> 1) }
            }
            area.end(counts)
        }
        return area.sums
    }
}

/// Neighbouring buckets.
private struct Slice: Sendable {
    /// What ranks before the slice.
    var before: PairCounts
    var buckets = 0..<0
    /// Pairs in each bucket, and in all.
    var sizes: [Int] = []
    var size = 0

    init(before: PairCounts) { self.before = before }
}

/// Pairs and positives down to some rank, per group; the last is over all classes.
private struct PairCounts: Sendable {
    private(set) var seen: [Int]
    private(set) var hits: [Int]

    init(groups: Int) {
        seen = [Int](repeating: 0, count: groups + 1)
        hits = seen
    }

    /// - Parameter group: the last for classes in none.
    @inline(__always)
    mutating func add(group: Int, label: Int, _ count: Int) {
        let all = seen.count &- 1
        seen[all] &+= count
        hits[all] &+= count &* label
        if group < all {
            seen[group] &+= count
            hits[group] &+= count &* label
        }
    }
}

/// The sum of the steps of AP, per group and over all classes, run by run.
private struct PooledArea {
    private(set) var sums: [Double]
    private let positives: [Int]
    private var hitsBefore: [Int]
    private var marked: UInt32 = 0

    /// - Parameters:
    ///   - positives: of the whole ranking.
    ///   - before: what ranks before the first run.
    init(_ positives: [Int], before: PairCounts) {
        self.positives = positives
        sums = [Double](repeating: 0, count: positives.count)
        hitsBefore = before.hits
    }

    @inline(__always)
    mutating func begin() { marked = 0 }

    /// The run has a positive of this group.
    @inline(__always)
    mutating func mark(_ group: Int) { marked |= 1 << UInt32(group) }

    @inline(__always)
    mutating func end(_ counts: borrowing PairCounts) {
        guard marked != 0 else { return }
        let all = positives.count - 1
        for group in 0..<positives.count where group == all || marked >> UInt32(group) & 1 == 1 {
            let (hits, count) = (counts.hits[group], Double(positives[group]))
            let step = Double(hits) / count - Double(hitsBefore[group]) / count
            sums[group] += step * (Double(hits) / Double(counts.seen[group]))
            hitsBefore[group] = hits
        }
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
        counts.update(repeating: 0)
        for position in 0..<count {
            let item = items[position]
            counts[Int(item >> 16 & 255)] &+= 1
            counts[256 &+ Int(item >> 24)] &+= 1
        }
        var (low, high) = (0, 0)
        for digit in 0..<256 {
            (counts[digit], low) = (low, low &+ counts[digit])
            (counts[256 &+ digit], high) = (high, high &+ counts[256 &+ digit])
        }
        for position in 0..<count {
            let item = items[position]
            let digit = Int(item >> 16 & 255)
            scratch[counts[digit]] = item
            counts[digit] &+= 1
        }
        for position in 0..<count {
            let item = scratch[position]
            let digit = 256 &+ Int(item >> 24)
            items[counts[digit]] = item
            counts[digit] &+= 1
        }
    }
}
