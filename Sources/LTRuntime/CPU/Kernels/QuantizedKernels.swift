// Kernels on 8-bit integers that are no products: QuantizeLinear and DequantizeLinear (the reference's bits), and for precision
// int8 sums and means of quantised values.

import CLTKernels
import LTCore
import LTGraph

extension lt_quantization {
    /// One constant scale and zero point of values of `type`; nil for others.
    init?(_ inputs: [Operand?], _ place: Int, _ type: ElementType) throws(LTError) {
        guard Set<ElementType>.bytes.contains(type), place < inputs.count, let scale = inputs[place]?.constant,
            scale.type == .float32, scale.count == 1
        else { return nil }
        var zero: Int32 = 0
        if place + 1 < inputs.count, let operand = inputs[place + 1] {
            guard let tensor = operand.constant, tensor.type == type, tensor.count == 1 else { return nil }
            zero = try tensor.zeroPoints()[0]
        }
        self.init(scale: scale.elements(Float.self)[0], zero_point: zero, is_signed: type == .int8)
    }
}

extension KernelMemory {
    fileprivate func bytes(_ index: Int) -> UnsafePointer<UInt8>? {
        inputs[index].map { UnsafePointer($0.assumingMemoryBound(to: UInt8.self)) }
    }
    fileprivate var outputBytes: UnsafeMutablePointer<UInt8>? { outputs[0]?.assumingMemoryBound(to: UInt8.self) }
}

/// QuantizeLinear by one scale; pictures become channels-last, as convolutions read them.
struct QuantizeKernel: Kernel {
    let inputs: [Layout?]
    let outputs: [Operand]
    private let target: lt_quantization
    private let shape: Shape
    private let turns: Bool

    var label: String { "simd quantize" }

    static let make: KernelMaker = { _, node, inputs, outputs, _ throws(LTError) in
        guard let x = inputs[0], x.type == .float32, x.constant == nil,
            let target = try lt_quantization(inputs, 1, outputs[0].type), try node.int("precision") ?? 1 <= 1
        else { return nil }
        let isPicture = (4...5).contains(x.shape.rank) && x.shape[1] <= 4
        let turns = x.layout == .plain && isPicture
        let layout: Layout = x.layout == .channelsLast ? .channelsLast : .plain
        return QuantizeKernel(
            inputs: [layout] + [Layout?](repeating: nil, count: inputs.count - 1),
            outputs: [Operand(outputs[0].type, x.shape, layout: turns ? .channelsLast : layout)], target: target,
            shape: x.shape, turns: turns)
    }

    func bind(_ memory: KernelMemory) throws(LTError) -> BoundKernel {
        let (target, shape, x, y) = (target, shape, memory.floats(0), memory.outputBytes)
        if turns {
            let pixels = shape.dims.dropFirst(2).reduce(1, *)
            return { () throws(LTError) in lt_quantize_channels_last(x, y, shape[0], shape[1], pixels, target) }
        }
        return { () throws(LTError) in lt_quantize(x, y, shape.count, target) }
    }
}

/// DequantizeLinear by one scale.
struct DequantizeKernel: Kernel {
    let inputs: [Layout?]
    let outputs: [Operand]
    private let source: lt_quantization
    private let count: Int

    var label: String { "simd dequantize" }

    static let make: KernelMaker = { _, _, inputs, outputs, _ throws(LTError) in
        guard let x = inputs[0], x.constant == nil, outputs[0].type == .float32,
            let source = try lt_quantization(inputs, 1, x.type)
        else { return nil }
        let layout: Layout = x.layout == .channelsLast ? .channelsLast : .plain
        return DequantizeKernel(
            inputs: [layout] + [Layout?](repeating: nil, count: inputs.count - 1),
            outputs: [Operand(.float32, x.shape, layout: layout)], source: source, count: x.shape.count)
    }

    func bind(_ memory: KernelMemory) throws(LTError) -> BoundKernel {
        let (source, count, x, y) = (source, count, memory.bytes(0), memory.outputFloats)
        return { () throws(LTError) in lt_dequantize(x, y, count, source) }
    }
}

/// QLinearAdd of values of one shape.
struct QuantizedAddKernel: Kernel {
    let inputs: [Layout?]
    let outputs: [Operand]
    private let sources: [lt_quantization]
    private let target: lt_quantization
    private let count: Int

    var label: String { "simd quantized add" }
    var inPlace: [Int] { [0, 3] }

    static let make: KernelMaker = { _, _, inputs, outputs, context throws(LTError) in
        guard context.precision == .int8, let a = inputs[0], let b = inputs[3], a.shape == b.shape,
            let first = try lt_quantization(inputs, 1, a.type),
            let second = try lt_quantization(inputs, 4, b.type),
            let target = try lt_quantization(inputs, 6, outputs[0].type)
        else { return nil }
        let layout: Layout = [a, b].contains { $0.layout == .channelsLast } ? .channelsLast : .plain
        var layouts = [Layout?](repeating: nil, count: inputs.count)
        (layouts[0], layouts[3]) = (layout, layout)
        return QuantizedAddKernel(
            inputs: layouts, outputs: [Operand(outputs[0].type, a.shape, layout: layout)], sources: [first, second],
            target: target, count: a.shape.count)
    }

    func bind(_ memory: KernelMemory) throws(LTError) -> BoundKernel {
        let (sources, target, count) = (sources, target, count)
        let (a, b, y) = (memory.bytes(0), memory.bytes(3), memory.outputBytes)
        return { () throws(LTError) in lt_quantized_add(a, sources[0], b, sources[1], y, count, target) }
    }
}

/// QLinearGlobalAveragePool.
struct QuantizedMeanKernel: Kernel {
    let inputs: [Layout?]
    let outputs: [Operand]
    private let source: lt_quantization
    private let target: lt_quantization
    private let shape: Shape

    var label: String { "simd quantized mean" }

    static let make: KernelMaker = { _, _, inputs, outputs, context throws(LTError) in
        guard context.precision == .int8, let x = inputs[0], x.shape.rank >= 3,
            x.shape.dims.dropFirst(2).reduce(1, *) <= 1 << 23,
            let source = try lt_quantization(inputs, 1, x.type),
            let target = try lt_quantization(inputs, 3, outputs[0].type)
        else { return nil }
        let layout: Layout = x.layout == .channelsLast ? .channelsLast : .plain
        return QuantizedMeanKernel(
            inputs: [layout] + [Layout?](repeating: nil, count: inputs.count - 1),
            outputs: [Operand(outputs[0].type, outputs[0].shape)], source: source, target: target, shape: x.shape)
    }

    func bind(_ memory: KernelMemory) throws(LTError) -> BoundKernel {
        let (source, target, shape, isLast) = (source, target, shape, inputs[0] == .channelsLast)
        let (x, y, pixels) = (memory.bytes(0), memory.outputBytes, shape.dims.dropFirst(2).reduce(1, *))
        return { () throws(LTError) in lt_quantized_mean(x, source, y, shape[0], shape[1], pixels, isLast, target) }
    }
}
