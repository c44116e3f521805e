// Movement: operators that only move elements, whatever their type. One mechanism: the result's elements in row-major
// order are x[source] for a sequence of source positions (-1: a fill value). Strings and sub-byte types included.

import LTCore

/// Positions of a strided view in row-major order: offset + Σ i_k·strides_k over all i in dims.
struct StridedIndices: Sequence {
    let dims: [Int]
    let strides: [Int]
    let offset: Int

    init(_ dims: [Int], _ strides: [Int], offset: Int = 0) {
        self.dims = dims
        self.strides = strides
        self.offset = offset
    }

    func makeIterator() -> Iterator { Iterator(self) }

    /// Whether these are all elements of a row-major tensor of the shape in their order.
    func isWhole(_ shape: Shape) -> Bool {
        offset == 0 && dims == shape.dims
            && zip(dims, zip(strides, shape.strides)).allSatisfy { $0 == 1 || $1.0 == $1.1 }
    }

    struct Iterator: IteratorProtocol {
        private let dims: [Int]
        private let strides: [Int]
        private var counters: [Int]
        private var position: Int
        private var inner = 0
        private let innerCount: Int
        private let innerStride: Int
        private var done: Bool

        init(_ view: StridedIndices) {
            dims = Array(view.dims.dropLast())
            strides = Array(view.strides.dropLast())
            counters = [Int](repeating: 0, count: dims.count)
            innerCount = view.dims.last ?? 1
            innerStride = view.strides.last ?? 0
            position = view.offset
            done = view.dims.contains(0)
        }

        mutating func next() -> Int? {
            if inner < innerCount, !done {
                defer { inner += 1 }
                return position + inner * innerStride
            }
            guard !done else { return nil }
            var axis = dims.count - 1
            while axis >= 0 {
                counters[axis] += 1
                position += strides[axis]
                if counters[axis] < dims[axis] { break }
                position -= counters[axis] * strides[axis]
                counters[axis] = 0
                axis -= 1
            }
            guard axis >= 0 else {
                done = true
                return nil
            }
            inner = 1
            return position
        }
    }
}

extension Tensor {
    /// The tensor whose elements, row-major, are this one's at `sources`; -1 takes `fill` (a tensor of one element of
    /// the same type; zero, false or "" without one). There are `shape.count` sources, all valid or -1.
    func picking(
        _ shape: Shape, from sources: some Sequence<Int>, fill: Tensor? = nil
    ) throws(LTError) -> Tensor {
        if type == .string {
            guard shape.count <= OperatorLimits.outputBytes / 16 else {
                throw LTError(
                    .outOfMemory, "output \(shape) of strings is larger than \(OperatorLimits.outputBytes) bytes")
            }
            let blank = fill?.strings.first ?? ""
            return try Tensor(strings: sources.map { $0 < 0 ? blank : strings[$0] }, shape.dims)
        }
        if type.bits < 8 {
            let moved = try unpacked().picking(shape, from: sources, fill: try fill?.unpacked())
            return try moved.packed(as: type)
        }
        let result = try Tensor.output(type, shape)
        switch type.bits {
        case 8: pick(UInt8(0), result, sources, fill)
        case 16: pick(UInt16(0), result, sources, fill)
        case 32: pick(UInt32(0), result, sources, fill)
        case 64: pick(UInt64(0), result, sources, fill)
        default: pick((UInt64(0), UInt64(0)), result, sources, fill)
        }
        return result
    }

    /// The tensor made of equally long runs of this one's elements, from `starts` on, one after the other.
    func picking(_ shape: Shape, runs starts: [Int]) throws(LTError) -> Tensor {
        let length = starts.isEmpty ? 0 : shape.count / starts.count
        if type.bits < 8 {
            return try picking(shape, from: starts.lazy.flatMap { $0..<$0 + length })
        }
        let result = try Tensor.output(type, shape)
        let size = type.bits / 8
        for (number, start) in starts.enumerated() {
            (result.rawPointer + number * length * size).copyMemory(
                from: rawPointer + start * size, byteCount: length * size)
        }
        return result
    }

    /// The slices at `places` of `axis`, each within it, one after the other: the tensor of `shape` that Gather makes.
    func picking(_ shape: Shape, slices places: [Int], axis: Int) throws(LTError) -> Tensor {
        let run = self.shape.strides[axis]
        var starts: [Int] = []
        for row in 0..<(shape.count > 0 ? dims[..<axis].reduce(1, *) : 0) {
            for place in places { starts.append((row * dims[axis] + place) * run) }
        }
        return try picking(shape, runs: starts)
    }

    private func pick<Word>(_ zero: Word, _ result: Tensor, _ sources: some Sequence<Int>, _ fill: Tensor?) {
        let x = rawPointer.assumingMemoryBound(to: Word.self)
        var y = result.rawPointer.assumingMemoryBound(to: Word.self)
        let blank = fill.map { $0.rawPointer.loadUnaligned(as: Word.self) } ?? zero
        for source in sources {
            y.initialize(to: source < 0 ? blank : x[source])
            y += 1
        }
    }

    /// A dense copy of a strided view.
    func strided(_ shape: Shape, _ strides: [Int], offset: Int = 0) throws(LTError) -> Tensor {
        try strided(shape, StridedIndices(shape.dims, strides, offset: offset))
    }

    /// Elements of 8 bits or fewer as bytes: the same memory, or unpacked.
    func codes() throws(LTError) -> Tensor {
        type.bits < 8 ? try unpacked() : Tensor(.uint8, shape, buffer: buffer, byteOffset: byteOffset)
    }

    /// Bytes as elements of 8 bits or fewer; the reverse of `codes`.
    func coded(as type: ElementType) throws(LTError) -> Tensor {
        type.bits < 8 ? try packed(as: type) : Tensor(type, shape, buffer: buffer, byteOffset: byteOffset)
    }

    /// The real and imaginary parts of complex elements, on a last axis of 2.
    var parts: Tensor {
        get throws(LTError) {
            let real: ElementType = type == .complex64 ? .float32 : .float64
            return Tensor(real, try Shape(dims + [2]), buffer: buffer, byteOffset: byteOffset)
        }
    }

    /// Sub-byte elements, one per byte.
    func unpacked() throws(LTError) -> Tensor {
        let result = try Tensor.output(.uint8, shape)
        let (packed, bytes) = (bytes, result.elements(UInt8.self))
        let (bits, perByte) = (type.bits, 8 / type.bits)
        for index in bytes.indices {
            bytes[index] = packed[index / perByte] >> UInt8(index % perByte * bits) & UInt8(1 << bits - 1)
        }
        return result
    }

    /// Bytes packed into a sub-byte type; the reverse of `unpacked`.
    func packed(as type: ElementType) throws(LTError) -> Tensor {
        let result = try Tensor.output(type, shape)
        let target = UnsafeMutableRawBufferPointer(start: result.rawPointer, count: result.byteCount)
        let (bits, perByte) = (type.bits, 8 / type.bits)
        for index in target.indices { target[index] = 0 }
        for (index, byte) in elements(UInt8.self).enumerated() {
            target[index / perByte] |= (byte & UInt8(1 << bits - 1)) << UInt8(index % perByte * bits)
        }
        return result
    }

    /// The same elements under other dimensions; string tensors too.
    func reshaped(_ dims: [Int]) throws(LTError) -> Tensor { try reshaped(try Shape(dims)) }

    /// The integers of an int64 or int32 tensor.
    func integers(_ name: String) throws(LTError) -> [Int] { try Facts(self).integers(name) ?? [] }
}

extension Facts {
    /// This value under a new shape: what operators infer that only rename dimensions.
    func reshaped(_ dims: [Int?]?) throws(LTError) -> Facts {
        var facts = Facts(type, dims)
        if let value, let shape = facts.shape { facts.value = try value.reshaped(shape) }
        return facts
    }
}
