// Attention between strided tokens by our own kernel.

import CLTKernels
import LTCore
import LTGraph

struct AttentionKernel: Kernel {
    let inputs: [Layout?]
    let outputs: [Operand]
    let scratchBytes: Int
    private let geometry: AttentionGeometry
    /// Q, K, V and Y are bfloat16.
    private let isHalf: Bool

    var label: String { isHalf ? "simd attention bf16" : "simd attention" }

    static let make: KernelMaker = { op, _, inputs, outputs, context throws(LTError) in
        guard let geometry = (op as? FusedAttentionOperator)?.geometry else { return nil }
        var job = Self.job(geometry)
        let floats = lt_attention_scratch(&job, Int32(context.threads))
        let isHalf = isHalf(geometry, context)
        let layout = isHalf ? Layout.bfloat16(.plain) : .plain
        return AttentionKernel(
            inputs: inputs.enumerated().map { $1 == nil ? nil : $0 < 3 ? layout : .plain },
            outputs: [Operand(.float32, outputs[0].shape, layout: layout)],
            scratchBytes: floats * 4, geometry: geometry, isHalf: isHalf)
    }

    /// Whether Q, K, V and Y are bfloat16: the channels of all tokens must be pairs.
    static func isHalf(_ geometry: AttentionGeometry, _ context: KernelContext) -> Bool {
        context.multipliesPairs && geometry.depth % 2 == 0 && geometry.width % 2 == 0
            && [geometry.q, geometry.k, geometry.v, geometry.y].allSatisfy { x in
                [x.offset, x.batch, x.head, x.token].allSatisfy { $0 % 2 == 0 }
            }
    }

    private init(
        inputs: [Layout?], outputs: [Operand], scratchBytes: Int, geometry: AttentionGeometry, isHalf: Bool
    ) {
        self.isHalf = isHalf
        self.inputs = inputs
        self.outputs = outputs
        self.scratchBytes = scratchBytes
        self.geometry = geometry
    }

    /// The job without its memory.
    private static func job(_ geometry: AttentionGeometry) -> lt_attention_job {
        func tokens(_ x: AttentionGeometry.Tokens) -> lt_tokens {
            lt_tokens(
                data: nil, batch: Int64(x.batch), head: Int64(x.head), token: Int64(x.token), places: nil)
        }
        var job = lt_attention_job()
        (job.batch, job.heads) = (geometry.batch, geometry.heads)
        (job.queries, job.keys) = (geometry.queries, geometry.keys)
        (job.depth, job.width, job.scale) = (geometry.depth, geometry.width, geometry.scale)
        (job.q, job.k, job.v, job.y) = (
            tokens(geometry.q), tokens(geometry.k), tokens(geometry.v), tokens(geometry.y)
        )
        job.biases = Int32(geometry.biases.count)
        let biases = geometry.biases.map {
            lt_attention_bias(
                data: nil, period: $0.period, batch: Int64($0.batch), head: Int64($0.head), query: Int64($0.query))
        }
        if biases.count > 0 { job.bias.0 = biases[0] }
        if biases.count > 1 { job.bias.1 = biases[1] }
        return job
    }

    func bind(_ memory: KernelMemory) throws(LTError) -> BoundKernel {
        func floats(_ index: Int) -> UnsafePointer<Float>? {
            guard index < memory.inputs.count else { return nil }
            return memory.inputs[index].map { UnsafePointer($0.assumingMemoryBound(to: Float.self)) }
        }
        func elements(_ index: Int, from offset: Int) -> UnsafePointer<Float>? {
            memory.inputs[index].map {
                UnsafePointer(($0 + offset * (isHalf ? 2 : 4)).assumingMemoryBound(to: Float.self))
            }
        }
        func rows(_ index: Int) -> UnsafePointer<Int32>? {
            guard index < memory.inputs.count else { return nil }
            return memory.inputs[index].map { UnsafePointer($0.assumingMemoryBound(to: Int32.self)) }
        }
        var job = Self.job(geometry)
        job.half = isHalf ? 1 : 0
        job.q.data = elements(0, from: geometry.q.offset)
        job.k.data = elements(1, from: geometry.k.offset)
        job.v.data = elements(2, from: geometry.v.offset)
        job.y.data = UnsafePointer(memory.outputFloats)
        job.bias.0.data = floats(3)
        job.bias.1.data = floats(4)
        (job.q.places, job.k.places, job.v.places, job.y.places) = (rows(5), rows(5), rows(5), rows(6))
        let bound = job
        let scratch = memory.scratch?.assumingMemoryBound(to: Float.self)
        return { () throws(LTError) in
            var job = bound
            lt_attention(&job, scratch)
        }
    }
}
