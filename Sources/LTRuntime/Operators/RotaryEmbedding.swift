// RotaryEmbedding: turns pairs of a head's first rotary_embedding_dim elements by the angles of the token's position:
// (x1, x2) → (cos · x1 − sin · x2, sin · x1 + cos · x2). Pairs are halves (i, i + R/2), or neighbours when interleaved.
// Angles come as caches by position id, or per token without position_ids. New in opset 23.
// https://onnx.ai/onnx/operators/onnx__RotaryEmbedding.html

import LTCore

struct RotaryEmbeddingOperator: RealOperator {
    static let schema = OperatorSchema(
        "RotaryEmbedding", opsets: 23...Opset.latest, inputs: 3...4, types: [.float32, .float16, .bfloat16])

    let heads: Int?
    /// 0: all of a head.
    let rotated: Int
    let isInterleaved: Bool

    init(_ node: OperatorNode) throws(LTError) {
        heads = try node.node.int("num_heads")
        rotated = try node.node.int("rotary_embedding_dim") ?? 0
        isInterleaved = try node.node.int("interleaved") ?? 0 != 0
        guard rotated >= 0, rotated % 2 == 0 else {
            throw LTError(
                .invalidArgument, "attribute 'rotary_embedding_dim' is \(rotated), expected an even number from 0 on")
        }
    }

    /// X [B, heads, S, size] or [B, S, heads · size]; cos_cache and sin_cache [positions, R/2] with position_ids [B, S],
    /// else [B, S, R/2].
    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let x = try Self.first(inputs)
        let caches = [try inputs.required(1, [x.type]), try inputs.required(2, [x.type])]
        let ids = try inputs.optional(3, [.int64])
        guard let dims = try x.dims("X", ranks: 3...4) else { return [Facts(x.type, nil)] }
        let split = try HeadDims(dims, "X", heads: heads, attribute: "num_heads")
        let turned = rotated == 0 ? split.size : rotated
        if let size = split.size, let turned, turned > size || turned % 2 != 0 {
            throw LTError(
                .shapeMismatch, "\(turned) rotated elements of a head of \(size), expected an even part of it")
        }
        let tokens = [split.batch, split.length]
        let expected = ids == nil ? tokens + [turned.map { $0 / 2 }] : [nil, turned.map { $0 / 2 }]
        for (name, cache) in zip(["cos_cache", "sin_cache"], caches) { try cache.check(name, expected) }
        try ids?.check("position_ids", tokens)
        return [Facts(x.type, dims)]
    }

    func kernel<T: Real>(_: T.Type, _ inputs: [Tensor?], _ outputs: [Tensor]) throws(LTError) {
        let x = inputs[0]!
        guard x.count > 0 else { return }
        let (source, target) = (x.elements(T.self), outputs[0].elements(T.self))
        let (cosines, sines) = (inputs[1]!, inputs[2]!)
        let (cosine, sine) = (cosines.elements(T.self), sines.elements(T.self))
        var ids: [Int]?
        if inputs.count > 3, let given = inputs[3] {
            let limit = min(cosines.dims[0], sines.dims[0])
            ids = try given.integers("position_ids")
            for id in ids ?? [] where id < 0 || id >= limit {
                throw LTError(.invalidArgument, "position id \(id), expected 0 to \(limit - 1)")
            }
        }
        let isSplit = x.shape.rank == 4
        let length = isSplit ? x.dims[2] : x.dims[1]
        let count = isSplit ? x.dims[1] : heads ?? 1
        let size = isSplit ? x.dims[3] : x.dims[2] / count
        let turned = rotated == 0 ? size : rotated
        let half = turned / 2
        for row in 0..<x.count / size {
            // Rows are [B, heads, S] or [B, S, heads].
            let token = isSplit ? row / (count * length) * length + row % length : row / count
            let angle = (ids?[token] ?? token) * half
            let start = row * size
            for pair in 0..<half {
                let first = start + (isInterleaved ? 2 * pair : pair)
                let second = first + (isInterleaved ? 1 : half)
                let (c, s) = (cosine[angle + pair], sine[angle + pair])
                target[first] = c * source[first] - s * source[second]
                target[second] = s * source[first] + c * source[second]
            }
            for index in start + turned..<start + size { target[index] = source[index] }
        }
    }
}
