// Activations that exporters spell out become one node: SiLU x·sigmoid(x), HardSwish x·HardSigmoid(x; 1/6, 1/2) or
// x·clip(x + 3, 0, 6)/6, GELU x/2·(1 + erf(x/√2)).

import LTCore
import LTGraph

struct FuseActivationPatterns: Pass {
    func apply(_ graph: Graph) throws(LTError) -> Graph {
        let view = try PatternView(graph)
        var result = graph
        for (index, node) in graph.nodes.enumerated() where node.isDefaultDomain && node.opType == "Mul" {
            guard let (activation, input) = try view.activation(node), view.isFloat(input) else { continue }
            let (name, parameters) = activation.attributes
            result.nodes[index] = Node(
                "Activation", name: node.name, domain: ActivationOperator.schema.domain, inputs: [input],
                outputs: node.outputs,
                attributes: ["activation": .string(name), "activation_params": .floats(parameters)])
            result.opsets["longtail"] = 1
        }
        return try RemoveDeadCode().apply(result)
    }
}

extension PatternView {
    fileprivate func activation(_ node: Node) throws(LTError) -> (Activation, String)? {
        guard node.inputs.count == 2 else { return nil }
        for (x, other) in [(node.inputs[0], node.inputs[1]), (node.inputs[1], node.inputs[0])] {
            if let sigmoid = maker(other, "Sigmoid"), sigmoid.inputs[0] == x { return (.silu, x) }
            if let gate = maker(other, "HardSigmoid"), gate.inputs[0] == x,
                abs((try gate.float("alpha") ?? 0.2) - 1 / 6) < 1e-6, try gate.float("beta") ?? 0.5 == 0.5
            {
                return (.hardSwish, x)
            }
            if let division = maker(other, "Div"), graph.scalar(division.inputs[1]) == 6,
                let clip = maker(division.inputs[0], "Clip"), clip.inputs.count == 3,
                graph.scalar(clip.inputs[1]) == 0, graph.scalar(clip.inputs[2]) == 6,
                let add = maker(clip.inputs[0], "Add"), operand(add, besides: 3) == x
            {
                return (.hardSwish, x)
            }
        }
        return gelu(node)
    }

    /// (x · (1 + erf(x/√2))) · ½, (x · ½) · (1 + erf(x/√2)), or x · ((1 + erf(x/√2)) · ½).
    private func gelu(_ node: Node) -> (Activation, String)? {
        func erfInput(_ name: String) -> String? {
            guard let add = maker(name, "Add"), let erfName = operand(add, besides: 1),
                let erf = maker(erfName, "Erf")
            else { return nil }
            if let division = maker(erf.inputs[0], "Div"), let divisor = graph.scalar(division.inputs[1]),
                abs(divisor - Float(2).squareRoot()) < 1e-5
            {
                return division.inputs[0]
            }
            if let product = maker(erf.inputs[0], "Mul") {
                return operand(product, besides: Float(0.5).squareRoot())
            }
            return nil
        }
        func product(_ node: Node) -> String? {
            for (x, other) in [(node.inputs[0], node.inputs[1]), (node.inputs[1], node.inputs[0])]
            where erfInput(other) == x {
                return x
            }
            return nil
        }
        if let inner = operand(node, besides: 0.5), let mul = maker(inner, "Mul"), let x = product(mul) {
            return (.gelu, x)
        }
        for (factor, other) in [(node.inputs[0], node.inputs[1]), (node.inputs[1], node.inputs[0])] {
            if let mul = maker(factor, "Mul"), let x = operand(mul, besides: 0.5), erfInput(other) == x {
                return (.gelu, x)
            }
            if let mul = maker(other, "Mul"), let sum = operand(mul, besides: 0.5), erfInput(sum) == factor {
                return (.gelu, factor)
            }
        }
        return nil
    }
}
