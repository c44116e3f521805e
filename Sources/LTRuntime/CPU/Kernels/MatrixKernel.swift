// Matrix products: with constant weights by oneDNN in a packed layout, between two computed values by oneDNN's matmul.

import CDNNL
import LTCore
import LTGraph

/// Y = activation(X W + b) over the last axis of X.
struct LinearKernel: Kernel {
    let primitive: Primitive
    let inputs: [Layout?]
    let outputs: [Operand]
    private let weights: Buffer
    private let bias: Buffer?
    private let biasDesc: MemoryDesc

    var label: String { "dnnl inner product \(primitive.implementation)" }
    var scratchBytes: Int { primitive.scratch.byteCount }

    static let make: KernelMaker = { _, node, inputs, outputs, context throws(LTError) in
        guard let x = inputs[0], let w = inputs[1]?.constant, x.type == .float32, x.shape.rank >= 1 else { return nil }
        let bias = inputs.count > 2 ? inputs[2] : nil
        guard bias == nil || bias?.constant != nil else { return nil }
        return try LinearKernel(
            x, w, bias?.constant, outputs[0], transB: try node.int("transB") ?? 0 != 0,
            activation: try Activation(node), context)
    }

    private init(
        _ x: Operand, _ w: Tensor, _ bias: Tensor?, _ output: Operand, transB: Bool, activation: Activation?,
        _ context: KernelContext
    ) throws(LTError) {
        let (depth, width) = transB ? (w.dims[1], w.dims[0]) : (w.dims[0], w.dims[1])
        let rows = x.shape.count / depth
        var source = try MemoryDesc.plain([rows, depth]).raw
        var weights = try MemoryDesc.any([width, depth]).raw
        var target = try MemoryDesc.plain([rows, width]).raw
        var biasDesc = bias == nil ? MemoryDesc.none.raw : try MemoryDesc.plain([width]).raw
        let attributes = try Attributes()
        if let activation { try attributes.append(activation) }
        var operation = dnnl_inner_product_desc_t()
        try DNNL.check(
            dnnl_inner_product_forward_desc_init(
                &operation, dnnl_forward_inference, &source, &weights, &biasDesc, &target),
            "inner product")
        primitive = try withUnsafePointer(to: &operation) { pointer throws(LTError) in
            try Primitive(UnsafeRawPointer(pointer), attributes, "inner product")
        }
        inputs = [.plain, nil] + (bias == nil ? [] : [nil])
        outputs = [Operand(.float32, output.shape)]
        self.weights = try context.weights.packed(
            w, from: try MemoryDesc([width, depth], strides: transB ? [depth, 1] : [1, width]), as: primitive.weights)
        self.biasDesc = MemoryDesc(biasDesc)
        self.bias = try bias.map { bias throws(LTError) in
            let desc = MemoryDesc(biasDesc)
            return try context.weights.packed(bias, from: desc, as: desc)
        }
    }

    func bind(_ memory: KernelMemory) throws(LTError) -> BoundKernel {
        let bound = BoundPrimitive(primitive, memory.stream)
        try bound.set(DNNL_ARG_SRC, primitive.source, memory.inputs[0])
        try bound.set(DNNL_ARG_WEIGHTS, primitive.weights, weights.pointer)
        if let bias { try bound.set(DNNL_ARG_BIAS, biasDesc, bias.pointer) }
        try bound.set(DNNL_ARG_DST, primitive.destination, memory.outputs[0])
        try bound.setScratch(memory.scratch)
        return { () throws(LTError) in try bound.execute() }
    }
}

/// MatMul with ONNX's batch dimensions, and Gemm.
struct MatrixKernel: Kernel {
    let primitive: Primitive
    let inputs: [Layout?]
    let outputs: [Operand]
    private let descs: [MemoryDesc]

    var label: String { "dnnl matmul \(primitive.implementation)" }
    var scratchBytes: Int { primitive.scratch.byteCount }

    static let makeMatMul: KernelMaker = { _, _, inputs, outputs, _ throws(LTError) in
        guard let a = inputs[0], let b = inputs[1], a.type == .float32, b.type == .float32, a.shape.rank >= 2,
            b.shape.rank >= 2, outputs[0].shape.rank <= 6
        else { return nil }
        let rank = outputs[0].shape.rank
        func widened(_ shape: Shape) throws(LTError) -> MemoryDesc {
            try MemoryDesc.plain([Int](repeating: 1, count: rank - shape.rank) + shape.dims)
        }
        return try MatrixKernel(
            [try widened(a.shape), try widened(b.shape), try MemoryDesc.plain(outputs[0].shape.dims)], nil, outputs[0],
            scale: 1)
    }

    /// Gemm whose C is absent or one row and whose beta is 1.
    static let makeGemm: KernelMaker = { _, node, inputs, outputs, _ throws(LTError) in
        guard let a = inputs[0], let b = inputs[1], a.type == .float32, b.type == .float32, a.shape.rank == 2,
            b.shape.rank == 2
        else { return nil }
        let c = inputs.count > 2 ? inputs[2] : nil
        let width = outputs[0].shape[1]
        let (alpha, beta) = (try node.float("alpha") ?? 1, try node.float("beta") ?? 1)
        guard c == nil || (c?.shape.count == width && c?.shape.dims.last == width && c?.type == .float32),
            c == nil || (beta == 1 && alpha == 1)
        else { return nil }
        func desc(_ shape: Shape, _ transposed: Bool) throws(LTError) -> MemoryDesc {
            transposed
                ? try MemoryDesc([shape[1], shape[0]], strides: [1, shape[1]]) : try MemoryDesc.plain(shape.dims)
        }
        return try MatrixKernel(
            [
                try desc(a.shape, try node.int("transA") ?? 0 != 0),
                try desc(b.shape, try node.int("transB") ?? 0 != 0),
                try MemoryDesc.plain(outputs[0].shape.dims),
            ], c == nil ? nil : try MemoryDesc.plain([1, width]), outputs[0], scale: alpha)
    }

    private init(_ descs: [MemoryDesc], _ bias: MemoryDesc?, _ output: Operand, scale: Float) throws(LTError) {
        var (a, b, y) = (descs[0].raw, descs[1].raw, descs[2].raw)
        var biasDesc = bias?.raw ?? MemoryDesc.none.raw
        let attributes = try Attributes()
        if scale != 1 { try attributes.scale(scale) }
        var operation = dnnl_matmul_desc_t()
        try DNNL.check(dnnl_matmul_desc_init(&operation, &a, &b, &biasDesc, &y), "matmul")
        primitive = try withUnsafePointer(to: &operation) { pointer throws(LTError) in
            try Primitive(UnsafeRawPointer(pointer), attributes, "matmul")
        }
        self.descs = descs + (bias.map { [$0] } ?? [])
        inputs = [.plain, .plain] + (bias == nil ? [] : [.plain])
        outputs = [Operand(.float32, output.shape)]
    }

    func bind(_ memory: KernelMemory) throws(LTError) -> BoundKernel {
        let bound = BoundPrimitive(primitive, memory.stream)
        try bound.set(DNNL_ARG_SRC, descs[0], memory.inputs[0])
        try bound.set(DNNL_ARG_WEIGHTS, descs[1], memory.inputs[1])
        if descs.count > 3 { try bound.set(DNNL_ARG_BIAS, descs[3], memory.inputs[2]) }
        try bound.set(DNNL_ARG_DST, descs[2], memory.outputs[0])
        try bound.setScratch(memory.scratch)
        return { () throws(LTError) in try bound.execute() }
    }
}
