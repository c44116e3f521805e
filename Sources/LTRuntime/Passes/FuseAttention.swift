// Attention that exporters spell as products, a Softmax and the copies around them becomes one node that reads Q, K and V
// where they lie, often in the output of one Linear, and merges the heads as it writes.

import LTCore
import LTGraph

struct FuseAttention: Pass {
    /// Shapes of the runtime inputs in order.
    let inputs: [Shape?]

    func apply(_ graph: Graph) throws(LTError) -> Graph {
        guard graph.nodes.contains(where: { $0.opType == "Softmax" || $0.opType == "Attention" }) else { return graph }
        let view = try ViewGraph(graph, inputs: inputs)
        var result = graph
        for (index, node) in graph.nodes.enumerated() where node.isDefaultDomain {
            var match: AttentionMatch?
            switch node.opType {
            case "Softmax": match = try view.spelled(node)
            case "Attention": match = try view.attention(node)
            default: break
            }
            guard let match else { continue }
            let output = view.merged(match)
            guard let position = view.makers[output.name], position >= index else { continue }
            var geometry = match.geometry
            geometry.y = output.tokens
            result.nodes[position] = geometry.node(
                name: node.name, inputs: match.inputs, output: output.name, shape: output.dims)
            result.opsets["longtail"] = 1
        }
        return try RemoveDeadCode().apply(result)
    }
}

/// An attention as found: its inputs, where Q, K and V lie in them, and the value that it makes.
private struct AttentionMatch {
    var geometry: AttentionGeometry
    var inputs: [String]
    /// [batch, heads, queries, width] under any dimensions.
    var output: String
}

/// Batch entries and heads of an operand as far as its strides tell them apart.
private struct Heads {
    /// Axes before the last two, merged, without those of one element.
    let lead: [(dim: Int, stride: Int)]
    let view: SourceView
    let token: Int

    /// nil where channels are not neighbours.
    init?(_ view: SourceView) {
        guard view.dims.count >= 2, let last = view.strides.last, last == 1 || view.dims.last == 1 else { return nil }
        self.view = view
        token = view.strides[view.dims.count - 2]
        var lead: [(dim: Int, stride: Int)] = []
        for (dim, stride) in zip(view.dims, view.strides).dropLast(2) where dim != 1 {
            if let before = lead.last, before.stride == stride * dim {
                lead[lead.count - 1] = (before.dim * dim, stride)
            } else {
                lead.append((dim, stride))
            }
        }
        guard lead.count <= 2 else { return nil }
        self.lead = lead
    }

    func tokens(heads: Int) -> AttentionGeometry.Tokens? {
        var tokens = AttentionGeometry.Tokens(offset: view.offset, token: token)
        switch lead.count {
        case 0: break
        case 1:
            tokens.head = lead[0].stride
            tokens.batch = lead[0].stride * heads
        default:
            guard lead[1].dim == heads else { return nil }
            (tokens.batch, tokens.head) = (lead[0].stride, lead[1].stride)
        }
        return tokens
    }
}

extension ViewGraph {
    /// softmax(scale · Q Kᵀ + biases) · V around a Softmax.
    fileprivate func spelled(_ softmax: Node) throws(LTError) -> AttentionMatch? {
        guard let scoreShape = shape(softmax.inputs[0]), scoreShape.rank >= 2, isFloat(softmax.inputs[0]),
            let axis = try? scoreShape.axis(
                try softmax.int("axis") ?? (graph.opset(of: softmax) < 13 ? 1 : -1)),
            axis == scoreShape.rank - 1, let weights = softmax.singleOutput
        else { return nil }
        // Down to the product with V.
        var value = weights
        while let next = onlyReader(value), isReshape(next) { value = next.outputs[0] }
        guard let second = onlyReader(value), second.isDefaultDomain, second.opType == "MatMul",
            second.inputs[0] == value, second.inputs[1] != value, let v = try view(second.inputs[1])
        else { return nil }
        // Up to the product of Q and K.
        var (scale, source): (Float, String) = (1, softmax.inputs[0])
        var biases: [(name: String, shape: Shape, scores: Shape)] = []
        var first: Node?
        for _ in 0..<16 {
            guard let node = maker(source), node.isDefaultDomain else { return nil }
            if isReshape(node) {
                source = node.inputs[0]
            } else if let (next, factor) = scaling(node) {
                scale *= factor
                source = next
            } else if node.opType == "Add", let (bias, next) = bias(node), scale == 1, biases.count < 2,
                let shape = shape(bias), let scores = self.shape(node.outputs[0])
            {
                biases.append((bias, shape, scores))
                source = next
            } else if node.opType == "MatMul" {
                first = node
                break
            } else {
                return nil
            }
        }
        guard let first, let q = try view(first.inputs[0], scaled: true),
            var k = try view(first.inputs[1], scaled: true), k.dims.count >= 2
        else { return nil }
        let rank = k.dims.count
        k.dims.swapAt(rank - 1, rank - 2)
        k.strides.swapAt(rank - 1, rank - 2)
        return try match(
            q, k, v, scores: shape(first.outputs[0]), product: shape(second.outputs[0]), biases: biases,
            scale: scale * q.factor * k.factor, output: second.outputs[0])
    }

    /// ONNX's own Attention, without a cache, a causal mask or a cap.
    fileprivate func attention(_ node: Node) throws(LTError) -> AttentionMatch? {
        let present = node.inputs.enumerated().filter { !$0.element.isEmpty }.map(\.offset)
        guard let output = node.singleOutput, present == [0, 1, 2] || present == [0, 1, 2, 3],
            try node.int("is_causal") ?? 0 == 0, try node.float("softcap") ?? 0 == 0,
            var q = try view(node.inputs[0]), var k = try view(node.inputs[1]), var v = try view(node.inputs[2]),
            let made = shape(output)
        else { return nil }
        if q.dims.count == 3 {
            guard k.dims.count == 3, v.dims.count == 3, let heads = try node.int("q_num_heads"), heads > 0,
                try node.int("kv_num_heads") == heads
            else { return nil }
            /// [batch, tokens, heads · channels] as [batch, heads, tokens, channels].
            func split(_ x: SourceView) -> SourceView? {
                guard x.dims[2] % heads == 0, var view = x.reshaped([x.dims[0], x.dims[1], heads, x.dims[2] / heads])
                else { return nil }
                view.dims.swapAt(1, 2)
                view.strides.swapAt(1, 2)
                return view
            }
            guard let a = split(q), let b = split(k), let c = split(v) else { return nil }
            (q, k, v) = (a, b, c)
        }
        guard q.dims.count == 4, k.dims.count == 4, v.dims.count == 4, q.dims[3] > 0 else { return nil }
        let scores = try Shape([q.dims[0], q.dims[1], q.dims[2], k.dims[2]])
        var biases: [(name: String, shape: Shape, scores: Shape)] = []
        if present.count == 4 {
            guard isFloat(node.inputs[3]), let mask = shape(node.inputs[3]), mask.dims.last == k.dims[2] else {
                return nil
            }
            biases.append((node.inputs[3], mask, scores))
        }
        let product = try Shape([q.dims[0], q.dims[1], q.dims[2], v.dims[3]])
        let scale = try node.float("scale") ?? 1 / Float(q.dims[3]).squareRoot()
        let match = try match(
            q, k, v, scores: scores, product: product, biases: biases, scale: scale, output: output)
        // A three-dimensional output is merged already.
        if made.rank == 3, var match {
            let (depth, heads) = (match.geometry.width, match.geometry.heads)
            match.geometry.y = AttentionGeometry.Tokens(
                batch: match.geometry.queries * heads * depth, head: depth, token: heads * depth)
            guard heads == q.dims[1] else { return nil }
            return match
        }
        return match
    }

    /// The constant or computed operand of an Add that is no product of its own, and the other one.
    private func bias(_ node: Node) -> (String, String)? {
        guard node.inputs.count == 2 else { return nil }
        for (bias, other) in [(1, 0), (0, 1)]
        where graph.initializers[node.inputs[bias]] != nil && isFloat(node.inputs[bias])
            && shape(node.inputs[other]) == shape(node.outputs[0])
        {
            return (node.inputs[bias], node.inputs[other])
        }
        return nil
    }

    private func match(
        _ q: SourceView, _ k: SourceView, _ v: SourceView, scores: Shape?, product: Shape?,
        biases: [(name: String, shape: Shape, scores: Shape)], scale: Float, output: String
    ) throws(LTError) -> AttentionMatch? {
        guard let scores, let product, scores.rank >= 2, product.rank >= 2, scores.count > 0, product.count > 0,
            v.factor == 1, let qs = Heads(q), let ks = Heads(k), let vs = Heads(v),
            [q.source, k.source, v.source].allSatisfy({ graph.initializers[$0] == nil && isFloat($0) })
        else { return nil }
        let (queries, keys) = (scores.dims[scores.rank - 2], scores.dims[scores.rank - 1])
        let (depth, width) = (q.dims[q.dims.count - 1], v.dims[v.dims.count - 1])
        let pairs = scores.count / (queries * keys)
        func fits(_ view: SourceView, _ rows: Int, _ channels: Int) -> Bool {
            view.dims.reduce(1, *) == pairs * rows * channels && view.dims[view.dims.count - 2] == rows
        }
        guard fits(q, queries, depth), fits(k, keys, depth), fits(v, keys, width), k.dims[k.dims.count - 1] == depth,
            product.count == pairs * queries * width, product.dims[product.rank - 2] == queries
        else { return nil }
        // Operands or biases that tell heads from batch entries must agree on how many there are.
        var counts = Set([qs, ks, vs].filter { $0.lead.count == 2 }.map { $0.lead[1].dim })
        if counts.isEmpty {
            for bias in biases {
                let dims = bias.shape.dims
                if dims.count >= 3, dims[dims.count - 3] > 1 { counts.insert(dims[dims.count - 3]) }
            }
        }
        let heads = counts.first ?? scores.dims.dropLast(2).last ?? 1
        guard counts.count <= 1, heads > 0, pairs % heads == 0, let qt = qs.tokens(heads: heads),
            let kt = ks.tokens(heads: heads), let vt = vs.tokens(heads: heads)
        else { return nil }
        var geometry = AttentionGeometry(
            batch: pairs / heads, heads: heads, queries: queries, keys: keys, depth: depth, width: width)
        (geometry.q, geometry.k, geometry.v) = (qt, kt, vt)
        geometry.scale = scale
        geometry.y = AttentionGeometry.Tokens(
            batch: heads * queries * width, head: queries * width, token: width)
        for bias in biases {
            guard let placed = geometry.bias(bias.shape, bias.scores) else { return nil }
            geometry.biases.append(placed)
        }
        let names = [q.source, k.source, v.source] + biases.map(\.name)
        return AttentionMatch(geometry: geometry, inputs: names, output: output)
    }

    /// The value that the attention can write instead of its product: the one with the heads merged, where nothing else
    /// reads the product. With where its tokens lie.
    fileprivate func merged(
        _ match: AttentionMatch
    ) -> (name: String, tokens: AttentionGeometry.Tokens, dims: [Int]) {
        let g = match.geometry
        let dims = shape(match.output)?.dims ?? []
        let stay = (match.output, g.y, dims)
        guard g.y.token == g.width || g.heads == 1 else { return stay }
        var value = match.output
        while let next = onlyReader(value), isReshape(next) { value = next.outputs[0] }
        guard let turn = onlyReader(value), turn.isDefaultDomain, turn.opType == "Transpose",
            let before = shape(value), let after = shape(turn.outputs[0]),
            let perm = (try? turn.ints("perm")) ?? nil, perm.count == before.rank,
            let order = try? perm.map({ axis throws(LTError) in try before.axis(axis) })
        else { return stay }
        // The axes that have more than one element, before and after.
        let axes = before.dims.indices.filter { before[$0] != 1 }
        let sizes = [g.batch, g.heads, g.queries, g.width]
        let kept = sizes.indices.filter { sizes[$0] != 1 }
        guard axes.map({ before[$0] }) == kept.map({ sizes[$0] }), order.last == before.rank - 1 || g.width == 1
        else { return stay }
        var steps = [0, 0, 0, 0]
        let strides = after.strides
        for (axis, part) in zip(axes, kept) {
            guard let position = order.firstIndex(of: axis) else { return stay }
            steps[part] = strides[position]
        }
        let tokens = AttentionGeometry.Tokens(batch: steps[0], head: steps[1], token: steps[2])
        return (turn.outputs[0], tokens, after.dims)
    }
}

extension AttentionGeometry {
    /// How a bias that broadcasts to the scores is read; nil where the axes before the heads do more than repeat as one.
    fileprivate func bias(_ shape: Shape, _ scores: Shape) -> Bias? {
        guard shape.rank <= scores.rank, scores.rank >= 2 else { return nil }
        let dims = [Int](repeating: 1, count: scores.rank - shape.rank) + shape.dims
        guard dims[dims.count - 1] == keys, zip(dims, scores.dims).allSatisfy({ $0 == $1 || $0 == 1 }) else {
            return nil
        }
        let strides = ((try? Shape(dims)) ?? .scalar).strides
        var bias = Bias()
        let query = dims.count - 2
        if dims[query] > 1 { bias.query = strides[query] }
        // The axes before: the last ones make up the heads, those before them the batch entries.
        var (axis, rest) = (query - 1, heads)
        var inner: [Int] = []
        while axis >= 0, rest > 1, rest % scores[axis] == 0 {
            rest /= scores[axis]
            inner.append(axis)
            axis -= 1
        }
        guard rest == 1, inner.filter({ scores[$0] != 1 }).count <= 1 else { return nil }
        if let head = inner.first(where: { scores[$0] != 1 }), dims[head] > 1 { bias.head = strides[head] }
        // Batch entries: an outer part that repeats and an inner one that does not.
        let innermost = axis
        var period = 1
        while axis >= 0, dims[axis] == scores[axis] {
            period *= dims[axis]
            axis -= 1
        }
        guard dims.prefix(axis + 1).allSatisfy({ $0 == 1 }) else { return nil }
        if period > 1 { (bias.period, bias.batch) = (period, strides[innermost]) }
        return bias
    }
}
