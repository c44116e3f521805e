// Max and average pooling by oneDNN, in the layout that the input is in; of quantised values the maximum.

import CDNNL
import CLTKernels
import LTCore
import LTGraph

struct PoolKernel: Kernel {
    let primitive: Primitive
    let inputs: [Layout?]
    let outputs: [Operand]

    var label: String { "dnnl pool \(primitive.implementation)" }
    var scratchBytes: Int { primitive.scratch.byteCount }

    static let make: KernelMaker = { _, node, inputs, outputs, _ throws(LTError) in
        guard let x = inputs[0], x.shape.rank >= 3, x.type == .float32 || isQuantizedMax(node, x),
            node.outputs.dropFirst().allSatisfy(\.isEmpty)
        else { return nil }
        if node.opType == "GlobalAveragePool", let mean = ChannelMeanKernel(x, outputs[0]) { return mean }
        if node.opType.hasPrefix("Global") {
            return try whole(x, outputs[0], isMax: node.opType == "GlobalMaxPool")
        }
        // Windows may start in the padding but must touch the input.
        guard let kernel = try node.ints("kernel_shape"),
            let window = try DNNLWindow(
                node, kernel: kernel, input: x.shape, isCeil: try node.int("ceil_mode") ?? 0 != 0),
            window.kernel.indices.allSatisfy({ axis in
                let reach = (window.kernel[axis] - 1) * (window.dilations[axis] + 1)
                return max(window.begins[axis], window.ends[axis]) <= reach
            })
        else { return nil }
        if node.opType == "MaxPool" { return try PoolKernel(x, outputs[0], window, dnnl_pooling_max) }
        let includesPads = try node.int("count_include_pad") ?? 0 != 0
        // With ceil_mode the last window may reach past the padding, which then does not count: oneDNN would count it.
        guard !includesPads || window.isExact else { return nil }
        return try PoolKernel(
            x, outputs[0], window,
            includesPads ? dnnl_pooling_avg_include_padding : dnnl_pooling_avg_exclude_padding)
    }

    private static func isQuantizedMax(_ node: Node, _ x: Operand) -> Bool {
        ["MaxPool", "GlobalMaxPool"].contains(node.opType) && Set<ElementType>.bytes.contains(x.type)
            && x.shape.rank <= 5 && lt_int8_products()
    }

    /// The mean over all axes but the first two, kept as 1 where the kernel leaves another layout than row-major.
    static func mean(_ x: Operand, _ output: Operand) throws(LTError) -> PoolKernel? {
        guard (3...5).contains(x.shape.rank) else { return nil }
        let kept = try Shape(Array(x.shape.dims.prefix(2)) + [Int](repeating: 1, count: x.shape.rank - 2))
        let kernel = try whole(x, Operand(.float32, kept), isMax: false)
        guard kernel.outputs[0].layout.order == .plain || output.shape == kept else { return nil }
        // Row-major [N, C, 1…] is [N, C].
        let outputs = [Operand(.float32, output.shape, layout: kernel.outputs[0].layout)]
        return PoolKernel(primitive: kernel.primitive, inputs: kernel.inputs, outputs: outputs)
    }

    private static func whole(_ x: Operand, _ output: Operand, isMax: Bool) throws(LTError) -> PoolKernel {
        guard let window = DNNLWindow(whole: x.shape) else {
            throw LTError(.unsupported, "pooling over shape \(x.shape)")
        }
        return try PoolKernel(x, output, window, isMax ? dnnl_pooling_max : dnnl_pooling_avg_exclude_padding)
    }

    /// The same kernel for a node that has further inputs.
    func reading(_ others: [Layout?]) -> PoolKernel {
        PoolKernel(primitive: primitive, inputs: inputs + others, outputs: outputs)
    }

    private init(primitive: Primitive, inputs: [Layout?], outputs: [Operand]) {
        self.primitive = primitive
        self.inputs = inputs
        self.outputs = outputs
    }

    private init(
        _ x: Operand, _ output: Operand, _ window: DNNLWindow, _ algorithm: dnnl_alg_kind_t
    ) throws(LTError) {
        // Row-major pooling is slow in oneDNN; blocked inputs stay blocked.
        let layout = x.type == .float32 ? x.layout : .channelsLast
        let type = try layout.desc(x.shape, x.type).type ?? x.type
        var source = try layout.desc(x.shape, x.type).raw
        let target: MemoryDesc
        switch layout.order {
        case .plain, .channelsLast: target = try layout.desc(output.shape, x.type)
        default: target = try MemoryDesc.any(output.shape.dims, type)
        }
        var targetDesc = target.raw
        var operation = dnnl_pooling_v2_desc_t()
        try DNNL.check(
            dnnl_pooling_v2_forward_desc_init(
                &operation, dnnl_forward_inference, algorithm, &source, &targetDesc, window.strides, window.kernel,
                window.dilations, window.begins, window.ends), "pooling")
        let attributes = try Attributes()
        primitive = try withUnsafePointer(to: &operation) { pointer throws(LTError) in
            try Primitive(UnsafeRawPointer(pointer), attributes, "pooling")
        }
        inputs = [layout]
        outputs = [Operand(x.type, output.shape, layout: try Layout(primitive.destination, output.shape))]
    }

    func bind(_ memory: KernelMemory) throws(LTError) -> BoundKernel {
        let bound = BoundPrimitive(primitive, memory.stream)
        try bound.set(DNNL_ARG_SRC, primitive.source, memory.inputs[0])
        try bound.set(DNNL_ARG_DST, primitive.destination, memory.outputs[0])
        try bound.setScratch(memory.scratch)
        return { () throws(LTError) in try bound.execute() }
    }
}
