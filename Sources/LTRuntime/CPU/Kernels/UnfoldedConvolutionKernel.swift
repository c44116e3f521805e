// Convolution of few pixels with many weights as a product of unfolded windows (im2col): what bounds it is how fast weights are
// read, and the matrix product fetches its own ahead.

import CLTKernels
import LTCore
import LTGraph

struct UnfoldedConvolutionKernel: Kernel {
    let inputs: [Layout?]
    let outputs: [Operand]
    private let product: MatrixProduct
    private let input: Shape
    private let window: DNNLWindow
    private let weights: Buffer
    private let bias: Buffer?
    private let hasResidual: Bool

    var label: String { product.isPairs ? "simd conv unfolded bf16" : "simd conv unfolded" }
    var scratchBytes: Int { product.rows * product.depth * 4 }
    var inPlace: [Int] { hasResidual ? [3] : [] }

    /// Whether weights take longer to read than the pixels to multiply with them (measured: ResNet-50's last stage, batch 1).
    static func isBoundByWeights(pixels: Int, weights: Int) -> Bool { pixels <= 128 && weights >= 1 << 18 }

    /// nil where oneDNN is as fast.
    init?(
        _ x: Operand, _ w: Tensor, _ bias: Tensor?, _ residual: Operand?, _ output: Operand, _ window: DNNLWindow,
        group: Int, activation: Activation?, _ context: KernelContext
    ) throws(LTError) {
        let shape = output.shape
        guard group == 1, shape.rank == 4, x.shape.rank == 4 else { return nil }
        if case .other = x.layout.order { return nil }
        let pixels = shape[2] * shape[3]
        guard Self.isBoundByWeights(pixels: shape[0] * pixels, weights: w.count) else { return nil }
        let block = lt_gemm_block()
        let (columns, channels, taps) = (w.dims[0], w.dims[1], w.dims[2] * w.dims[3])
        let blocks = (channels + block - 1) / block
        let padded = blocks * block
        // Blocks and windows that are mostly zeros would only be copied.
        guard channels >= block, taps <= x.shape[2] * x.shape[3] else { return nil }
        input = x.shape
        self.window = window
        let isPairs = context.multipliesPairs
        guard !isPairs || channels % 2 == 0 else { return nil }
        let depth = taps * padded / (isPairs ? 2 : 1)
        var product = MatrixProduct(rows: pixels, columns: columns, depth: depth, threads: context.threads)
        product.isPairs = isPairs
        product.isHalf = isPairs
        product.cPlace = MatrixProduct.Placement(row: block, block: block, blocks: pixels * block)
        product.activation = activation.map { UnaryFunction($0) }
        self.product = product
        hasResidual = residual != nil
        let layout = isPairs ? Layout.bfloat16(.blocked(block)) : .blocked(block)
        inputs = [layout, nil, nil, residual == nil ? nil : layout]
        outputs = [Operand(.float32, shape, layout: layout)]
        weights = try context.weights.packed(
            w, variant: isPairs ? "pairs of windows" : "panels of windows",
            byteCount: lt_gemm_packed_count(depth, columns) * 4
        ) { from, to in
            (isPairs ? lt_gemm_pack_windows_pairs : lt_gemm_pack_windows)(
                from.assumingMemoryBound(to: Float.self), columns, channels, padded, taps,
                to.assumingMemoryBound(to: Float.self))
        }
        self.bias = try bias.map { bias throws(LTError) in try context.weights.vectors(bias) }
    }

    /// The unfolding without its memory.
    private var windows: lt_unfold_job {
        var job = lt_unfold_job()
        let (block, shape) = (lt_gemm_block(), outputs[0].shape)
        // Two bfloat16 are copied as a float.
        job.block = product.isPairs ? block / 2 : block
        job.blocks = (input[1] + block - 1) / block
        job.in = (Int64(input[2]), Int64(input[3]))
        job.out = (Int64(shape[2]), Int64(shape[3]))
        job.kernel = (window.kernel[0], window.kernel[1])
        job.stride = (window.strides[0], window.strides[1])
        job.dilation = (window.dilations[0] + 1, window.dilations[1] + 1)
        job.pad = (window.begins[0], window.begins[1])
        job.threads = Int32(clamping: product.threads)
        return job
    }

    func bind(_ memory: KernelMemory) throws(LTError) -> BoundKernel {
        let rows = memory.scratch?.assumingMemoryBound(to: Float.self)
        let (x, y, z) = (memory.floats(0), memory.outputFloats, hasResidual ? memory.floats(3) : nil)
        var windows = windows
        windows.y = rows
        let block = lt_gemm_block()
        let image = input[2] * input[3] * windows.blocks * windows.block
        let result = product.rows * ((product.columns + block - 1) / block * block) / (product.isHalf ? 2 : 1)
        var steps: [(windows: lt_unfold_job, multiply: BoundKernel)] = []
        for n in 0..<input[0] {
            windows.x = x.map { UnsafePointer($0) + n * image }
            let multiply = product.bind(
                a: rows.map { UnsafePointer($0) }, b: weights.floats, c: y.map { $0 + n * result }, bias: bias?.floats,
                residual: z.map { UnsafePointer($0) + n * result }, scratch: nil)
            steps.append((windows, multiply))
        }
        let bound = steps
        return { () throws(LTError) in
            for step in bound {
                withUnsafePointer(to: step.windows) { lt_unfold($0) }
                try step.multiply()
            }
        }
    }
}
