// MatrixProduct: a product of our own kernels (`lt_gemm`) as kernels describe it before there is memory: sizes, strides and
// what happens to the result on its way out.

import CLTKernels
import LTCore

/// C = f(scale A B + bias + residual), one or a batch of them. Row-major until told otherwise.
struct MatrixProduct: Sendable {
    let rows: Int
    let columns: Int
    let depth: Int
    var form = LT_GEMM_PACKED
    var aPlace = Placement()
    var cPlace = Placement()
    var isATransposed = false
    /// Floats between rows (or columns) of B where it is not packed.
    var bStride = 0
    /// At most `batchRank` dimensions, outermost first.
    var batch: [Batch] = []
    var scale: Float = 1
    var activation: UnaryFunction?
    /// A and packed B are pairs of bfloat16 along the depth: `depth` and the places of A count pairs.
    var isPairs = false
    /// C and the residual are bfloat16.
    var isHalf = false
    let threads: Int

    /// `lt_placement`, in floats, pairs or bfloat16.
    struct Placement: Sendable {
        var row = 0
        var line = 0
        var lines = 0
        var block = 0
        var blocks = 0

        var raw: lt_placement { lt_placement(row: row, line: line, lines: lines, block: block, blocks: blocks) }
    }

    /// One dimension of a batch: how many, and the floats between the matrices of A, B, C and the gates.
    struct Batch: Sendable {
        var count: Int
        var a: Int
        var b: Int
        var c: Int
        var gate = 0
    }

    /// A dense product.
    init(rows: Int, columns: Int, depth: Int, threads: Int) {
        self.rows = rows
        self.columns = columns
        self.depth = depth
        self.threads = threads
        aPlace.row = depth
        cPlace.row = columns
    }

    /// The most dimensions of a batch.
    static let batchRank = Int(LT_GEMM_BATCH)

    /// The product without memory.
    var job: lt_gemm_job {
        var job = lt_gemm_job()
        job.rows = rows
        job.columns = columns
        job.depth = depth
        job.pairs = isPairs ? 1 : 0
        job.c_half = isHalf ? 1 : 0
        job.a_place = aPlace.raw
        job.c_place = cPlace.raw
        job.a_transposed = isATransposed ? 1 : 0
        job.b_form = form
        job.b_stride = bStride
        job.scale = scale
        job.activation = activation?.op ?? LT_UNARY_COPY
        job.activation_a = activation?.a ?? 0
        job.activation_b = activation?.b ?? 0
        job.threads = Int32(clamping: threads)
        func spread(_ values: [Int], else filler: Int) -> (Int, Int, Int, Int) {
            let all = values + [Int](repeating: filler, count: Self.batchRank - values.count)
            return (all[0], all[1], all[2], all[3])
        }
        job.batch = spread(batch.map(\.count), else: 1)
        job.a_batch = spread(batch.map(\.a), else: 0)
        job.b_batch = spread(batch.map(\.b), else: 0)
        job.c_batch = spread(batch.map(\.c), else: 0)
        job.gate_batch = spread(batch.map(\.gate), else: 0)
        return job
    }

    /// Bytes of scratch memory that it runs with.
    var scratchBytes: Int { withUnsafePointer(to: job) { lt_gemm_scratch($0) } }

    /// The same for packed weights that are multiplied by gates.
    var panelBytes: Int {
        var other = self
        other.form = LT_GEMM_ROWS
        return other.scratchBytes
    }

    /// Binds the product to memory. `gate`: a factor per row of B.
    func bind(
        a: UnsafePointer<Float>?, b: UnsafePointer<Float>?, c: UnsafeMutablePointer<Float>?,
        bias: UnsafePointer<Float>? = nil, residual: UnsafePointer<Float>? = nil, gate: UnsafePointer<Float>? = nil,
        scratch: UnsafeMutableRawPointer?
    ) -> BoundKernel {
        var job = job
        job.a = a
        job.b = b
        job.c = c
        job.bias = bias
        job.residual = residual
        job.gate = gate
        job.scratch = scratch
        let bound = job
        return { () throws(LTError) in withUnsafePointer(to: bound) { lt_gemm($0) } }
    }
}

extension WeightStore {
    /// A constant matrix [depth, columns], or its transpose, in the panels of `lt_gemm`.
    /// - Parameter pairs: of bfloat16; the depth is even then.
    func panels(
        _ w: Tensor, depth: Int, columns: Int, isTransposed: Bool, pairs: Bool = false
    ) throws(LTError) -> Buffer {
        let depthOfPanels = pairs ? depth / 2 : depth
        return try packed(
            w, variant: (pairs ? "pairs" : "panels") + (isTransposed ? " of columns" : ""),
            byteCount: lt_gemm_packed_count(depthOfPanels, columns) * 4
        ) { from, to in
            (pairs ? lt_gemm_pack_pairs : lt_gemm_pack)(
                from.assumingMemoryBound(to: Float.self), isTransposed ? 1 : columns, isTransposed ? depth : 1,
                depthOfPanels, columns, to.assumingMemoryBound(to: Float.self))
        }
    }
}

extension WeightStore {
    /// A constant row in whole vectors of 16, zeros past its end.
    func vectors(_ row: Tensor) throws(LTError) -> Buffer {
        try packed(row, variant: "vectors", byteCount: (row.count + 15) / 16 * 64) { [count = row.count] from, to in
            to.copyMemory(from: from, byteCount: count * 4)
        }
    }
}

extension Buffer {
    /// The elements as floats.
    var floats: UnsafePointer<Float> { UnsafePointer(pointer.assumingMemoryBound(to: Float.self)) }
}
