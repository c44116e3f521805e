// ONNXNetwork: any classifier of an ONNX file, trained further. The output becomes `logits` without a softmax or sigmoid at
// its end; for another number of classes the last linear layer is a fresh one. What an exporter folded into weights (batch
// normalisations, say) is trained as it stands.

import LTCore
import LTGraph
import OrderedCollections

/// The graph of a file.
public struct ONNXNetwork: Network {
    public static let name = "onnx"
    public static let summary = "the classifier of an ONNX file, its last layer made anew for other classes"

    public var path: String
    /// The value that losses on features see, where it is not what enters the last linear layer.
    public var features: String?
    /// The last layer is made anew even when the number of classes fits.
    public var resetsHead = false
    public var head = ClassifierHead(.uniform)

    public init(path: String) { self.path = path }

    /// Keys: `path`, `features`, `reset_head`, `head`.
    public init(_ section: RecipeSection) throws(LTError) {
        path = try section.required("path", section.string("path"))
        features = try section.string("features")
        resetsHead = try section.bool("reset_head") ?? false
        head = try ClassifierHead(section, default: head)
        guard head.classifier == .linear else {
            throw section.error("classifier", "'cosine', a file's own layer is kept: expected linear")
        }
        try section.finish()
    }

    public func graph(_ request: inout NetworkRequest) throws(LTError) -> Graph {
        try within("model \(path)") { () throws(LTError) in
            var graph = try Graph.read(path: path).preparedForTraining()
            guard let output = graph.outputs.first?.name else { throw LTError(.malformed, "no output") }
            var logits = output
            while let node = graph.producer(of: logits), let input = node.inputs.first,
                ["Softmax", "LogSoftmax", "Sigmoid"].contains(node.opType)
            {
                request.notes.append("\(path): the \(node.opType) at its end was left out")
                logits = input
            }
            try graph.setInput(size: request.inputSize)
            if let layer = graph.lastLinear(before: logits) {
                if layer.classes != request.classes || resetsHead {
                    try replace(layer, in: &graph, &request)
                    request.notes.append(
                        "\(path): the last layer '\(layer.weight)' of \(layer.classes) classes was replaced by a fresh one of \(request.classes)"
                    )
                }
            } else if resetsHead {
                throw LTError(.unsupported, "no linear layer at the end to make anew")
            }
            graph.setOutput(logits, as: "logits", classes: request.classes)
            request.features = features
            try check(graph, request)
            return graph
        }
    }

    /// Fresh weights in the layer's place and form.
    private func replace(_ layer: LastLinear, in graph: inout Graph, _ request: inout NetworkRequest) throws(LTError) {
        let classes = request.classes
        let fresh = try head.weight(features: layer.features, &request)
        let bias = try head.bias(features: layer.features, &request)
        let weight: Tensor
        switch layer.form {
        case .rows: weight = fresh
        case .columns:
            weight = try Tensor(.float32, Shape([layer.features, classes]))
            let (from, to) = (fresh.elements(Float.self), weight.elements(Float.self))
            for row in 0..<classes {
                for column in 0..<layer.features { to[column * classes + row] = from[row * layer.features + column] }
            }
        case .pixels(let spatial):
            weight = try fresh.reshaped(Shape([classes, layer.features] + [Int](repeating: 1, count: spatial)))
        }
        graph.put(weight, at: layer.node, layer.weight, position: 1)
        if let name = layer.bias, let old = graph.initializers[name] {
            let dims = old.dims.map { $0 == layer.classes ? classes : $0 }
            graph.put(try bias.reshaped(Shape(dims)), at: layer.biasNode, name, position: nil)
        }
        for (node, name) in layer.shapes {
            guard let shape = graph.initializers[name], shape.type == .int64 else { continue }
            let sizes = try shape.array(of: Int64.self).map { $0 == Int64(layer.classes) ? Int64(classes) : $0 }
            graph.put(try Tensor(sizes), at: node, name, position: 1)
        }
    }

    /// Two images through the network: does it take this size, any number of images, and does it give the classes?
    private func check(_ graph: Graph, _ request: NetworkRequest) throws(LTError) {
        guard case .tensor(_, let dims?)? = graph.runtimeInputs.first?.type, dims.count >= 3,
            !dims.dropFirst().contains(where: { $0.fixed == nil })
        else {
            throw LTError(.unsupported, "an input of unknown shape", hint: "export it with fixed channels and size")
        }
        var shape = dims.map { $0.fixed ?? 2 }
        shape[0] = 2
        let executor = try TorchExecutor(graph, features: features)
        var generator = SeededGenerator(seed: 1)
        let count = try Shape(shape).count / 2
        let image = (0..<count).map { _ in Float(generator.uniform(-1...1)) }
        let input = try TorchTensor(image + image, shape).channelsLast()
        let hint = "does the model take images of \(request.inputSize) pixels, and more than one at a time?"
        let logits: TorchTensor
        do {
            logits = try Torch.withoutGrad { () throws(LTError) in try executor.run(input, mode: .inference) }
        } catch { throw error.hinting(hint) }
        guard logits.dims == [2, request.classes] else {
            throw LTError(
                .shapeMismatch, "the model gives \(logits.dims) for two images, expected [2, \(request.classes)]",
                hint: hint)
        }
        let values = try logits.array(of: Float.self)
        let scale = values.map { abs($0) }.max() ?? 0
        let difference = (0..<request.classes).map { abs(values[$0] - values[request.classes + $0]) }.max() ?? 0
        guard difference <= 1e-3 * max(scale, 1e-3) else {
            throw LTError(
                .unsupported, "the model gives two equal images different results: it mixes the images of a batch",
                hint: "export it with a dynamic batch dimension")
        }
    }
}
