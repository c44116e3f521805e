// oneDNN's C API as Swift values: the engine, statuses as errors, memory descriptors, primitives that own themselves.
// https://oneapi-src.github.io/oneDNN/v2.6/

import CDNNL
import LTCore

/// oneDNN's CPU engine and a stream on it. oneDNN documents engines as thread-safe; each session has its own stream.
enum DNNL {
    /// The engine of the process; nil when oneDNN cannot make one.
    nonisolated(unsafe) private static let shared: dnnl_engine_t? = {
        var engine: dnnl_engine_t?
        // Kernels that are made at run time are registered with profilers otherwise, which costs a start.
        dnnl_set_jit_profiling_flags(UInt32(DNNL_JIT_PROFILE_NONE))
        return dnnl_engine_create(&engine, dnnl_cpu, 0) == dnnl_success ? engine : nil
    }()

    static func engine() throws(LTError) -> dnnl_engine_t {
        guard let shared else { throw LTError(.library, "oneDNN has no CPU engine") }
        return shared
    }

    fileprivate static let types: [ElementType: dnnl_data_type_t] = [
        .float32: dnnl_f32, .bfloat16: dnnl_bf16, .int32: dnnl_s32, .int8: dnnl_s8, .uint8: dnnl_u8,
    ]

    static func type(_ type: ElementType) throws(LTError) -> dnnl_data_type_t {
        guard let found = types[type] else {
            throw LTError(.unsupported, "oneDNN has no element type \(type.onnxName)")
        }
        return found
    }

    static func check(_ status: dnnl_status_t, _ what: String) throws(LTError) {
        guard status == dnnl_success else {
            throw LTError(
                status == dnnl_out_of_memory ? .outOfMemory : .library,
                "oneDNN: \(what) answered \(String(cString: dnnl_status2str(status)))")
        }
    }
}

/// A stream of a session.
final class DNNLStream {
    let handle: dnnl_stream_t

    init() throws(LTError) {
        var stream: dnnl_stream_t?
        try DNNL.check(
            dnnl_stream_create(&stream, try DNNL.engine(), UInt32(dnnl_stream_default_flags.rawValue)), "stream")
        guard let stream else { throw LTError(.library, "oneDNN: no stream") }
        handle = stream
    }

    deinit { dnnl_stream_destroy(handle) }
}

/// Where the elements of a tensor lie, in oneDNN's words.
struct MemoryDesc: @unchecked Sendable, Equatable {
    var raw: dnnl_memory_desc_t

    init(_ raw: dnnl_memory_desc_t) { self.raw = raw }

    /// A tensor laid out by a format tag.
    init(_ dims: [Int], tag: dnnl_format_tag_t, _ type: ElementType = .float32) throws(LTError) {
        raw = dnnl_memory_desc_t()
        let wide = dims.map { Int64($0) }
        try DNNL.check(
            dnnl_memory_desc_init_by_tag(&raw, Int32(dims.count), wide, try DNNL.type(type), tag),
            "memory descriptor \(dims)")
    }

    /// A tensor laid out by strides in elements.
    init(_ dims: [Int], strides: [Int], _ type: ElementType = .float32) throws(LTError) {
        raw = dnnl_memory_desc_t()
        try DNNL.check(
            dnnl_memory_desc_init_by_strides(
                &raw, Int32(dims.count), dims.map { Int64($0) }, try DNNL.type(type), strides.map { Int64($0) }),
            "memory descriptor \(dims) strides \(strides)")
    }

    /// A row-major tensor.
    static func plain(_ dims: [Int], _ type: ElementType = .float32) throws(LTError) -> MemoryDesc {
        var strides = [Int](repeating: 1, count: dims.count)
        for axis in stride(from: dims.count - 2, through: 0, by: -1) {
            strides[axis] = strides[axis + 1] * max(dims[axis + 1], 1)
        }
        return try MemoryDesc(dims, strides: strides, type)
    }

    /// A tensor whose layout oneDNN may choose.
    static func any(_ dims: [Int], _ type: ElementType = .float32) throws(LTError) -> MemoryDesc {
        try MemoryDesc(dims, tag: dnnl_format_tag_any, type)
    }

    /// How elements are stored.
    var type: ElementType? { DNNL.types.first { $0.value == raw.data_type }?.key }

    /// No tensor at all.
    static let none = MemoryDesc(dnnl_memory_desc_t())

    var byteCount: Int {
        var copy = raw
        return Int(dnnl_memory_desc_get_size(&copy))
    }

    static func == (a: MemoryDesc, b: MemoryDesc) -> Bool {
        var x = a.raw
        var y = b.raw
        return dnnl_memory_desc_equal(&x, &y) != 0
    }
}

/// A primitive with the descriptors it chose. Execution is thread-safe: its scratchpad comes from the caller.
final class Primitive: @unchecked Sendable {
    private let handle: dnnl_primitive_t
    private let description: dnnl_primitive_desc_t
    /// oneDNN's name of the implementation, such as "jit:avx512_core".
    let implementation: String
    let scratch: MemoryDesc

    /// Makes the first implementation that oneDNN offers for an operation descriptor.
    convenience init(
        _ operation: UnsafeRawPointer, _ attributes: Attributes, _ what: String
    ) throws(LTError) {
        var description: dnnl_primitive_desc_t?
        try DNNL.check(
            dnnl_primitive_desc_create(&description, operation, attributes.handle, try DNNL.engine(), nil), what)
        try self.init(adopting: description, what)
    }

    /// Takes over a primitive descriptor.
    init(adopting description: dnnl_primitive_desc_t?, _ what: String) throws(LTError) {
        guard let description else { throw LTError(.library, "oneDNN: \(what): no descriptor") }
        var primitive: dnnl_primitive_t?
        let status = dnnl_primitive_create(&primitive, description)
        guard status == dnnl_success, let primitive else {
            dnnl_primitive_desc_destroy(description)
            try DNNL.check(status, what)
            throw LTError(.library, "oneDNN: \(what): no primitive")
        }
        self.description = description
        handle = primitive
        var name: UnsafePointer<CChar>?
        implementation =
            dnnl_primitive_desc_query(description, dnnl_query_impl_info_str, 0, &name) == dnnl_success
            ? name.map { String(cString: $0) } ?? "?" : "?"
        scratch =
            dnnl_primitive_desc_query_md(description, dnnl_query_scratchpad_md, 0).map { MemoryDesc($0.pointee) }
            ?? .none
    }

    deinit {
        dnnl_primitive_destroy(handle)
        dnnl_primitive_desc_destroy(description)
    }

    func memory(_ query: dnnl_query_t, _ index: Int = 0) -> MemoryDesc {
        dnnl_primitive_desc_query_md(description, query, Int32(index)).map { MemoryDesc($0.pointee) } ?? .none
    }
    var source: MemoryDesc { memory(dnnl_query_src_md) }
    var weights: MemoryDesc { memory(dnnl_query_weights_md) }
    var destination: MemoryDesc { memory(dnnl_query_dst_md) }

    fileprivate func execute(_ stream: DNNLStream, _ arguments: [dnnl_exec_arg_t]) throws(LTError) {
        try DNNL.check(
            dnnl_primitive_execute(handle, stream.handle, Int32(arguments.count), arguments), implementation)
    }
}

/// A primitive with its memory: what a session executes again and again.
final class BoundPrimitive {
    private let primitive: Primitive
    private let stream: DNNLStream
    private var arguments: [dnnl_exec_arg_t] = []

    init(_ primitive: Primitive, _ stream: DNNLStream) {
        self.primitive = primitive
        self.stream = stream
    }

    /// Says where argument `index` lies (DNNL_ARG_…).
    func set(_ index: Int32, _ desc: MemoryDesc, _ pointer: UnsafeMutableRawPointer?) throws(LTError) {
        var memory: dnnl_memory_t?
        var raw = desc.raw
        try DNNL.check(dnnl_memory_create(&memory, &raw, try DNNL.engine(), pointer), "memory")
        arguments.append(dnnl_exec_arg_t(arg: index, memory: memory))
    }

    func setScratch(_ pointer: UnsafeMutableRawPointer?) throws(LTError) {
        if primitive.scratch.byteCount > 0 { try set(DNNL_ARG_SCRATCHPAD, primitive.scratch, pointer) }
    }

    func execute() throws(LTError) { try primitive.execute(stream, arguments) }

    deinit { for argument in arguments { dnnl_memory_destroy(argument.memory) } }
}

/// Attributes of a primitive: scratchpads come from the caller, and what is done to the result on the way out.
final class Attributes {
    let handle: dnnl_primitive_attr_t
    private let steps: dnnl_post_ops_t

    init() throws(LTError) {
        var attributes: dnnl_primitive_attr_t?
        var steps: dnnl_post_ops_t?
        try DNNL.check(dnnl_primitive_attr_create(&attributes), "attributes")
        try DNNL.check(dnnl_post_ops_create(&steps), "post-ops")
        guard let attributes, let steps else { throw LTError(.library, "oneDNN: no attributes") }
        handle = attributes
        self.steps = steps
        try DNNL.check(dnnl_primitive_attr_set_scratchpad_mode(handle, dnnl_scratchpad_mode_user), "scratchpad mode")
    }

    /// Adds what lies in the destination already: (y − zero point) · scale.
    /// - Parameter type: of what lies there, where it is not the result's own (of as many bytes).
    func appendSum(scale: Float = 1, zeroPoint: Int32 = 0, _ type: ElementType? = nil) throws(LTError) {
        let type = try type.map { type throws(LTError) in try DNNL.type(type) } ?? dnnl_data_type_undef
        try DNNL.check(dnnl_post_ops_append_sum_v3(steps, scale, zeroPoint, type), "sum")
        try DNNL.check(dnnl_primitive_attr_set_post_ops(handle, steps), "post-ops")
    }

    func append(_ activation: Activation) throws(LTError) {
        for (kind, alpha, beta) in activation.steps {
            try DNNL.check(dnnl_post_ops_append_eltwise(steps, 1, kind, alpha, beta), "eltwise")
        }
        try DNNL.check(dnnl_primitive_attr_set_post_ops(handle, steps), "post-ops")
    }

    /// Clamps what was computed so far.
    func appendClip(_ low: Float, _ high: Float) throws(LTError) {
        try DNNL.check(dnnl_post_ops_append_eltwise(steps, 1, dnnl_eltwise_clip, low, high), "clip")
        try DNNL.check(dnnl_primitive_attr_set_post_ops(handle, steps), "post-ops")
    }

    /// Adds a number to what was computed so far.
    func appendShift(_ shift: Float) throws(LTError) {
        try DNNL.check(dnnl_post_ops_append_eltwise(steps, 1, dnnl_eltwise_linear, 1, shift), "shift")
        try DNNL.check(dnnl_primitive_attr_set_post_ops(handle, steps), "post-ops")
    }

    /// Multiplies the result by a number, or by one per place of axis 1.
    func scale(_ factors: [Float]) throws(LTError) {
        try DNNL.check(
            dnnl_primitive_attr_set_output_scales(handle, Int64(factors.count), factors.count == 1 ? 0 : 2, factors),
            "output scale")
    }

    /// The zero point of the quantised argument DNNL_ARG_….
    func zeroPoint(_ argument: Int32, _ value: Int32) throws(LTError) {
        try DNNL.check(dnnl_primitive_attr_set_zero_points(handle, argument, 1, 0, [value]), "zero point")
    }

    deinit {
        dnnl_post_ops_destroy(steps)
        dnnl_primitive_attr_destroy(handle)
    }
}
