// Running the self-test that a model file carries (`lt.selftest`).

import LTCore
import LTDecision
import LTGraph
import LTImage
import LTRuntime

extension SelfTest {
    /// Runs the model on the test's input and compares every output that the test names.
    /// - Returns: the greatest difference, relative to the greatest expected |value| of its output.
    /// - Throws: `conflict` beyond the tolerance, and errors of the model.
    @discardableResult
    public func run(_ graph: Graph, on backend: any Backend, options: PlanOptions) throws(LTError) -> Float {
        try within("self-test") { () throws(LTError) in
            var feed: [String: Tensor] = [:]
            switch input {
            case .tensors(let values):
                for value in values { feed[value.name] = try Tensor(value.values, value.shape) }
            case .image(let bytes):
                guard let preprocess = try DecisionLayer(reading: graph).preprocess else {
                    throw LTError(.notFound, "an image as input, but the model has no lt.preprocess")
                }
                let model = try ModelInput(graph)
                let result = bytes.withUnsafeBytes { bytes -> Result<Tensor, LTError> in
                    do throws(LTError) { return .success(try preprocess.tensor(bytes).0) } catch {
                        return .failure(error)
                    }
                }
                let tensor = try result.get()
                feed[model.name] = try tensor.reshaped(try model.shape(tensor.shape, count: 1))
            }
            let results = try Session(try Plan(graph, on: backend, options: options)).run(feed)
            var worst: Float = 0
            for expected in outputs {
                guard let output = results[expected.name] else {
                    throw LTError(.notFound, "the model has no output '\(expected.name)'")
                }
                worst = max(
                    worst, try check(output: expected.name, shape: output.dims, values: try output.array()))
            }
            guard !outputs.isEmpty else { throw LTError(.malformed, "the self-test expects no output") }
            return worst
        }
    }
}
