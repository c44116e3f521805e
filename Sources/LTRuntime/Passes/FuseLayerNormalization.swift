// Layer normalisation that exporters spell out before opset 17 becomes one node: (x − mean) / √(mean((x − mean)²) + ε)
// over the last axes, then · scale and + bias where these are constants of the normalised shape.

import LTCore
import LTGraph

struct FuseLayerNormalization: Pass {
    func apply(_ graph: Graph) throws(LTError) -> Graph {
        let view = try PatternView(graph)
        var result = graph
        for (index, node) in graph.nodes.enumerated() where node.isDefaultDomain && node.opType == "Div" {
            guard let match = try view.normalisation(node), view.isFloat(match.input) else { continue }
            var (last, output) = (index, node.outputs[0])
            /// The constant of the normalised shape that the only reader combines the output so far with.
            func parameter(_ opType: String) -> String? {
                guard let next = view.onlyReader(output, opType),
                    let other = graph.nodes[next].inputs.first(where: { $0 != output }),
                    let tensor = graph.initializers[other], tensor.type == .float32, tensor.dims == match.shape
                else { return nil }
                (last, output) = (next, graph.nodes[next].outputs[0])
                return other
            }
            var inputs = [match.input]
            if let scale = parameter("Mul") {
                inputs.append(scale)
            } else {
                let name = result.freshName(output + "/scale")
                let shape = try Shape(match.shape)
                result.initializers[name] = try Tensor([Float](repeating: 1, count: shape.count), shape.dims)
                inputs.append(name)
            }
            if let bias = parameter("Add") { inputs.append(bias) }
            var fused = Node(
                "LayerNormalization", name: node.name, inputs: inputs, outputs: [output],
                attributes: ["axis": .int(Int64(-match.shape.count)), "epsilon": .float(match.epsilon)])
            fused.opset = max(17, graph.opset(of: node))
            result.nodes[last] = fused
        }
        return try RemoveDeadCode().apply(result)
    }
}

extension PatternView {
    /// What `division` normalises, the extents of the normalised axes, and ε.
    fileprivate func normalisation(
        _ division: Node
    ) throws(LTError) -> (input: String, shape: [Int], epsilon: Float)? {
        let distance = division.inputs[0]
        guard division.inputs.count == 2, let root = maker(division.inputs[1], "Sqrt"),
            let sum = maker(root.inputs[0], "Add"), let (epsilon, spread) = constantOperand(sum), epsilon >= 0,
            let variance = maker(spread, "ReduceMean"), isSquare(variance.inputs[0], of: distance),
            let difference = maker(distance, "Sub"), difference.inputs.count == 2,
            let mean = maker(difference.inputs[1], "ReduceMean"), mean.inputs[0] == difference.inputs[0],
            let dims = dims(difference.inputs[0]), let first = try lastAxes(mean, rank: dims.count),
            try lastAxes(variance, rank: dims.count) == first
        else { return nil }
        let shape = dims[first...].compactMap { $0 }
        guard shape.count == dims.count - first else { return nil }
        return (difference.inputs[0], shape, epsilon)
    }

    private func isSquare(_ name: String, of root: String) -> Bool {
        if let power = maker(name, "Pow") { return power.inputs[0] == root && graph.scalar(power.inputs[1]) == 2 }
        return maker(name, "Mul")?.inputs == [root, root]
    }

    /// The axis from which on a node reduces all axes, keeping them.
    private func lastAxes(_ node: Node, rank: Int) throws(LTError) -> Int? {
        guard try node.int("keepdims") ?? 1 != 0 else { return nil }
        var axes = try node.ints("axes")
        if node.inputs.count > 1 { axes = try graph.initializers[node.inputs[1]]?.integers("axes") }
        guard let found = axes?.map({ $0 < 0 ? $0 + rank : $0 }).sorted(), let first = found.first, first >= 0,
            found == Array(first..<rank)
        else { return nil }
        return first
    }
}
