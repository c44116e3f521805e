// Convolution with 1x1 windows as a matrix product: the rows of A are the pixels of a blocked tensor, its columns the channels. Runs
// where that was measured to be faster than oneDNN: costly activations, few pixels, many weights, bfloat16, and a factor per input
// channel (squeeze-and-excitation, Hu et al. 2018) on the way in.

import CLTKernels
import LTCore
import LTGraph

struct PointwiseConvolutionKernel: Kernel {
    let inputs: [Layout?]
    let outputs: [Operand]
    private let product: MatrixProduct
    private let weights: Buffer
    private let bias: Buffer?
    private let hasResidual: Bool
    private let hasGate: Bool

    var label: String { product.isPairs ? "simd conv 1x1 bf16" : "simd conv 1x1" }
    var scratchBytes: Int { hasGate ? product.panelBytes : 0 }
    var inPlace: [Int] { hasResidual ? [3] : [] }

    /// nil where the convolution has other windows, or oneDNN is faster.
    init?(
        _ x: Operand, _ w: Tensor, _ bias: Tensor?, _ residual: Operand?, gate: Operand?, _ output: Operand,
        _ window: DNNLWindow, group: Int, activation: Activation?, _ context: KernelContext
    ) throws(LTError) {
        let block = lt_gemm_block()
        let shape = output.shape
        guard group == 1, window.kernel.allSatisfy({ $0 == 1 }), window.begins.allSatisfy({ $0 == 0 }),
            window.ends.allSatisfy({ $0 <= 0 })
        else { return nil }
        // Pictures come with a few channels: they are read row-major.
        guard gate != nil || x.shape[1] >= block || x.layout.order == .blocked(block) else { return nil }
        if case .other = x.layout.order, gate == nil { return nil }
        let onePixel = Array(x.shape.dims.prefix(2)) + [Int](repeating: 1, count: x.shape.rank - 2)
        guard gate == nil || (gate?.type == .float32 && gate?.shape.dims == onePixel) else { return nil }
        let isDense = x.shape.dims.dropFirst(2) == shape.dims.dropFirst(2)
        guard isDense || shape.rank == 4 else { return nil }
        let (depth, columns) = (w.dims[1], w.dims[0])
        let (from, to) = (x.shape.dims.dropFirst(2).reduce(1, *), shape.dims.dropFirst(2).reduce(1, *))
        let isPairs = context.multipliesPairs
        guard
            isPairs
                ? gate == nil && depth % 2 == 0
                : gate != nil
                    || Self.isFaster(pixels: shape[0] * to, depth: depth, columns: columns, activation)
        else { return nil }
        let unit = isPairs ? 2 : 1
        var product = MatrixProduct(rows: to, columns: columns, depth: depth / unit, threads: context.threads)
        product.isPairs = isPairs
        product.isHalf = isPairs
        product.aPlace = MatrixProduct.Placement(row: block / unit, block: block / unit, blocks: from * block / unit)
        if !isDense {
            product.aPlace.row = Int(window.strides[1]) * block / unit
            product.aPlace.line = shape[3]
            product.aPlace.lines = Int(window.strides[0]) * x.shape[3] * block / unit
        }
        product.cPlace = MatrixProduct.Placement(row: block, block: block, blocks: to * block)
        func blocks(_ channels: Int) -> Int { (channels + block - 1) / block * block }
        product.batch = [
            MatrixProduct.Batch(
                count: shape[0], a: blocks(depth) * from / unit, b: 0, c: blocks(columns) * to, gate: depth)
        ]
        product.activation = activation.map { UnaryFunction($0) }
        self.product = product
        hasResidual = residual != nil
        hasGate = gate != nil
        let layout = isPairs ? Layout.bfloat16(.blocked(block)) : .blocked(block)
        // The residual is input 3, the gate input 4.
        var inputs: [Layout?] = [layout, nil, nil, residual == nil ? nil : layout]
        if gate != nil { inputs.append(.plain) }
        self.inputs = inputs
        outputs = [Operand(.float32, shape, layout: layout)]
        weights = try context.weights.panels(w, depth: depth, columns: columns, isTransposed: true, pairs: isPairs)
        self.bias = try bias.map { bias throws(LTError) in try context.weights.vectors(bias) }
    }

    /// Whether our kernel needs fewer cycles than oneDNN's. Both multiply at the machine's peak; what differs is what a tile costs
    /// to begin, and what 16 values of the activation cost (measured on AVX-512, Emerald Rapids).
    private static func isFaster(pixels: Int, depth: Int, columns: Int, _ activation: Activation?) -> Bool {
        if pixels <= 4 { return true }
        if UnfoldedConvolutionKernel.isBoundByWeights(pixels: pixels, weights: depth * columns) { return true }
        let isWide = lt_gemm_block() == 16
        let vectors = (columns + 15) / 16
        let tiles = isWide ? (pixels + 7) / 8 * ((vectors + 2) / 3) : (pixels + 5) / 6 * vectors
        let (own, other): (Double, Double) =
            switch activation {
            case .silu, .sigmoid, .tanh, .gelu: (20, 45)
            case .hardSwish, .hardSigmoid: (8, 18)
            default: (1, 1)
            }
        let values = Double(pixels * vectors)
        return Double(tiles) * 90 + values * (own + 0.015 * Double(depth)) < values * (other + 1.5)
    }

    func bind(_ memory: KernelMemory) throws(LTError) -> BoundKernel {
        product.bind(
            a: memory.floats(0), b: weights.floats, c: memory.outputFloats, bias: bias?.floats,
            residual: hasResidual ? memory.floats(3) : nil, gate: hasGate ? memory.floats(4) : nil,
            scratch: memory.scratch)
    }
}
