// Strided views: what Transpose, Slice, Split and Expand make of their first input. The operators say where elements come
// from; here they are copied, and the cpu backend's kernels ask for the same views.

import LTCore

/// An operator whose outputs are strided views of its first input.
protocol ViewOperator: Operator {
    /// One view per output, as long as shapes and other inputs are known. Axes of one element or none take any stride.
    func views(_ inputs: [Facts?]) throws(LTError) -> [StridedIndices]?
}

extension ViewOperator {
    func run(_ inputs: [Tensor?]) throws(LTError) -> [Tensor] {
        let outline = try outline(inputs)
        guard let x = inputs[0], let views = try views(inputs.map { $0.map { Facts($0) } }) else { return [] }
        var results: [Tensor] = []
        for (view, (_, shape)) in zip(views, outline) { results.append(try x.strided(shape, view)) }
        return results
    }
}

extension StridedIndices {
    /// The same positions in the same order with neighbouring axes that are walked as one merged, and at least one axis.
    var merged: StridedIndices {
        var (dims, strides): ([Int], [Int]) = ([], [])
        for (dim, stride) in zip(self.dims, self.strides) where dim != 1 {
            if let last = strides.last, dim > 0, last == dim * stride {
                dims[dims.count - 1] *= dim
                strides[strides.count - 1] = stride
            } else {
                dims.append(dim)
                strides.append(stride)
            }
        }
        return dims.isEmpty ? StridedIndices([1], [1], offset: offset) : StridedIndices(dims, strides, offset: offset)
    }
}

extension Tensor {
    /// A dense copy of a strided view; whole runs of neighbours at once where there are any.
    func strided(_ shape: Shape, _ view: StridedIndices) throws(LTError) -> Tensor {
        guard type != .string, type.bits >= 8, shape.count > 0 else { return try picking(shape, from: view) }
        let view = view.merged
        guard view.strides.last == 1, let run = view.dims.last, run > 1 else { return try picking(shape, from: view) }
        let result = try Tensor.output(type, shape)
        let size = type.bits / 8
        var target = result.rawPointer
        for start in StridedIndices(
            Array(view.dims.dropLast()), Array(view.strides.dropLast()), offset: view.offset)
        {
            target.copyMemory(from: rawPointer + start * size, byteCount: run * size)
            target += run * size
        }
        return result
    }
}
