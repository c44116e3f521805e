// FusedAttention (domain longtail, made by passes): Y = softmax(scale Q Kᵀ + biases) V per batch entry and head, with Q, K, V read
// and Y written wherever their tokens lie (heads split and merged, windows cut, without a copy).
// Vaswani et al. 2017, https://arxiv.org/abs/1706.03762

import LTCore
import LTGraph

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// How the elements of an attention lie in its operands. Inputs: Q, K, V, up to two biases, int32 rows of the tokens in
/// Q, K and V, int32 rows of the tokens in Y.
struct AttentionGeometry: Sendable, Equatable {
    /// Element (b, h, t, d) lies at offset + b·batch + h·head + t·token + d; rows replace b·batch + t·token by row·token.
    struct Tokens: Sendable, Equatable {
        var offset = 0
        var batch = 0
        var head = 0
        var token = 0
    }
    /// Element (b, h, q, k) lies at (b mod period)·batch + h·head + q·query + k.
    struct Bias: Sendable, Equatable {
        var period = 1
        var batch = 0
        var head = 0
        var query = 0
    }
    var batch: Int
    var heads: Int
    var queries: Int
    var keys: Int
    /// Channels of Q and K.
    var depth: Int
    /// Channels of V and Y.
    var width: Int
    var scale: Float = 1
    var q = Tokens()
    var k = Tokens()
    var v = Tokens()
    var y = Tokens()
    var biases: [Bias] = []

    init(batch: Int, heads: Int, queries: Int, keys: Int, depth: Int, width: Int) {
        (self.batch, self.heads, self.queries, self.keys) = (batch, heads, queries, keys)
        (self.depth, self.width) = (depth, width)
    }

    init(_ node: Node) throws(LTError) {
        func numbers(_ name: String, _ count: Int) throws(LTError) -> [Int] {
            guard let found = try node.ints(name), found.count == count, found.allSatisfy({ $0 >= 0 && $0 < 1 << 40 })
            else { throw LTError(.malformed, "attribute '\(name)' is absent or no \(count) sizes") }
            return found
        }
        func tokens(_ name: String) throws(LTError) -> Tokens {
            let found = try numbers(name, 4)
            return Tokens(offset: found[0], batch: found[1], head: found[2], token: found[3])
        }
        let sizes = try numbers("sizes", 6)
        guard sizes.allSatisfy({ $0 > 0 && $0 <= Int(Int32.max) }) else {
            throw LTError(.malformed, "attribute 'sizes' is \(sizes), expected positive numbers")
        }
        self.init(
            batch: sizes[0], heads: sizes[1], queries: sizes[2], keys: sizes[3], depth: sizes[4], width: sizes[5])
        scale = try node.float("scale") ?? 1
        (q, k, v, y) = (try tokens("q"), try tokens("k"), try tokens("v"), try tokens("y"))
        for name in ["bias0", "bias1"] where node.attributes[name] != nil {
            let found = try numbers(name, 4)
            guard found[0] > 0 else {
                throw LTError(.malformed, "attribute '\(name)' has period 0, expected 1 or more")
            }
            biases.append(Bias(period: found[0], batch: found[1], head: found[2], query: found[3]))
        }
    }

    func node(name: String, inputs: [String], output: String, shape: [Int]) -> Node {
        func list(_ tokens: Tokens) -> Attribute {
            .ints([tokens.offset, tokens.batch, tokens.head, tokens.token].map { Int64($0) })
        }
        var node = Node(
            "FusedAttention", name: name, domain: FusedAttentionOperator.schema.domain, inputs: inputs,
            outputs: [output],
            attributes: [
                "sizes": .ints([batch, heads, queries, keys, depth, width].map { Int64($0) }), "scale": .float(scale),
                "q": list(q), "k": list(k), "v": list(v), "y": list(y), "shape": .ints(shape.map { Int64($0) }),
            ])
        for (index, bias) in biases.enumerated() {
            node.attributes["bias\(index)"] = .ints(
                [bias.period, bias.batch, bias.head, bias.query].map { Int64($0) })
        }
        return node
    }

    /// The position of the last element that is read or written; nil where it is beyond what can be counted.
    static func last(_ offset: Int, _ terms: [(count: Int, step: Int)]) -> Int? {
        var total = offset
        for (count, step) in terms {
            let (way, tooFar) = (count - 1).multipliedReportingOverflow(by: step)
            let (sum, overflow) = total.addingReportingOverflow(way)
            guard !tooFar, !overflow else { return nil }
            total = sum
        }
        return total
    }

    /// The last element of an operand of `count` tokens per batch entry.
    func last(_ tokens: Tokens, _ count: Int, _ channels: Int, rows: [Int32]?) -> Int? {
        let spread =
            rows.map { [(Int($0.max() ?? 0) + 1, tokens.token)] } ?? [(batch, tokens.batch), (count, tokens.token)]
        return Self.last(tokens.offset, spread + [(heads, tokens.head), (channels, 1)])
    }

    /// Whether Y's tokens fill memory without gaps or overlap.
    func isDense(rows: Bool) -> Bool {
        let spread = rows ? [(batch * queries, y.token)] : [(batch, y.batch), (queries, y.token)]
        var step = 1
        for (count, stride) in (spread + [(heads, y.head), (width, 1)]).filter({ $0.0 > 1 }).sorted(by: { $0.1 < $1.1 })
        {
            guard stride == step else { return false }
            step *= count
        }
        return y.offset == 0
    }
}

/// Softmax attention over strided tokens.
struct FusedAttentionOperator: Operator {
    static let schema = OperatorSchema(
        "FusedAttention", domain: "longtail", opsets: 1...1, inputs: 3...7, types: [.float32])

    let geometry: AttentionGeometry
    private let shape: Shape

    init(_ node: OperatorNode) throws(LTError) {
        geometry = try AttentionGeometry(node.node)
        guard let dims = try node.node.ints("shape") else {
            throw LTError(.malformed, "attribute 'shape' is missing")
        }
        shape = try Shape(dims)
        let g = geometry
        _ = try Shape([g.batch, g.heads, g.queries, max(g.keys, g.width)])
        // What the kernel keeps of K and V.
        guard g.keys * max(g.depth, g.width) <= 1 << 31 else {
            throw LTError(.unsupported, "attention over \(g.keys) keys of \(g.depth) and \(g.width) channels")
        }
        guard shape.count == g.batch * g.heads * g.queries * g.width else {
            throw LTError(
                .shapeMismatch,
                "attribute 'shape' is \(shape), expected \(g.batch * g.heads * g.queries) rows of \(g.width)")
        }
    }

    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let g = geometry
        func input(_ index: Int) -> Facts? { index < inputs.count ? inputs[index] : nil }
        func check(_ index: Int, _ last: Int?) throws(LTError) {
            guard let facts = input(index) else {
                throw LTError(.malformed, "input \(index) of FusedAttention is absent")
            }
            try facts.expect([.float32], index)
            guard let last, facts.shape.map({ last < $0.count }) ?? true else {
                throw LTError(
                    .shapeMismatch,
                    "input \(index) has \(facts.shape?.count ?? 0) elements, FusedAttention reads beyond")
            }
        }
        let from = try rows(input(5), count: g.keys)
        guard from == nil || g.keys == g.queries else {
            throw LTError(
                .shapeMismatch, "rows of tokens for \(g.queries) queries and \(g.keys) keys, expected as many")
        }
        try check(0, g.last(g.q, g.queries, g.depth, rows: from))
        try check(1, g.last(g.k, g.keys, g.depth, rows: from))
        try check(2, g.last(g.v, g.keys, g.width, rows: from))
        for (index, bias) in g.biases.enumerated() {
            let terms = [(bias.period, bias.batch), (g.heads, bias.head), (g.queries, bias.query), (g.keys, 1)]
            try check(3 + index, AttentionGeometry.last(0, terms))
        }
        let to = try rows(input(6), count: g.queries)
        if let to {
            var seen = [Bool](repeating: false, count: to.count)
            for row in to {
                guard Int(row) < seen.count, !seen[Int(row)] else {
                    throw LTError(.invalidArgument, "row \(row) of Y is written twice or outside, expected each once")
                }
                seen[Int(row)] = true
            }
        }
        guard g.isDense(rows: to != nil) else {
            throw LTError(.invalidArgument, "attribute 'y' leaves gaps in the output, expected none")
        }
        return [Facts(.float32, shape.dims)]
    }

    /// The constant rows of an input that lists them, none of them negative.
    private func rows(_ facts: Facts?, count: Int) throws(LTError) -> [Int32]? {
        guard let facts else { return nil }
        guard facts.type == .int32, let value = facts.value, value.count == geometry.batch * count else {
            throw LTError(.invalidArgument, "rows of tokens are no constant int32 tensor of one row per token")
        }
        let rows = Array(value.elements(Int32.self))
        guard rows.allSatisfy({ $0 >= 0 }) else {
            throw LTError(.invalidArgument, "a row of tokens is negative, expected 0 or more")
        }
        return rows
    }

    func run(_ inputs: [Tensor?]) throws(LTError) -> [Tensor] {
        let facts = inputs.map { $0.map { Facts($0) } }
        _ = try infer(facts)
        let g = geometry
        let result = try Tensor.output(.float32, shape)
        guard let q = inputs[0], let k = inputs[1], let v = inputs[2] else { return [] }
        let from = inputs.count > 5 ? inputs[5]?.elements(Int32.self) : nil
        let to = inputs.count > 6 ? inputs[6]?.elements(Int32.self) : nil
        func place(
            _ x: AttentionGeometry.Tokens, _ rows: UnsafeMutableBufferPointer<Int32>?, _ count: Int, _ b: Int,
            _ h: Int, _ t: Int
        ) -> Int {
            let row = rows.map { Int($0[b * count + t]) * x.token } ?? b * x.batch + t * x.token
            return x.offset + row + h * x.head
        }
        let (qs, ks, vs) = (q.elements(Float.self), k.elements(Float.self), v.elements(Float.self))
        let y = result.elements(Float.self)
        for b in 0..<g.batch {
            for h in 0..<g.heads {
                for t in 0..<g.queries {
                    var scores: [Double] = []
                    let query = place(g.q, from, g.queries, b, h, t)
                    for u in 0..<g.keys {
                        let key = place(g.k, from, g.keys, b, h, u)
                        var score = 0.0
                        for d in 0..<g.depth { score += Double(qs[query + d]) * Double(ks[key + d]) }
                        score *= Double(g.scale)
                        for (index, bias) in g.biases.enumerated() {
                            let at = b % bias.period * bias.batch + h * bias.head + t * bias.query + u
                            score += Double(inputs[3 + index]?.elements(Float.self)[at] ?? 0)
                        }
                        scores.append(score)
                    }
                    let top = scores.reduce(-Double.infinity) { $1.isNaN ? $1 : max($0, $1) }
                    let weights = scores.map { exp($0 - top) }
                    let total = weights.reduce(0, +)
                    let target = place(g.y, to, g.queries, b, h, t)
                    for d in 0..<g.width {
                        var sum = 0.0
                        for u in 0..<g.keys { sum += weights[u] * Double(vs[place(g.v, from, g.keys, b, h, u) + d]) }
                        y[target + d] = Float(sum / total)
                    }
                }
            }
        }
        return [result]
    }
}
