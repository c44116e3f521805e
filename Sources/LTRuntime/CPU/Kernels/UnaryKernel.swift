// Elementwise functions of one value, in whatever layout it is.

import CLTKernels
import LTCore
import LTGraph

/// One of the C kernels' functions with its parameters.
struct UnaryFunction: Sendable {
    let op: lt_unary_op
    var a: Float = 0
    var b: Float = 0

    init(_ op: lt_unary_op, _ a: Float = 0, _ b: Float = 0) {
        self.op = op
        self.a = a
        self.b = b
    }

    init(_ activation: Activation) {
        switch activation {
        case .relu: self.init(LT_UNARY_RELU)
        case .leakyRelu(let alpha): self.init(LT_UNARY_LEAKY_RELU, alpha)
        case .clip(let low, let high): self.init(LT_UNARY_CLIP, low, high)
        case .sigmoid: self.init(LT_UNARY_SIGMOID)
        case .tanh: self.init(LT_UNARY_TANH)
        case .hardSigmoid(let alpha, let beta): self.init(LT_UNARY_HARD_SIGMOID, alpha, beta)
        case .hardSwish: self.init(LT_UNARY_HARD_SWISH)
        case .silu: self.init(LT_UNARY_SILU)
        case .gelu: self.init(LT_UNARY_GELU)
        }
    }

    /// Whether f(0) = 0, so that the padding of blocked layouts stays zero.
    var keepsZero: Bool {
        switch op {
        case LT_UNARY_SIGMOID, LT_UNARY_EXP: false
        case LT_UNARY_CLIP: a <= 0 && b >= 0
        case LT_UNARY_HARD_SIGMOID: b <= 0
        default: true
        }
    }
}

struct UnaryKernel: Kernel {
    let function: UnaryFunction
    let inputs: [Layout?]
    let outputs: [Operand]
    private let count: Int

    var label: String { "simd eltwise" }
    var inPlace: [Int] { [0] }

    static let make: KernelMaker = { _, node, inputs, outputs, _ throws(LTError) in
        guard let x = inputs[0], x.type == .float32, x.constant == nil else { return nil }
        let function: UnaryFunction
        switch node.opType {
        case "Exp": function = UnaryFunction(LT_UNARY_EXP)
        case "Sqrt": function = UnaryFunction(LT_UNARY_SQRT)
        case "Erf": function = UnaryFunction(LT_UNARY_ERF)
        case "Clip":
            guard let (low, high) = try bounds(node, inputs) else { return nil }
            function = UnaryFunction(LT_UNARY_CLIP, low, high)
        default:
            guard let activation = try Activation(following: node, Graph()) else { return nil }
            function = UnaryFunction(activation)
        }
        // Channels past the last would stop being zero.
        var layout = x.layout.order
        if case .blocked(let block) = layout, x.shape[1] % block != 0, !function.keepsZero { layout = .plain }
        if layout.physicalDims(x.shape) == nil { layout = .plain }
        return UnaryKernel(
            function: function, inputs: [layout] + [Layout?](repeating: nil, count: inputs.count - 1),
            outputs: [Operand(.float32, x.shape, layout: layout)],
            count: (layout.physicalDims(x.shape) ?? x.shape.dims).reduce(1, *))
    }

    /// Constant bounds of Clip, as attributes or inputs.
    private static func bounds(_ node: Node, _ inputs: [Operand?]) throws(LTError) -> (Float, Float)? {
        var bounds = [
            try node.float("min") ?? -Float.infinity,
            try node.float("max") ?? Float.infinity,
        ]
        for (index, operand) in inputs.enumerated().dropFirst() {
            guard let operand else { continue }
            guard let constant = operand.constant, constant.type == .float32, constant.count == 1 else { return nil }
            bounds[index - 1] = constant.elements(Float.self)[0]
        }
        return bounds[0] <= bounds[1] ? (bounds[0], bounds[1]) : nil
    }

    func bind(_ memory: KernelMemory) throws(LTError) -> BoundKernel {
        let (function, count) = (function, count)
        let (x, y) = (memory.floats(0), memory.outputFloats)
        return { () throws(LTError) in lt_unary(function.op, function.a, function.b, x, y, count) }
    }
}

extension KernelMemory {
    func floats(_ index: Int) -> UnsafePointer<Float>? {
        inputs[index].map { UnsafePointer($0.assumingMemoryBound(to: Float.self)) }
    }
    var outputFloats: UnsafeMutablePointer<Float>? { outputs[0]?.assumingMemoryBound(to: Float.self) }
}

/// Multiply-add per channel with an activation, row-major or blocked.
struct ChannelAffineKernel: Kernel {
    let inputs: [Layout?]
    let outputs: [Operand]
    private let function: UnaryFunction
    private let scale: Buffer
    private let shift: Buffer
    private let batch: Int
    private let channels: Int
    private let inner: Int
    private let lanes: Int

    var label: String { "simd affine" }
    var inPlace: [Int] { [0] }

    static let make: KernelMaker = { _, node, inputs, outputs, context throws(LTError) in
        guard let x = inputs[0], let scale = inputs[1]?.constant, let shift = inputs[2]?.constant, x.type == .float32,
            x.shape.rank >= 2
        else { return nil }
        let function = try Activation(node).map { UnaryFunction($0) } ?? UnaryFunction(LT_UNARY_COPY)
        var layout = Layout.plain
        var lanes = 1
        if case .blocked(let block) = x.layout.order, x.shape[1] % block == 0 || function.keepsZero {
            layout = x.layout.order
            lanes = block
        }
        let wide = (x.shape[1] + lanes - 1) / lanes * lanes
        func padded(_ tensor: Tensor) throws(LTError) -> Buffer {
            let buffer = try Buffer.zeroed(byteCount: wide * 4)
            buffer.pointer.copyMemory(from: tensor.rawPointer, byteCount: tensor.byteCount)
            return buffer
        }
        return ChannelAffineKernel(
            inputs: [layout, nil, nil], outputs: [Operand(.float32, x.shape, layout: layout)], function: function,
            scale: try padded(scale), shift: try padded(shift), batch: x.shape[0], channels: wide / lanes,
            inner: x.shape.dims.dropFirst(2).reduce(1, *), lanes: lanes)
    }

    func bind(_ memory: KernelMemory) throws(LTError) -> BoundKernel {
        let kernel = self
        let (x, y) = (memory.floats(0), memory.outputFloats)
        let s = UnsafePointer(scale.pointer.assumingMemoryBound(to: Float.self))
        let t = UnsafePointer(shift.pointer.assumingMemoryBound(to: Float.self))
        return { () throws(LTError) in
            lt_channel_affine(
                kernel.function.op, kernel.function.a, kernel.function.b, x, s, t, y, kernel.batch, kernel.channels,
                kernel.inner, kernel.lanes)
        }
    }
}
