// Graph: the end of a classifier: its last linear layer, its output, and the dimensions of its input.

import LTCore
import LTGraph

/// The last linear layer of a classifier.
struct LastLinear {
    /// How the weights lie: [classes, features], [features, classes], or [classes, features, 1, …] of a convolution.
    enum Form { case rows, columns, pixels(Int) }
    var form: Form
    var classes: Int
    var features: Int
    /// Position of the node that multiplies, and of the one that adds the bias.
    var node: Int
    var weight: String
    var biasNode: Int
    var bias: String?
    /// Reshapes behind it, and the initializers that say their shapes.
    var shapes: [(node: Int, name: String)]
}

extension Graph {
    func producer(of value: String) -> Node? { nodes.first { $0.outputs.contains(value) } }

    /// The linear layer from which only reshaping, pooling and simple activations lead to a value.
    func lastLinear(before value: String) -> LastLinear? {
        var value = value
        var shapes: [(Int, String)] = []
        for _ in 0..<32 {
            guard let index = nodes.firstIndex(where: { $0.outputs.contains(value) }) else { return nil }
            let node = nodes[index]
            switch node.opType {
            case "Reshape":
                if node.inputs.count > 1 { shapes.append((index, node.inputs[1])) }
                value = node.inputs[0]
            case "Flatten", "Squeeze", "Unsqueeze", "Identity", "Dropout", "Transpose", "GlobalAveragePool",
                "AveragePool", "ReduceMean", "Relu", "Clip":
                value = node.inputs[0]
            case "Add":
                guard let bias = node.inputs.first(where: { initializers[$0] != nil }),
                    let product = node.inputs.first(where: { initializers[$0] == nil }),
                    var layer = linear(at: nodes.firstIndex { $0.outputs.contains(product) })
                else { return nil }
                (layer.bias, layer.biasNode, layer.shapes) = (bias, index, shapes)
                return layer
            default:
                var layer = linear(at: index)
                layer?.shapes = shapes
                return layer
            }
        }
        return nil
    }

    private func linear(at index: Int?) -> LastLinear? {
        guard let index, nodes[index].inputs.count > 1 else { return nil }
        let node = nodes[index]
        guard let weight = initializers[node.inputs[1]], weight.type == .float32 else { return nil }
        let dims = weight.dims
        let form: LastLinear.Form
        switch node.opType {
        case "Gemm" where dims.count == 2:
            if case .int(1)? = node.attributes["transB"] { form = .rows } else { form = .columns }
        case "MatMul" where dims.count == 2: form = .columns
        case "Conv" where dims.count > 2 && dims.dropFirst(2).allSatisfy { $0 == 1 }:
            if case .int(let group)? = node.attributes["group"], group != 1 { return nil }
            form = .pixels(dims.count - 2)
        default: return nil
        }
        var (classes, features) = (dims[0], dims[1])
        if case .columns = form { (classes, features) = (dims[1], dims[0]) }
        let bias = node.inputs.count > 2 && initializers[node.inputs[2]] != nil ? node.inputs[2] : nil
        return LastLinear(
            form: form, classes: classes, features: features, node: index, weight: node.inputs[1], biasNode: index,
            bias: bias, shapes: [])
    }

    /// Gives a node another initializer in place of `name`, under that name where no other node reads it.
    mutating func put(_ tensor: Tensor, at node: Int, _ name: String, position: Int?) {
        var target = name
        if nodes.enumerated().contains(where: { $0 != node && $1.inputs.contains(name) }) {
            var number = 1
            while initializers["\(name)_\(number)"] != nil { number += 1 }
            target = "\(name)_\(number)"
        }
        initializers[target] = tensor
        for index in nodes[node].inputs.indices where nodes[node].inputs[index] == name {
            if position == nil || position == index { nodes[node].inputs[index] = target }
        }
    }

    /// Makes a value the only output, under a name, and drops what it does not need.
    mutating func setOutput(_ value: String, as name: String, classes: Int) {
        if value != name {
            // What has the name already moves aside.
            rename(name, to: "\(name)_")
            rename(value, to: name)
        }
        outputs = [ValueInfo(name, .float32, ["N", .fixed(classes)])]
        valueInfos = [:]
        var needed: Set<String> = [name]
        var kept: [Node] = []
        for node in nodes.reversed() where node.outputs.contains(where: { needed.contains($0) }) {
            kept.append(node)
            needed.formUnion(node.inputs)
        }
        nodes = kept.reversed()
        initializers = initializers.filter { needed.contains($0.key) }
        initializerExtras = initializerExtras.filter { needed.contains($0.key) }
        inputs.removeAll { !needed.contains($0.name) }
    }

    private mutating func rename(_ old: String, to new: String) {
        for index in nodes.indices {
            nodes[index].inputs = nodes[index].inputs.map { $0 == old ? new : $0 }
            nodes[index].outputs = nodes[index].outputs.map { $0 == old ? new : $0 }
        }
        if let tensor = initializers.removeValue(forKey: old) { initializers[new] = tensor }
        for index in inputs.indices where inputs[index].name == old { inputs[index].name = new }
    }

    /// Any number of square images of a size. A file for a fixed number of images gets a dynamic one where its reshapes
    /// name that number first.
    mutating func setInput(size: Int) throws(LTError) {
        guard let name = runtimeInputs.first?.name, let position = inputs.firstIndex(where: { $0.name == name }),
            case .tensor(let type, var dims?)? = inputs[position].type, dims.count >= 4
        else { throw LTError(.unsupported, "the input is no image [N, channels, height, width]") }
        guard runtimeInputs.count == 1, dims[1].fixed ?? 3 == 3 else {
            throw LTError(.unsupported, "\(runtimeInputs.count) inputs, the first \(dims), expected one of 3 channels")
        }
        if let batch = dims[0].fixed {
            for index in nodes.indices where nodes[index].opType == "Reshape" && nodes[index].inputs.count > 1 {
                let shape = nodes[index].inputs[1]
                guard let tensor = initializers[shape], tensor.type == .int64,
                    var sizes = try? tensor.array(of: Int64.self), sizes.count > 1, sizes[0] == Int64(batch)
                else { continue }
                sizes[0] = sizes.dropFirst().contains(-1) ? 0 : -1
                put(try Tensor(sizes), at: index, shape, position: 1)
            }
        }
        dims[0] = "N"
        dims[1] = 3
        for axis in dims.count - 2..<dims.count { dims[axis] = .fixed(size) }
        inputs[position].type = .tensor(type, dims)
    }
}
