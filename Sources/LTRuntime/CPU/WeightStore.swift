// WeightStore: constants in the layouts that kernels ask for, packed once and shared by all specialisations and sessions of a plan.

import CDNNL
import LTCore

/// Packed constants of one plan. Those that belong to its graphs are kept; what was folded for the shapes of one program
/// is packed for that program alone, else the store would grow with every shape.
final class WeightStore: Sendable {
    /// Whose elements they are. Buffers that are kept stay where they are; they need not be filled to be known.
    private struct Origin: Hashable {
        let buffer: ObjectIdentifier
        let offset: Int

        init(_ tensor: Tensor) {
            buffer = ObjectIdentifier(tensor.buffer)
            offset = tensor.byteOffset
        }
    }
    private struct Key: Hashable {
        let origin: Origin
        let dims: [Int]
        let variant: String
    }
    private struct Packed: Sendable {
        let desc: MemoryDesc
        let buffer: Buffer
    }
    private struct State {
        var packed: [Key: [Packed]] = [:]
        /// The graphs' constants.
        var kept: [Origin: Tensor] = [:]
        /// What those of the model itself are called in it.
        var names: [Origin: String] = [:]
        var pool = BufferPool()
    }
    private let state = Lock(State())
    private let files: PackedFiles?

    /// - Parameter files: where packed forms of the model's own constants are found again.
    init(_ files: PackedFiles? = nil) { self.files = files }

    /// Packed forms of these will be kept, and those of the model's own, whose names tell them from all others, on disk too.
    func keep(_ tensors: some Sequence<(key: String, value: Tensor)>, ofModel: Bool) {
        state.withLock { state in
            for (name, tensor) in tensors where tensor.type != .string {
                state.kept[Origin(tensor)] = tensor
                if ofModel { state.names[Origin(tensor)] = name }
            }
        }
    }

    /// `tensor`, seen as `from`, laid out and stored as `desc`.
    func packed(_ tensor: Tensor, from: MemoryDesc, as desc: MemoryDesc) throws(LTError) -> Buffer {
        let key = Key(origin: Origin(tensor), dims: tensor.dims, variant: "")
        if let found = state.withLock({ $0.packed[key]?.first { $0.desc == desc }?.buffer }) { return found }
        if from == desc, tensor.byteOffset == 0 {
            try tensor.buffer.load()
            return tensor.buffer
        }
        return try make(key, desc, byteCount: desc.byteCount) { target throws(LTError) in
            try tensor.withBytes { bytes throws(LTError) in
                try Reorder(from: from, to: desc).run(UnsafeMutableRawPointer(mutating: bytes.baseAddress), target)
            }
        }
    }

    /// `tensor` in the form that a kernel of ours calls `variant`: `byteCount` zeroed bytes, filled by `pack`(from, to).
    func packed(
        _ tensor: Tensor, variant: String, byteCount: Int,
        _ pack: (UnsafeRawPointer, UnsafeMutableRawPointer) throws(LTError) -> Void
    ) throws(LTError) -> Buffer {
        let key = Key(origin: Origin(tensor), dims: tensor.dims, variant: variant)
        if let found = state.withLock({ $0.packed[key]?.first?.buffer }) { return found }
        return try make(key, .none, byteCount: byteCount) { target throws(LTError) in
            try tensor.withBytes { bytes throws(LTError) in
                if let source = bytes.baseAddress { try pack(source, target) }
            }
        }
    }

    /// What the form is called on disk; nil for those that are not kept there.
    private func fileKey(_ key: Key, _ desc: MemoryDesc, byteCount: Int) -> String? {
        guard files != nil, byteCount >= PackedFiles.leastBytes, let name = state.withLock({ $0.names[key.origin] }),
            let form = key.variant.isEmpty ? desc.words : key.variant
        else { return nil }
        return "\(name)\n\(key.dims)\n\(form)\n\(byteCount)"
    }

    private func make(
        _ key: Key, _ desc: MemoryDesc, byteCount: Int,
        _ fill: (UnsafeMutableRawPointer) throws(LTError) -> Void
    ) throws(LTError) -> Buffer {
        let fileKey = fileKey(key, desc, byteCount: byteCount)
        if let fileKey, let found = files?.find(fileKey, byteCount: byteCount) {
            state.withLock { $0.packed[key, default: []].append(Packed(desc: desc, buffer: found)) }
            return found
        }
        // What is kept lies side by side; what is not must go alone.
        let kept = try state.withLock { state throws(LTError) in
            state.kept[key.origin] == nil ? nil : try state.pool.buffer(byteCount: byteCount)
        }
        let buffer: Buffer
        if let kept { buffer = kept } else { buffer = try Buffer.zeroed(byteCount: byteCount) }
        try fill(buffer.pointer)
        if let fileKey { files?.keep(fileKey, buffer) }
        if kept != nil {
            state.withLock { $0.packed[key, default: []].append(Packed(desc: desc, buffer: buffer)) }
        }
        return buffer
    }
}

/// Copies a tensor from one layout to another, rounding to the other's element type.
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
    func run(_ source: UnsafeMutableRawPointer?, _ target: UnsafeMutableRawPointer) throws(LTError) {
        let scratch = try Buffer(byteCount: primitive.scratch.byteCount)
        try bind(source, target, scratch.pointer, DNNLStream()).execute()
    }
}
