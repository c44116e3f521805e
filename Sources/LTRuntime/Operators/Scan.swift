// Scan: runs the subgraph `body` over slices of the scan inputs: body(states…, slices…) → (states…, scan outputs…).
// Opset 9: N states and M = num_scan_inputs scan inputs, axes and directions for each; opset 8: all with a leading batch axis
// and the scan axis behind it, an optional input 0 with the sequence lengths.
// https://onnx.ai/onnx/operators/onnx__Scan.html

import LTCore
import LTGraph

struct ScanOperator: ValueOperator {
    static let schema = OperatorSchema(
        "Scan", opsets: 8...Opset.latest, inputs: 1...Int.max, outputs: 1...Int.max, types: .all)

    let body: Graph
    let states: Int
    let scanInputs: Int
    let outputs: Int
    let isBatched: Bool
    private let inputAxes: [Int]
    private let isInputReversed: [Bool]
    private let outputAxes: [Int]
    private let isOutputReversed: [Bool]

    init(_ node: OperatorNode) throws(LTError) {
        guard let body = try node.node.graph("body") else { throw LTError(.malformed, "attribute 'body' is missing") }
        guard let count = try node.node.int("num_scan_inputs") else {
            throw LTError(.malformed, "attribute 'num_scan_inputs' is missing")
        }
        self.body = body
        isBatched = node.opset < 9
        let given = node.node.inputs.count - (isBatched ? 1 : 0)
        guard count >= 1, count <= given else {
            throw LTError(.malformed, "attribute 'num_scan_inputs' is \(count), expected 1 to \(given)")
        }
        scanInputs = count
        states = given - count
        outputs = node.node.outputs.count
        guard body.outputs.count >= states, outputs <= body.outputs.count else {
            throw LTError(
                .malformed, "the body has \(body.outputs.count) outputs, expected \(max(states, outputs)) or more")
        }
        func list(_ name: String, _ count: Int) throws(LTError) -> [Int] {
            let values = try node.node.ints(name) ?? [Int](repeating: 0, count: count)
            guard values.count == count else {
                throw LTError(.malformed, "attribute '\(name)' has \(values.count) elements, expected \(count)")
            }
            return values
        }
        let scanOutputs = body.outputs.count - states
        inputAxes = isBatched ? [Int](repeating: 0, count: count) : try list("scan_input_axes", count)
        isInputReversed = try list(isBatched ? "directions" : "scan_input_directions", count).map { $0 == 1 }
        outputAxes = isBatched ? [Int](repeating: 0, count: scanOutputs) : try list("scan_output_axes", scanOutputs)
        isOutputReversed =
            isBatched
            ? [Bool](repeating: false, count: scanOutputs)
            : try list("scan_output_directions", scanOutputs).map { $0 == 1 }
    }

    func infer(_ inputs: [ValueFacts?], _ bodies: any BodyInference) throws(LTError) -> [ValueFacts] {
        let first = isBatched ? 1 : 0
        if isBatched, inputs.optional(0) != nil { _ = try inputs.tensor(0, [.int64]) }
        var given: [ValueFacts] = []
        for index in 0..<states {
            given.append(ValueFacts.tensor(try inputs.tensor(first + index)).ofAnyShape)
        }
        var batch: Int?
        for index in 0..<scanInputs {
            let x = try inputs.tensor(first + states + index)
            guard var dims = x.dims else {
                given.append(.tensor(Facts(x.type, nil)))
                continue
            }
            if isBatched {
                guard dims.count >= 2 else {
                    throw LTError(.shapeMismatch, "scan input \(index) is \(dims.text), expected batch and scan axes")
                }
                batch = batch ?? dims.removeFirst()
            }
            dims.remove(at: try position(inputAxes[index], rank: dims.count))
            given.append(.tensor(Facts(x.type, dims)))
        }
        var facts: [ValueFacts] = []
        for (index, result) in try bodies.infer("body", given).enumerated() {
            guard case .tensor(let tensor) = result else {
                throw LTError(.typeMismatch, "output \(index) of the body is \(result.kind), expected a tensor")
            }
            if index < states {
                let initial = ValueFacts.tensor(try inputs.tensor(first + index))
                facts.append(isBatched ? initial : try initial.merged(result, "state \(index)"))
                continue
            }
            guard var dims = tensor.dims else {
                facts.append(.tensor(Facts(tensor.type, nil)))
                continue
            }
            dims.insert(nil, at: try position(outputAxes[index - states], rank: dims.count + 1))
            facts.append(.tensor(Facts(tensor.type, isBatched ? [batch] + dims : dims)))
        }
        return facts
    }

    func run(_ inputs: [ONNXValue?], _ bodies: any BodyRunner) throws(LTError) -> [ONNXValue] {
        guard isBatched else { return try scan(inputs, length: nil, bodies) }
        let tensors = try Array(inputs.dropFirst()).tensors().compactMap { $0 }
        guard tensors.count == states + scanInputs, let batch = tensors.first?.dims.first,
            tensors.allSatisfy({ $0.shape.rank >= 1 && $0.dims[0] == batch })
        else { throw LTError(.shapeMismatch, "the inputs do not share a first axis, expected batches of one size") }
        let lengths = try inputs.optional(0).map { value throws(LTError) in
            try value.tensor("sequence_lens").integers("sequence_lens")
        }
        guard lengths == nil || lengths?.count == batch, batch > 0 else {
            throw LTError(.shapeMismatch, "sequence_lens has \(lengths?.count ?? 0) elements, expected \(batch)")
        }
        var rows: [[Tensor]] = []
        for row in 0..<batch {
            var given: [ONNXValue?] = []
            for tensor in tensors { given.append(.tensor(try tensor.slice(0, row))) }
            let results = try scan(given, length: lengths?[row], bodies)
            rows.append(try results.map { value throws(LTError) in try value.tensor("an output") })
        }
        var results: [ONNXValue] = []
        for index in 0..<rows[0].count { results.append(.tensor(try .stack(rows.map { $0[index] }, axis: 0))) }
        return results
    }

    private func scan(
        _ inputs: [ONNXValue?], length: Int?, _ bodies: any BodyRunner
    ) throws(LTError) -> [ONNXValue] {
        var values: [ONNXValue] = []
        for index in 0..<states { values.append(try inputs.required(index)) }
        var scanned: [(tensor: Tensor, axis: Int)] = []
        for index in 0..<scanInputs {
            let tensor = try inputs.tensor(states + index)
            let axis = try position(inputAxes[index], rank: tensor.shape.rank)
            guard scanned.allSatisfy({ $0.tensor.dims[$0.axis] == tensor.dims[axis] }) else {
                throw LTError(
                    .shapeMismatch, "scan input \(index) has shape \(tensor.shape), expected the others' length")
            }
            scanned.append((tensor, axis))
        }
        let extent = scanned[0].tensor.dims[scanned[0].axis]
        let count = min(max(length ?? extent, 0), extent)
        var scans = ScanOutputs(count: body.outputs.count - states)
        for iteration in 0..<count {
            var slices: [ONNXValue] = []
            for (index, (tensor, axis)) in scanned.enumerated() {
                let place = isInputReversed[index] ? count - 1 - iteration : iteration
                slices.append(.tensor(try tensor.slice(axis, place)))
            }
            let results = try bodies.run("body", values + slices)
            values = Array(results[..<states])
            try scans.append(results[states...])
        }
        return values
            + (try scans.stacked(
                like: body.outputs.dropFirst(states).map(\.type), axes: outputAxes, reversed: isOutputReversed))
    }
}
