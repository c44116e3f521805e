// NetworkBuilder: the pieces that convolutional networks are made of, with torchvision's initializer names.

import LTCore
import LTGraph
import OrderedCollections

struct NetworkBuilder {
    var builder: GraphBuilder
    var request: NetworkRequest
    /// Spatial dimensions: 2 for images, 3 for clips (frames first).
    let rank: Int
    /// The graph's input: batch, channels, spatial dimensions.
    let input: String
    /// ε of batch normalisations.
    var epsilon: Float = 1e-5

    /// - Parameter spatial: the sizes after batch and channels.
    init(name: String, spatial: [Int], _ request: NetworkRequest) {
        self.init(name: name, input: "images", ["N", 3] + spatial.map { .fixed($0) }, request)
    }

    init(name: String, input: String, _ dims: [Dimension], _ request: NetworkRequest) {
        builder = GraphBuilder(name: name)
        self.request = request
        rank = dims.count - 2
        self.input = builder.input(input, .float32, dims)
    }

    /// A convolution without bias and half a kernel of padding; weights Kaiming-normal over fan-out, or over fan-in.
    /// - Parameter frameStride: the stride over frames where it is another one.
    mutating func conv(
        _ x: String, _ name: String, from inputs: Int, to outputs: Int, kernel: Int, stride: Int = 1,
        frameStride: Int? = nil, groups: Int = 1, fanIn: Bool = false
    ) throws(LTError) -> String {
        let window = [Int](repeating: kernel, count: rank)
        // PyTorch's fans are those of one group's inputs and of all outputs.
        let fan = window.reduce(fanIn ? inputs / groups : outputs, *)
        let weight = try normal([outputs, inputs / groups] + window, deviation: (2 / Double(fan)).squareRoot())
        var attributes = self.window(kernel: kernel, stride: stride, frameStride: frameStride)
        if groups != 1 { attributes["group"] = .int(Int64(groups)) }
        return builder.node(
            "Conv", [x, builder.initializer("\(name).weight", weight)], name: name, attributes: attributes)
    }

    /// Batch normalisation with scale 1 and shift 0.
    mutating func batchNorm(_ x: String, _ name: String, channels: Int) throws(LTError) -> String {
        func filled(_ suffix: String, _ value: Float) throws(LTError) -> String {
            builder.initializer("\(name).\(suffix)", try Tensor([Float](repeating: value, count: channels)))
        }
        let inputs = [
            x, try filled("weight", 1), try filled("bias", 0), try filled("running_mean", 0),
            try filled("running_var", 1),
        ]
        return builder.node(
            "BatchNormalization", inputs, name: name, attributes: ["epsilon": .float(epsilon), "momentum": .float(0.9)])
    }

    mutating func relu(_ x: String) -> String { builder.node("Relu", [x], name: "relu") }
    mutating func add(_ a: String, _ b: String) -> String { builder.node("Add", [a, b], name: "add") }

    mutating func maxPool(_ x: String, kernel: Int, stride: Int) -> String {
        builder.node("MaxPool", [x], name: "maxpool", attributes: window(kernel: kernel, stride: stride))
    }

    /// [N, C, …] to [N, C]: the mean, or the maximum, over all places.
    mutating func pooled(_ x: String, max: Bool = false) -> String {
        let y = builder.node(max ? "GlobalMaxPool" : "GlobalAveragePool", [x], name: "pool")
        return builder.node("Flatten", [y], name: "flatten")
    }

    /// y = x·Wᵀ + b.
    mutating func linear(_ x: String, _ name: String, weight: Tensor, bias: Tensor) -> String {
        builder.node(
            "Gemm",
            [x, builder.initializer("\(name).weight", weight), builder.initializer("\(name).bias", bias)], name: name,
            attributes: ["transB": .int(1)])
    }

    mutating func dropout(_ x: String, ratio: Double) throws(LTError) -> String {
        let value = builder.initializer("dropout.ratio", try Tensor(scalar: Float(ratio)))
        return builder.node("Dropout", [x, value], name: "dropout")
    }

    /// The PFC neck of the Distribution-Balanced papers: linear, batch normalisation, dropout of one half.
    mutating func pfc(_ x: String, from inputs: Int, to outputs: Int) throws(LTError) -> String {
        let weight = try normal([outputs, inputs], deviation: (2 / Double(outputs)).squareRoot())
        let bias = try Tensor([Float](repeating: 0, count: outputs))
        let y = linear(x, "neck.fc", weight: weight, bias: bias)
        return try dropout(try batchNorm(y, "neck.bn", channels: outputs), ratio: 0.5)
    }

    /// The classifier, and with it the graph.
    mutating func finish(_ features: String, _ head: ClassifierHead, _ name: String, from inputs: Int)
        throws(LTError) -> Graph
    {
        let logits = try head.append(to: &self, features, name, from: inputs)
        builder.output(logits, as: "logits", .float32, ["N", .fixed(request.classes)])
        return builder.graph
    }

    /// Normal numbers.
    mutating func normal(_ dims: [Int], deviation: Double) throws(LTError) -> Tensor {
        try request.tensor(dims) { $0.normal() * deviation }
    }

    func window(kernel: Int, stride: Int, frameStride: Int? = nil) -> OrderedDictionary<String, Attribute> {
        var strides = [Int64](repeating: Int64(stride), count: rank)
        if rank == 3, let frameStride { strides[0] = Int64(frameStride) }
        return [
            "kernel_shape": .ints([Int64](repeating: Int64(kernel), count: rank)),
            "strides": .ints(strides),
            "pads": .ints([Int64](repeating: Int64(kernel / 2), count: 2 * rank)),
        ]
    }
}

extension NetworkRequest {
    /// A float32 tensor whose elements are drawn in order.
    mutating func tensor(_ dims: [Int], _ draw: (inout SeededGenerator) -> Double) throws(LTError) -> Tensor {
        let shape = try Shape(dims)
        guard drawsWeights else {
            return Tensor(.float32, shape, buffer: try .zeroed(byteCount: Tensor.byteCount(.float32, shape)))
        }
        let tensor = try Tensor(.float32, shape)
        let values = tensor.elements(Float.self)
        for index in values.indices { values[index] = Float(draw(&generator)) }
        return tensor
    }
}
