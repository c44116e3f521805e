// Winograd convolutions by own kernels: F(4×4, 3×3) for images, F(2×4×4, 3×3×3) for volumes, stride 1. A quarter to a sixth of
// the multiplications of direct convolution, in blocks of channels. https://arxiv.org/abs/1509.09308

import CLTKernels
import LTCore
import LTGraph

struct WinogradKernel: Kernel {
    /// The largest error of a layer on random input, relative to its largest output. Weights of trained models stay below 5e-6.
    private static let tolerance = 1e-5
    /// What direct convolution must take longer by: smaller gains are within the error of their estimate.
    private static let leastGain = 1.1
    /// Outputs of a layer that are compared with direct sums when it is packed.
    private static let probes: Int64 = 8

    let inputs: [Layout?]
    let outputs: [Operand]
    private let plan: lt_winograd_plan
    private let weights: Buffer
    private let bias: Buffer?
    private let function: UnaryFunction
    private let hasResidual: Bool

    var label: String { "lt winograd \(plan.shape.volume ? "F(2x4x4,3x3x3)" : "F(4x4,3x3)")" }
    var scratchBytes: Int { plan.scratch_bytes }
    var inPlace: [Int] { hasResidual ? [3] : [] }

    /// Whether any convolution may take this form.
    static func isUsed(_ context: KernelContext) -> Bool { !context.exact && lt_isa_level() != LT_ISA_PORTABLE }

    /// The kernel of a convolution, or nil where direct convolution is asked for, expected to be faster, or needed for accuracy.
    static func make(
        _ x: Operand, _ w: Tensor, _ bias: Tensor?, _ residual: Operand?, _ output: Operand, _ window: DNNLWindow,
        group: Int, activation: Activation?, _ context: KernelContext
    ) throws(LTError) -> WinogradKernel? {
        let isa = lt_isa_level()
        let rank = x.shape.rank
        guard isUsed(context), group == 1, rank == 4 || rank == 5,
            window.kernel.allSatisfy({ $0 == 3 }), window.strides.allSatisfy({ $0 == 1 }),
            window.dilations.allSatisfy({ $0 == 0 }), (window.begins + window.ends).allSatisfy({ 0...2 ~= $0 })
        else { return nil }
        if case .other = x.layout.order { return nil }
        var shape = lt_winograd_shape()
        shape.batch = Int64(x.shape[0])
        shape.inputs = Int64(x.shape[1])
        shape.outputs = Int64(w.dims[0])
        shape.volume = rank == 5
        func axes(_ values: some Collection<Int64>, _ depth: Int64) -> (Int64, Int64, Int64) {
            let all = (rank == 5 ? [] : [depth]) + values
            return (all[0], all[1], all[2])
        }
        shape.`in` = axes(x.shape.dims.dropFirst(2).map { Int64($0) }, 1)
        shape.out = axes(output.shape.dims.dropFirst(2).map { Int64($0) }, 1)
        shape.pad = axes(window.begins, 0)
        var plan = lt_winograd_plan()
        guard lt_winograd_make(&shape, Int32(isa.rawValue), Int32(context.threads), &plan),
            lt_winograd_gain(&plan) >= leastGain
        else { return nil }
        guard let packed = try pack(w, plan, context) else { return nil }
        return try WinogradKernel(plan, packed, bias, residual, output, activation, context)
    }

    /// The weights in the kernel's order, or nil where the transform would lose too much: then NaN, which no others hold, comes
    /// first.
    private static func pack(
        _ w: Tensor, _ plan: lt_winograd_plan, _ context: KernelContext
    ) throws(LTError) -> Buffer? {
        let packed = try context.weights.packed(w, variant: "winograd", byteCount: plan.weight_bytes) {
            (source, target) throws(LTError) in
            var plan = plan
            let values = source.assumingMemoryBound(to: Float.self)
            let packed = target.assumingMemoryBound(to: Float.self)
            let error = lt_winograd_error(&plan, values, probes)
            if error < 0 { throw LTError(.outOfMemory, "no memory to compare weights \(w.shape) with direct sums") }
            if error <= tolerance { lt_winograd_pack(&plan, values, packed) } else { packed[0] = .nan }
        }
        return packed.pointer.load(as: Float.self).isNaN ? nil : packed
    }

    private init(
        _ plan: lt_winograd_plan, _ weights: Buffer, _ bias: Tensor?, _ residual: Operand?,
        _ output: Operand, _ activation: Activation?, _ context: KernelContext
    ) throws(LTError) {
        self.plan = plan
        self.weights = weights
        let layout = Layout.blocked(Int(plan.lanes))
        self.bias = try bias.map { bias throws(LTError) in
            let desc = try MemoryDesc.plain([bias.count])
            return try context.weights.packed(bias, from: desc, as: desc)
        }
        inputs = [layout, nil] + (residual == nil ? [] : [nil, layout])
        outputs = [Operand(.float32, output.shape, layout: layout)]
        hasResidual = residual != nil
        function = activation.map { UnaryFunction($0) } ?? UnaryFunction(LT_UNARY_COPY)
    }

    func bind(_ memory: KernelMemory) throws(LTError) -> BoundKernel {
        let (x, y, residual) = (memory.floats(0), memory.outputFloats, hasResidual ? memory.floats(3) : nil)
        let scratch = memory.scratch?.assumingMemoryBound(to: Float.self)
        let packed = weights.pointer.assumingMemoryBound(to: Float.self)
        let bias = bias?.pointer.assumingMemoryBound(to: Float.self)
        let function = function
        return { [plan] () throws(LTError) in
            var plan = plan
            lt_winograd(&plan, x, packed, bias, residual, function.op, function.a, function.b, y, scratch)
        }
    }
}
