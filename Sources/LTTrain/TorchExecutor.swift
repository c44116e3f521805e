// TorchExecutor: runs an ONNX Graph under libtorch's autograd; its initializers are the parameters.
// Which operators it knows: TorchOperatorTable. Export writes the same Graph with the trained initializers.

import LTCore
import LTGraph
import OrderedCollections

/// What a run of the graph is for.
public struct TorchMode: Sendable {
    /// Dropout drops; batch normalisation uses and updates batch statistics unless frozen.
    public var training: Bool
    /// Batch normalisations keep their running statistics while training; scale and shift are still trained.
    public var frozenBatchNorm: Bool
    /// What dropout draws from; every node mixes in its position.
    public var seed: UInt64

    public init(training: Bool, frozenBatchNorm: Bool = false, seed: UInt64 = 0) {
        self.training = training
        self.frozenBatchNorm = frozenBatchNorm
        self.seed = seed
    }
    public static let inference = TorchMode(training: false)
}

/// A Graph under autograd.
public final class TorchExecutor {
    /// The graph as given; `exported()` has the current weights.
    public let graph: Graph
    /// Every initializer by name.
    public private(set) var initializers: OrderedDictionary<String, TorchTensor> = [:]
    /// The initializers that training may change: weights of layers, scale and shift of normalisations.
    public let trainableNames: [String]
    /// The running statistics that training of batch normalisation changes.
    public let statisticNames: [String]
    /// Running statistics (by name) whose batch normalisations stay in inference form while training.
    public var frozenStatistics: Set<String> = []

    private struct Step {
        let node: Node
        let kernel: TorchKernel
        /// Values that no later step reads.
        let released: [String]
        /// The running mean of a batch normalisation.
        var statistics: String? { node.opType == "BatchNormalization" ? node.inputs.dropFirst(3).first : nil }
    }
    private let steps: [Step]

    /// Copies the initializers and resolves every operator.
    /// - Parameter type: `.float32`, or `.float64` to run (and check gradients) in double precision.
    /// - Throws: `unsupported` naming the node when the trainer does not know its operator.
    public init(_ graph: Graph, type: ElementType = .float32) throws(LTError) {
        self.graph = graph
        var trainable: OrderedSet<String> = []
        var statistics: OrderedSet<String> = []
        for node in graph.nodes {
            switch node.opType {
            case "BatchNormalization":
                trainable.formUnion(node.inputs.dropFirst().prefix(2))
                statistics.formUnion(node.inputs.dropFirst(3))
            case "Conv", "Gemm": trainable.formUnion(node.inputs.dropFirst())
            case "MatMul", "Add", "Mul": trainable.formUnion(node.inputs)
            default: break
            }
        }
        func isFloat(_ name: String) -> Bool { graph.initializers[name].map { $0.type == .float32 } ?? false }
        trainableNames = graph.initializers.keys.filter {
            trainable.contains($0) && isFloat($0) && graph.initializers[$0]!.shape.rank > 0
        }
        statisticNames = graph.initializers.keys.filter { statistics.contains($0) && isFloat($0) }

        var lastReader: [String: Int] = [:]
        for (index, node) in graph.nodes.enumerated() { for name in node.inputs { lastReader[name] = index } }
        for output in graph.outputs { lastReader[output.name] = graph.nodes.count }
        var steps: [Step] = []
        for (index, node) in graph.nodes.enumerated() {
            let kernel = try within(node.label) { () throws(LTError) in
                try TorchOperatorTable.kernel(for: node, opset: graph.opset)
            }
            let released = Set(node.inputs + node.outputs).filter {
                (lastReader[$0] ?? -1) <= index && graph.initializers[$0] == nil
            }
            steps.append(Step(node: node, kernel: kernel, released: Array(released)))
        }
        self.steps = steps
        for (name, tensor) in graph.initializers {
            let copy = try within("initializer '\(name)'") { () throws(LTError) in try TorchTensor(tensor) }
            let isFloat = tensor.type == .float32
            initializers[name] = isFloat && type == .float64 ? try copy.cast(type) : try copy.channelsLast()
        }
    }

    /// The number of elements that training may change.
    public var parameterCount: Int { trainableNames.reduce(0) { $0 + graph.initializers[$1]!.count } }

    /// Runs the graph.
    /// - Parameter inputs: by name; images best in channels-last layout.
    /// - Returns: the graph's outputs by name.
    /// - Throws: `notFound` for a missing input; otherwise what the failing node says.
    public func run(_ inputs: [String: TorchTensor], mode: TorchMode) throws(LTError) -> [String: TorchTensor] {
        var values = inputs
        for input in graph.runtimeInputs where values[input.name] == nil {
            throw LTError(.notFound, "no value for the graph's input '\(input.name)'")
        }
        for (index, step) in steps.enumerated() {
            var arguments: [TorchTensor?] = []
            for name in step.node.inputs {
                if name.isEmpty {
                    arguments.append(nil)
                } else if let value = values[name] ?? initializers[name] {
                    arguments.append(value)
                } else {
                    throw LTError(.notFound, "value '\(name)' is not there").inside(step.node.label)
                }
            }
            var mode = mode
            mode.seed = mode.seed &* 0x9E37_79B9_7F4A_7C15 &+ UInt64(index)
            if let statistics = step.statistics, frozenStatistics.contains(statistics) { mode.frozenBatchNorm = true }
            let results = try within(step.node.label) { () throws(LTError) in
                try step.kernel(TorchArguments(arguments), mode)
            }
            guard results.count >= step.node.outputs.count else {
                throw LTError(
                    .unsupported, "the trainer gives \(results.count) outputs, not \(step.node.outputs.count)"
                )
                .inside(step.node.label)
            }
            for (name, result) in zip(step.node.outputs, results) where !name.isEmpty { values[name] = result }
            for name in step.released { values[name] = nil }
        }
        var outputs: [String: TorchTensor] = [:]
        for output in graph.outputs {
            guard let value = values[output.name] ?? initializers[output.name] else {
                throw LTError(.notFound, "output '\(output.name)' is made by no node")
            }
            outputs[output.name] = value
        }
        return outputs
    }

    /// Runs a graph of one input and takes its first output.
    public func run(_ input: TorchTensor, mode: TorchMode) throws(LTError) -> TorchTensor {
        guard let inputName = graph.runtimeInputs.first?.name, let outputName = graph.outputs.first?.name,
            let output = try run([inputName: input], mode: mode)[outputName]
        else { throw LTError(.invalidArgument, "the graph needs one input and an output") }
        return output
    }

    /// Overwrites an initializer.
    /// - Throws: `notFound`, `shapeMismatch`.
    public func load(_ name: String, _ tensor: Tensor) throws(LTError) {
        guard let target = initializers[name] else { throw LTError(.notFound, "no initializer '\(name)'") }
        guard target.dims == tensor.dims else {
            throw LTError(
                .shapeMismatch, "initializer '\(name)' has shape \(tensor.dims), the graph needs \(target.dims)")
        }
        try target.copy(from: try TorchTensor(tensor))
    }

    /// The graph with the current values of its initializers (float32).
    public func exported() throws(LTError) -> Graph {
        var result = graph
        for name in trainableNames + statisticNames {
            if let tensor = initializers[name] { result.initializers[name] = try tensor.cast(.float32).host() }
        }
        return result
    }
}
