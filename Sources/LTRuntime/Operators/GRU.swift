// GRU: z = f(Wz Xt + Rz Ht-1 + b), r = f(Wr Xt + Rr Ht-1 + b), h = g(Wh Xt + Rh (r ⊙ Ht-1) + b), with linear_before_reset
// h = g(Wh Xt + Wb + r ⊙ (Rh Ht-1 + Rb)); Ht = (1 − z) ⊙ h + z ⊙ Ht-1; f = Sigmoid, g = Tanh by default.
// Opset 14 added layout, 22 bfloat16. What is past a sequence's length is 0.
// https://onnx.ai/onnx/operators/onnx__GRU.html

import LTCore

struct GRUOperator: RecurrentOperator {
    static let schema = OperatorSchema(
        "GRU", opsets: 7...Opset.latest, inputs: 3...6, outputs: 1...2, types: .reals)
    static let gates = 3

    let settings: RecurrentSettings
    let isLinearBeforeReset: Bool

    init(_ node: OperatorNode) throws(LTError) {
        settings = try RecurrentSettings(node, defaults: [.sigmoid, .tanh])
        isLinearBeforeReset = try node.node.int("linear_before_reset") ?? 0 != 0
    }

    func step<T: Real>(_ cell: RecurrentCell<T>, _ x: UnsafeMutablePointer<T>?, _ state: inout RecurrentState) {
        let (f, g, hidden) = (cell.functions[0], cell.functions[1], cell.hidden)
        let inputs = cell.inputs(x)
        let gates = zip(inputs, cell.states(state.h, gates: 0..<2)).map { f(settings.clipped($0 + $1)) }
        let (z, r) = (gates[..<hidden], gates[hidden...])
        let recurrent =
            isLinearBeforeReset
            ? zip(r, cell.states(state.h, gates: 2..<3)).map { $0 * $1 }
            : cell.states(zip(r, state.h).map { $0 * $1 }, gates: 2..<3)
        for index in 0..<hidden {
            let new = g(settings.clipped(inputs[2 * hidden + index] + recurrent[index]))
            state.h[index] = (1 - z[index]) * new + z[index] * state.h[index]
        }
    }
}
