// GatherRows (domain longtail, made by passes): row i of Y is row places[i] of X, both seen as rows of `run` elements. What
// chains of copies that keep such rows whole (cutting and joining windows, rolling, merging patches) come down to.

import LTCore
import LTGraph

/// Rows of X in another order.
struct GatherRowsOperator: Operator {
    static let schema = OperatorSchema(
        "GatherRows", domain: "longtail", opsets: 1...1, inputs: 2...2, types: [.float32])

    let run: Int
    private let shape: Shape

    init(_ node: OperatorNode) throws(LTError) {
        guard let run = try node.node.int("run"), run > 0, let dims = try node.node.ints("shape") else {
            throw LTError(.malformed, "attributes 'run' and 'shape' are missing or run is not positive")
        }
        self.run = run
        shape = try Shape(dims)
    }

    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        guard let x = inputs[0], let places = inputs[1], places.type == .int32, let value = places.value,
            value.count.multipliedReportingOverflow(by: run) == (shape.count, false)
        else {
            throw LTError(
                .shapeMismatch, "GatherRows needs X and constant int32 places of \(shape.count) / \(run) rows")
        }
        try x.expect([.float32], 0)
        if let count = x.shape?.count {
            let rows = count / run
            guard count % run == 0, value.elements(Int32.self).allSatisfy({ $0 >= 0 && Int($0) < rows }) else {
                throw LTError(.invalidArgument, "places reach beyond the \(rows) rows of X, expected rows of it")
            }
        }
        return [Facts(.float32, shape.dims)]
    }

    func run(_ inputs: [Tensor?]) throws(LTError) -> [Tensor] {
        _ = try infer(inputs.map { $0.map { Facts($0) } })
        guard let x = inputs[0], let places = inputs[1] else { return [] }
        return [try x.picking(shape, runs: places.elements(Int32.self).map { Int($0) * run })]
    }
}
