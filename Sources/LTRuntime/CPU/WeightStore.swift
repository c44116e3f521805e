// WeightStore: constants in the layouts that kernels ask for, packed once and shared by all specialisations and sessions of a plan.

import CDNNL
import LTCore
import Synchronization

/// Packed constants of one plan.
final class WeightStore: Sendable {
    private struct Key: Hashable {
        let address: UInt
        let dims: [Int]
        let variant: String
    }
    private struct Packed: Sendable {
        let desc: MemoryDesc
        let buffer: Buffer
        /// Keeps the address from being used again.
        let source: Tensor
    }
    private let store = Mutex<[Key: [Packed]]>([:])

    /// `tensor`, float32 and seen as `from`, laid out as `desc`.
    func packed(_ tensor: Tensor, from: MemoryDesc, as desc: MemoryDesc) throws(LTError) -> Buffer {
        let key = Key(address: UInt(bitPattern: tensor.rawPointer), dims: tensor.dims, variant: "")
        if let found = store.withLock({ $0[key]?.first { $0.desc == desc }?.buffer }) { return found }
        let buffer: Buffer
        if from == desc, tensor.byteOffset == 0 {
            buffer = tensor.buffer
        } else {
            buffer = try Buffer.zeroed(byteCount: desc.byteCount)
            try Reorder(from: from, to: desc).run(tensor.rawPointer, buffer.pointer)
        }
        store.withLock { $0[key, default: []].append(Packed(desc: desc, buffer: buffer, source: tensor)) }
        return buffer
    }
}

/// Copies a float32 tensor from one layout to another.
struct Reorder: Sendable {
    let primitive: Primitive
    let from: MemoryDesc
    let to: MemoryDesc

    init(from: MemoryDesc, to: MemoryDesc) throws(LTError) {
        var source = from.raw
        var target = to.raw
        let attributes = try Attributes()
        var description: dnnl_primitive_desc_t?
        let engine = try DNNL.engine()
        try DNNL.check(
            dnnl_reorder_primitive_desc_create(&description, &source, engine, &target, engine, attributes.handle),
            "reorder")
        primitive = try Primitive(adopting: description, "reorder")
        self.from = from
        self.to = to
    }

    func bind(
        _ source: UnsafeMutableRawPointer?, _ target: UnsafeMutableRawPointer?, _ scratch: UnsafeMutableRawPointer?,
        _ stream: DNNLStream
    ) throws(LTError) -> BoundPrimitive {
        let bound = BoundPrimitive(primitive, stream)
        try bound.set(DNNL_ARG_FROM, from, source)
        try bound.set(DNNL_ARG_TO, to, target)
        try bound.setScratch(scratch)
        return bound
    }

    /// Runs once, with scratch memory of its own.
    func run(_ source: UnsafeMutableRawPointer, _ target: UnsafeMutableRawPointer) throws(LTError) {
        let scratch = try Buffer(byteCount: primitive.scratch.byteCount)
        try bind(source, target, scratch.pointer, DNNLStream()).execute()
    }
}
