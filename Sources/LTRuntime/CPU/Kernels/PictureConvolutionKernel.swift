// Convolution of pictures and clips, which come with few channels, in bfloat16: a product of their unfolded windows. oneDNN has only
// float32 for them that is not padded out to whole blocks.

import CLTKernels
import LTCore
import LTGraph

struct PictureConvolutionKernel: Kernel {
    let inputs: [Layout?]
    let outputs: [Operand]
    /// Without memory: numbers alone.
    private nonisolated(unsafe) let job: lt_picture_job
    private let weights: Buffer
    private let bias: Buffer?

    var label: String { "simd conv of pictures bf16" }
    var scratchBytes: Int { withUnsafePointer(to: job) { lt_picture_scratch($0) } }

    /// Bytes of the rows of one line of the output, which are to stay in cache.
    private static let mostRowBytes = 4 << 20

    /// nil where the input is no picture, or other kernels take it.
    init?(
        _ x: Operand, _ w: Tensor, _ bias: Tensor?, _ output: Operand, _ window: DNNLWindow, activation: Activation?,
        _ context: KernelContext
    ) throws(LTError) {
        let (shape, rank) = (output.shape, output.shape.rank)
        guard context.multipliesPairs, rank == 4 || rank == 5, x.layout == .plain, x.shape[1] < 16,
            w.dims[1] == x.shape[1], w.dims.dropFirst().dropLast().reduce(1, *) <= Int(LT_PICTURE_LINES),
            window.dilations.allSatisfy({ $0 == 0 }),
            window.begins.allSatisfy({ $0 >= 0 })
        else { return nil }
        let (columns, values) = (w.dims[0], w.dims.dropFirst().reduce(1, *))
        let depth = (values + 1) / 2
        guard (shape.dims.last ?? 1) <= Self.mostRowBytes / (depth * 4) else { return nil }
        let pixels = shape.dims.dropFirst(2).reduce(1, *)
        var product = MatrixProduct(rows: pixels, columns: columns, depth: depth, threads: 1)
        product.isPairs = true
        product.isHalf = true
        product.cPlace = MatrixProduct.Placement(row: 16, block: 16, blocks: pixels * 16)
        product.activation = activation.map { UnaryFunction($0) }
        func axes(_ values: [Int64], else one: Int64) -> (Int64, Int64, Int64) {
            rank == 5 ? (values[0], values[1], values[2]) : (one, values[0], values[1])
        }
        var job = lt_picture_job()
        job.images = x.shape[0]
        job.channels = x.shape[1]
        job.in = axes(x.shape.dims.dropFirst(2).map { Int64($0) }, else: 1)
        job.out = axes(shape.dims.dropFirst(2).map { Int64($0) }, else: 1)
        job.kernel = axes(window.kernel, else: 1)
        job.stride = axes(window.strides, else: 1)
        job.pad = axes(window.begins, else: 0)
        job.product = product.job
        job.image_step = (columns + 15) / 16 * 16 * pixels
        job.threads = Int32(clamping: context.threads)
        self.job = job
        inputs = [.plain, nil, nil]
        outputs = [Operand(.float32, shape, layout: .bfloat16(.blocked(16)))]
        weights = try context.weights.packed(
            w, variant: "pairs of pictures", byteCount: lt_gemm_packed_count(depth, columns) * 4
        ) { from, to in
            // Rows of an even number of values.
            withUnsafeTemporaryAllocation(of: Float.self, capacity: max(1, columns * depth * 2)) { even in
                for column in 0..<columns {
                    let row = even.baseAddress.map { $0 + column * depth * 2 }
                    row?.update(from: from.assumingMemoryBound(to: Float.self) + column * values, count: values)
                    if values % 2 == 1 { row?[values] = 0 }
                }
                if let rows = even.baseAddress {
                    lt_gemm_pack_pairs(rows, 1, depth * 2, depth, columns, to.assumingMemoryBound(to: Float.self))
                }
            }
        }
        self.bias = try bias.map { bias throws(LTError) in try context.weights.vectors(bias) }
    }

    func bind(_ memory: KernelMemory) throws(LTError) -> BoundKernel {
        var job = job
        job.x = memory.floats(0)
        job.product.b = weights.floats
        job.product.bias = bias?.floats
        job.product.c = memory.outputFloats
        job.scratch = memory.scratch
        let bound = job
        return { () throws(LTError) in withUnsafePointer(to: bound) { lt_picture($0) } }
    }
}
