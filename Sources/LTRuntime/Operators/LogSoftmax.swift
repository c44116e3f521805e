// LogSoftmax: x - ln Σ e^x along axis, shifted by the maximum so that nothing overflows.
// Before opset 13: over all axes from axis (default 1) on, flattened; from 13: over axis (default -1) alone.
// https://onnx.ai/onnx/operators/onnx__LogSoftmax.html

import LTCore

struct LogSoftmaxOperator: SoftmaxFamily {
    static let schema = OperatorSchema(
        "LogSoftmax", opsets: 1...Opset.latest, inputs: 1...1, types: .reals)

    let axis: Int
    let flattens: Bool

    init(_ node: OperatorNode) throws(LTError) { (axis, flattens) = try Self.axis(node) }

    func transform<T: Real>(
        _ x: UnsafeMutableBufferPointer<T>, into y: UnsafeMutableBufferPointer<T>, at places: StrideTo<Int>
    ) {
        softmax(x, into: y, at: places, isLog: true)
    }
}
