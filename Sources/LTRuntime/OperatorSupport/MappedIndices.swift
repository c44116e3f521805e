// MappedIndices: source positions of operators that map each axis by itself (Pad, CenterCropPad, nearest Resize).

import LTCore

/// Row-major positions Σ tables[k][i_k]·strides_k; -1 where any table says -1.
struct MappedIndices: Sequence {
    let tables: [[Int]]
    let strides: [Int]

    func makeIterator() -> Iterator { Iterator(tables, strides) }

    struct Iterator: IteratorProtocol {
        private let tables: [[Int]]
        private let strides: [Int]
        private var counters: [Int]
        /// The sum over all axes but the last, -1 when outside.
        private var base: Int
        private var inner = 0
        private var done: Bool

        init(_ tables: [[Int]], _ strides: [Int]) {
            self.tables = tables.isEmpty ? [[0]] : tables
            self.strides = tables.isEmpty ? [0] : strides
            counters = [Int](repeating: 0, count: self.tables.count)
            done = self.tables.contains { $0.isEmpty }
            base = 0
            if !done { base = outer() }
        }

        private func outer() -> Int {
            var sum = 0
            for axis in 0..<tables.count - 1 {
                let place = tables[axis][counters[axis]]
                if place < 0 { return -1 }
                sum += place * strides[axis]
            }
            return sum
        }

        mutating func next() -> Int? {
            guard !done else { return nil }
            let last = tables.count - 1
            if inner == tables[last].count {
                inner = 0
                var axis = last - 1
                while axis >= 0 {
                    counters[axis] += 1
                    if counters[axis] < tables[axis].count { break }
                    counters[axis] = 0
                    axis -= 1
                }
                guard axis >= 0 else {
                    done = true
                    return nil
                }
                base = outer()
            }
            defer { inner += 1 }
            let place = tables[last][inner]
            return base < 0 || place < 0 ? -1 : base + place * strides[last]
        }
    }
}

extension Tensor {
    /// The tensor of `shape` whose element at (i, j, …) is this one's at (source(0, i), source(1, j), …), or the `fill`
    /// where any of them is -1.
    func picking(_ shape: Shape, axes source: (_ axis: Int, _ place: Int) -> Int, fill: Tensor?) throws(LTError)
        -> Tensor
    {
        // Refuse before the tables are made.
        guard shape.count <= OperatorLimits.outputBytes / max(1, type.bits / 8) else {
            throw LTError(.outOfMemory, "output \(shape) is larger than \(OperatorLimits.outputBytes) bytes")
        }
        let tables = shape.dims.indices.map { axis in (0..<shape[axis]).map { source(axis, $0) } }
        return try picking(shape, from: MappedIndices(tables: tables, strides: self.shape.strides), fill: fill)
    }
}
