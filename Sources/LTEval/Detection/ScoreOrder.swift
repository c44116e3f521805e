// ScoreOrder: the one order of detections: score descending, equal scores as they came, NaN last.

/// Sorts positions by score; reuses its memory, one thread at a time.
struct ScoreOrder {
    private var keys: [UInt64] = []
    private var otherKeys: [UInt64] = []
    private var otherValues: [Int32] = []

    /// Integers that ascend where scores descend.
    @inline(__always)
    static func key(_ score: Double) -> UInt64 {
        if score.isNaN { return .max }
        let bits = (score + 0).bitPattern  // -0 becomes 0
        return ~(bits >> 63 == 1 ? ~bits : bits | 1 << 63)
    }

    /// Sorts `values` by the scores that `score` gives them.
    @inline(__always)
    mutating func sort(_ values: UnsafeMutableBufferPointer<Int32>, score: (Int32) -> Double) {
        let count = values.count
        guard count > 1 else { return }
        if keys.count < count { keys = [UInt64](repeating: 0, count: max(count, 2 * keys.count)) }
        var isSorted = true
        keys.withUnsafeMutableBufferPointer { keys in
            for index in 0..<count {
                keys[index] = Self.key(score(values[index]))
                if index > 0, keys[index] < keys[index - 1] { isSorted = false }
            }
        }
        guard !isSorted else { return }
        if count <= 48 { insertionSort(values) } else { radixSort(values) }
    }

    private mutating func insertionSort(_ values: UnsafeMutableBufferPointer<Int32>) {
        keys.withUnsafeMutableBufferPointer { keys in
            for index in 1..<values.count {
                let (key, value) = (keys[index], values[index])
                var place = index
                while place > 0, keys[place - 1] > key {
                    keys[place] = keys[place - 1]
                    values[place] = values[place - 1]
                    place -= 1
                }
                keys[place] = key
                values[place] = value
            }
        }
    }

    /// Byte by byte from the lowest; bytes that are the same everywhere cost nothing.
    private mutating func radixSort(_ values: UnsafeMutableBufferPointer<Int32>) {
        let count = values.count
        if otherKeys.count < count {
            otherKeys = [UInt64](repeating: 0, count: keys.count)
            otherValues = [Int32](repeating: 0, count: keys.count)
        }
        var isSwapped = false
        keys.withUnsafeMutableBufferPointer { keys in
            otherKeys.withUnsafeMutableBufferPointer { otherKeys in
                otherValues.withUnsafeMutableBufferPointer { otherValues in
                    withUnsafeTemporaryAllocation(of: Int32.self, capacity: 8 * 256) { starts in
                        starts.initialize(repeating: 0)
                        for index in 0..<count {
                            let key = keys[index]
                            for byte in 0..<8 { starts[byte << 8 | Int(key >> UInt64(8 * byte) & 255)] += 1 }
                        }
                        var (fromKeys, fromValues) = (keys.baseAddress!, values.baseAddress!)
                        var (toKeys, toValues) = (otherKeys.baseAddress!, otherValues.baseAddress!)
                        for byte in 0..<8 {
                            let shift = UInt64(8 * byte)
                            let starts = starts.baseAddress! + byte << 8
                            if starts[Int(fromKeys[0] >> shift & 255)] == count { continue }
                            var start: Int32 = 0
                            for digit in 0..<256 { (starts[digit], start) = (start, start + starts[digit]) }
                            for index in 0..<count {
                                let digit = Int(fromKeys[index] >> shift & 255)
                                let place = Int(starts[digit])
                                starts[digit] += 1
                                toKeys[place] = fromKeys[index]
                                toValues[place] = fromValues[index]
                            }
                            (fromKeys, toKeys) = (toKeys, fromKeys)
                            (fromValues, toValues) = (toValues, fromValues)
                            isSwapped.toggle()
                        }
                        if isSwapped { values.baseAddress!.update(from: fromValues, count: count) }
                    }
                }
            }
        }
    }
}
