// If: the outputs of the subgraph then_branch where the condition (one bool) holds, else of else_branch. The branches
// take no inputs; they see the values around the node.
// https://onnx.ai/onnx/operators/onnx__If.html

import LTCore
import LTGraph

struct IfOperator: ValueOperator {
    static let schema = OperatorSchema(
        "If", opsets: 1...Opset.latest, inputs: 1...1, outputs: 1...Int.max, types: [.bool])

    let outputs: Int

    init(_ node: OperatorNode) throws(LTError) {
        outputs = node.node.outputs.count
        for name in ["then_branch", "else_branch"] {
            guard let branch = try node.node.graph(name) else {
                throw LTError(.malformed, "attribute '\(name)' is missing")
            }
            guard branch.outputs.count >= outputs else {
                throw LTError(.malformed, "\(name) has \(branch.outputs.count) outputs, expected \(outputs)")
            }
        }
    }

    func infer(_ inputs: [ValueFacts?], _ bodies: any BodyInference) throws(LTError) -> [ValueFacts] {
        let condition = try inputs.tensor(0, Self.schema.types)
        if let known = condition.value {
            let holds = try ONNXValue.tensor(known).condition("the condition")
            return try bodies.infer(holds ? "then_branch" : "else_branch", [])
        }
        // A branch that contradicts the shapes around it is never taken by a sane model; the other one tells then.
        let thenFacts = try attempt("then_branch", bodies)
        let elseFacts = try attempt("else_branch", bodies)
        let branches: ([ValueFacts], [ValueFacts])
        switch (thenFacts, elseFacts) {
        case (.success(let a), .success(let b)): branches = (a, b)
        case (.success(let only), .failure), (.failure, .success(let only)):
            branches = (only, only.map(\.ofAnyShape))
        case (.failure(let error), .failure): throw error
        }
        var merged: [ValueFacts] = []
        for index in 0..<outputs { merged.append(try branches.0[index].merged(branches.1[index], "output \(index)")) }
        return merged
    }

    private func attempt(
        _ branch: String, _ bodies: any BodyInference
    ) throws(LTError) -> Result<[ValueFacts], LTError> {
        do throws(LTError) { return .success(try bodies.infer(branch, [])) } catch {
            guard error.code != .outOfMemory else { throw error }
            return .failure(error)
        }
    }

    func run(_ inputs: [ONNXValue?], _ bodies: any BodyRunner) throws(LTError) -> [ONNXValue] {
        let holds = try inputs.required(0).condition("the condition")
        return try bodies.run(holds ? "then_branch" : "else_branch", [])
    }
}
