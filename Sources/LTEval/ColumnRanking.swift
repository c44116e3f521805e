// ColumnRanking: ranks columns of a score matrix for their positives. Metrics look at positives only, and in long-tailed
// data they are few: items are counted by the upper half of their keys (65,536 buckets), and only buckets that hold a
// positive are sorted; of the others the number is enough.

/// Some neighbouring columns, one of them ranked at a time.
struct ColumnRanking: ~Copyable {
    /// The ranking of the last column.
    private(set) var ranked = RankedPositives()
    private let rowCount: Int
    /// Of each column its keys, then its labels.
    private let keys: UnsafeMutablePointer<UInt32>
    private let labels: UnsafeMutablePointer<UInt8>
    /// Items in each bucket.
    private let buckets: UnsafeMutablePointer<UInt32>
    /// Whether a bucket holds a positive.
    private let isSorted: UnsafeMutablePointer<Bool>
    private let sorter: RadixSorter

    init(rowCount: Int, width: Int) {
        self.rowCount = rowCount
        keys = .allocate(capacity: rowCount * width)
        labels = .allocate(capacity: rowCount * width)
        buckets = .allocate(capacity: 1 << 16)
        isSorted = .allocate(capacity: 1 << 16)
        isSorted.initialize(repeating: false, count: 1 << 16)
        sorter = RadixSorter(capacity: rowCount)
    }

    deinit {
        keys.deallocate()
        labels.deallocate()
        buckets.deallocate()
        isSorted.deallocate()
    }

    /// Takes columns from row-major order.
    func gather(_ columns: Range<Int>, of predictions: MultilabelPredictions) {
        let (rowCount, classCount, size) = (rowCount, predictions.classCount, columns.count)
        predictions.scores.withUnsafeBufferPointer { scores in
            predictions.labels.withUnsafeBytes { flags in
                var from = scores.baseAddress! + columns.lowerBound
                var flag = flags.baseAddress!.assumingMemoryBound(to: UInt8.self) + columns.lowerBound
                for row in 0..<rowCount {
                    var target = row
                    for column in 0..<size {
                        keys[target] = descendingKey(from[column])
                        labels[target] = flag[column]
                        target &+= rowCount
                    }
                    from += classCount
                    flag += classCount
                }
            }
        }
    }

    /// Ranks the column at this position among those gathered.
    mutating func rank(_ column: Int) {
        let keys = keys + column * rowCount
        let labels = labels + column * rowCount
        guard rowCount >= 1 << 14 else {
            for row in 0..<rowCount { sorter.items[row] = UInt64(keys[row]) &<< 32 | UInt64(labels[row]) }
            sorter.sort(rowCount)
            ranked.read(sorter.items, rowCount)
            return
        }
        ranked.removeAll()
        ranked.count = rowCount
        buckets.initialize(repeating: 0, count: 1 << 16)
        for row in 0..<rowCount { buckets[Int(keys[row] &>> 16)] &+= 1 }
        var hasPositives = false
        for row in 0..<rowCount where labels[row] != 0 {
            isSorted[Int(keys[row] &>> 16)] = true
            hasPositives = true
        }
        guard hasPositives else { return }
        var kept = 0
        for row in 0..<rowCount {
            sorter.items[kept] = UInt64(keys[row]) &<< 32 | UInt64(labels[row])
            kept &+= isSorted[Int(keys[row] &>> 16)] ? 1 : 0
        }
        sorter.sort(kept)
        var (position, before) = (0, 0)
        for bucket in 0..<1 << 16 {
            let size = Int(buckets[bucket])
            if isSorted[bucket] {
                ranked.append(sorter.items + position, size, above: before)
                position += size
                isSorted[bucket] = false
            }
            before += size
        }
    }
}
