// Kernels that only move elements: Concat, and strided views (Transpose, Slice, Split, Expand).

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
        var (rows, inner) = (shape.dims.prefix(axis).reduce(1, *), shape.dims.dropFirst(axis + 1).reduce(1, *))
        let order = first.layout.order
        if axis == 1, operands.allSatisfy({ $0.layout.order == order }) {
            switch order {
            case .blocked(let block) where operands.allSatisfy({ $0.shape[1] % block == 0 }): layout = order
            case .channelsLast:
                layout = order
                (rows, inner) = (rows * inner, 1)
            default: break
            }
        }
        return ConcatKernel(
            inputs: operands.map { _ in layout }, outputs: [Operand(first.type, shape, layout: layout)],
            rows: rows, bytes: operands.map { $0.shape[axis] * inner * first.type.bits / 8 })
    }

    func bind(_ memory: KernelMemory) throws(LTError) -> BoundKernel {
        let (rows, bytes, y) = (rows, bytes, memory.outputs[0])
        let sources = memory.inputs.map { UnsafeRawPointer($0) }
        return { () throws(LTError) in lt_concat(rows, bytes.count, sources, bytes, y) }
    }
}

/// Copies of strided views of the first input.
struct ViewCopyKernel: Kernel {
    let inputs: [Layout?]
    let outputs: [Operand]
    private let size: Int
    private let copies: [StridedIndices]

    var label: String { "simd copy" }

    static let make: KernelMaker = { op, node, inputs, outputs, _ throws(LTError) in
        guard let x = inputs[0], [8, 16, 32, 64].contains(x.type.bits), x.constant == nil,
            let views = try (op as? any ViewOperator)?.views(inputs.map { $0.map(Facts.init) }),
            views.count == outputs.count
        else { return nil }
        if case .blocked(let block) = x.layout, let turn = op as? TransposeOperator, x.shape[1] % block == 0 {
            let view = Self.view(of: x.shape, block, try turn.order(x.shape.rank)).merged
            return ViewCopyKernel(inputs: [x.layout], outputs: outputs, size: 4, copies: [view])
        }
        let copies = views.map(\.merged)
        let others = [Layout?](repeating: nil, count: inputs.count - 1)
        if copies.count == 1, copies[0].strides == [1], copies[0].dims == [x.shape.count] {
            return ViewKernel(inputs: [.plain] + others, outputs: outputs)
        }
        return ViewCopyKernel(
            inputs: [.plain] + others, outputs: outputs, size: x.type.bits / 8, copies: copies)
    }

    /// [N, C, …] in whole blocks of channels with its axes in another order: the channels are two axes.
    private static func view(of shape: Shape, _ block: Int, _ order: [Int]) -> StridedIndices {
        let inner = shape.dims.dropFirst(2).reduce(1, *)
        let plain = shape.strides
        var (dims, strides): ([Int], [Int]) = ([], [])
        for axis in order {
            if axis == 1 {
                dims += [shape[1] / block, block]
                strides += [inner * block, 1]
            } else {
                dims.append(shape[axis])
                strides.append(axis == 0 ? plain[0] : plain[axis] * block)
            }
        }
        return StridedIndices(dims, strides)
    }

    func bind(_ memory: KernelMemory) throws(LTError) -> BoundKernel {
        struct Copy {
            let source: UnsafeMutableRawPointer?, target: UnsafeMutableRawPointer?
            let dims: [Int64], sourceStrides: [Int64], targetStrides: [Int64]
        }
        var bound: [Copy] = []
        for (view, target) in zip(copies, memory.outputs) where target != nil {
            var strides = [Int64](repeating: 1, count: view.dims.count)
            for axis in view.dims.indices.dropLast().reversed() {
                strides[axis] = strides[axis + 1] * Int64(view.dims[axis + 1])
            }
            bound.append(
                Copy(
                    source: memory.inputs[0].map { $0 + view.offset * self.size }, target: target,
                    dims: view.dims.map { Int64($0) }, sourceStrides: view.strides.map { Int64($0) },
                    targetStrides: strides))
        }
        let (size, copies) = (size, bound)
        return { () throws(LTError) in
            for copy in copies {
                lt_copy(
                    size, Int32(copy.dims.count), copy.dims, copy.source, copy.sourceStrides, copy.target,
                    copy.targetStrides)
            }
        }
    }
}

/// Rows in another order.
struct GatherRowsKernel: Kernel {
    let inputs: [Layout?] = [.plain, .plain]
    let outputs: [Operand]
    private let rows: Int
    private let run: Int

    var label: String { "simd rows" }

    static let make: KernelMaker = { op, _, inputs, outputs, _ throws(LTError) in
        guard let op = op as? GatherRowsOperator, let places = inputs[1]?.shape else { return nil }
        return GatherRowsKernel(outputs: [Operand(.float32, outputs[0].shape)], rows: places.count, run: op.run)
    }

    private init(outputs: [Operand], rows: Int, run: Int) {
        self.outputs = outputs
        self.rows = rows
        self.run = run
    }

    func bind(_ memory: KernelMemory) throws(LTError) -> BoundKernel {
        let (rows, run, x, y) = (rows, run, memory.floats(0), memory.outputFloats)
        let places = memory.inputs[1].map { UnsafePointer($0.assumingMemoryBound(to: Int32.self)) }
        return { () throws(LTError) in lt_gather_rows(rows, run, x, places, y) }
    }
}
