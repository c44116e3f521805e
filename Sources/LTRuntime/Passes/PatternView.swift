// PatternView: a graph with what passes ask that look for several nodes in a row. What a match leaves unread, dead code
// removal takes away.

import LTCore
import LTGraph

struct PatternView {
    let graph: Graph
    private let makers: [String: Int]
    private let readers: [String: [Int]]
    private let reads: [String: Int]
    private let facts: Inference?

    init(_ graph: Graph) throws(LTError) {
        self.graph = graph
        makers = graph.makers
        readers = graph.readers
        reads = graph.readCounts
        facts = try ifPossible { () throws(LTError) in try Inference(graph) }
    }

    func isFloat(_ name: String) -> Bool { facts?[name]?.type == .float32 }

    func dims(_ name: String) -> [Int?]? { facts?[name]?.dims }

    /// The node that makes a value, if it is of that operator.
    func maker(_ name: String, _ opType: String) -> Node? {
        guard let index = makers[name], graph.nodes[index].opType == opType, graph.nodes[index].isDefaultDomain
        else { return nil }
        return graph.nodes[index]
    }

    /// The position of the only node that reads a value, if it is of that operator.
    func onlyReader(_ name: String, _ opType: String) -> Int? {
        guard reads[name] == 1, let index = readers[name]?.first, graph.nodes[index].opType == opType,
            graph.nodes[index].isDefaultDomain
        else { return nil }
        return index
    }

    /// The other operand of a commutative node with a constant number.
    func operand(_ node: Node, besides number: Float) -> String? {
        guard let (value, other) = constantOperand(node), abs(value - number) <= 1e-5 * abs(number) else { return nil }
        return other
    }

    /// The constant number that is one operand of a commutative node, and the other operand.
    func constantOperand(_ node: Node) -> (value: Float, other: String)? {
        guard node.inputs.count == 2 else { return nil }
        for (constant, other) in [(1, 0), (0, 1)] {
            if let value = graph.scalar(node.inputs[constant]) { return (value, node.inputs[other]) }
        }
        return nil
    }
}
