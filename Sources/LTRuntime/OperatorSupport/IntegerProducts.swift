// IntegerProducts: convolutions and matrix products of 8-bit integers less their zero points, added up in 32 bits (which
// wrap around). Behind ConvInteger, MatMulInteger, QLinearConv and QLinearMatMul.

import LTCore

extension Tensor {
    /// The elements of an int8 or uint8 tensor, less zero points: `lines` gives one for each of as many equal runs.
    fileprivate func centred(_ zeros: [Int32]) -> [Int16] {
        let run = zeros.isEmpty ? 0 : count / zeros.count
        return [Int16](unsafeUninitializedCapacity: count) { result, filled in
            func fill<T: FixedWidthInteger & TensorElement>(_: T.Type) {
                let source = elements(T.self)
                for (line, zero) in zeros.enumerated() {
                    let zero = Int16(truncatingIfNeeded: zero)
                    for index in line * run..<(line + 1) * run {
                        result[index] = Int16(truncatingIfNeeded: source[index]) &- zero
                    }
                }
            }
            if type == .int8 { fill(Int8.self) } else { fill(UInt8.self) }
            filled = count
        }
    }

    /// The numbers of a zero point.
    func zeroPoints() throws(LTError) -> [Int32] { try cast(to: .int32).array(of: Int32.self) }
}

/// Σ a[k]·b[k].
private func dot(_ a: UnsafePointer<Int16>, _ b: UnsafePointer<Int16>, _ count: Int) -> Int32 {
    var sum: Int32 = 0
    for k in 0..<count { sum &+= Int32(a[k]) &* Int32(b[k]) }
    return sum
}

extension ConvOperator {
    /// Σ (x − xZero)·(w − wZero) of each window; `store` takes the output's index, its channel and the sum.
    /// - Parameter wZeros: one zero point, or one per output channel.
    func integerProducts(
        _ x: Tensor, _ w: Tensor, xZero: Int32, wZeros: [Int32], _ store: (Int, Int, Int32) -> Void
    ) throws(LTError) {
        let axes = try window.axes(x.dims[2...].map { $0 }, kernel: w.dims[2...].map { $0 }).compactMap { $0 }
        let walk = WindowWalk(axes)
        let (plane, taps, places) = (walk.inputCount, walk.kernelCount, walk.outputCount)
        let (images, channels, own) = (x.dims[0], w.dims[0], w.dims[1])
        let (depth, perGroup) = (own * taps, channels / group)
        guard images > 0, channels > 0, places > 0, x.count > 0 else {
            for index in 0..<images * channels * places { store(index, index / places % channels, 0) }
            return
        }
        let (source, weights) = (x.centred([xZero]), w.centred(wZeros))
        var patch = [Int16](repeating: 0, count: depth)
        source.withUnsafeBufferPointer { source in
            weights.withUnsafeBufferPointer { weights in
                patch.withUnsafeMutableBufferPointer { patch in
                    guard let row = patch.baseAddress, let first = weights.baseAddress else { return }
                    for place in 0..<places {
                        let window = walk.taps(walk.position(place))
                        // Taps on the padding are the same for all channels: they stay 0.
                        for index in patch.indices { patch[index] = 0 }
                        for image in 0..<images {
                            for part in 0..<group {
                                let start = (image * group + part) * own
                                for c in 0..<own {
                                    let (from, to) = ((start + c) * plane, c * taps)
                                    for tap in window { patch[to + tap.kernel] = source[from + tap.input] }
                                }
                                for channel in part * perGroup..<(part + 1) * perGroup {
                                    let sum = dot(row, first + channel * depth, depth)
                                    store((image * channels + channel) * places + place, channel, sum)
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// One side of a matrix product whose rows (of A) or columns (of B) may have scales and zero points of their own:
/// a scalar, a vector of them, or a tensor of the matrix's rank with extent 1 along the axis that is summed.
struct QuantizedSide: Sendable {
    let isLeft: Bool

    /// The dimensions with a vector counted as a row (A) or column (B).
    private func matrix(_ dims: [Int?]) -> [Int?] {
        dims.count > 1 ? dims : isLeft ? [1] + dims : dims + [1]
    }

    private func summed(_ rank: Int) -> Int { isLeft ? rank - 1 : rank - 2 }

    /// Checks the shape of a scale or zero point.
    func check(_ parameter: Facts?, _ x: Facts, _ name: String) throws(LTError) {
        guard let own = parameter?.dims, !(own.count <= 1 && agree(own.first ?? 1, 1)),
            var lines = x.dims.map(matrix)
        else { return }
        lines[summed(lines.count)] = 1
        let expected = own.count == 1 ? [lines[isLeft ? lines.count - 2 : lines.count - 1]] : lines
        guard own.count == expected.count, zip(own, expected).allSatisfy({ agree($0, 1) || agree($0, $1) }) else {
            throw LTError(
                .shapeMismatch, "\(name) is \(own.text) for \(x.dims?.text ?? "?"), expected [] or \(lines.text)")
        }
    }

    /// The values of a scale or zero point, one per line (row of A, column of B), row-major over the axes before.
    func spread<T>(_ parameter: [T], _ shape: Shape, over x: Tensor) -> [T] {
        var lines = matrix(x.dims).compactMap { $0 }
        let axis = summed(lines.count)
        lines.remove(at: axis)
        var dims = shape.dims
        if dims.count > 1 { dims.remove(at: axis) }
        if parameter.count == 1 { return [T](repeating: parameter[0], count: lines.reduce(1, *)) }
        return StridedIndices(lines, broadcastStrides(dims, to: lines)).map { parameter[$0] }
    }

    /// The lines one after the other.
    func lines(_ x: Tensor) throws(LTError) -> Tensor {
        guard !isLeft, x.shape.rank > 1 else { return x }
        var (dims, strides) = (x.dims, x.shape.strides)
        dims.swapAt(dims.count - 1, dims.count - 2)
        strides.swapAt(strides.count - 1, strides.count - 2)
        return try x.strided(try Shape(dims), strides)
    }
}

extension MatMulOperator {
    private static let (left, right) = (QuantizedSide(isLeft: true), QuantizedSide(isLeft: false))

    /// Checks the shapes of scales or zero points of A and B.
    static func check(_ a: Facts, _ b: Facts, _ ofA: Facts?, _ ofB: Facts?, _ name: String) throws(LTError) {
        try left.check(ofA, a, "A's \(name)")
        try right.check(ofB, b, "B's \(name)")
    }

    /// One value per row of A and column of B from scales or zero points.
    static func spread<T>(
        _ a: Tensor, _ b: Tensor, _ ofA: ([T], Shape), _ ofB: ([T], Shape)
    ) -> (rows: [T], columns: [T]) {
        (left.spread(ofA.0, ofA.1, over: a), right.spread(ofB.0, ofB.1, over: b))
    }

    /// Σ (a − aZero)·(b − bZero); `store` takes the output's index, the row of A, the column of B and the sum.
    static func integerProducts(
        _ a: Tensor, _ b: Tensor, _ aZeros: [Int32], _ bZeros: [Int32], _ store: (Int, Int, Int, Int32) -> Void
    ) throws(LTError) {
        let (rows, columns) = (try left.lines(a).centred(aZeros), try right.lines(b).centred(bZeros))
        products(rows, columns, MatrixBatch(a.dims, b.dims), dot, store)
    }

    /// The same of floats of low precision, added up in double precision.
    static func floatProducts(
        _ a: Tensor, _ b: Tensor, _ aZeros: [Float], _ bZeros: [Float], _ store: (Int, Int, Int, Double) -> Void
    ) throws(LTError) {
        func centred(_ x: Tensor, _ zeros: [Float]) throws(LTError) -> [Float] {
            var values = try x.cast(to: .float32).array(of: Float.self)
            let run = zeros.isEmpty ? 0 : values.count / zeros.count
            for index in values.indices { values[index] -= zeros[index / run] }
            return values
        }
        let (rows, columns) = (try centred(left.lines(a), aZeros), try centred(right.lines(b), bZeros))
        let sum = { (a: UnsafePointer<Float>, b: UnsafePointer<Float>, count: Int) in
            (0..<count).reduce(0.0) { $0 + Double(a[$1]) * Double(b[$1]) }
        }
        products(rows, columns, MatrixBatch(a.dims, b.dims), sum, store)
    }

    private static func products<T, Sum: Numeric>(
        _ rows: [T], _ columns: [T], _ batch: MatrixBatch,
        _ dot: (UnsafePointer<T>, UnsafePointer<T>, Int) -> Sum, _ store: (Int, Int, Int, Sum) -> Void
    ) {
        let depth = batch.depth
        rows.withUnsafeBufferPointer { rows in
            columns.withUnsafeBufferPointer { columns in
                for (index, starts) in batch.starts.enumerated() {
                    for i in 0..<batch.rows {
                        for j in 0..<batch.columns {
                            let (row, column) = (starts.0 * batch.rows + i, starts.1 * batch.columns + j)
                            var sum: Sum = 0
                            if depth > 0, let a = rows.baseAddress, let b = columns.baseAddress {
                                sum = dot(a + row * depth, b + column * depth, depth)
                            }
                            store((index * batch.rows + i) * batch.columns + j, row, column, sum)
                        }
                    }
                }
            }
        }
    }
}
