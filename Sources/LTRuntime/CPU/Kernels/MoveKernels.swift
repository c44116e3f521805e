// Kernels that only move elements: Concat and Transpose.

import CLTKernels
import LTCore
import LTGraph

/// Concat; along the channels of blocked values as long as these fill whole blocks.
struct ConcatKernel: Kernel {
    let inputs: [Layout?]
    let outputs: [Operand]
    private let rows: Int
    private let bytes: [Int]

    var label: String { "simd concat" }

    static let make: KernelMaker = { _, node, inputs, outputs, _ throws(LTError) in
        guard let first = inputs[0], let given = try node.int("axis"), inputs.allSatisfy({ $0?.type == first.type }),
            first.type.bits >= 8
        else { return nil }
        let shape = outputs[0].shape
        let axis = given < 0 ? given + shape.rank : given
        guard axis >= 0, axis < shape.rank else { return nil }
        let operands = inputs.compactMap { $0 }
        var layout = Layout.plain
        if case .blocked(let block) = first.layout, axis == 1,
            operands.allSatisfy({ $0.layout == first.layout && $0.shape[1] % block == 0 })
        {
            layout = first.layout
        }
        return ConcatKernel(
            inputs: operands.map { _ in layout }, outputs: [Operand(first.type, shape, layout: layout)],
            rows: shape.dims.prefix(axis).reduce(1, *),
            bytes: operands.map { $0.shape.dims.dropFirst(axis).reduce(1, *) * first.type.bits / 8 })
    }

    func bind(_ memory: KernelMemory) throws(LTError) -> BoundKernel {
        let (rows, bytes, y) = (rows, bytes, memory.outputs[0])
        let sources = memory.inputs.map { UnsafeRawPointer($0) }
        return { () throws(LTError) in lt_concat(rows, bytes.count, sources, bytes, y) }
    }
}

/// Transpose of 4-byte elements.
struct TransposeKernel: Kernel {
    let inputs: [Layout?] = [.plain]
    let outputs: [Operand]
    private let dims: [Int64]
    private let strides: [Int64]

    var label: String { "simd transpose" }

    static let make: KernelMaker = { _, node, inputs, outputs, _ throws(LTError) in
        guard let x = inputs[0], x.type.bits == 32, x.constant == nil, x.shape.rank >= 1 else { return nil }
        let order = try node.ints("perm") ?? Array((0..<x.shape.rank).reversed())
        guard order.sorted() == Array(0..<x.shape.rank) else { return nil }
        let source = x.shape.strides
        // Axes that stay neighbours move as one.
        var dims: [Int] = []
        var strides: [Int] = []
        for axis in order where x.shape[axis] != 1 {
            if let last = strides.last, last == source[axis] * x.shape[axis] {
                dims[dims.count - 1] *= x.shape[axis]
                strides[strides.count - 1] = source[axis]
            } else {
                dims.append(x.shape[axis])
                strides.append(source[axis])
            }
        }
        if dims == [] || strides == [1] {
            return ViewKernel(inputs: [.plain], outputs: [Operand(x.type, outputs[0].shape)])
        }
        if dims.count == 1 {
            dims.insert(1, at: 0)
            strides.insert(0, at: 0)
        }
        return TransposeKernel(
            outputs: [Operand(x.type, outputs[0].shape)], dims: dims.map { Int64($0) },
            strides: strides.map { Int64($0) })
    }

    private init(outputs: [Operand], dims: [Int64], strides: [Int64]) {
        self.outputs = outputs
        self.dims = dims
        self.strides = strides
    }

    func bind(_ memory: KernelMemory) throws(LTError) -> BoundKernel {
        let (dims, strides) = (dims, strides)
        let x = memory.inputs[0].map { UnsafePointer($0.assumingMemoryBound(to: UInt32.self)) }
        let y = memory.outputs[0]?.assumingMemoryBound(to: UInt32.self)
        return { () throws(LTError) in lt_transpose(Int32(dims.count), dims, strides, x, y) }
    }
}
