// DequantizeLinear → operator → QuantizeLinear becomes the operator on the 8-bit integers themselves: QuantizedConv, QGemm,
// QLinearMatMul, QLinearAdd, QLinearGlobalAveragePool; maxima, views and concatenations between equal scales stay what they are.
// Activations have one scale and zero point, weights are symmetric, with one scale or one per output channel.
// https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html#onnx-quantization-representation-format

import LTCore
import LTGraph
import OrderedCollections

struct FormQuantized: Pass {
    func apply(_ graph: Graph) throws(LTError) -> Graph {
        guard graph.nodes.contains(where: { $0.opType == "DequantizeLinear" }) else { return graph }
        var former = try QuantizedFormer(graph)
        for index in graph.nodes.indices { try former.form(index) }
        return former.result
    }
}

/// A quantised value with the constants that say what it stands for.
private struct Quantized {
    let name: String
    let type: ElementType
    let scale: String
    let zeroPoint: String
}

/// Quantised weights, symmetric: `scales` has one number or one per output channel.
private struct QuantizedWeights {
    let name: String
    let scale: String
    let scales: [Float]
    let channels: Int
}

private struct QuantizedFormer {
    private let graph: Graph
    private let makers: [String: Int]
    private let reads: [String: Int]
    private let facts: Inference
    private(set) var result: Graph
    /// Names of zero points made here, by type.
    private var zeros: [ElementType: String] = [:]

    init(_ graph: Graph) throws(LTError) {
        self.graph = graph
        makers = graph.makers
        reads = graph.readCounts
        facts = try Inference(graph)
        result = graph
    }

    /// Rewrites the node at `index` where it quantises what an operator made of dequantised values.
    mutating func form(_ index: Int) throws(LTError) {
        let node = graph.nodes[index]
        if node.isDefaultDomain, node.opType == "Gemm" { return try formLastGemm(index, node) }
        guard node.isDefaultDomain, node.opType == "QuantizeLinear", let target = try target(node),
            reads[node.inputs[0]] == 1
        else { return }
        var (value, activation) = (node.inputs[0], Activation?.none)
        if let last = maker(value), let input = last.inputs.first, reads[input] == 1,
            let found = try Activation(following: last, graph)
        {
            switch found {
            case .relu, .leakyRelu, .clip: (value, activation) = (input, found)
            default: return
            }
        }
        // A zero point at the low end makes Relu's cut.
        if case .relu? = activation, lowest(target) { activation = nil }
        guard let op = maker(value), op.isDefaultDomain, op.singleOutput != nil else { return }
        if op.opType == "Conv" {
            guard let formed = try convolution(op, target, activation) else { return }
            result.nodes[index] = formed
            result.opsets["longtail"] = 1
        } else if activation == nil, let formed = try other(op, target) {
            result.nodes[index] = formed
            if formed.domain == "com.microsoft" { result.opsets["com.microsoft"] = 1 }
        }
    }

    // MARK: Operators

    private mutating func convolution(
        _ op: Node, _ target: Quantized, _ activation: Activation?
    ) throws(LTError) -> Node? {
        guard op.inputs.count >= 2, let x = try source(op.inputs[0]), let w = try weights(op.inputs[1], axis: 0),
            let bias = try bias(op.inputs.count > 2 ? op.inputs[2] : "", x, w)
        else { return nil }
        var attributes = op.attributes
        if let (name, parameters) = activation?.attributes {
            attributes["activation"] = .string(name)
            attributes["activation_params"] = .floats(parameters)
        }
        let inputs =
            [x.name, x.scale, x.zeroPoint, w.name, w.scale, try zero(.int8), target.scale, target.zeroPoint]
            + (bias.isEmpty ? [] : [bias])
        return Node(
            "QuantizedConv", name: op.name, domain: "longtail", inputs: inputs, outputs: [target.name],
            attributes: attributes)
    }

    private mutating func other(_ op: Node, _ target: Quantized) throws(LTError) -> Node? {
        guard let first = op.inputs.first, let x = try source(first) else { return nil }
        switch op.opType {
        case "Add":
            guard let z = try source(op.inputs[1]), x.type == target.type, z.type == target.type else { return nil }
            return Node(
                "QLinearAdd", name: op.name, domain: "com.microsoft",
                inputs: [
                    x.name, x.scale, x.zeroPoint, z.name, z.scale, z.zeroPoint, target.scale, target.zeroPoint,
                ], outputs: [target.name])
        case "GlobalAveragePool":
            guard x.type == target.type else { return nil }
            return Node(
                "QLinearGlobalAveragePool", name: op.name, domain: "com.microsoft",
                inputs: [x.name, x.scale, x.zeroPoint, target.scale, target.zeroPoint], outputs: [target.name])
        case "Gemm": return try gemm(op, x, target)
        case "MatMul":
            guard let w = try weights(op.inputs[1], axis: 1) else { return nil }
            return Node(
                "QLinearMatMul", name: op.name,
                inputs: [
                    x.name, x.scale, x.zeroPoint, w.name, w.scale, try zero(.int8), target.scale, target.zeroPoint,
                ],
                outputs: [target.name])
        case "Concat":
            var inputs: [String] = []
            for name in op.inputs {
                guard let part = try source(name), isEqual(part, target) else { return nil }
                inputs.append(part.name)
            }
            return moved(op, inputs, target)
        case "MaxPool", "Flatten", "Reshape", "Squeeze", "Unsqueeze", "Transpose":
            guard isEqual(x, target) else { return nil }
            return moved(op, [x.name] + op.inputs.dropFirst(), target)
        default: return nil
        }
    }

    private func moved(_ op: Node, _ inputs: [String], _ target: Quantized) -> Node {
        var node = op
        node.inputs = inputs
        node.outputs = [target.name]
        return node
    }

    private mutating func gemm(_ op: Node, _ x: Quantized, _ target: Quantized?) throws(LTError) -> Node? {
        let transB = try op.int("transB") ?? 0 != 0
        guard try op.float("alpha") ?? 1 == 1, try op.float("beta") ?? 1 == 1, try op.int("transA") ?? 0 == 0,
            target == nil || target?.type == x.type, let w = try weights(op.inputs[1], axis: transB ? 0 : 1),
            let bias = try bias(op.inputs.count > 2 ? op.inputs[2] : "", x, w)
        else { return nil }
        var inputs = [x.name, x.scale, x.zeroPoint, w.name, w.scale, try zero(.int8), bias]
        if let target { inputs += [target.scale, target.zeroPoint] }
        return Node(
            "QGemm", name: op.name, domain: "com.microsoft", inputs: inputs, outputs: [target?.name ?? op.outputs[0]],
            attributes: ["transB": .int(transB ? 1 : 0)])
    }

    /// A Gemm whose result is not quantised again.
    private mutating func formLastGemm(_ index: Int, _ op: Node) throws(LTError) {
        guard let output = op.singleOutput, facts[output]?.type == .float32, let x = try source(op.inputs[0]),
            !graph.nodes.contains(where: { $0.opType == "QuantizeLinear" && $0.inputs[0] == output }),
            let formed = try gemm(op, x, nil)
        else { return }
        result.nodes[index] = formed
        result.opsets["com.microsoft"] = 1
    }

    // MARK: Values

    private func maker(_ name: String) -> Node? { makers[name].map { graph.nodes[$0] } }

    /// The parameters of a node that quantises or dequantises with one scale; nil for others.
    private mutating func parameters(
        _ node: Node, _ type: ElementType?, _ name: String
    ) throws(LTError) -> Quantized? {
        guard let type, Set<ElementType>.bytes.contains(type), node.inputs.count >= 2,
            let scale = graph.initializers[node.inputs[1]], scale.type == .float32, scale.count == 1,
            scale.elements(Float.self)[0] > 0, scale.elements(Float.self)[0].isFinite
        else { return nil }
        var zeroPoint = node.inputs.count > 2 ? node.inputs[2] : ""
        if zeroPoint.isEmpty {
            zeroPoint = try zero(type)
        } else {
            guard let tensor = graph.initializers[zeroPoint], tensor.type == type, tensor.count == 1 else { return nil }
        }
        return Quantized(name: name, type: type, scale: node.inputs[1], zeroPoint: zeroPoint)
    }

    /// What a dequantised value was made from.
    private mutating func source(_ name: String) throws(LTError) -> Quantized? {
        guard let node = maker(name), node.isDefaultDomain, node.opType == "DequantizeLinear",
            facts[name]?.type == .float32, graph.initializers[node.inputs[0]] == nil
        else { return nil }
        return try parameters(node, facts[node.inputs[0]]?.type, node.inputs[0])
    }

    private mutating func target(_ node: Node) throws(LTError) -> Quantized? {
        guard let output = node.singleOutput, facts[node.inputs[0]]?.type == .float32 else { return nil }
        return try parameters(node, facts[output]?.type, output)
    }

    /// Constant weights of int8 around 0, with a scale for all or for each place of `axis`.
    private func weights(_ name: String, axis: Int) throws(LTError) -> QuantizedWeights? {
        guard let node = maker(name), node.isDefaultDomain, node.opType == "DequantizeLinear",
            let tensor = graph.initializers[node.inputs[0]], tensor.type == .int8, tensor.shape.rank >= 2,
            axis == 0 || tensor.shape.rank == 2, let scale = graph.initializers[node.inputs[1]],
            scale.type == .float32, scale.shape.rank <= 1
        else { return nil }
        if node.inputs.count > 2, !node.inputs[2].isEmpty {
            guard let zeros = graph.initializers[node.inputs[2]], try zeros.zeroPoints().allSatisfy({ $0 == 0 }) else {
                return nil
            }
        }
        let channels = tensor.dims[axis]
        if scale.count != 1 {
            let stated = try node.int("axis") ?? 1
            guard scale.count == channels, stated == axis || stated == axis - tensor.shape.rank,
                try node.int("block_size") ?? 0 == 0
            else { return nil }
        }
        let scales = try scale.array(of: Float.self)
        guard scales.allSatisfy({ $0 > 0 && $0.isFinite }) else { return nil }
        return QuantizedWeights(name: node.inputs[0], scale: node.inputs[1], scales: scales, channels: channels)
    }

    /// The name of a bias in units of x's scale times the weights': "" where there is none; nil where it has no such form.
    private mutating func bias(_ name: String, _ x: Quantized, _ w: QuantizedWeights) throws(LTError) -> String? {
        if name.isEmpty { return "" }
        guard let step = graph.scalar(x.scale) else { return nil }
        let steps = w.scales.map { Double(step) * Double($0) }
        var values: [Double] = []
        if let tensor = graph.initializers[name], tensor.type == .float32 {
            values = try tensor.array(of: Float.self).map(Double.init)
        } else if let node = maker(name), node.isDefaultDomain, node.opType == "DequantizeLinear",
            let tensor = graph.initializers[node.inputs[0]], tensor.type == .int32,
            let scale = graph.initializers[node.inputs[1]], scale.type == .float32,
            node.inputs.count < 3 || graph.initializers[node.inputs[2]]?.count ?? 0 > 0
        {
            if node.inputs.count > 2 {
                let zeros = try graph.initializers[node.inputs[2]]?.zeroPoints() ?? []
                guard zeros.allSatisfy({ $0 == 0 }) else { return nil }
            }
            let (codes, scales) = (try tensor.array(of: Int32.self), try scale.array(of: Float.self))
            guard scales.count == 1 || scales.count == codes.count else { return nil }
            values = codes.enumerated().map { Double($1) * Double(scales[scales.count == 1 ? 0 : $0]) }
        } else {
            return nil
        }
        guard values.count == w.channels else { return nil }
        var codes: [Int32] = []
        for (index, value) in values.enumerated() {
            let code = (value / steps[steps.count == 1 ? 0 : index]).rounded(.toNearestOrEven)
            guard abs(code) < 0x4000_0000 else { return nil }
            codes.append(Int32(code))
        }
        let fresh = result.freshName(name + "/int32")
        result.initializers[fresh] = try Tensor(codes)
        return fresh
    }

    /// The name of a zero point of 0.
    private mutating func zero(_ type: ElementType) throws(LTError) -> String {
        if let name = zeros[type] { return name }
        let name = result.freshName("zero_point/\(type.onnxName)")
        let tensor = try Tensor(type, .scalar)
        tensor.rawPointer.storeBytes(of: 0, as: UInt8.self)
        result.initializers[name] = tensor
        zeros[type] = name
        return name
    }

    private func number(_ name: String) -> Int32? {
        guard let tensor = result.initializers[name] else { return nil }
        return ((try? tensor.zeroPoints()) ?? []).first
    }

    /// Whether 0 is the least value that the type can say.
    private func lowest(_ value: Quantized) -> Bool { number(value.zeroPoint) == (value.type == .int8 ? -128 : 0) }

    private func isEqual(_ a: Quantized, _ b: Quantized) -> Bool {
        a.type == b.type && number(a.zeroPoint) == number(b.zeroPoint) && graph.scalar(a.scale) == graph.scalar(b.scale)
    }
}
