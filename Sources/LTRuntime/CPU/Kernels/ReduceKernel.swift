// Reductions over neighbouring axes; the mean over pixels is a pooling, which takes blocked layouts too.

import CLTKernels
import LTCore
import LTGraph

struct ReduceKernel: Kernel {
    let inputs: [Layout?]
    let outputs: [Operand]
    private let op: lt_reduce_op
    private let outer: Int
    private let count: Int
    private let inner: Int

    var label: String { "simd reduce" }

    private static let ops: [String: lt_reduce_op] = [
        "ReduceL1": LT_REDUCE_L1, "ReduceL2": LT_REDUCE_L2, "ReduceMax": LT_REDUCE_MAX, "ReduceMean": LT_REDUCE_MEAN,
        "ReduceMin": LT_REDUCE_MIN, "ReduceSum": LT_REDUCE_SUM, "ReduceSumSquare": LT_REDUCE_SUM_SQUARE,
    ]

    static let make: KernelMaker = { op, node, inputs, outputs, _ throws(LTError) in
        guard let code = ops[node.opType], let x = inputs[0], x.type == .float32, x.constant == nil,
            let reduction = (op as? any ReductionOperator)?.reduction,
            let axes = try reduction.axes(inputs.count > 1 ? inputs[1].map(Facts.init) : nil, rank: x.shape.rank)
        else { return nil }
        let others = [Layout?](repeating: nil, count: inputs.count - 1)
        if code == LT_REDUCE_MEAN, axes.sorted() == Array(2..<max(x.shape.rank, 2)) {
            if let mean = ChannelMeanKernel(x, outputs[0], others: others.count) { return mean }
            if let pool = try PoolKernel.mean(x, outputs[0]) { return pool.reading(others) }
        }
        // Axes of one element may stand between the others.
        let reduced = axes.filter { x.shape[$0] != 1 }.sorted()
        let first = reduced.first ?? x.shape.rank
        let last = reduced.last ?? first - 1
        guard !axes.isEmpty, (first..<last + 1).allSatisfy({ axes.contains($0) || x.shape[$0] == 1 }) else {
            return nil
        }
        let dims = x.shape.dims
        return ReduceKernel(
            inputs: [.plain] + others, outputs: [Operand(.float32, outputs[0].shape)], op: code,
            outer: dims[..<first].reduce(1, *), count: dims[first..<last + 1].reduce(1, *),
            inner: dims[(last + 1)...].reduce(1, *))
    }

    func bind(_ memory: KernelMemory) throws(LTError) -> BoundKernel {
        let kernel = self
        let (x, y) = (memory.floats(0), memory.outputFloats)
        return { () throws(LTError) in lt_reduce(kernel.op, x, y, kernel.outer, kernel.count, kernel.inner) }
    }
}
