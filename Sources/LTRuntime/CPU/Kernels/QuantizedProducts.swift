// Convolutions and matrix products of 8-bit integers by oneDNN: sums of 32 bits, scales, zero points, residual sum and
// activation on the way out. Weights are symmetric int8. Only for precision int8: the zero point is added before rounding, which
// tips one result in some 10⁵ by one step.
// https://oneapi-src.github.io/oneDNN/v2.6/dev_guide_attributes_quantization.html

import CDNNL
import CLTKernels
import LTCore
import LTGraph

/// QLinearConv and QuantizedConv. Before a residual is added the convolution is cut to the range of its own quantisation, but not
/// rounded to its steps.
struct QuantizedConvolutionKernel: Kernel {
    let primitive: Primitive
    let inputs: [Layout?]
    let outputs: [Operand]
    private let weights: Buffer
    private let bias: Tensor?
    private let biasDesc: MemoryDesc

    var label: String { "dnnl conv \(primitive.implementation)" }
    var scratchBytes: Int { primitive.scratch.byteCount }
    var inPlace: [Int] { inputs.count > 9 ? [9] : [] }

    static let make: KernelMaker = { _, node, inputs, outputs, context throws(LTError) in
        guard context.precision == .int8, let x = inputs[0], let w = inputs[3]?.constant,
            let source = try lt_quantization(inputs, 1, x.type), let steps = try symmetricScales(inputs, 4, w),
            let target = try lt_quantization(inputs, 6, outputs[0].type),
            let window = try DNNLWindow(node, kernel: Array(w.shape.dims.dropFirst(2)), input: x.shape)
        else { return nil }
        let bias = inputs.count > 8 ? inputs[8] : nil
        guard bias == nil || bias?.constant != nil else { return nil }
        let attributes = try Attributes()
        try attributes.scale(steps.map { source.scale * $0 / target.scale })
        if source.zero_point != 0 { try attributes.zeroPoint(DNNL_ARG_SRC, source.zero_point) }
        if target.zero_point != 0 { try attributes.zeroPoint(DNNL_ARG_DST, target.zero_point) }
        if inputs.count > 9, let z = inputs[9] {
            guard let residual = try lt_quantization(inputs, 10, z.type), z.shape == outputs[0].shape,
                let type = inputs[13]?.type, let inner = try lt_quantization(inputs, 12, type)
            else { return nil }
            let step = inner.scale / target.scale
            let lowest: Int32 = inner.is_signed ? -128 : 0
            try attributes.appendClip(
                Float(lowest - inner.zero_point) * step, Float(lowest + 255 - inner.zero_point) * step)
            try attributes.appendSum(
                scale: residual.scale / target.scale, zeroPoint: residual.zero_point, z.type)
        }
        switch try Activation(node) {
        case nil: break
        case .clip(let low, let high)?: try attributes.appendClip(low / target.scale, high / target.scale)
        case .relu?: try attributes.append(.relu)
        case .leakyRelu(let alpha)?: try attributes.append(.leakyRelu(alpha: alpha))
        default: return nil
        }
        return try QuantizedConvolutionKernel(
            inputs, x, w, bias?.constant, outputs[0], window, group: try node.int("group") ?? 1, attributes, context)
    }

    private init(
        _ operands: [Operand?], _ x: Operand, _ w: Tensor, _ bias: Tensor?, _ output: Operand, _ window: DNNLWindow,
        group: Int, _ attributes: Attributes, _ context: KernelContext
    ) throws(LTError) {
        let dims = group == 1 ? w.dims : [group, w.dims[0] / group] + w.dims.dropFirst()
        var source = try Layout.channelsLast.desc(x.shape, x.type).raw
        var weights = try MemoryDesc.any(dims, .int8).raw
        var target = try Layout.channelsLast.desc(output.shape, output.type).raw
        let biasDesc = bias == nil ? MemoryDesc.none : try MemoryDesc.plain([w.dims[0]], .int32)
        var biasRaw = biasDesc.raw
        var operation = dnnl_convolution_desc_t()
        try DNNL.check(
            dnnl_dilated_convolution_forward_desc_init(
                &operation, dnnl_forward_inference, dnnl_convolution_direct, &source, &weights, &biasRaw, &target,
                window.strides, window.dilations, window.begins, window.ends), "convolution of integers")
        primitive = try withUnsafePointer(to: &operation) { pointer throws(LTError) in
            try Primitive(UnsafeRawPointer(pointer), attributes, "convolution of integers")
        }
        var layouts = [Layout?](repeating: nil, count: operands.count)
        layouts[0] = .channelsLast
        if operands.count > 9, operands[9] != nil { layouts[9] = .channelsLast }
        inputs = layouts
        outputs = [Operand(output.type, output.shape, layout: .channelsLast)]
        self.weights = try context.weights.packed(w, from: try MemoryDesc.plain(dims, .int8), as: primitive.weights)
        self.bias = bias
        self.biasDesc = biasDesc
    }

    func bind(_ memory: KernelMemory) throws(LTError) -> BoundKernel {
        let bound = BoundPrimitive(primitive, memory.stream)
        try bound.set(DNNL_ARG_SRC, primitive.source, memory.inputs[0])
        try bound.set(DNNL_ARG_WEIGHTS, primitive.weights, weights.pointer)
        if let bias { try bound.set(DNNL_ARG_BIAS, biasDesc, bias.rawPointer) }
        try bound.set(DNNL_ARG_DST, primitive.destination, memory.outputs[0])
        try bound.setScratch(memory.scratch)
        if inputs.count > 9, let residual = memory.inputs[9], let target = memory.outputs[0], residual != target {
            // The residual lives on: it is added where the result goes.
            let bytes = primitive.destination.byteCount
            return { () throws(LTError) in
                target.copyMemory(from: residual, byteCount: bytes)
                try bound.execute()
            }
        }
        return { () throws(LTError) in try bound.execute() }
    }

    /// The scales of int8 weights without zero points: one, or one per output channel.
    fileprivate static func symmetricScales(
        _ inputs: [Operand?], _ place: Int, _ w: Tensor
    ) throws(LTError) -> [Float]? {
        guard w.type == .int8, place + 1 < inputs.count, let scales = inputs[place]?.constant, scales.type == .float32,
            scales.shape.rank <= 1
        else { return nil }
        if let zeros = inputs[place + 1] {
            guard let tensor = zeros.constant, try tensor.zeroPoints().allSatisfy({ $0 == 0 }) else { return nil }
        }
        return try scales.array(of: Float.self)
    }
}

/// QGemm and QLinearMatMul with constant weights: with integers x' of zero point z, Σ (x' − z) w = Σ x' w − z Σ w, so that the
/// zero point goes into the bias.
struct QuantizedLinearKernel: Kernel {
    let primitive: Primitive
    let inputs: [Layout?]
    let outputs: [Operand]
    private let weights: Buffer
    private let bias: Tensor
    private let biasDesc: MemoryDesc

    var label: String { "dnnl inner product \(primitive.implementation)" }
    var scratchBytes: Int { primitive.scratch.byteCount }

    static let makeMatMul: KernelMaker = { _, _, inputs, outputs, context throws(LTError) in
        guard let target = try lt_quantization(inputs, 6, outputs[0].type) else { return nil }
        return try make(inputs, outputs[0], transB: false, bias: nil, target, context)
    }

    static let makeGemm: KernelMaker = { _, node, inputs, outputs, context throws(LTError) in
        guard try node.float("alpha") ?? 1 == 1, try node.int("transA") ?? 0 == 0 else { return nil }
        var target: lt_quantization?
        if outputs[0].type != .float32 {
            target = try lt_quantization(inputs, 7, outputs[0].type)
            guard target != nil else { return nil }
        }
        let c = inputs.count > 6 ? inputs[6] : nil
        let width = outputs[0].shape[1]
        if let c {
            guard let tensor = c.constant, tensor.type == .int32, tensor.count == width, tensor.dims.last == width
            else {
                return nil
            }
        }
        return try make(
            inputs, outputs[0], transB: try node.int("transB") ?? 0 != 0, bias: c?.constant, target, context)
    }

    private static func make(
        _ inputs: [Operand?], _ output: Operand, transB: Bool, bias: Tensor?, _ target: lt_quantization?,
        _ context: KernelContext
    ) throws(LTError) -> QuantizedLinearKernel? {
        guard context.precision == .int8, let x = inputs[0], x.shape.rank >= 1, let w = inputs[3]?.constant,
            w.shape.rank == 2,
            let source = try lt_quantization(inputs, 1, x.type),
            let steps = try QuantizedConvolutionKernel.symmetricScales(inputs, 4, w)
        else { return nil }
        let (depth, width) = transB ? (w.dims[1], w.dims[0]) : (w.dims[0], w.dims[1])
        guard steps.count == 1 || steps.count == width else { return nil }
        let attributes = try Attributes()
        try attributes.scale(steps.map { source.scale * $0 / (target?.scale ?? 1) })
        if let target, target.zero_point != 0 { try attributes.appendShift(Float(target.zero_point)) }
        let sums = try bias?.array(of: Int32.self) ?? [Int32](repeating: 0, count: width)
        let whole = try w.withBytes { bytes throws(LTError) -> Tensor in
            let codes = bytes.bindMemory(to: Int8.self)
            return try Tensor(
                (0..<width).map { (column: Int) -> Int32 in
                    var total: Int32 = 0
                    for k in 0..<depth { total &+= Int32(codes[transB ? column * depth + k : k * width + column]) }
                    return sums[column] &- source.zero_point &* total
                })
        }
        return try QuantizedLinearKernel(
            inputs.count, x, w, whole, output, transB: transB, depth, width, attributes, context)
    }

    private init(
        _ count: Int, _ x: Operand, _ w: Tensor, _ bias: Tensor, _ output: Operand, transB: Bool, _ depth: Int,
        _ width: Int, _ attributes: Attributes, _ context: KernelContext
    ) throws(LTError) {
        let rows = x.shape.count / depth
        var source = try MemoryDesc.plain([rows, depth], x.type).raw
        var weights = try MemoryDesc.any([width, depth], .int8).raw
        var target = try MemoryDesc.plain([rows, width], output.type).raw
        biasDesc = try MemoryDesc.plain([width], .int32)
        var biasRaw = biasDesc.raw
        var operation = dnnl_inner_product_desc_t()
        try DNNL.check(
            dnnl_inner_product_forward_desc_init(
                &operation, dnnl_forward_inference, &source, &weights, &biasRaw, &target), "inner product of integers")
        primitive = try withUnsafePointer(to: &operation) { pointer throws(LTError) in
            try Primitive(UnsafeRawPointer(pointer), attributes, "inner product of integers")
        }
        inputs = [.plain] + [Layout?](repeating: nil, count: count - 1)
        outputs = [Operand(output.type, output.shape)]
        self.weights = try context.weights.packed(
            w, from: try MemoryDesc([width, depth], strides: transB ? [depth, 1] : [1, width], .int8),
            as: primitive.weights)
        self.bias = bias
    }

    func bind(_ memory: KernelMemory) throws(LTError) -> BoundKernel {
        let bound = BoundPrimitive(primitive, memory.stream)
        try bound.set(DNNL_ARG_SRC, primitive.source, memory.inputs[0])
        try bound.set(DNNL_ARG_WEIGHTS, primitive.weights, weights.pointer)
        try bound.set(DNNL_ARG_BIAS, biasDesc, bias.rawPointer)
        try bound.set(DNNL_ARG_DST, primitive.destination, memory.outputs[0])
        try bound.setScratch(memory.scratch)
        return { () throws(LTError) in try bound.execute() }
    }
}
