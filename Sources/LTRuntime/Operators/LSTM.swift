// LSTM: i, f = f(W Xt + R Ht-1 + P ⊙ Ct-1 + b), c = g(W Xt + R Ht-1 + b), Ct = f ⊙ Ct-1 + i ⊙ c,
// o = f(W Xt + R Ht-1 + P ⊙ Ct + b), Ht = o ⊙ h(Ct); f = Sigmoid, g = h = Tanh by default; input_forget: f = 1 − i.
// The clip is of what enters f and g, as in ONNX Runtime, not of Ct. Weights are in the order i, o, f, c.
// Opset 14 added layout, 22 bfloat16. What is past a sequence's length is 0.
// https://onnx.ai/onnx/operators/onnx__LSTM.html

import LTCore

struct LSTMOperator: RecurrentOperator {
    static let schema = OperatorSchema(
        "LSTM", opsets: 7...Opset.latest, inputs: 3...8, outputs: 1...3, types: .reals)
    static let gates = 4
    static let hasCell = true

    let settings: RecurrentSettings
    let isCoupled: Bool

    init(_ node: OperatorNode) throws(LTError) {
        settings = try RecurrentSettings(node, defaults: [.sigmoid, .tanh, .tanh])
        isCoupled = try node.node.int("input_forget") ?? 0 != 0
    }

    func step<T: Real>(_ cell: RecurrentCell<T>, _ x: UnsafeMutablePointer<T>?, _ state: inout RecurrentState) {
        let (f, g, h, hidden) = (cell.functions[0], cell.functions[1], cell.functions[2], cell.hidden)
        let sums = zip(cell.inputs(x), cell.states(state.h, gates: 0..<4)).map { $0 + $1 }
        for index in 0..<hidden {
            /// Gates in the order of the weights; peepholes are in the order i, o, f.
            func gate(_ number: Int, _ c: Double) -> Double {
                f(settings.clipped(sums[number * hidden + index] + cell.peephole(number, index) * c))
            }
            let old = state.c[index]
            let input = gate(0, old)
            let forget = isCoupled ? 1 - input : gate(2, old)
            let new = forget * old + input * g(settings.clipped(sums[3 * hidden + index]))
            state.h[index] = gate(1, new) * h(new)
            state.c[index] = new
        }
    }
}
