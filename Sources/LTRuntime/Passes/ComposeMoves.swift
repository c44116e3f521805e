// Chains of copies that keep rows whole become one. Around attention none is left: a Linear works on each row by itself, so
// rows may be permuted behind it as well as before it, and the attention finds its tokens by their rows.

import LTCore
import LTGraph

struct ComposeMoves: Pass {
    /// Shapes of the runtime inputs in order.
    let inputs: [Shape?]

    func apply(_ graph: Graph) throws(LTError) -> Graph {
        guard graph.nodes.contains(where: { ["Transpose", "Concat", "Slice"].contains($0.opType) }) else {
            return graph
        }
        var graph = graph
        if graph.nodes.contains(where: {
            $0.domain == FusedAttentionOperator.schema.domain && $0.opType == "FusedAttention"
        }
        ) {
            let view = try ViewGraph(graph, inputs: inputs)
            var writer = Writer(graph: graph)
            for (index, node) in graph.nodes.enumerated() where node.opType == "FusedAttention" {
                try writer.before(index, view)
                try writer.behind(index, view)
            }
            graph = writer.graph
            graph.nodes = graph.nodes.enumerated().filter { !writer.dropped.contains($0.offset) }.map(\.element)
            graph = try RemoveDeadCode().apply(graph)
        }
        let view = try ViewGraph(graph, inputs: inputs)
        var writer = Writer(graph: graph)
        for name in view.ends { try writer.gather(name, view) }
        return try RemoveDeadCode().apply(writer.graph)
    }

    private struct Writer {
        var graph: Graph
        /// Nodes whose output another one makes now.
        var dropped: Set<Int> = []

        init(graph: Graph) { self.graph = graph }

        private mutating func constant(_ places: [Int32], _ base: String) throws(LTError) -> String {
            let name = graph.freshName(base + "/rows")
            graph.initializers[name] = try Tensor(places)
            return name
        }

        /// Q, K and V of one Linear whose rows were moved before it: the Linear takes them as they were.
        mutating func before(_ index: Int, _ view: ViewGraph) throws(LTError) {
            let node = view.graph.nodes[index]
            let tokens = node.inputs[0]
            guard node.inputs.count <= 5, node.inputs[1] == tokens, node.inputs[2] == tokens, view.reads[tokens] == 3,
                let maker = view.makers[tokens], let (width, depth) = view.linear(maker),
                let map = try view.rowMap(view.graph.nodes[maker].inputs[0])?.rows(of: depth),
                let source = view.shape(map.source), source.dims.last == depth,
                view.graph.nodes[maker].inputs.count <= 3
            else { return }
            let geometry = try AttentionGeometry(node)
            let count = geometry.queries
            guard geometry.keys == count, map.places.count == geometry.batch * count,
                [(geometry.q, geometry.depth), (geometry.k, geometry.depth), (geometry.v, geometry.width)].allSatisfy({
                    (tokens, channels) in
                    tokens.token == width && (tokens.batch == count * width || geometry.batch == 1)
                        && tokens.offset + (geometry.heads - 1) * tokens.head + channels <= width
                })
            else { return }
            graph.nodes[maker].inputs[0] = map.source
            let rows = try constant(map.places, node.outputs[0])
            while graph.nodes[index].inputs.count < 5 { graph.nodes[index].inputs.append("") }
            graph.nodes[index].inputs.append(rows)
        }

        /// A Linear of merged heads whose rows are moved behind it: the attention writes them where they go.
        mutating func behind(_ index: Int, _ view: ViewGraph) throws(LTError) {
            let node = view.graph.nodes[index]
            guard node.inputs.count <= 6 else { return }
            var value = node.outputs[0]
            while let next = view.onlyReader(value), view.isReshape(next) { value = next.outputs[0] }
            guard let product = view.onlyReader(value), product.inputs[0] == value,
                let maker = view.makers[product.outputs[0]], let (width, depth) = view.linear(maker),
                product.inputs.count <= 3
            else { return }
            let geometry = try AttentionGeometry(node)
            let merged = geometry.heads * geometry.width
            guard merged == depth, geometry.y.token == depth, geometry.heads == 1 || geometry.y.head == geometry.width,
                geometry.batch == 1 || geometry.y.batch == geometry.queries * depth,
                let end = view.end(of: product.outputs[0]), let map = try view.rowMap(end)?.rows(of: width),
                map.source == product.outputs[0], let shape = view.shape(end), shape.dims.last == width,
                let inverse = map.inverse(rows: geometry.batch * geometry.queries)
            else { return }
            let rows = try constant(inverse, end)
            while graph.nodes[index].inputs.count < 6 { graph.nodes[index].inputs.append("") }
            graph.nodes[index].inputs.append(rows)
            graph.nodes[index].attributes["shape"] = .ints((shape.dims.dropLast() + [depth]).map { Int64($0) })
            graph.nodes[maker].inputs[0] = node.outputs[0]
            graph.nodes[maker].outputs[0] = end
            if let last = view.makers[end] { dropped.insert(last) }
        }

        /// Two copies or more as one.
        mutating func gather(_ name: String, _ view: ViewGraph) throws(LTError) {
            guard let index = graph.nodes.firstIndex(where: { $0.outputs == [name] }),
                let map = try view.rowMap(name), map.copies >= 2, let shape = view.shape(name)
            else { return }
            let rows = try constant(map.places, name)
            var node = Node(
                "GatherRows", name: graph.nodes[index].name, domain: GatherRowsOperator.schema.domain,
                inputs: [map.source, rows], outputs: [name])
            node.attributes = ["run": .int(Int64(map.run)), "shape": .ints(shape.dims.map { Int64($0) })]
            graph.nodes[index] = node
            graph.opsets["longtail"] = 1
        }
    }
}

extension ViewGraph {
    /// Columns and rows of the weights, where a node is a Linear.
    fileprivate func linear(_ index: Int) -> (width: Int, depth: Int)? {
        let node = graph.nodes[index]
        guard node.domain == LinearOperator.schema.domain, node.opType == "Linear",
            let width = shape(node.outputs[0])?.dims.last,
            let depth = shape(node.inputs[0])?.dims.last
        else { return nil }
        return (width, depth)
    }

    private func moves(_ node: Node) -> Bool {
        node.isDefaultDomain
            && (isReshape(node) || ["Transpose", "Slice", "Concat", "Split", "Gather"].contains(node.opType))
    }

    /// Values that moves make and something else reads.
    fileprivate var ends: [String] {
        graph.nodes.filter(moves).compactMap(\.singleOutput).filter { name in
            let indices = readers[name] ?? []
            return reads[name] ?? 0 > indices.count || indices.contains { !moves(graph.nodes[$0]) }
        }
    }

    /// Where the copies of a value end that read nothing else; nil where they part for good.
    fileprivate func end(of name: String) -> String? {
        var value = name
        for _ in 0..<64 {
            guard let indices = readers[value], let first = indices.first, reads[value] == indices.count,
                indices.allSatisfy({ moves(graph.nodes[$0]) })
            else { break }
            if indices.count == 1 {
                guard let next = graph.nodes[first].singleOutput else { return nil }
                value = next
                continue
            }
            // Pieces that one Concat joins.
            let joined = Set(
                indices.flatMap { index in
                    graph.nodes[index].outputs.filter { !$0.isEmpty }.flatMap { readers[$0] ?? [] }
                })
            guard joined.count == 1, let index = joined.first, graph.nodes[index].opType == "Concat" else { return nil }
            value = graph.nodes[index].outputs[0]
        }
        return value == name ? nil : value
    }
}
