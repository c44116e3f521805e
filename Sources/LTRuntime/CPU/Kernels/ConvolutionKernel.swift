// Direct convolution by oneDNN: 1 to 3 spatial axes, groups, dilation; bias, residual sum and activation on the way out. Weights
// are packed into the layout that oneDNN picks, once per plan. Values and weights are float32 or bfloat16, sums float32. `make` hands
// over to Winograd where that is worth it.

import CDNNL
import CLTKernels
import LTCore
import LTGraph

struct ConvolutionKernel: Kernel {
    let primitive: Primitive
    let inputs: [Layout?]
    let outputs: [Operand]
    private let weights: Buffer
    private let bias: Buffer?
    private let biasDesc: MemoryDesc
    private let hasResidual: Bool

    var label: String { "dnnl conv \(primitive.implementation)" }
    var scratchBytes: Int { primitive.scratch.byteCount }
    var inPlace: [Int] { hasResidual ? [3] : [] }

    static let make: KernelMaker = { _, node, inputs, outputs, context throws(LTError) in
        guard inputs.count >= 2, let x = inputs[0], let w = inputs[1], let constant = w.constant,
            x.type == .float32, w.type == .float32
        else { return nil }
        let bias = inputs.count > 2 ? inputs[2] : nil
        guard bias == nil || bias?.constant != nil else { return nil }
        let residual = inputs.count > 3 ? inputs[3] : nil
        guard residual == nil || residual?.shape == outputs[0].shape,
            let window = try DNNLWindow(node, kernel: Array(w.shape.dims.dropFirst(2)), input: x.shape)
        else { return nil }
        let gate = inputs.count > 4 ? inputs[4] : nil
        let (group, activation) = (try node.int("group") ?? 1, try Activation(node))
        let isHalf = gate == nil && factors(constant, context) == .bfloat16
        if !isHalf || context.multipliesPairs {
            if let kernel = try PointwiseConvolutionKernel(
                x, constant, bias?.constant, residual, gate: gate, outputs[0], window, group: group,
                activation: activation, context)
            {
                return kernel
            }
            guard gate == nil else { return nil }
            let winograd =
                isHalf
                ? nil
                : try WinogradKernel.make(
                    x, constant, bias?.constant, residual, outputs[0], window, group: group, activation: activation,
                    context)
            if let winograd { return winograd }
            if let unfolded = try UnfoldedConvolutionKernel(
                x, constant, bias?.constant, residual, outputs[0], window, group: group, activation: activation, context
            ) {
                return unfolded
            }
        }
        if residual == nil, gate == nil, group == 1,
            let picture = try PictureConvolutionKernel(
                x, constant, bias?.constant, outputs[0], window, activation: activation, context)
        {
            return picture
        }
        return try ConvolutionKernel(
            x, constant, bias?.constant, residual, outputs[0], window, group: group, activation: activation, context)
    }

    private init(
        _ x: Operand, _ w: Tensor, _ bias: Tensor?, _ residual: Operand?, _ output: Operand, _ window: DNNLWindow,
        group: Int, activation: Activation?, _ context: KernelContext
    ) throws(LTError) {
        let attributes = try Attributes()
        if residual != nil { try attributes.appendSum() }
        if let activation { try attributes.append(activation) }
        let weightDims = group == 1 ? w.dims : [group, w.dims[0] / group] + w.dims.dropFirst()
        let type = Self.factors(w, context)
        var weights = try MemoryDesc.any(weightDims, type).raw
        var biasDesc = bias == nil ? MemoryDesc.none.raw : try MemoryDesc.plain([w.dims[0]]).raw
        func make(_ source: MemoryDesc, _ target: MemoryDesc) throws(LTError) -> Primitive {
            var (source, target) = (source.raw, target.raw)
            var operation = dnnl_convolution_desc_t()
            try DNNL.check(
                dnnl_dilated_convolution_forward_desc_init(
                    &operation, dnnl_forward_inference, dnnl_convolution_direct, &source, &weights, &biasDesc, &target,
                    window.strides, window.dilations, window.begins, window.ends), "convolution")
            return try withUnsafePointer(to: &operation) { pointer throws(LTError) in
                try Primitive(UnsafeRawPointer(pointer), attributes, "convolution")
            }
        }
        let blocked = try Self.blocked(x, w, output, group, type, context).flatMap { (source, target) throws(LTError) in
            try ifPossible { () throws(LTError) in try make(source, target) }
        }
        if let blocked, blocked.implementation.place(of: "ref") == nil {
            primitive = blocked
        } else {
            primitive = try make(
                try MemoryDesc.any(x.shape.dims, type), try MemoryDesc.any(output.shape.dims, type))
        }
        let targetLayout = try Layout(primitive.destination, output.shape)
        var inputs: [Layout?] = [try Layout(primitive.source, x.shape), nil]
        if residual != nil { inputs += [nil, targetLayout] }
        self.inputs = inputs
        outputs = [Operand(.float32, output.shape, layout: targetLayout)]
        self.weights = try context.weights.packed(w, from: try MemoryDesc.plain(weightDims), as: primitive.weights)
        self.biasDesc = MemoryDesc(biasDesc)
        self.bias = try bias.map { bias throws(LTError) in
            let desc = MemoryDesc(biasDesc)
            return try context.weights.packed(bias, from: desc, as: desc)
        }
        hasResidual = residual != nil
    }

    /// Of few channels oneDNN's bfloat16 kernels pad or widen more than they save: pictures, depthwise, small groups.
    private static func factors(_ w: Tensor, _ context: KernelContext) -> ElementType {
        w.dims[1] >= 16 ? context.factors : .float32
    }

    /// Source and target in blocks of channels, the layout that all kernels share; nil where oneDNN had better choose: small
    /// groups, volumes that never meet Winograd's kernel, and chains that it has taken to a layout of its own.
    private static func blocked(
        _ x: Operand, _ w: Tensor, _ output: Operand, _ group: Int, _ type: ElementType,
        _ context: KernelContext
    ) throws(LTError) -> (MemoryDesc, MemoryDesc)? {
        let block = lt_isa_level() == LT_ISA_AVX512 ? 16 : 8
        let (perGroupIn, perGroupOut) = (w.dims[1], w.dims[0] / group)
        let isDepthwise = perGroupIn == 1 && perGroupOut == 1
        guard group == 1 || isDepthwise || (perGroupIn % block == 0 && perGroupOut % block == 0),
            x.shape.rank < 5 || (group == 1 && WinogradKernel.isUsed(context))
        else { return nil }
        switch x.layout.order {
        case .other, .channelsLast: return nil
        default: break
        }
        // Pictures come with a few channels: oneDNN reads them row-major.
        let source: Layout = x.shape[1] < block && !isDepthwise ? .plain : .blocked(block)
        return (try source.desc(x.shape, type), try Layout.blocked(block).desc(output.shape, type))
    }

    func bind(_ memory: KernelMemory) throws(LTError) -> BoundKernel {
        let bound = BoundPrimitive(primitive, memory.stream)
        try bound.set(DNNL_ARG_SRC, primitive.source, memory.inputs[0])
        try bound.set(DNNL_ARG_WEIGHTS, primitive.weights, weights.pointer)
        if let bias { try bound.set(DNNL_ARG_BIAS, biasDesc, bias.pointer) }
        try bound.set(DNNL_ARG_DST, primitive.destination, memory.outputs[0])
        try bound.setScratch(memory.scratch)
        if hasResidual, let residual = memory.inputs[3], let target = memory.outputs[0], residual != target {
            // The residual lives on (or is not ours): it is added where the result goes.
            let bytes = primitive.destination.byteCount
            return { () throws(LTError) in
                target.copyMemory(from: residual, byteCount: bytes)
                try bound.execute()
            }
        }
        return { () throws(LTError) in try bound.execute() }
    }
}

/// ConvTranspose by oneDNN's deconvolution.
struct DeconvolutionKernel: Kernel {
    let primitive: Primitive
    let inputs: [Layout?]
    let outputs: [Operand]
    private let weights: Buffer
    private let bias: Buffer?
    private let biasDesc: MemoryDesc

    var label: String { "dnnl deconv \(primitive.implementation)" }
    var scratchBytes: Int { primitive.scratch.byteCount }

    static let make: KernelMaker = { _, node, inputs, outputs, context throws(LTError) in
        guard inputs.count >= 2, let x = inputs[0], let w = inputs[1]?.constant, x.type == .float32,
            w.type == .float32
        else { return nil }
        let bias = inputs.count > 2 ? inputs[2] : nil
        guard bias == nil || bias?.constant != nil,
            let window = try DNNLWindow(
                transposed: node, kernel: Array(w.dims.dropFirst(2)), input: x.shape, output: outputs[0].shape)
        else { return nil }
        return try DeconvolutionKernel(
            x, w, bias?.constant, outputs[0], window, group: try node.int("group") ?? 1, context)
    }

    private init(
        _ x: Operand, _ w: Tensor, _ bias: Tensor?, _ output: Operand, _ window: DNNLWindow, group: Int,
        _ context: KernelContext
    ) throws(LTError) {
        // ONNX stores [C, M/group, k…]; oneDNN wants [group, M/group, C/group, k…]: swapped strides, no copy.
        let inner = w.dims.dropFirst(2).reduce(1, *)
        let (perGroupIn, perGroupOut) = (w.dims[0] / group, w.dims[1])
        var dims = [perGroupOut, perGroupIn] + w.dims.dropFirst(2)
        var strides = [inner, perGroupOut * inner] + (try Shape(Array(w.dims.dropFirst(2)))).strides
        if group > 1 {
            dims.insert(group, at: 0)
            strides.insert(perGroupIn * perGroupOut * inner, at: 0)
        }
        var source = try MemoryDesc.any(x.shape.dims).raw
        var weights = try MemoryDesc.any(dims).raw
        var target = try MemoryDesc.any(output.shape.dims).raw
        var biasDesc = bias == nil ? MemoryDesc.none.raw : try MemoryDesc.plain([output.shape[1]]).raw
        var operation = dnnl_deconvolution_desc_t()
        try DNNL.check(
            dnnl_dilated_deconvolution_forward_desc_init(
                &operation, dnnl_forward_inference, dnnl_deconvolution_direct, &source, &weights,
                &biasDesc, &target, window.strides, window.dilations, window.begins,
                window.ends), "deconvolution")
        let attributes = try Attributes()
        primitive = try withUnsafePointer(to: &operation) { pointer throws(LTError) in
            try Primitive(UnsafeRawPointer(pointer), attributes, "deconvolution")
        }
        inputs = [try Layout(primitive.source, x.shape), nil]
        outputs = [
            Operand(.float32, output.shape, layout: try Layout(primitive.destination, output.shape))
        ]
        self.weights = try context.weights.packed(
            w, from: try MemoryDesc(dims, strides: strides), as: primitive.weights)
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
