// Ranking: the one order by score that every ranking metric uses: descending, equal scores in the order of their
// positions. Items are 64-bit integers, a key of the score above and 32 bits of the caller's below, sorted by the key
// alone with a stable radix sort, so that a metric's walk touches one array.

/// The score's bits mapped so that integers ascend where finite scores descend; −0 and 0 are equal.
@inline(__always)
func descendingKey(_ score: Float) -> UInt32 {
    let bits = (score + 0).bitPattern
    return bits >> 31 == 1 ? bits : bits ^ 0x7FFF_FFFF
}

/// Memory for sorting up to `capacity` items of which each has its key in the upper 32 bits.
struct RadixSorter: ~Copyable {
    let items: UnsafeMutablePointer<UInt64>
    private let scratch: UnsafeMutablePointer<UInt64>
    private let counts: UnsafeMutablePointer<Int>
    private static let widest = 11

    init(capacity: Int) {
        items = .allocate(capacity: max(capacity, 1))
        scratch = .allocate(capacity: max(capacity, 1))
        counts = .allocate(capacity: 4 << Self.widest)
    }

    deinit {
        items.deallocate()
        scratch.deallocate()
        counts.deallocate()
    }

    /// Sorts the first `count` of `items`, ascending by key, stable.
    func sort(_ count: Int) { sort(items, count) }

    /// Sorts other memory than `items`; `count` is at most the capacity.
    func sort(_ items: UnsafeMutablePointer<UInt64>, _ count: Int) {
        if count <= 32 {
            for end in stride(from: 1, to: count, by: 1) {
                let item = items[end]
                var position = end
                while position > 0, items[position &- 1] >> 32 > item >> 32 {
                    items[position] = items[position &- 1]
                    position &-= 1
                }
                items[position] = item
            }
            return
        }
        // Few items do not pay for many counters.
        let bits = count < 4096 ? 8 : Self.widest
        let passes = count < 4096 ? 4 : 3
        let buckets = 1 << bits
        let mask = UInt64(buckets - 1)
        counts.update(repeating: 0, count: passes << bits)
        for position in 0..<count {
            var key = items[position] &>> 32
            var pass = 0
            while pass < passes {
                counts[pass &<< bits &+ Int(truncatingIfNeeded: key & mask)] &+= 1
                key &>>= UInt64(truncatingIfNeeded: bits)
                pass &+= 1
            }
        }
        var (from, to) = (items, scratch)
        for pass in 0..<passes {
            let own = counts + (pass << bits)
            let shift = UInt64(32 + pass * bits)
            // A digit that all items share moves nothing.
            if own[Int(truncatingIfNeeded: (from[0] &>> shift) & mask)] == count { continue }
            var sum = 0
            for bucket in 0..<buckets {
                let size = own[bucket]
                own[bucket] = sum
                sum &+= size
            }
            for position in 0..<count {
                let item = from[position]
                let bucket = Int(truncatingIfNeeded: (item &>> shift) & mask)
                to[own[bucket]] = item
                own[bucket] &+= 1
            }
            swap(&from, &to)
        }
        if from != items { items.update(from: from, count: count) }
    }
}

/// Positions in descending order of score; equal scores keep the order of their positions.
struct Ranking {
    /// Position of the item at each rank.
    let positions: [Int]
    /// Ranks at which a run of equal scores ends, ascending; the last is the number of items.
    let runEnds: [Int]

    init(descending scores: [Float]) {
        let sorter = RadixSorter(capacity: scores.count)
        for (position, score) in scores.enumerated() {
            sorter.items[position] = UInt64(descendingKey(score)) << 32 | UInt64(truncatingIfNeeded: position)
        }
        sorter.sort(scores.count)
        let keys = UnsafeBufferPointer(start: sorter.items, count: scores.count)
        positions = keys.map { Int($0 & 0xFFFF_FFFF) }
        var ends: [Int] = []
        for rank in keys.indices where rank + 1 == keys.count || keys[rank + 1] >> 32 != keys[rank] >> 32 {
            ends.append(rank + 1)
        }
        runEnds = ends
    }
}

/// Where the positives of a ranking stand: all that average precisions, areas and label ranking need of it.
struct RankedPositives {
    /// Items in the ranking.
    var count = 0
    /// The rank of each positive in the stable order, from 1, ascending.
    private(set) var ranks: [Int] = []
    /// Items that score higher than each positive.
    private(set) var above: [Int] = []
    /// Items that score at least as high as each positive, itself among them.
    private(set) var reached: [Int] = []

    init() {}

    init(scores: [Float], labels: [Bool]) {
        precondition(scores.count == labels.count)
        let sorter = RadixSorter(capacity: scores.count)
        for position in scores.indices {
            sorter.items[position] = UInt64(descendingKey(scores[position])) << 32 | (labels[position] ? 1 : 0)
        }
        sorter.sort(scores.count)
        read(sorter.items, scores.count)
    }

    /// Takes in sorted items whose lowest bit is the label.
    mutating func read(_ items: UnsafeMutablePointer<UInt64>, _ count: Int) {
        removeAll()
        append(items, count, above: 0)
        self.count = count
    }

    mutating func removeAll() {
        ranks.removeAll(keepingCapacity: true)
        above.removeAll(keepingCapacity: true)
        reached.removeAll(keepingCapacity: true)
    }

    /// Takes in the sorted items that rank directly after the first `base` ones; those between them and the last piece have
    /// no positive, no run goes on from there.
    mutating func append(_ items: UnsafeMutablePointer<UInt64>, _ size: Int, above base: Int) {
        guard size > 0 else { return }
        var run = items[0] &>> 32
        var start = base
        for position in 0..<size {
            let item = items[position]
            if item &>> 32 != run {
                while reached.count < ranks.count { reached.append(base &+ position) }
                run = item &>> 32
                start = base &+ position
            }
            if item & 1 != 0 {
                ranks.append(base &+ position &+ 1)
                above.append(start)
            }
        }
        while reached.count < ranks.count { reached.append(base &+ size) }
    }

    var positives: Int { ranks.count }

    /// Calls `body` for each run of equal scores that holds positives, best first: items up to and with the run,
    /// positives up to and with it, and its own positives.
    @inline(__always)
    func forEachRun(_ body: (_ seen: Int, _ hits: Int, _ own: Int) -> Void) {
        var first = 0
        while first < reached.count {
            var end = first + 1
            while end < reached.count, reached[end] == reached[first] { end += 1 }
            body(reached[first], end, end - first)
            first = end
        }
    }
}
