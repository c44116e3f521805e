// Depthwise convolution of channels-last pictures by our own kernel.

import CLTKernels
import LTCore
import LTGraph

struct DepthwiseRowsKernel: Kernel {
    let inputs: [Layout?]
    let outputs: [Operand]
    private let window: lt_depthwise_rows_window

    var label: String { "simd depthwise rows" }

    static let make: KernelMaker = { op, _, inputs, outputs, _ throws(LTError) in
        guard let op = op as? DepthwiseConvOperator, let x = inputs[0]?.shape, let w = inputs[1]?.shape, x[3] >= 16
        else { return nil }
        let y = outputs[0].shape
        let window = lt_depthwise_rows_window(
            batch: x[0], channels: x[3], height: x[1], width: x[2], out_height: y[1], out_width: y[2],
            kernel_height: w[0], kernel_width: w[1], stride_height: op.strides[0], stride_width: op.strides[1],
            top: op.pads[0], left: op.pads[1])
        return DepthwiseRowsKernel(
            inputs: inputs.map { $0 == nil ? nil : .plain }, outputs: [Operand(.float32, y)], window: window)
    }

    private init(inputs: [Layout?], outputs: [Operand], window: lt_depthwise_rows_window) {
        self.inputs = inputs
        self.outputs = outputs
        self.window = window
    }

    func bind(_ memory: KernelMemory) throws(LTError) -> BoundKernel {
        let (x, w, y) = (memory.floats(0), memory.floats(1), memory.outputFloats)
        let bias = inputs.count > 2 && inputs[2] != nil ? memory.floats(2) : nil
        let shared = window
        return { () throws(LTError) in
            var window = shared
            lt_depthwise_rows(&window, x, w, bias, y)
        }
    }
}
