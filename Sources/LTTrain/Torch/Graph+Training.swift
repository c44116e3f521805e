// Graph: the form in which the trainer runs and exports it. Constants are initializers, functions and known branches are
// inlined, batch normalisation and dropout follow the trainer's mode instead of an attribute.

import LTCore
import LTGraph
import OrderedCollections

extension Graph {
    /// The same function with everything that training may change among the initializers.
    /// - Throws: `unsupported` for opsets before 7.
    func preparedForTraining() throws(LTError) -> Graph {
        guard opset >= 7 else {
            throw LTError(.unsupported, "opset \(opset), expected 7 or newer", hint: "export the model again")
        }
        var graph = try inliningFunctions()
        graph.liftConstants()
        graph = graph.inliningBranches()
        graph.liftConstants()
        let made = Set(graph.nodes.flatMap(\.inputs)).union(graph.outputs.map(\.name))
        for index in graph.nodes.indices {
            var node = graph.nodes[index]
            switch node.opType {
            case "BatchNormalization", "Dropout", "LayerNormalization":
                // In newer opsets an input or an attribute says whether to train; here the run does.
                if node.opType == "Dropout", node.inputs.count > 2 { node.inputs.removeLast(node.inputs.count - 2) }
                node.attributes["training_mode"] = nil
                guard node.outputs.dropFirst().allSatisfy({ !made.contains($0) }) else {
                    throw LTError(.unsupported, "statistics or masks as outputs").inside(node.label)
                }
                node.outputs = Array(node.outputs.prefix(1))
            default: break
            }
            graph.nodes[index] = node
        }
        return graph
    }

    /// Constant nodes become initializers, and so does an Identity of an initializer, with a copy of its own: exporters merge
    /// weights that are equal by chance.
    private mutating func liftConstants() {
        var kept: [Node] = []
        for node in nodes {
            if let output = node.outputs.first, node.domain.isEmpty, initializers[output] == nil {
                if node.opType == "Constant", let value = node.constant {
                    initializers[output] = value
                    continue
                }
                if node.opType == "Identity", let source = node.inputs.first, let value = initializers[source],
                    !outputs.contains(where: { $0.name == output })
                {
                    initializers[output] = value
                    continue
                }
            }
            kept.append(node)
        }
        nodes = kept
    }

    /// Float initializers that training may change: those that a gradient of the outputs reaches, without numbers that are no
    /// weights: running statistics, scalars outside layers (ε, exponents, attention scales), masks of 0 and −∞ (or −100), what is
    /// written into a tensor by ScatterND.
    func trainableNames() -> [String] {
        var wanted = Set(outputs.map(\.name))
        var reached: Set<String> = []
        var layered: Set<String> = []
        for node in nodes.reversed() where node.outputs.contains(where: { wanted.contains($0) }) {
            if TorchOperatorTable.opaque.contains(node.opType) { continue }
            var skipped = TorchOperatorTable.undifferentiated[node.opType] ?? []
            if node.opType == "BatchNormalization" { skipped = [3, 4] }
            for (position, name) in node.inputs.enumerated() where !name.isEmpty && !skipped.contains(position) {
                wanted.insert(name)
                // Numbers that are written into a tensor build masks of windows.
                if Self.writers.contains(node.opType), initializers[name] != nil { continue }
                reached.insert(name)
                if position > 0, Self.layers.contains(node.opType) { layered.insert(name) }
            }
        }
        return initializers.keys.filter {
            guard reached.contains($0), let tensor = initializers[$0], tensor.type == .float32 else { return false }
            if layered.contains($0) { return tensor.count > 0 }
            return tensor.count > 1 && !Self.isMask(tensor)
        }
    }

    private static let writers: Set<String> = ["ScatterND", "ScatterElements", "Scatter"]

    /// Operators whose inputs after the first are weights, however few.
    private static let layers: Set<String> = [
        "BatchNormalization", "Conv", "ConvTranspose", "Gemm", "GroupNormalization", "InstanceNormalization",
        "LayerNormalization", "PRelu", "RMSNormalization",
    ]

    /// Whether the elements are 0 and one number of −50 or less: what is added to hide places from a softmax.
    private static func isMask(_ tensor: Tensor) -> Bool {
        var hidden: Float?
        for value in tensor.elements(Float.self) where value != 0 {
            guard value <= -50, hidden == nil || hidden == value else { return false }
            hidden = value
        }
        return hidden != nil
    }
}

extension Node {
    /// The value of a Constant of a kind that the trainer knows.
    var constant: Tensor? {
        switch attributes.values.first {
        case .tensor(let value)?: value
        case .int(let value)?: try? Tensor(scalar: value)
        case .ints(let values)?: try? Tensor(values)
        case .float(let value)?: try? Tensor(scalar: value)
        case .floats(let values)?: try? Tensor(values)
        default: nil
        }
    }
}
