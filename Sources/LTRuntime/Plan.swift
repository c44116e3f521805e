// Plan: a Graph bound to a Backend. Immutable; threads share one plan and each runs its own Session of it.

import LTCore
import LTGraph

/// A graph bound to a backend: checked, rewritten, with kernels chosen.
public final class Plan: Sendable {
    public let backend: any Backend
    public let options: PlanOptions
    /// What a caller feeds, in the file's order.
    public let inputs: [ValueInfo]
    /// What a run returns, in the file's order.
    public let outputs: [ValueInfo]
    /// What a user should know: what the options asked for and does not happen here.
    public var notes: [String] { bound.notes }
    let bound: any BackendPlan

    /// Binds `graph` to `backend`.
    /// - Throws: `malformed` for graphs that are not well formed (missing inputs, cycles), `unsupported` for unknown
    ///   operators and for precisions that the backend does not have, `shapeMismatch` or `typeMismatch` where nodes
    ///   contradict each other; every error names the node.
    public init(_ graph: Graph, on backend: any Backend, options: PlanOptions = PlanOptions()) throws(LTError) {
        guard options.threads >= 1 else {
            throw LTError(.invalidArgument, "\(options.threads) threads, expected at least 1")
        }
        if let batch = options.maxBatch, batch < 1 {
            throw LTError(.invalidArgument, "largest batch \(batch), expected at least 1")
        }
        try backend.check(options.precision)
        self.backend = backend
        self.options = options
        inputs = graph.runtimeInputs
        outputs = graph.outputs
        let inlined = try graph.inliningFunctions()
        try inlined.checkWellFormed()
        bound = try backend.compile(inlined, options)
    }

    /// The shapes of the inputs for a batch, where the file leaves only the first dimension open.
    /// - Parameter others: sizes of further symbolic dimensions, by name.
    /// - Throws: `invalidArgument` naming the dimension that nothing fixes.
    public func inputShapes(batch: Int, others: [String: Int] = [:]) throws(LTError) -> [String: Shape] {
        var shapes: [String: Shape] = [:]
        for input in inputs {
            guard case .tensor(_, let dims?)? = input.type else {
                throw LTError(.invalidArgument, "the model does not state the shape of input '\(input.name)'")
            }
            var sizes: [Int] = []
            for (axis, dim) in dims.enumerated() {
                switch dim {
                case .fixed(let size): sizes.append(size)
                case .symbolic(let name) where others[name] != nil: sizes.append(others[name] ?? 0)
                case _ where axis == 0: sizes.append(batch)
                case .symbolic(let name):
                    throw LTError(.invalidArgument, "dimension '\(name)' of input '\(input.name)' is open")
                case .unknown:
                    throw LTError(.invalidArgument, "dimension \(axis) of input '\(input.name)' is open")
                }
            }
            shapes[input.name] = try Shape(sizes)
        }
        return shapes
    }

    /// One row per step for inputs of these shapes.
    public func rows(_ shapes: [String: Shape]) throws(LTError) -> [PlanRow] {
        var ordered: [Shape] = []
        for input in inputs {
            guard let shape = shapes[input.name] else {
                throw LTError(.invalidArgument, "no shape for input '\(input.name)'")
            }
            ordered.append(shape)
        }
        return try bound.rows(ordered)
    }

    /// Checks what a caller feeds and brings it into the file's order.
    func ordered(_ feed: [String: ONNXValue]) throws(LTError) -> [ONNXValue] {
        var values: [ONNXValue] = []
        var symbols: [String: (size: Int, input: String)] = [:]
        for input in inputs {
            guard let value = feed[input.name] else {
                let given = feed.keys.sorted().map { "'\($0)'" }.joined(separator: ", ")
                throw LTError(
                    .notFound, "input '\(input.name)' is missing, given: \(given.isEmpty ? "nothing" : given)")
            }
            try check(value, input, &symbols)
            values.append(value)
        }
        if feed.count > inputs.count,
            let stray = feed.keys.sorted().first(where: { name in
                !inputs.contains { $0.name == name }
            })
        {
            let names = inputs.map { "'\($0.name)'" }.joined(separator: ", ")
            throw LTError(.notFound, "the model has no input '\(stray)', expected \(names)")
        }
        return values
    }

    private func check(
        _ value: ONNXValue, _ input: ValueInfo, _ symbols: inout [String: (size: Int, input: String)]
    ) throws(LTError) {
        guard case .tensor(let type, let dims)? = input.type else {
            switch (input.type, value) {
            case (.sequence?, .sequence), (.optional?, .optional): return
            default:
                throw LTError(.typeMismatch, "input '\(input.name)' is \(value.kind), expected another kind of value")
            }
        }
        let tensor = try value.tensor("input '\(input.name)'")
        if let type, type != tensor.type {
            throw LTError(
                .typeMismatch,
                "input '\(input.name)' is tensor(\(tensor.type.onnxName)), expected tensor(\(type.onnxName))")
        }
        guard let dims else { return }
        func mismatch(_ reason: String = "") -> LTError {
            let expected = dims.map { dim in
                switch dim {
                case .fixed(let size): "\(size)"
                case .symbolic(let name): name
                case .unknown: "?"
                }
            }
            return LTError(
                .shapeMismatch,
                "input '\(input.name)' has shape \(tensor.shape), expected [\(expected.joined(separator: ","))]\(reason)"
            )
        }
        guard dims.count == tensor.dims.count else { throw mismatch() }
        for (axis, dim) in dims.enumerated() {
            let size = tensor.dims[axis]
            switch dim {
            case .fixed(let expected):
                guard size == expected else { throw mismatch() }
            case .symbolic(let name):
                if let known = symbols[name], known.size != size {
                    throw mismatch(" with \(name) = \(known.size) as in input '\(known.input)'")
                }
                symbols[name] = (size, input.name)
                if axis == 0 { try checkBatch(size, input) }
            case .unknown:
                if axis == 0 { try checkBatch(size, input) }
            }
        }
    }

    private func checkBatch(_ size: Int, _ input: ValueInfo) throws(LTError) {
        guard let limit = options.maxBatch, size > limit else { return }
        throw LTError(.shapeMismatch, "input '\(input.name)' has batch \(size), the plan was made for at most \(limit)")
    }
}
