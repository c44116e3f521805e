// Einsum of two float operands whose shapes are known becomes a matrix product: labels that both have and the output
// keeps are batches, those that it drops are summed over, the others are rows and columns.

import LTCore
import LTGraph
import OrderedCollections

struct ExpandEinsum: Pass {
    /// Shapes of the runtime inputs in order, as far as they are known.
    let inputs: [Shape?]

    func apply(_ graph: Graph) throws(LTError) -> Graph {
        guard graph.nodes.contains(where: { $0.opType == "Einsum" }) else { return graph }
        let facts = try Inference(graph, inputs: inputs)
        var writer = Writer(graph)
        for (index, node) in graph.nodes.enumerated() {
            guard node.isDefaultDomain, node.inputs.count == 2, let einsum = facts.operators[index] as? EinsumOperator,
                let a = facts[node.inputs[0]], let b = facts[node.inputs[1]], a.type == .float32, b.type == .float32,
                let left = a.shape, let right = b.shape,
                let product = Product(try einsum.resolve([left.dims, right.dims]), left, right)
            else {
                writer.graph.nodes.append(node)
                continue
            }
            try writer.write(product, node)
        }
        return writer.graph
    }

    /// The axes of an equation by the part they play; each is the number of a label.
    private struct Product {
        let extents: [Int]
        let left: [Int]
        let right: [Int]
        let output: [Int]
        let batch: [Int]
        let rows: [Int]
        let columns: [Int]
        let summed: [Int]

        /// `nil` for what is no matrix product: diagonals, sums over one operand, extents that broadcast, nothing at all.
        init?(_ equation: EinsumOperator.Resolved, _ a: Shape, _ b: Shape) {
            extents = equation.extents.map { $0 ?? 1 }
            (left, right, output) = (equation.inputs[0], equation.inputs[1], equation.output)
            let (inLeft, inRight, kept) = (Set(left), Set(right), Set(output))
            batch = output.filter { inLeft.contains($0) && inRight.contains($0) }
            rows = output.filter { !inRight.contains($0) }
            columns = output.filter { !inLeft.contains($0) }
            summed = left.filter { inRight.contains($0) && !kept.contains($0) }
            guard inLeft.count == left.count, inRight.count == right.count, a.count > 0, b.count > 0, !summed.isEmpty,
                batch.count + rows.count + summed.count == left.count,
                batch.count + columns.count + summed.count == right.count
            else { return nil }
            for (axes, shape) in [(left, a), (right, b)] {
                for (axis, size) in zip(axes, shape.dims) where extents[axis] != size { return nil }
            }
        }

        func size(_ axes: [Int]) -> Int { axes.reduce(1) { $0 * extents[$1] } }
    }

    private struct Writer {
        var graph: Graph
        private var taken: Set<String>
        private var name = ""
        private var opset: Int?

        init(_ graph: Graph) {
            taken = graph.valueNames
            self.graph = graph
            self.graph.nodes = []
        }

        private mutating func fresh(_ base: String) -> String {
            var (name, number) = (base, 1)
            while !taken.insert(name).inserted {
                name = "\(base)_\(number)"
                number += 1
            }
            return name
        }

        mutating func write(_ product: Product, _ node: Node) throws(LTError) {
            (name, opset) = (node.outputs[0], node.opset)
            let (batch, rows, columns, summed) = (product.batch, product.rows, product.columns, product.summed)
            func sizes(_ groups: [[Int]]) -> [Int] { groups.map(product.size) }
            let a = try arranged(node.inputs[0], product.left, batch + rows + summed, sizes([batch, rows, summed]))
            let b = try arranged(
                node.inputs[1], product.right, batch + summed + columns, sizes([batch, summed, columns]))
            let flat = add("MatMul", [a, b])
            let order = batch + rows + columns
            let split = try reshape(flat, order.map { product.extents[$0] })
            transpose(split, order, product.output, as: node.outputs[0])
        }

        /// The value with its axes in another order and as a stack of matrices.
        private mutating func arranged(
            _ value: String, _ axes: [Int], _ wanted: [Int], _ dims: [Int]
        ) throws(LTError) -> String {
            try reshape(axes == wanted ? value : transpose(value, axes, wanted), dims)
        }

        private mutating func reshape(_ value: String, _ dims: [Int]) throws(LTError) -> String {
            let shape = fresh(name + "/shape")
            graph.initializers[shape] = try Tensor(dims.map { Int64($0) })
            return add("Reshape", [value, shape])
        }

        @discardableResult private mutating func transpose(
            _ value: String, _ axes: [Int], _ wanted: [Int], as output: String? = nil
        ) -> String {
            let order = wanted.map { Int64(axes.firstIndex(of: $0) ?? 0) }
            return add("Transpose", [value], ["perm": .ints(order)], as: output)
        }

        private mutating func add(
            _ opType: String, _ inputs: [String], _ attributes: OrderedDictionary<String, Attribute> = [:],
            as output: String? = nil
        ) -> String {
            let output = output ?? fresh("\(name)/\(opType)")
            var node = Node(opType, name: output, inputs: inputs, outputs: [output], attributes: attributes)
            node.opset = opset
            graph.nodes.append(node)
            return output
        }
    }
}
