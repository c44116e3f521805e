// Loop: runs the subgraph `body` up to M times (input 0), as long as the condition (input 1, then the body's first output)
// holds; an absent one does not bound. body(iteration, condition, carried…) → (condition, carried…, scan outputs…); the scan
// outputs of all iterations are stacked along a new first axis. Opset 11 took ranks of 0 for M and the condition, 13 sequences.
// https://onnx.ai/onnx/operators/onnx__Loop.html

import LTCore
import LTGraph

struct LoopOperator: ValueOperator {
    static let schema = OperatorSchema(
        "Loop", opsets: 1...Opset.latest, inputs: 2...Int.max, outputs: 1...Int.max, types: [.int64])

    let body: Graph
    let carried: Int
    let outputs: Int
    /// Carried values of which the body gives what is to go behind them on axis 0 (AppendingLoop).
    var appended: Set<Int> = []

    init(_ node: OperatorNode) throws(LTError) {
        guard let body = try node.node.graph("body") else { throw LTError(.malformed, "attribute 'body' is missing") }
        self.body = body
        carried = node.node.inputs.count - 2
        outputs = node.node.outputs.count
        guard body.outputs.count > carried, outputs <= body.outputs.count - 1 else {
            throw LTError(
                .malformed,
                "the body has \(body.outputs.count) outputs, expected a condition, \(carried) carried values and "
                    + "\(max(0, outputs - carried)) scan outputs")
        }
    }

    func infer(_ inputs: [ValueFacts?], _ bodies: any BodyInference) throws(LTError) -> [ValueFacts] {
        if inputs.optional(0) != nil { _ = try inputs.tensor(0, [.int64]) }
        if inputs.optional(1) != nil { _ = try inputs.tensor(1, [.bool]) }
        var initial: [ValueFacts] = []
        for index in 0..<carried { initial.append(try inputs.required(2 + index)) }
        // Carried values may change their shapes from one iteration to the next.
        let results = try bodies.infer(
            "body", [.tensor(Facts(.int64, [])), .tensor(Facts(.bool, []))] + initial.map(\.ofAnyShape))
        var facts: [ValueFacts] = []
        for (index, result) in results.dropFirst().enumerated() {
            if appended.contains(index), case .tensor(let tensor) = initial[index] {
                facts.append(.tensor(Facts(tensor.type, tensor.dims.map { [nil] + $0.dropFirst() })))
            } else if index < carried {
                facts.append(try initial[index].merged(result, "carried value \(index)"))
            } else {
                guard case .tensor(let tensor) = result else {
                    throw LTError(.typeMismatch, "scan output \(index - carried) is \(result.kind), expected a tensor")
                }
                facts.append(.tensor(Facts(tensor.type, tensor.dims.map { [nil] + $0 })))
            }
        }
        return facts
    }

    func run(_ inputs: [ONNXValue?], _ bodies: any BodyRunner) throws(LTError) -> [ONNXValue] {
        var trips = Int.max
        if inputs.optional(0) != nil {
            let stated = try inputs.tensor(0).integers("M")
            guard stated.count == 1 else { throw LTError(.shapeMismatch, "M has \(stated.count) elements, expected 1") }
            trips = stated[0]
        }
        var condition =
            try inputs.optional(1).map { value throws(LTError) in try value.condition("the condition") } ?? true
        var values: [ONNXValue] = []
        for index in 0..<carried { values.append(try inputs.required(2 + index)) }
        var growing: [Int: GrowingTensor] = [:]
        for index in appended { growing[index] = GrowingTensor(try values[index].tensor("carried value \(index)")) }
        var scans = ScanOutputs(count: outputs - carried)
        var iteration = 0
        var bytes = 0
        while condition, iteration < trips {
            guard iteration < OperatorLimits.iterations, bytes <= OperatorLimits.carriedBytes else {
                throw LTError(
                    .invalidArgument,
                    "the loop has run \(iteration) times and carried \(bytes) bytes, expected to end before")
            }
            let results = try bodies.run(
                "body",
                [.tensor(try Tensor(scalar: Int64(iteration))), .tensor(try Tensor(scalar: condition))] + values)
            condition = try results[0].condition("the body's condition")
            for (index, value) in results[1..<1 + carried].enumerated() {
                bytes += value.byteCount
                if growing[index] == nil {
                    values[index] = value
                } else {
                    let piece = try value.tensor("carried value \(index)")
                    // A count that is far off is one that a condition ends.
                    let times = trips - iteration <= 1 << 10 ? trips - iteration : nil
                    try growing[index]?.append(piece, times: times)
                }
            }
            try scans.append(results[(1 + carried)...])
            iteration += 1
        }
        for (index, value) in growing { values[index] = .tensor(value.tensor) }
        return values + (try scans.stacked(like: body.outputs.dropFirst(1 + carried).map(\.type)))
    }
}

/// What the iterations of a loop give beside its carried values.
struct ScanOutputs {
    private var slices: [[Tensor]]
    private var bytes = 0

    init(count: Int) { slices = [[Tensor]](repeating: [], count: max(0, count)) }

    mutating func append(_ values: ArraySlice<ONNXValue>) throws(LTError) {
        for (index, value) in values.prefix(slices.count).enumerated() {
            let tensor = try value.tensor("scan output \(index)")
            bytes += tensor.byteCount + 64
            guard bytes <= OperatorLimits.outputBytes else {
                throw LTError(.outOfMemory, "scan outputs are larger than \(OperatorLimits.outputBytes) bytes")
            }
            slices[index].append(tensor)
        }
    }

    /// Each output's slices along a new axis (0 unless `axes` say otherwise), reversed where `reversed` says so.
    /// - Parameter types: what the subgraph states of the slices, for outputs without any.
    func stacked(
        like types: [ValueType?], axes: [Int] = [], reversed: [Bool] = []
    ) throws(LTError) -> [ONNXValue] {
        var results: [ONNXValue] = []
        for (index, slices) in slices.enumerated() {
            let axis = index < axes.count ? axes[index] : 0
            if slices.isEmpty {
                let stated: ValueType? = index < types.count ? types[index] : nil
                guard case .tensor(let type?, let dims)? = stated else {
                    throw LTError(
                        .unsupported, "scan output \(index) has no slices, and the body does not state its type")
                }
                var empty = (dims ?? []).map { $0.fixed ?? 0 }
                empty.insert(0, at: try position(axis, rank: empty.count + 1))
                results.append(.tensor(try .output(type, try Shape(empty))))
                continue
            }
            let ordered = index < reversed.count && reversed[index] ? slices.reversed() : slices
            results.append(.tensor(try .stack(ordered, axis: axis)))
        }
        return results
    }
}
