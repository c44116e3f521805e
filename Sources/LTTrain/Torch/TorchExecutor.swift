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
    /// Dropout's masks are those of the whole batch of these processes.
    public var group: any ProcessGroup = SingleProcess()
    /// Batch normalisation's statistics are those of the whole batch of `group`.
    public var synchronised = false

    public init(training: Bool, frozenBatchNorm: Bool = false, seed: UInt64 = 0) {
        self.training = training
        self.frozenBatchNorm = frozenBatchNorm
        self.seed = seed
    }
    public static let inference = TorchMode(training: false)
}

/// A Graph under autograd.
public final class TorchExecutor {
    /// The graph in the form that is trained; `exported()` has the current weights.
    public let graph: Graph
    /// Every initializer by name.
    public let initializers: OrderedDictionary<String, TorchTensor>
    /// The initializers that training may change: weights of layers, scale and shift of normalisations.
    public let trainableNames: [String]
    /// The running statistics that training of batch normalisation changes.
    public let statisticNames: [String]
    /// Running statistics (by name) whose batch normalisations stay in inference form while training.
    public var frozenStatistics: Set<String> = []
    /// Where the initializers lie and the graph runs. What goes in and comes out is on the host.
    public let device: TorchDevice
    public let precision: TrainingPrecision

    private struct Step {
        let node: Node
        let kernel: TorchKernel
        /// The node's position in the graph, part of the seed of what it draws.
        let position: Int
        /// Values that no later step reads.
        let released: [String]
        /// The running mean of a batch normalisation.
        let statistics: String?
    }
    private let steps: [Step]
    private let head: (first: Int, features: String)?
    /// What nodes make of constants alone, made once.
    private let constants: [String: TorchTensor]

    /// Copies the initializers and resolves every operator.
    /// - Parameter features: the value that losses on features see; nil: what enters the last linear layer.
    /// - Parameter precision: `.fp64` to run (and check gradients) in double precision; with `.bf16` training computes
    ///   in bfloat16 where that is safe, weights and results stay float32.
    /// - Throws: `unsupported` naming the node when the trainer does not know its operator.
    public init(
        _ given: Graph, features: String? = nil, precision: TrainingPrecision = .fp32, device: TorchDevice = .cpu
    ) throws(LTError) {
        let graph = try given.preparedForTraining()
        self.graph = graph
        self.precision = precision
        self.device = device
        trainableNames = graph.trainableNames()
        let statistics = Set(
            graph.nodes.filter { $0.opType == "BatchNormalization" }.flatMap { $0.inputs.dropFirst(3) })
        statisticNames = graph.initializers.keys.filter {
            statistics.contains($0) && graph.initializers[$0]?.type == .float32
        }
        var initializers: OrderedDictionary<String, TorchTensor> = [:]
        for (name, tensor) in graph.initializers {
            let copy = try within("initializer '\(name)'") { () throws(LTError) in try TorchTensor(tensor) }
            // Shapes, axes and positions are read on the host, and so are numbers like a pad's value.
            guard tensor.type == .float32, tensor.shape.rank > 0 || precision == .fp64 else {
                initializers[name] = copy
                continue
            }
            initializers[name] = try copy.cast(precision.weights).channelsLast().on(device)
        }

        var lastReader: [String: Int] = [:]
        for (index, node) in graph.nodes.enumerated() { for name in node.inputs { lastReader[name] = index } }
        for output in graph.outputs { lastReader[output.name] = graph.nodes.count }
        var fixed = Set(graph.initializers.keys).subtracting(trainableNames).subtracting(statistics)
        var constants: [String: TorchTensor] = [:]
        var steps: [Step] = []
        for (index, node) in graph.nodes.enumerated() {
            let kernel = try within(node.label) { () throws(LTError) in
                try TorchOperatorTable.kernel(for: node, opset: graph.opset)
            }
            if node.inputs.allSatisfy({ $0.isEmpty || fixed.contains($0) }) {
                var arguments: [TorchTensor?] = []
                for name in node.inputs { arguments.append(try (constants[name] ?? initializers[name])?.onHost()) }
                let results = try within(node.label) { () throws(LTError) in
                    try Torch.withoutGrad { () throws(LTError) in try kernel(TorchArguments(arguments), .inference) }
                }
                for (name, result) in zip(node.outputs, results) where !name.isEmpty {
                    constants[name] = result.isFloat && result.rank > 0 ? try result.on(device) : result
                    fixed.insert(name)
                }
                continue
            }
            let released = Set(node.inputs + node.outputs).filter {
                (lastReader[$0] ?? -1) <= index && graph.initializers[$0] == nil && !fixed.contains($0)
            }
            steps.append(
                Step(
                    node: node, kernel: kernel, position: index, released: Array(released),
                    statistics: node.opType == "BatchNormalization" ? node.inputs.dropFirst(3).first : nil))
        }
        self.steps = steps
        self.initializers = initializers
        self.constants = constants
        head = Self.head(of: steps.map(\.node), features: features, outputs: graph.outputs.map(\.name)) {
            constants[$0] != nil || initializers[$0] != nil
        }
    }

    /// The number of elements that training may change.
    public var parameterCount: Int { trainableNames.reduce(0) { $0 + (graph.initializers[$1]?.count ?? 0) } }

    /// Runs the graph.
    /// - Parameter inputs: by name; images best in channels-last layout.
    /// - Returns: the graph's outputs by name.
    /// - Throws: `notFound` for a missing input; otherwise what the failing node says.
    public func run(_ inputs: [String: TorchTensor], mode: TorchMode) throws(LTError) -> [String: TorchTensor] {
        for input in graph.runtimeInputs where inputs[input.name] == nil {
            throw LTError(.notFound, "no value for the graph's input '\(input.name)'")
        }
        var values: [String: TorchTensor] = [:]
        for (name, input) in inputs { values[name] = try entering(input) }
        try execute(steps.indices, &values, mode)
        return try outputs(values)
    }

    /// Runs a graph of one input and takes its first output.
    public func run(_ input: TorchTensor, mode: TorchMode) throws(LTError) -> TorchTensor {
        guard let inputName = graph.runtimeInputs.first?.name, let outputName = graph.outputs.first?.name,
            let output = try run([inputName: input], mode: mode)[outputName]
        else { throw LTError(.invalidArgument, "the graph needs one input and an output") }
        return output
    }

    /// Runs a classifier and takes what enters its last linear layer too: features [N, D] and logits [N, C].
    /// - Throws: `unsupported` when the graph does not end in a linear layer.
    public func runWithFeatures(_ input: TorchTensor, mode: TorchMode) throws(LTError) -> (
        features: TorchTensor, logits: TorchTensor
    ) {
        let head = try requireHead()
        var values = [graph.runtimeInputs.first?.name ?? "": try entering(input)]
        try execute(0..<head.first, &values, mode)
        guard let value = values[head.features] else {
            throw LTError(.notFound, "value '\(head.features)' is not there")
        }
        let features = try leaving(value)
        return (features, try classify(features, mode: mode))
    }

    /// Features [M, D] to logits [M, C], by the last linear layer.
    public func classify(_ features: TorchTensor, mode: TorchMode) throws(LTError) -> TorchTensor {
        let head = try requireHead()
        var values = [head.features: try entering(features)]
        try execute(head.first..<steps.count, &values, mode)
        guard let logits = try outputs(values)[graph.outputs.first?.name ?? ""] else {
            throw LTError(.invalidArgument, "the graph has no output")
        }
        return logits
    }

    /// Numbers of the weights' type, on the device.
    private func entering(_ value: TorchTensor) throws(LTError) -> TorchTensor {
        let isFloat = value.type == .float32 || value.type == .float64
        return try (isFloat ? value.cast(precision.weights) : value).on(device)
    }
    /// Numbers of the weights' type, on the host.
    private func leaving(_ value: TorchTensor) throws(LTError) -> TorchTensor {
        let isNarrow = value.type == .bfloat16 || value.type == .float16
        return try (isNarrow ? value.cast(precision.weights) : value).onHost()
    }

    private func requireHead() throws(LTError) -> (first: Int, features: String) {
        guard let head else {
            throw LTError(
                .unsupported, "the network does not end in a linear layer on features",
                hint: "losses on features (ib, bacl) need a Gemm or MatMul whose result becomes the logits")
        }
        return head
    }

    /// The position of the last linear layer with the normalisations before it, and the value that enters it; nil when
    /// later nodes read anything before it.
    private static func head(
        of nodes: [Node], features named: String?, outputs: [String], isFixed: (String) -> Bool
    ) -> (first: Int, features: String)? {
        var first: Int
        var features: String
        if let named {
            guard let reader = nodes.firstIndex(where: { $0.inputs.contains(named) }) else { return nil }
            (first, features) = (reader, named)
        } else {
            guard let linear = nodes.lastIndex(where: { $0.opType == "Gemm" || $0.opType == "MatMul" }),
                let input = nodes[linear].inputs.first, !isFixed(input)
            else { return nil }
            // A cosine classifier normalises features and weights first.
            (first, features) = (linear, input)
            while first > 0, nodes[first - 1].opType == "LpNormalization" { first -= 1 }
            for node in nodes[first..<linear] where node.outputs.first == features { features = node.inputs[0] }
        }
        var known: Set<String> = [features]
        for node in nodes[first...] {
            for name in node.inputs where !name.isEmpty && !isFixed(name) && !known.contains(name) { return nil }
            known.formUnion(node.outputs)
        }
        return outputs.allSatisfy { known.contains($0) } ? (first, features) : nil
    }

    private func execute(_ range: Range<Int>, _ values: inout [String: TorchTensor], _ mode: TorchMode)
        throws(LTError)
    {
        guard precision == .bf16, mode.training else { return try executeSteps(range, &values, mode) }
        try Torch.withAutocast(device) { () throws(LTError) in try executeSteps(range, &values, mode) }
    }

    private func executeSteps(_ range: Range<Int>, _ values: inout [String: TorchTensor], _ mode: TorchMode)
        throws(LTError)
    {
        for index in range {
            let step = steps[index]
            var arguments: [TorchTensor?] = []
            for name in step.node.inputs {
                if name.isEmpty {
                    arguments.append(nil)
                } else if let value = values[name] ?? initializers[name] ?? constants[name] {
                    arguments.append(value)
                } else {
                    throw LTError(.notFound, "value '\(name)' is not there").inside(step.node.label)
                }
            }
            var mode = mode
            mode.seed = mode.seed &* 0x9E37_79B9_7F4A_7C15 &+ UInt64(step.position)
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
            for (name, result) in zip(step.node.outputs, results) where !name.isEmpty {
                // Numbers made of shapes alone were made on the host.
                let isAway = device != .cpu && result.isFloat && result.rank > 0
                values[name] = isAway ? try result.on(device) : result
            }
            for name in step.released { values[name] = nil }
        }
    }

    private func outputs(_ values: [String: TorchTensor]) throws(LTError) -> [String: TorchTensor] {
        var outputs: [String: TorchTensor] = [:]
        for output in graph.outputs {
            guard let value = values[output.name] ?? initializers[output.name] ?? constants[output.name] else {
                throw LTError(.notFound, "output '\(output.name)' is made by no node")
            }
            outputs[output.name] = try leaving(value)
        }
        return outputs
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
