// Ordering: elements as numbers whose order is theirs, and the first k of them.

import LTCore

extension Tensor {
    /// One number for each element (two for a complex one) whose order is that of the elements; not of sub-byte types
    /// and float8.
    func orderKeys() throws(LTError) -> [UInt64] {
        func keys<T: Number>(_: T.Type) -> [UInt64] { elements(T.self).map(\.orderKey) }
        switch type {
        case .float32: return keys(Float.self)
        case .float64: return keys(Double.self)
        case .int8: return keys(Int8.self)
        case .int16: return keys(Int16.self)
        case .int32: return keys(Int32.self)
        case .int64: return keys(Int64.self)
        case .uint8: return keys(UInt8.self)
        case .uint16: return keys(UInt16.self)
        case .uint32: return keys(UInt32.self)
        case .uint64: return keys(UInt64.self)
        case .float16, .bfloat16: return try cast(to: .float32).orderKeys()
        case .bool: return try unsigned.orderKeys()
        case .complex64, .complex128: return try parts.orderKeys()
        case .string:
            // By code points, as bytes: Swift's own comparison takes different spellings of a character for equal.
            let texts = strings.map { Array($0.utf8) }
            var keys = [UInt64](repeating: 0, count: texts.count)
            var rank: UInt64 = 0
            var last: [UInt8]?
            for place in texts.indices.sorted(by: { texts[$0].lexicographicallyPrecedes(texts[$1]) }) {
                if last != nil, last != texts[place] { rank += 1 }
                last = texts[place]
                keys[place] = rank
            }
            return keys
        default: throw LTError(.unsupported, "no order of tensor(\(type.onnxName))")
        }
    }
}

private struct Entry: Comparable {
    let key: UInt64
    let place: Int
    static func < (a: Self, b: Self) -> Bool { a.key != b.key ? a.key < b.key : a.place < b.place }
}

/// The places of the `count` smallest keys, in order; of equal ones the earlier first. O(n log count).
func firstPlaces(_ count: Int, of keys: some Sequence<UInt64>) -> [Int] {
    guard count > 0 else { return [] }
    // A heap of the best so far with the worst on top.
    var heap: [Entry] = []
    func sift(_ entry: Entry, from root: Int) {
        var hole = root
        while true {
            var child = 2 * hole + 1
            guard child < heap.count else { break }
            if child + 1 < heap.count, heap[child] < heap[child + 1] { child += 1 }
            guard entry < heap[child] else { break }
            heap[hole] = heap[child]
            hole = child
        }
        heap[hole] = entry
    }
    for (place, key) in keys.enumerated() {
        let entry = Entry(key: key, place: place)
        if heap.count < count {
            heap.append(entry)
            if heap.count == count {
                for root in (0..<count / 2).reversed() { sift(heap[root], from: root) }
            }
        } else if entry < heap[0] {
            sift(entry, from: 0)
        }
    }
    return heap.sorted().map(\.place)
}
