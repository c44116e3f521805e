// Hardmax: 1 at the first largest element along axis, else 0.
// Before opset 13: over all axes from axis (default 1) on, flattened; from 13: over axis (default -1) alone.
// https://onnx.ai/onnx/operators/onnx__Hardmax.html

import LTCore

struct HardmaxOperator: SoftmaxFamily {
    static let schema = OperatorSchema("Hardmax", opsets: 1...Opset.latest, inputs: 1...1, types: .reals)

    let axis: Int
    let flattens: Bool

    init(_ node: OperatorNode) throws(LTError) { (axis, flattens) = try Self.axis(node) }

    func transform<T: Real>(
        _ x: UnsafeMutableBufferPointer<T>, into y: UnsafeMutableBufferPointer<T>, at places: StrideTo<Int>
    ) {
        var best: Int?
        for place in places {
            y[place] = 0
            // A NaN is the largest, as in NumPy.
            guard let champion = best else { best = place; continue }
            if x[place] > x[champion] || x[place].isNaN && !x[champion].isNaN { best = place }
        }
        if let best { y[best] = 1 }
    }
}
