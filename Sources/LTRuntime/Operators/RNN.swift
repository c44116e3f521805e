// RNN: Ht = f(W Xt + Wb + R Ht-1 + Rb), f = Tanh by default, over sequences forward, in reverse, or both ways.
// Opset 14 added layout, 22 bfloat16. What is past a sequence's length is 0.
// https://onnx.ai/onnx/operators/onnx__RNN.html

import LTCore

struct RNNOperator: RecurrentOperator {
    static let schema = OperatorSchema(
        "RNN", opsets: 7...Opset.latest, inputs: 3...6, outputs: 1...2, types: .reals)
    static let gates = 1

    let settings: RecurrentSettings

    init(_ node: OperatorNode) throws(LTError) { settings = try RecurrentSettings(node, defaults: [.tanh]) }

    func step<T: Real>(_ cell: RecurrentCell<T>, _ x: UnsafeMutablePointer<T>?, _ state: inout RecurrentState) {
        state.h = zip(cell.inputs(x), cell.states(state.h, gates: 0..<1)).map {
            cell.functions[0](settings.clipped($0 + $1))
        }
    }
}
