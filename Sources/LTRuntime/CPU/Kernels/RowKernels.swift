// Kernels along the last axes: Softmax and LayerNormalization.

import CLTKernels
import LTCore
import LTGraph

/// Softmax over the last axis.
struct SoftmaxKernel: Kernel {
    let inputs: [Layout?] = [.plain]
    let outputs: [Operand]
    private let rows: Int
    private let columns: Int

    var label: String { "simd softmax" }
    var inPlace: [Int] { [0] }

    static let make: KernelMaker = { _, node, inputs, outputs, context throws(LTError) in
        guard let x = inputs[0], x.type == .float32, x.constant == nil, x.shape.rank >= 1,
            let axis = try lastAxis(node, x.shape, flattens: context.opset < 13)
        else { return nil }
        let columns = x.shape.dims.dropFirst(axis).reduce(1, *)
        return SoftmaxKernel(
            outputs: [Operand(.float32, x.shape)], rows: x.shape.count / columns, columns: columns)
    }

    /// Where the normalised axes begin, if they are the last ones. Before opset 13 all axes from there on count as one.
    private static func lastAxis(_ node: Node, _ shape: Shape, flattens: Bool) throws(LTError) -> Int? {
        let given = try node.int("axis") ?? (flattens ? 1 : -1)
        let axis = given < 0 ? given + shape.rank : given
        guard axis >= 0, axis < shape.rank else { return nil }
        return flattens || axis == shape.rank - 1 ? axis : nil
    }

    private init(outputs: [Operand], rows: Int, columns: Int) {
        self.outputs = outputs
        self.rows = rows
        self.columns = columns
    }

    func bind(_ memory: KernelMemory) throws(LTError) -> BoundKernel {
        let (rows, columns) = (rows, columns)
        let (x, y) = (memory.floats(0), memory.outputFloats)
        return { () throws(LTError) in lt_softmax(x, y, rows, columns) }
    }
}

/// LayerNormalization over the last axes with constant or computed scale and bias.
struct LayerNormalizationKernel: Kernel {
    let inputs: [Layout?]
    let outputs: [Operand]
    private let rows: Int
    private let columns: Int
    private let epsilon: Float
    private let isHalf: Bool

    var label: String { isHalf ? "simd layernorm bf16" : "simd layernorm" }
    var inPlace: [Int] { isHalf ? [] : [0] }

    static let make: KernelMaker = { _, node, inputs, outputs, context throws(LTError) in
        guard inputs.count >= 2, let x = inputs[0], let scale = inputs[1], x.type == .float32, scale.type == .float32,
            x.constant == nil, node.outputs.dropFirst().allSatisfy(\.isEmpty)
        else { return nil }
        let given = try node.int("axis") ?? -1
        let axis = given < 0 ? given + x.shape.rank : given
        guard axis >= 0, axis < x.shape.rank else { return nil }
        let normal = x.shape.dims.dropFirst(axis)
        let columns = normal.reduce(1, *)
        let bias = inputs.count > 2 ? inputs[2] : nil
        // Parameters that vary from row to row are left to the operator.
        func isRow(_ shape: Shape) -> Bool {
            shape.count == columns && shape.dims.drop { $0 == 1 } == normal.drop { $0 == 1 }
        }
        guard isRow(scale.shape), bias.map({ isRow($0.shape) }) ?? true else { return nil }
        return LayerNormalizationKernel(
            inputs: [.plain, .plain] + (bias == nil ? [] : [.plain]),
            outputs: [Operand(.float32, x.shape, layout: context.feedsProducts ? .bfloat16(.plain) : .plain)],
            rows: x.shape.count / columns, columns: columns, epsilon: try node.float("epsilon") ?? 1e-5,
            isHalf: context.feedsProducts)
    }

    func bind(_ memory: KernelMemory) throws(LTError) -> BoundKernel {
        let kernel = self
        let (x, scale, y) = (memory.floats(0), memory.floats(1), memory.outputFloats)
        let bias = inputs.count > 2 ? memory.floats(2) : nil
        if isHalf {
            let half = memory.outputs[0]?.assumingMemoryBound(to: UInt16.self)
            return { () throws(LTError) in
                lt_layer_norm_half(x, scale, bias, kernel.epsilon, half, kernel.rows, kernel.columns)
            }
        }
        return { () throws(LTError) in
            lt_layer_norm(x, scale, bias, kernel.epsilon, y, kernel.rows, kernel.columns)
        }
    }
}
