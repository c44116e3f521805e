// Matrix products: with constant weights packed once per plan (Linear), and between two computed values (MatMul, Gemm).

import CLTKernels
import LTCore
import LTGraph

/// Y = activation(X W + b + Z) over the last axis of X.
struct LinearKernel: Kernel {
    let inputs: [Layout?]
    let outputs: [Operand]
    fileprivate let product: MatrixProduct
    fileprivate let weights: Buffer
    fileprivate let bias: Buffer?
    fileprivate let hasResidual: Bool

    var label: String { product.isPairs ? "simd linear bf16" : "simd linear" }
    var inPlace: [Int] { hasResidual ? [3] : [] }

    static let make: KernelMaker = { _, node, inputs, outputs, context throws(LTError) in
        guard let x = inputs[0], let w = inputs[1]?.constant, x.type == .float32, w.type == .float32,
            x.shape.rank >= 1, w.shape.rank == 2
        else { return nil }
        let bias = inputs.count > 2 ? inputs[2] : nil
        let residual = inputs.count > 3 ? inputs[3] : nil
        guard bias == nil || bias?.constant != nil, residual == nil || residual?.shape == outputs[0].shape
        else { return nil }
        let isTransposed = try node.int("transB") ?? 0 != 0
        let (depth, width) = isTransposed ? (w.dims[1], w.dims[0]) : (w.dims[0], w.dims[1])
        let isPairs = context.multipliesPairs && depth % 2 == 0
        if context.factors == .bfloat16, !isPairs {
            return try HalfLinearKernel(
                x, w, bias?.constant, residual, outputs[0], isTransposed: isTransposed,
                activation: try Activation(node),
                context)
        }
        var product = MatrixProduct(
            rows: x.shape.count / depth, columns: width, depth: isPairs ? depth / 2 : depth, threads: context.threads)
        product.activation = try Activation(node).map { UnaryFunction($0) }
        product.isPairs = isPairs
        // Deep sums wait in the result, as float32.
        product.isHalf = isPairs && context.feedsProducts && residual == nil && depth <= 2048
        return LinearKernel(
            inputs: [isPairs ? .bfloat16(.plain) : .plain, nil] + (inputs.count > 2 ? [nil] : [])
                + (residual == nil ? [] : [.plain]),
            outputs: [Operand(.float32, outputs[0].shape, layout: product.isHalf ? .bfloat16(.plain) : .plain)],
            product: product,
            weights: try context.weights.panels(
                w, depth: depth, columns: width, isTransposed: isTransposed, pairs: isPairs),
            bias: try bias?.constant.map { bias throws(LTError) in try context.weights.vectors(bias) },
            hasResidual: residual != nil)
    }

    private init(
        inputs: [Layout?], outputs: [Operand], product: MatrixProduct, weights: Buffer, bias: Buffer?,
        hasResidual: Bool
    ) {
        self.inputs = inputs
        self.outputs = outputs
        self.product = product
        self.weights = weights
        self.bias = bias
        self.hasResidual = hasResidual
    }

    func bind(_ memory: KernelMemory) throws(LTError) -> BoundKernel {
        product.bind(
            a: memory.floats(0), b: weights.floats, c: memory.outputFloats, bias: bias?.floats,
            residual: hasResidual ? memory.floats(3) : nil, scratch: nil)
    }
}

/// Two Linears in a row, a few rows at a time: what lies between them stays in the second-level cache.
struct LinearPairKernel: Kernel {
    let inputs: [Layout?]
    let outputs: [Operand]
    private let first: LinearKernel
    private let second: LinearKernel

    var label: String { "\(first.label) pair" }
    var scratchBytes: Int { withUnsafePointer(to: first.product.job) { lt_gemm_pair_scratch($0) } }
    var inPlace: [Int] { second.inPlace }

    /// nil where what lies between would stay in the caches by itself, or the weights of both would not.
    init?(_ first: LinearKernel, _ second: LinearKernel) {
        let (one, two) = (first.product, second.product)
        let between = one.rows * one.columns * (one.isPairs ? 2 : 4)
        let weights = (one.depth * one.columns + two.depth * two.columns) * 4
        guard !first.hasResidual, one.rows == two.rows, one.isPairs == two.isPairs,
            one.columns == (two.isPairs ? 2 * two.depth : two.depth), between >= one.threads << 21, weights <= 5 << 18
        else { return nil }
        self.first = first
        self.second = second
        inputs = [first.inputs[0], nil, nil, second.hasResidual ? .plain : nil]
        outputs = second.outputs
    }

    func bind(_ memory: KernelMemory) throws(LTError) -> BoundKernel {
        var (one, two) = (first.product.job, second.product.job)
        one.a = memory.floats(0)
        one.b = first.weights.floats
        one.bias = first.bias?.floats
        one.scratch = memory.scratch
        two.b = second.weights.floats
        two.bias = second.bias?.floats
        two.c = memory.outputFloats
        two.residual = second.hasResidual ? memory.floats(3) : nil
        let (before, after) = (one, two)
        return { () throws(LTError) in
            withUnsafePointer(to: before) { before in withUnsafePointer(to: after) { lt_gemm_pair(before, $0) } }
        }
    }
}

/// MatMul with ONNX's batch dimensions, and Gemm.
struct MatrixKernel: Kernel {
    /// What Gemm's C is to the product.
    private enum Addend { case none, bias, residual }

    let inputs: [Layout?]
    let outputs: [Operand]
    private let product: MatrixProduct
    private let addend: Addend

    var label: String { "simd matmul" }
    var scratchBytes: Int { product.scratchBytes }

    static let makeMatMul: KernelMaker = { _, _, inputs, outputs, context throws(LTError) in
        guard let a = inputs[0], let b = inputs[1], a.type == .float32, b.type == .float32, a.shape.rank >= 2,
            b.shape.rank >= 2
        else { return nil }
        let (depth, width) = (b.shape[b.shape.rank - 2], b.shape[b.shape.rank - 1])
        let rows = a.shape[a.shape.rank - 2]
        let output = outputs[0].shape
        var product: MatrixProduct
        if b.shape.count == depth * width {
            // One matrix B: the matrices of A are one.
            product = MatrixProduct(
                rows: a.shape.count / depth, columns: width, depth: depth, threads: context.threads)
        } else {
            product = MatrixProduct(rows: rows, columns: width, depth: depth, threads: context.threads)
            guard let batch = batch(output, a.shape, b.shape) else { return nil }
            product.batch = batch
        }
        product.form = LT_GEMM_ROWS
        product.bStride = width
        return MatrixKernel(
            inputs: [.plain, .plain], outputs: [Operand(.float32, output)], product: product, addend: .none)
    }

    /// The batch dimensions with those joined that lie alike; nil where more than four are left.
    private static func batch(_ output: Shape, _ a: Shape, _ b: Shape) -> [MatrixProduct.Batch]? {
        let rank = output.rank - 2
        func strides(_ shape: Shape) -> [Int] {
            let own = shape.strides
            return (0..<rank).map { axis in
                let place = axis - (output.rank - shape.rank)
                return place < 0 || shape[place] == 1 ? 0 : own[place]
            }
        }
        let (aSteps, bSteps, cSteps) = (strides(a), strides(b), strides(output))
        var dims: [MatrixProduct.Batch] = []
        for axis in 0..<rank where output[axis] > 1 {
            let next = MatrixProduct.Batch(
                count: output[axis], a: aSteps[axis], b: bSteps[axis], c: cSteps[axis])
            if let last = dims.last, last.a == next.a * next.count, last.b == next.b * next.count,
                last.c == next.c * next.count
            {
                dims[dims.count - 1] = next
                dims[dims.count - 1].count *= last.count
            } else {
                dims.append(next)
            }
        }
        return dims.count <= MatrixProduct.batchRank ? dims : nil
    }

    /// Gemm whose C is absent, one row or a whole matrix, and whose beta is 1.
    static let makeGemm: KernelMaker = { _, node, inputs, outputs, context throws(LTError) in
        guard let a = inputs[0], let b = inputs[1], a.type == .float32, b.type == .float32, a.shape.rank == 2,
            b.shape.rank == 2
        else { return nil }
        let c = inputs.count > 2 ? inputs[2] : nil
        let output = outputs[0].shape
        var addend = Addend.none
        if let c {
            guard c.type == .float32, try node.float("beta") ?? 1 == 1 else { return nil }
            if c.shape.count == output[1], c.shape.dims.last == output[1] {
                addend = .bias
            } else if c.shape == output {
                addend = .residual
            } else {
                return nil
            }
        }
        let (isATransposed, isBTransposed) = (
            try node.int("transA") ?? 0 != 0, try node.int("transB") ?? 0 != 0
        )
        var product = MatrixProduct(
            rows: output[0], columns: output[1], depth: a.shape[isATransposed ? 0 : 1], threads: context.threads)
        product.isATransposed = isATransposed
        if isATransposed { product.aPlace.row = output[0] }
        product.form = isBTransposed ? LT_GEMM_COLUMNS : LT_GEMM_ROWS
        product.bStride = b.shape[1]
        product.scale = try node.float("alpha") ?? 1
        return MatrixKernel(
            inputs: [.plain, .plain] + (c == nil ? [] : [.plain]), outputs: [Operand(.float32, output)],
            product: product, addend: addend)
    }

    private init(inputs: [Layout?], outputs: [Operand], product: MatrixProduct, addend: Addend) {
        self.inputs = inputs
        self.outputs = outputs
        self.product = product
        self.addend = addend
    }

    func bind(_ memory: KernelMemory) throws(LTError) -> BoundKernel {
        product.bind(
            a: memory.floats(0), b: memory.floats(1), c: memory.outputFloats,
            bias: addend == .bias ? memory.floats(2) : nil, residual: addend == .residual ? memory.floats(2) : nil,
            scratch: memory.scratch)
    }
}
