// Attention: Y = softmax(softcap(scale · Q Kᵀ + mask)) V per head; softcap(s) = c · tanh(s / c), scale 1/√size by default.
// Query heads share the keys and values of kv_num_heads (grouped queries); past keys and values come before K and V.
// Keys are excluded by a mask that is false or minus infinity, by is_causal (key j for query i when j > i + past), and from
// nonpad_kv_seqlen on: their weight is 0 whatever softcap says; a query without any key gives 0. Under is_causal with
// nonpad_kv_seqlen the last query is at the last key that counts, as in ONNX Runtime.
// qk_matmul_output: the scores 0: scaled, 1: with mask, 2: after softcap, 3: after softmax.
// New in opset 23; 24 added nonpad_kv_seqlen and masks shorter than the keys.
// https://onnx.ai/onnx/operators/onnx__Attention.html

import LTCore

struct AttentionOperator: RealOperator {
    static let schema = OperatorSchema(
        "Attention", opsets: 23...Opset.latest, inputs: 3...7, outputs: 1...4, types: .reals)

    let queryHeads: Int?
    let keyHeads: Int?
    let scale: Double?
    let softcap: Double
    let isCausal: Bool
    let precision: ElementType?
    /// What qk_matmul_output holds, when it is asked for.
    let scoresMode: Int?
    let takesLengths: Bool

    init(_ node: OperatorNode) throws(LTError) {
        queryHeads = try node.node.int("q_num_heads")
        keyHeads = try node.node.int("kv_num_heads")
        scale = try node.node.float("scale").map { Double($0) }
        softcap = Double(try node.node.float("softcap") ?? 0)
        isCausal = try node.node.int("is_causal") ?? 0 != 0
        takesLengths = node.opset >= 24
        let mode = try node.node.int("qk_matmul_output_mode") ?? 0
        guard (0...3).contains(mode) else {
            throw LTError(.invalidArgument, "attribute 'qk_matmul_output_mode' is \(mode), expected 0 to 3")
        }
        scoresMode = node.node.outputs.count > 3 && !node.node.outputs[3].isEmpty ? mode : nil
        let number = try node.node.int("softmax_precision")
        precision = number.flatMap { ElementType(rawValue: Int32(clamping: $0)) }
        guard number == nil || Set.reals.contains(precision ?? .bool) else {
            throw LTError(
                .invalidArgument,
                "attribute 'softmax_precision' is \(number ?? 0), expected 1 (float), 10 (float16), 11 (double) or 16 (bfloat16)"
            )
        }
    }

    private struct Geometry {
        var q: HeadDims
        /// `length` is that of K and V without what is past.
        var k: HeadDims
        var v: HeadDims
        var past: Int?
        var total: Int? { past.flatMap { past in k.length.map { past + $0 } } }
    }

    private func geometry(_ inputs: [Facts?], ranks: ClosedRange<Int>) throws(LTError) -> Geometry? {
        var split: [HeadDims] = []
        for (index, (name, heads)) in [("Q", queryHeads), ("K", keyHeads), ("V", keyHeads)].enumerated() {
            let facts = try inputs.required(index, .reals)
            guard let dims = try facts.dims(name, ranks: ranks) else { return nil }
            split.append(
                try HeadDims(dims, name, heads: heads, attribute: index == 0 ? "q_num_heads" : "kv_num_heads"))
        }
        var result = Geometry(q: split[0], k: split[1], v: split[2], past: 0)
        if let key = inputs.optional(4) {
            result.past = try key.dims("past_key", ranks: 4...4)?[2]
        }
        return result
    }

    /// Q [B, heads, Sq, D], K [B, kv heads, Skv, D], V [B, kv heads, Skv, Dv] (or [B, S, heads · D] alike), attn_mask
    /// broadcast to [B, heads, Sq, total], past_key and past_value like K and V, nonpad_kv_seqlen [B].
    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let q = try Self.first(inputs)
        let k = try inputs.required(1, [q.type])
        let v = try inputs.required(2, .reals)
        let mask = try inputs.optional(3, .numbers.union([.bool]))
        let past = (key: try inputs.like(4), value: try inputs.optional(5, [v.type]))
        let lengths = try inputs.optional(6, [.int64])
        guard (past.key == nil) == (past.value == nil) else {
            throw LTError(.malformed, "one of past_key and past_value is absent, expected both or none")
        }
        guard lengths == nil || takesLengths && past.key == nil else {
            throw LTError(
                .malformed, "input nonpad_kv_seqlen, expected it from opset 24 on and without past_key and past_value")
        }
        let rank = try q.dims("Q", ranks: 3...4)?.count
        let unknown = Facts(q.type, nil)
        guard let rank, let shape = try geometry(inputs, ranks: rank...rank) else {
            return [unknown, Facts(k.type, nil), Facts(v.type, nil)] + (scoresMode == nil ? [] : [unknown])
        }
        if let heads = shape.q.heads, let shared = shape.k.heads, shared == 0 || heads % shared != 0 {
            throw LTError(.shapeMismatch, "\(heads) heads of Q, expected a multiple of the \(shared) heads of K")
        }
        var (key, value) = (shape.k.dims, shape.v.dims)
        try Facts(k.type, key).check("K", [shape.q.batch, nil, nil, shape.q.size])
        try Facts(v.type, value).check("V", [shape.q.batch, shape.k.heads, shape.k.length, nil])
        key[2] = shape.past
        value[2] = shape.past
        try past.key?.check("past_key", key)
        try past.value?.check("past_value", value)
        try lengths?.check("nonpad_kv_seqlen", [shape.q.batch])
        key[2] = shape.total
        value[2] = shape.total
        let scores = [shape.q.batch, shape.q.heads, shape.q.length, shape.total]
        if let mask, var dims = mask.dims {
            if takesLengths, let total = shape.total, let last = dims.last, let last, last < total {
                dims[dims.count - 1] = total
            }
            try Facts(mask.type, dims).checkBroadcast("attn_mask", to: scores)
        }
        let y =
            rank == 4
            ? [shape.q.batch, shape.q.heads, shape.q.length, shape.v.size]
            : [shape.q.batch, shape.q.length, try [shape.q.heads, shape.v.size].product()]
        return [Facts(q.type, y), Facts(k.type, key), Facts(v.type, value)]
            + (scoresMode == nil ? [] : [Facts(q.type, scores)])
    }

    func kernel<T: Real>(_: T.Type, _ inputs: [Tensor?], _ outputs: [Tensor]) throws(LTError) {
        func input(_ index: Int) -> Tensor? { index < inputs.count ? inputs[index] : nil }
        let rank = inputs[0]!.shape.rank
        let keys = outputs[1]
        try join(input(4), try split(inputs[1]!, keys.dims[1]), into: keys)
        try join(input(5), try split(inputs[2]!, keys.dims[1]), into: outputs[2])
        guard outputs[0].count > 0 || outputs.count > 3 && outputs[3].count > 0 else { return }
        let query = try split(inputs[0]!, rank == 4 ? inputs[0]!.dims[1] : queryHeads ?? 1)
        let values = try outputs[2].cast(to: T.elementType)
        let (heads, length, size) = (query.dims[1], query.dims[2], query.dims[3])
        let (shared, total, width) = (keys.dims[1], keys.dims[2], values.dims[3])
        let lengths = try input(6)?.integers("nonpad_kv_seqlen")
        for length in lengths ?? [] where length < 0 || length > total {
            throw LTError(.invalidArgument, "nonpad_kv_seqlen has \(length), expected 0 to \(total)")
        }
        let mask = try input(3).map { (mask) throws(LTError) in
            // Softcap would lift half precision's lowest number, which often stands for minus infinity.
            try AttentionMask<T>(
                mask, [query.dims[0], heads, length, total], bottom: softcap > 0 ? -65504 : -.infinity)
        }
        let factor = scale ?? 1 / Double(size).squareRoot()
        let y =
            rank == 4 ? outputs[0] : try Tensor.output(T.elementType, try Shape([query.dims[0], heads, length, width]))
        let block = max(1, min(length, (1 << 20) / max(total, 1)))
        let scores = try Tensor.output(T.elementType, try Shape([block, total]))
        let wanted = scoresMode == nil ? nil : outputs[3].elements(T.self).baseAddress
        var excluded = [Bool](repeating: false, count: total)
        for head in 0..<query.dims[0] * heads {
            let (entry, group) = (head / heads, head % heads / (heads / shared))
            let start = (entry * shared + group) * total
            let limit = lengths?[entry] ?? total
            // The key that the first query is at.
            let diagonal = lengths == nil ? total - inputs[1]!.dims[rank - 2] : limit - length
            for first in stride(from: 0, to: length, by: block) {
                let rows = min(block, length - first)
                multiply(
                    Matrix<T>(query, offset: (head * length + first) * size, rowStride: size, columnStride: 1),
                    Matrix<T>(keys, offset: start * size, rowStride: 1, columnStride: size),
                    rows, total, size, into: scores.elements(T.self).baseAddress)
                for row in 0..<rows where total > 0 {
                    let line = UnsafeMutableBufferPointer(
                        rebasing: scores.elements(T.self)[row * total..<(row + 1) * total])
                    let number = head * length + first + row
                    let added = mask?.row(entry, head % heads, first + row)
                    for key in 0..<total {
                        excluded[key] =
                            key >= limit || isCausal && key > first + row + diagonal || added?.excludes(key) ?? false
                    }
                    weigh(line, factor, added, excluded, wanted.map { $0 + number * total })
                }
                multiply(
                    Matrix<T>(scores, rowStride: total, columnStride: 1),
                    Matrix<T>(values, offset: start * width, rowStride: width, columnStride: 1),
                    rows, width, total,
                    into: y.elements(T.self).baseAddress.map { $0 + (head * length + first) * width })
            }
        }
        guard rank == 3, outputs[0].count > 0 else { return }
        let places = StridedIndices(
            [query.dims[0], length, heads, width], [heads * length * width, width, length * width, 1])
        let (from, to) = (y.elements(T.self), outputs[0].elements(T.self))
        for (index, place) in places.enumerated() { to[index] = from[place] }
    }

    /// Makes weights of one query's products with all keys, and writes the scores that are asked for.
    private func weigh<T: Real>(
        _ line: UnsafeMutableBufferPointer<T>, _ factor: Double, _ mask: AttentionMask<T>.Row?, _ excluded: [Bool],
        _ wanted: UnsafeMutablePointer<T>?
    ) {
        var largest = -Double.infinity
        for key in line.indices {
            var score = Double(line[key]) * factor
            if scoresMode == 0 { wanted?[key] = T(score) }
            if let mask { score += mask.value(key) }
            if scoresMode == 1 { wanted?[key] = excluded[key] ? -.infinity : T(score) }
            if softcap > 0 { score = softcap * (score / softcap).hyperbolicTangent }
            if excluded[key] { score = -.infinity }
            if scoresMode == 2 { wanted?[key] = T(score) }
            line[key] = T(rounded(score))
            largest = max(largest, Double(line[key]))
        }
        if excluded.allSatisfy({ $0 }) {
            line.update(repeating: 0)
        } else {
            let total = line.reduce(0.0) { $0 + (Double($1) - largest).exponential }
            for key in line.indices { line[key] = T(rounded((Double(line[key]) - largest).exponential / total)) }
        }
        if scoresMode == 3 { for key in line.indices { wanted?[key] = line[key] } }
    }

    /// A number in softmax_precision.
    private func rounded(_ x: Double) -> Double {
        switch precision {
        case .float32: Double(Float(x))
        case .float16: Double(Float16(x))
        case .bfloat16: Double(BFloat16(Float(x)).float)
        default: x
        }
    }

    /// [B, S, heads · size] as [B, heads, S, size].
    private func split(_ x: Tensor, _ heads: Int) throws(LTError) -> Tensor {
        guard x.shape.rank == 3 else { return x }
        let (length, width) = (x.dims[1], x.dims[2])
        let size = width / max(heads, 1)
        return try x.strided(
            try Shape([x.dims[0], heads, length, size]), [length * width, size, width, 1])
    }

    /// What is past, then what is new, along axis 2.
    private func join(_ past: Tensor?, _ new: Tensor, into target: Tensor) throws(LTError) {
        guard target.count > 0 else { return }
        let groups = target.dims[0] * target.dims[1]
        var start = target.rawPointer
        let parts = [past, new].compactMap { $0 }.filter { $0.count > 0 }
        for group in 0..<groups {
            for part in parts {
                let bytes = part.byteCount / groups
                start.copyMemory(from: part.rawPointer + group * bytes, byteCount: bytes)
                start += bytes
            }
        }
    }
}

/// A mask as numbers to add, broadcast to [batch, heads, queries, keys]; keys past its end are excluded.
private struct AttentionMask<T: Real> {
    private let values: Tensor
    private let strides: [Int]
    private let length: Int
    /// This value and what is below it exclude.
    private let bottom: T

    init(_ mask: Tensor, _ dims: [Int], bottom: T) throws(LTError) {
        let isShort = mask.shape.rank > 0 && mask.dims[mask.shape.rank - 1] < dims[3] && mask.dims.last != 1
        var target = dims
        if isShort { target[3] = mask.dims[mask.shape.rank - 1] }
        length = target[3]
        strides = broadcastStrides(mask.dims, to: target)
        var values = try mask.cast(to: T.elementType)
        if mask.type == .bool {
            let numbers = try Tensor.output(T.elementType, mask.shape)
            for (index, isIn) in mask.elements(Bool.self).enumerated() {
                numbers.elements(T.self)[index] = isIn ? 0 : -.infinity
            }
            values = numbers
        }
        self.values = values
        self.bottom = bottom
    }

    struct Row {
        fileprivate let start: UnsafeMutablePointer<T>?
        fileprivate let stride: Int
        fileprivate let length: Int
        fileprivate let bottom: T

        func value(_ key: Int) -> Double { key < length ? start.map { Double($0[key * stride]) } ?? 0 : 0 }
        func excludes(_ key: Int) -> Bool { key >= length || start.map { $0[key * stride] <= bottom } ?? true }
    }

    func row(_ entry: Int, _ head: Int, _ query: Int) -> Row {
        let place = entry * strides[0] + head * strides[1] + query * strides[2]
        return Row(
            start: values.elements(T.self).baseAddress.map { $0 + place }, stride: strides[3], length: length,
            bottom: bottom)
    }
}
