// Y = activation(X W + b + Z) over the last axis of X with factors in bfloat16, sums in float32, by oneDNN's inner product: for
// CPUs that multiply bfloat16 in tiles (AMX), and where the depth is odd.

import CDNNL
import LTCore
import LTGraph

struct HalfLinearKernel: Kernel {
    let primitive: Primitive
    let inputs: [Layout?]
    let outputs: [Operand]
    private let weights: Buffer
    private let bias: Buffer?
    private let biasDesc: MemoryDesc
    private let hasResidual: Bool

    var label: String { "dnnl inner product \(primitive.implementation)" }
    var scratchBytes: Int { primitive.scratch.byteCount }
    var inPlace: [Int] { hasResidual ? [3] : [] }

    init(
        _ x: Operand, _ w: Tensor, _ bias: Tensor?, _ residual: Operand?, _ output: Operand, isTransposed: Bool,
        activation: Activation?, _ context: KernelContext
    ) throws(LTError) {
        let (depth, width) = isTransposed ? (w.dims[1], w.dims[0]) : (w.dims[0], w.dims[1])
        let rows = x.shape.count / depth
        let targetLayout = context.feedsProducts && residual == nil ? Layout.bfloat16(.plain) : .plain
        var source = try MemoryDesc.plain([rows, depth], .bfloat16).raw
        var weights = try MemoryDesc.any([width, depth], .bfloat16).raw
        var target = try targetLayout.desc(try Shape([rows, width])).raw
        var biasDesc = bias == nil ? MemoryDesc.none.raw : try MemoryDesc.plain([width]).raw
        let attributes = try Attributes()
        if residual != nil { try attributes.appendSum() }
        if let activation { try attributes.append(activation) }
        var operation = dnnl_inner_product_desc_t()
        try DNNL.check(
            dnnl_inner_product_forward_desc_init(
                &operation, dnnl_forward_inference, &source, &weights, &biasDesc, &target),
            "inner product")
        primitive = try withUnsafePointer(to: &operation) { pointer throws(LTError) in
            try Primitive(UnsafeRawPointer(pointer), attributes, "inner product")
        }
        var inputs: [Layout?] = [.bfloat16(.plain), nil]
        if bias != nil || residual != nil { inputs.append(nil) }
        if residual != nil { inputs.append(targetLayout) }
        self.inputs = inputs
        outputs = [Operand(.float32, output.shape, layout: targetLayout)]
        self.weights = try context.weights.packed(
            w, from: try MemoryDesc([width, depth], strides: isTransposed ? [depth, 1] : [1, width]),
            as: primitive.weights)
        self.biasDesc = MemoryDesc(biasDesc)
        self.bias = try bias.map { bias throws(LTError) in
            let desc = MemoryDesc(biasDesc)
            return try context.weights.packed(bias, from: desc, as: desc)
        }
        hasResidual = residual != nil
    }

    func bind(_ memory: KernelMemory) throws(LTError) -> BoundKernel {
        let bound = BoundPrimitive(primitive, memory.stream)
        try bound.set(DNNL_ARG_SRC, primitive.source, memory.inputs[0])
        try bound.set(DNNL_ARG_WEIGHTS, primitive.weights, weights.pointer)
        if let bias { try bound.set(DNNL_ARG_BIAS, biasDesc, bias.pointer) }
        try bound.set(DNNL_ARG_DST, primitive.destination, memory.outputs[0])
        try bound.setScratch(memory.scratch)
        if hasResidual, let residual = memory.inputs[3], let target = memory.outputs[0], residual != target {
            let bytes = primitive.destination.byteCount
            return { () throws(LTError) in
                target.copyMemory(from: residual, byteCount: bytes)
                try bound.execute()
            }
        }
        return { () throws(LTError) in try bound.execute() }
    }
}
