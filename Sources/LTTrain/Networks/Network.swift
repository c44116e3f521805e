// Network: a recipe's `network` section turned into an ONNX Graph with freshly initialised weights.

import LTCore
import LTGraph

/// What a network is built for.
public struct NetworkRequest: Sendable {
    public var classes: Int
    /// Side of the square images in pixels.
    public var inputSize: Int
    /// Makes the initial weights, the same on every machine.
    public var generator: SeededGenerator
    /// Weights are drawn; else they are zeros, for those who look at the structure.
    public var drawsWeights = true
    /// What the user should be told about the network that was built.
    public var notes: [String] = []
    /// The value that losses on features see, where it is not what enters the last linear layer.
    public var features: String?

    public init(classes: Int, inputSize: Int, generator: SeededGenerator) {
        self.classes = classes
        self.inputSize = inputSize
        self.generator = generator
    }
}

/// A builder of graphs. A classifier's graph has one input `images` [N, channels, height, width], or [N, channels, frames,
/// height, width], N dynamic, and one output `logits` [N, classes]; a detector's is that of `RCNN.detector`.
public protocol Network: Sendable {
    /// How recipes call it.
    static var name: String { get }
    static var summary: String { get }
    /// Reads the parameters of the recipe's section; the section rejects what it was not asked for.
    init(_ section: RecipeSection) throws(LTError)
    func graph(_ request: inout NetworkRequest) throws(LTError) -> Graph
}

extension Network {
    /// The graph for a number of classes and a side of the images.
    public func graph(classes: Int, inputSize: Int, generator: inout SeededGenerator) throws(LTError) -> Graph {
        var request = NetworkRequest(classes: classes, inputSize: inputSize, generator: generator)
        let graph = try graph(&request)
        generator = request.generator
        return graph
    }
}

/// Every network, one line each.
public enum NetworkTable {
    public static let all: [any Network.Type] = [
        CIFARResNet.self,
        ResNet.self,
        ResNeXt.self,
        ResNeXt3D.self,
        RCNN.self,
        ONNXNetwork.self,
    ]
}
