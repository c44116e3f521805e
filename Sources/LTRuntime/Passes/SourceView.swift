// SourceView: a value as a strided view of the value that it was cut, turned and reshaped from, without those copies.

import LTCore
import LTGraph

/// Element i of a value is element offset + Σ i_k·strides_k of `source`.
struct SourceView {
    var source: String
    var dims: [Int]
    var strides: [Int]
    var offset = 0
    /// What the elements are multiplied by.
    var factor: Float = 1

    init(whole source: String, _ shape: Shape) {
        self.source = source
        dims = shape.dims
        strides = shape.strides
    }

    /// The view under other dimensions of as many elements; nil where that needs a copy.
    func reshaped(_ target: [Int]) -> SourceView? {
        var result = self
        (result.dims, result.strides) = (target, [])
        var pieces = zip(dims, strides).filter { $0.0 != 1 }.map { (dim: $0.0, stride: $0.1) }
        // From the last axis on: each new axis takes elements off the innermost old ones.
        for dim in target.reversed() {
            guard dim > 1 else {
                result.strides.append(0)
                continue
            }
            guard var last = pieces.popLast() else { return nil }
            while last.dim < dim {
                guard let next = pieces.popLast(), next.stride == last.stride * last.dim else { return nil }
                last.dim *= next.dim
            }
            guard last.dim % dim == 0 else { return nil }
            result.strides.append(last.stride)
            if last.dim > dim { pieces.append((last.dim / dim, last.stride * dim)) }
        }
        result.strides.reverse()
        return pieces.isEmpty ? result : nil
    }

    /// The view of this view that `other` is of a row-major value of this one's shape; nil where that is none.
    func followed(by other: StridedIndices, _ shape: [Int]) -> SourceView? {
        guard let own = try? Shape(dims), other.offset >= 0, other.offset < max(own.count, 1) else { return nil }
        let steps = own.strides
        var result = self
        (result.dims, result.strides) = (other.dims, [])
        // Where the view starts, and how far it goes on each axis.
        var position = zip(dims, steps).map { $0 > 0 ? other.offset / $1 % $0 : 0 }
        for (at, stride) in zip(position, strides) { result.offset += at * stride }
        for (dim, step) in zip(other.dims, other.strides) {
            guard dim > 1, step != 0 else {
                result.strides.append(0)
                continue
            }
            guard step > 0, let axis = steps.indices.first(where: { dims[$0] > 1 && steps[$0] <= step }) else {
                return nil
            }
            let jump = step / steps[axis]
            position[axis] += jump * (dim - 1)
            guard step % steps[axis] == 0, position[axis] < dims[axis] else { return nil }
            result.strides.append(jump * strides[axis])
        }
        return result.dims == shape ? result : result.reshaped(shape)
    }
}

/// A graph of known shapes as passes see it that look through copies.
struct ViewGraph {
    let graph: Graph
    let facts: Inference
    let makers: [String: Int]
    let readers: [String: [Int]]
    let reads: [String: Int]
    /// Nodes that a chain of copies may have.
    private static let longest = 64
    private static let reshaping: Set<String> = ["Reshape", "Flatten", "Squeeze", "Unsqueeze"]

    init(_ graph: Graph, inputs: [Shape?]?) throws(LTError) {
        self.graph = graph
        facts = try Inference(graph, inputs: inputs)
        makers = graph.makers
        readers = graph.readers
        reads = graph.readCounts
    }

    func shape(_ name: String) -> Shape? { facts[name]?.shape }

    func isFloat(_ name: String) -> Bool { facts[name]?.type == .float32 }

    func maker(_ name: String) -> Node? { makers[name].map { graph.nodes[$0] } }

    /// Whether a node only renames the dimensions of its first input.
    func isReshape(_ node: Node) -> Bool { node.isDefaultDomain && Self.reshaping.contains(node.opType) }

    /// The only node that reads a value.
    func onlyReader(_ name: String) -> Node? {
        guard reads[name] == 1, let index = readers[name]?.first else { return nil }
        return graph.nodes[index]
    }

    /// The other operand and the number of a node that multiplies or divides by one constant.
    func scaling(_ node: Node) -> (value: String, factor: Float)? {
        guard node.isDefaultDomain, node.inputs.count == 2, ["Mul", "Div"].contains(node.opType) else { return nil }
        if let number = graph.scalar(node.inputs[1]), shape(node.inputs[0]) == shape(node.outputs[0]) {
            return (node.inputs[0], node.opType == "Mul" ? number : 1 / number)
        }
        if node.opType == "Mul", let number = graph.scalar(node.inputs[0]),
            shape(node.inputs[1]) == shape(node.outputs[0])
        {
            return (node.inputs[1], number)
        }
        return nil
    }

    /// A value as a view of what it was copied from, multiplications by a number included where wanted.
    func view(_ name: String, scaled: Bool = false) throws(LTError) -> SourceView? {
        var chain: [(node: Node, index: Int, output: String)] = []
        var source = name
        while chain.count < Self.longest, let index = makers[source] {
            let node = graph.nodes[index]
            let moves = isReshape(node) || (node.isDefaultDomain && facts.operators[index] is any ViewOperator)
            guard
                let next = scaled
                    ? scaling(node)?.value ?? (moves ? node.inputs[0] : nil) : moves ? node.inputs[0] : nil,
                shape(next) != nil, isFloat(next)
            else { break }
            chain.append((node, index, source))
            source = next
        }
        guard let whole = shape(source) else { return nil }
        var view = SourceView(whole: source, whole)
        for (node, index, output) in chain.reversed() {
            guard let shape = shape(output) else { return nil }
            if let (_, factor) = scaled ? scaling(node) : nil {
                view.factor *= factor
                continue
            }
            var next: SourceView?
            if isReshape(node) {
                next = view.reshaped(shape.dims)
            } else if let op = facts.operators[index] as? any ViewOperator,
                let position = node.outputs.firstIndex(of: output)
            {
                let arguments = node.inputs.map { $0.isEmpty ? nil : facts[$0] }
                let views = try ifPossible { () throws(LTError) in try op.views(arguments) }
                if let views = views ?? nil, position < views.count {
                    next = view.followed(by: views[position], shape.dims)
                }
            }
            // What needs a copy is a source of its own.
            view = next ?? SourceView(whole: output, shape)
        }
        return view
    }
}
