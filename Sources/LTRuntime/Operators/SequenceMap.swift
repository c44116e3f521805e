// SequenceMap: the subgraph `body` run for every element of the first sequence; further sequences are walked alongside,
// tensors are given to every run. Each output is the sequence of what the runs gave.
// https://onnx.ai/onnx/operators/onnx__SequenceMap.html

import LTCore
import LTGraph

struct SequenceMapOperator: ValueOperator {
    static let schema = OperatorSchema(
        "SequenceMap", opsets: 17...Opset.latest, inputs: 1...Int.max, outputs: 1...Int.max, types: .all)

    let outputs: Int

    init(_ node: OperatorNode) throws(LTError) {
        guard try node.node.graph("body") != nil else { throw LTError(.malformed, "attribute 'body' is missing") }
        outputs = node.node.outputs.count
    }

    func infer(_ inputs: [ValueFacts?], _ bodies: any BodyInference) throws(LTError) -> [ValueFacts] {
        var given = [try ValueFacts(try inputs.sequence(0), "the sequence's elements")]
        for index in inputs.indices.dropFirst() {
            let facts = try inputs.required(index)
            if case .container(.sequence(let element)) = facts {
                given.append(try ValueFacts(element, "the sequence's elements"))
            } else {
                given.append(facts)
            }
        }
        return try bodies.infer("body", given).prefix(outputs).map { .container(.sequence($0.type)) }
    }

    func run(_ inputs: [ONNXValue?], _ bodies: any BodyRunner) throws(LTError) -> [ONNXValue] {
        let count = try inputs.sequence(0).count
        var results = [[ONNXValue]](repeating: [], count: outputs)
        for place in 0..<count {
            var given: [ONNXValue] = []
            for index in inputs.indices {
                let value = try inputs.required(index)
                guard case .sequence(let items) = value else {
                    given.append(value)
                    continue
                }
                guard items.count == count else {
                    throw LTError(.shapeMismatch, "input \(index) has \(items.count) elements, expected \(count)")
                }
                given.append(items[place])
            }
            for (index, value) in try bodies.run("body", given).prefix(outputs).enumerated() {
                results[index].append(value)
            }
        }
        return results.map { .sequence($0) }
    }
}
