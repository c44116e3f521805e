// Max and average pooling by oneDNN, in the layout that the input is in; ReduceMean over the spatial axes is one too.

import CDNNL
import LTCore
import LTGraph

struct PoolKernel: Kernel {
    let primitive: Primitive
    let inputs: [Layout?]
    let outputs: [Operand]

    var label: String { "dnnl pool \(primitive.implementation)" }
    var scratchBytes: Int { primitive.scratch.byteCount }

    static let make: KernelMaker = { _, node, inputs, outputs, _ throws(LTError) in
        guard let x = inputs[0], x.type == .float32, x.shape.rank >= 3,
            node.outputs.dropFirst().allSatisfy(\.isEmpty)
        else { return nil }
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

    /// ReduceMean over all axes but the first two.
    static let makeReduceMean: KernelMaker = { _, node, inputs, outputs, _ throws(LTError) in
        guard let x = inputs[0], x.type == .float32, (3...5).contains(x.shape.rank) else { return nil }
        var axes = try node.ints("axes")
        if inputs.count > 1, let given = inputs[1] {
            guard let constant = given.constant, constant.type == .int64 else { return nil }
            axes = constant.elements(Int64.self).map { Int($0) }
        }
        let wanted = Set(2..<x.shape.rank)
        guard let axes, Set(axes.map { $0 < 0 ? $0 + x.shape.rank : $0 }) == wanted else { return nil }
        let pooled = try Shape(Array(x.shape.dims.prefix(2)) + wanted.map { _ in 1 })
        guard try node.int("keepdims") ?? 1 != 0 else {
            // Row-major [N, C, 1…] is [N, C].
            let kernel = try whole(
                Operand(.float32, x.shape), Operand(.float32, pooled), isMax: false)
            guard kernel.outputs[0].layout == .plain else { return nil }
            return PoolKernel(
                primitive: kernel.primitive,
                inputs: kernel.inputs + [Layout?](repeating: nil, count: inputs.count - 1), outputs: [outputs[0]])
        }
        let kernel = try whole(x, outputs[0], isMax: false)
        return PoolKernel(
            primitive: kernel.primitive,
            inputs: kernel.inputs + [Layout?](repeating: nil, count: inputs.count - 1), outputs: kernel.outputs)
    }

    private static func whole(_ x: Operand, _ output: Operand, isMax: Bool) throws(LTError) -> PoolKernel {
        guard let window = DNNLWindow(whole: x.shape) else {
            throw LTError(.unsupported, "pooling over shape \(x.shape)")
        }
        return try PoolKernel(x, output, window, isMax ? dnnl_pooling_max : dnnl_pooling_avg_exclude_padding)
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
        var source = try x.layout.desc(x.shape).raw
        var target = try (x.layout == .plain ? Layout.plain.desc(output.shape) : MemoryDesc.any(output.shape.dims)).raw
        var operation = dnnl_pooling_v2_desc_t()
        try DNNL.check(
            dnnl_pooling_v2_forward_desc_init(
                &operation, dnnl_forward_inference, algorithm, &source, &target, window.strides, window.kernel,
                window.dilations, window.begins, window.ends), "pooling")
        let attributes = try Attributes()
        primitive = try withUnsafePointer(to: &operation) { pointer throws(LTError) in
            try Primitive(UnsafeRawPointer(pointer), attributes, "pooling")
        }
        inputs = [x.layout]
        outputs = [
            Operand(.float32, output.shape, layout: try Layout(primitive.destination, output.shape))
        ]
    }

    func bind(_ memory: KernelMemory) throws(LTError) -> BoundKernel {
        let bound = BoundPrimitive(primitive, memory.stream)
        try bound.set(DNNL_ARG_SRC, primitive.source, memory.inputs[0])
        try bound.set(DNNL_ARG_DST, primitive.destination, memory.outputs[0])
        try bound.setScratch(memory.scratch)
        return { () throws(LTError) in try bound.execute() }
    }
}
