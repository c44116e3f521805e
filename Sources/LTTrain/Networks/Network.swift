// Network: a recipe's `network` section turned into an ONNX Graph with freshly initialised weights.

import LTCore
import LTGraph

/// A builder of graphs. The graph has one input `images` [N, channels, height, width] (N dynamic) and one output
/// `logits` [N, classes].
public protocol Network: Sendable {
    /// How recipes call it.
    static var name: String { get }
    static var summary: String { get }
    /// Reads the parameters of the recipe's section; the section rejects what it was not asked for.
    init(_ section: RecipeSection) throws(LTError)
    /// - Parameter generator: makes the initial weights, the same on every machine.
    func graph(classes: Int, inputSize: Int, generator: inout SeededGenerator) throws(LTError) -> Graph
}

/// Every network, one line each.
public enum NetworkTable {
    public static let all: [any Network.Type] = [
        CIFARResNet.self,
        ResNet.self,
    ]
}

/// The pieces that convolutional networks are made of, with torchvision's initializer names.
struct NetworkBuilder {
    var builder: GraphBuilder
    var generator: SeededGenerator

    init(name: String, inputSize: Int, generator: SeededGenerator) {
        builder = GraphBuilder(name: name)
        self.generator = generator
        images = builder.input("images", .float32, ["N", 3, .fixed(inputSize), .fixed(inputSize)])
    }
    let images: String

    /// A convolution without bias; weights Kaiming-normal over fan-out, or over fan-in.
    mutating func conv(
        _ x: String, _ name: String, from inputs: Int, to outputs: Int, kernel: Int, stride: Int = 1,
        fanIn: Bool = false
    ) throws(LTError) -> String {
        let fan = (fanIn ? inputs : outputs) * kernel * kernel
        let weight = try normal([outputs, inputs, kernel, kernel], deviation: (2 / Double(fan)).squareRoot())
        let pad = Int64(kernel / 2)
        return builder.node(
            "Conv", [x, builder.initializer("\(name).weight", weight)], name: name,
            attributes: [
                "kernel_shape": .ints([Int64(kernel), Int64(kernel)]),
                "strides": .ints([Int64(stride), Int64(stride)]),
                "pads": .ints([pad, pad, pad, pad]),
            ])
    }

    /// Batch normalisation with scale 1 (or `scale`) and shift 0.
    mutating func batchNorm(_ x: String, _ name: String, channels: Int) throws(LTError) -> String {
        func filled(_ suffix: String, _ value: Float) throws(LTError) -> String {
            builder.initializer("\(name).\(suffix)", try Tensor([Float](repeating: value, count: channels)))
        }
        let inputs = [
            x, try filled("weight", 1), try filled("bias", 0), try filled("running_mean", 0),
            try filled("running_var", 1),
        ]
        return builder.node(
            "BatchNormalization", inputs, name: name, attributes: ["epsilon": .float(1e-5), "momentum": .float(0.9)])
    }

    mutating func relu(_ x: String) -> String { builder.node("Relu", [x], name: "relu") }
    mutating func add(_ a: String, _ b: String) -> String { builder.node("Add", [a, b], name: "add") }

    mutating func maxPool(_ x: String, kernel: Int, stride: Int) -> String {
        let pad = Int64(kernel / 2)
        return builder.node(
            "MaxPool", [x], name: "maxpool",
            attributes: [
                "kernel_shape": .ints([Int64(kernel), Int64(kernel)]),
                "strides": .ints([Int64(stride), Int64(stride)]),
                "pads": .ints([pad, pad, pad, pad]),
            ])
    }

    /// y = x·Wᵀ + b with normal weights and a zero bias.
    mutating func linear(_ x: String, _ name: String, from inputs: Int, to outputs: Int, deviation: Double)
        throws(LTError) -> String
    {
        let weight = try normal([outputs, inputs], deviation: deviation)
        let bias = try Tensor([Float](repeating: 0, count: outputs))
        return builder.node(
            "Gemm",
            [x, builder.initializer("\(name).weight", weight), builder.initializer("\(name).bias", bias)], name: name,
            attributes: ["transB": .int(1)])
    }

    mutating func dropout(_ x: String, ratio: Double) throws(LTError) -> String {
        let value = builder.initializer("dropout.ratio", try Tensor(scalar: Float(ratio)))
        return builder.node("Dropout", [x, value], name: "dropout")
    }

    mutating func finish(_ logits: String, classes: Int) -> Graph {
        builder.output(logits, as: "logits", .float32, ["N", .fixed(classes)])
        return builder.graph
    }

    private mutating func normal(_ dims: [Int], deviation: Double) throws(LTError) -> Tensor {
        let count = try Shape(dims).count
        var values: [Float] = []
        values.reserveCapacity(count)
        for _ in 0..<count { values.append(Float(generator.normal() * deviation)) }
        return try Tensor(values, dims)
    }
}
