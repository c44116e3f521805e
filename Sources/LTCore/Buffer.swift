// Buffer: memory of tensors, arenas and images, from an allocator that can fail with an LTError instead of aborting. Deferred
// buffers (a model's weights, which kernels pack into a form of their own) are read when they are needed.

import CLTKernels

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A block of 64-byte aligned memory. Who makes a buffer fills it; once handed over it is not written again,
/// which is what makes sharing it between threads sound.
public final class Buffer: @unchecked Sendable {
    private let memory: UnsafeMutableRawPointer
    public let byteCount: Int
    private let release: (@Sendable () -> Void)?
    /// What fills the memory when it is asked for; nil where it is filled already.
    private let content: DeferredContent?

    /// The memory. A deferred buffer is filled by the first call, for good; `withBytes` needs it for a moment only.
    public var pointer: UnsafeMutableRawPointer {
        content?.settle(memory, byteCount)
        return memory
    }

    /// Allocates `byteCount` uninitialised bytes (64 readable bytes of slack follow, so that SIMD loads may run over).
    /// - Throws: `outOfMemory` when the allocator (see `BufferAllocator`) refuses or the size is negative or absurd;
    ///   `invalidArgument` for an allocator whose memory is not aligned.
    public init(byteCount: Int) throws(LTError) {
        guard byteCount >= 0, byteCount <= Int.max / 4 else {
            throw LTError(.outOfMemory, "cannot allocate \(byteCount) bytes")
        }
        (memory, release) = try BufferAllocator.memory(byteCount + 64)
        self.byteCount = byteCount
        content = nil
    }

    /// Bytes that `fill` writes when somebody wants them: until then they take addresses, but no memory. Where a host has
    /// brought its own allocator they are written at once.
    /// - Throws: `outOfMemory`, and what `fill` throws.
    public init(
        byteCount: Int, filledBy fill: @escaping @Sendable (UnsafeMutableRawPointer) throws(LTError) -> Void
    ) throws(LTError) {
        guard byteCount >= 0, byteCount <= Int.max / 4 else {
            throw LTError(.outOfMemory, "cannot allocate \(byteCount) bytes")
        }
        self.byteCount = byteCount
        if BufferAllocator.isHosts {
            (memory, release) = try BufferAllocator.memory(byteCount + 64)
            content = nil
            try fill(memory)
            return
        }
        let length = byteCount + 64
        guard let memory = lt_reserve(length) else {
            throw LTError(.outOfMemory, "cannot reserve \(byteCount) bytes")
        }
        self.memory = memory
        nonisolated(unsafe) let reserved = memory
        release = { lt_unreserve(reserved, length) }
        content = DeferredContent(fill)
    }

    /// Wraps memory that somebody else owns; `release` runs when the last reference goes.
    public init(wrapping pointer: UnsafeMutableRawPointer, byteCount: Int, release: @escaping @Sendable () -> Void) {
        memory = pointer
        self.byteCount = byteCount
        self.release = release
        content = nil
    }

    /// Allocates zeroed bytes.
    public static func zeroed(byteCount: Int) throws(LTError) -> Buffer {
        let buffer = try Buffer(byteCount: byteCount)
        memset(buffer.pointer, 0, byteCount)
        return buffer
    }

    deinit {
        if let release { release() } else { free(memory) }
    }

    /// Hands out the bytes for as long as `body` runs. Those of a deferred buffer stand in memory that is given back afterwards.
    public func withBytes<Result>(
        _ body: (UnsafeRawBufferPointer) throws(LTError) -> Result
    ) throws(LTError) -> Result {
        guard let content else { return try body(bytes) }
        return try content.borrow(memory, byteCount, body)
    }

    /// While `body` runs, memory in which bytes of deferred buffers stood for a moment waits for the next of them.
    public static func withStaging<Result>(_ body: () throws(LTError) -> Result) throws(LTError) -> Result {
        try StagingMemory.kept(body)
    }

    /// Fills a deferred buffer for good.
    /// - Throws: what its filling throws, now or at an earlier `pointer`, which could not say so.
    public func load() throws(LTError) {
        content?.settle(memory, byteCount)
        if let loadFailure { throw loadFailure }
    }

    /// Why the bytes that `pointer` handed out are zeros.
    public var loadFailure: LTError? { content?.failure }

    /// Whether nothing has asked for the bytes for good yet.
    public var isDeferred: Bool { content?.isSettled == false }

    public var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: pointer, count: byteCount) }
    public var mutableBytes: UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(start: pointer, count: byteCount)
    }
}

/// What a deferred buffer holds, and whether it does.
private final class DeferredContent: Sendable {
    private enum State {
        case absent
        case settled(LTError?)
    }
    private let state = Lock(State.absent)
    private let fill: @Sendable (UnsafeMutableRawPointer) throws(LTError) -> Void

    init(_ fill: @escaping @Sendable (UnsafeMutableRawPointer) throws(LTError) -> Void) { self.fill = fill }

    var isSettled: Bool {
        state.withLock { if case .settled = $0 { true } else { false } }
    }

    var failure: LTError? {
        state.withLock { if case .settled(let failure) = $0 { failure } else { nil } }
    }

    /// Memory that cannot be filled is zero, and the failure is kept for `load`.
    func settle(_ memory: UnsafeMutableRawPointer, _ byteCount: Int) {
        state.withLock { state in
            guard case .absent = state else { return }
            do throws(LTError) {
                try fill(memory)
                state = .settled(nil)
            } catch {
                memset(memory, 0, byteCount)
                state = .settled(error)
            }
        }
    }

    func borrow<Result>(
        _ memory: UnsafeMutableRawPointer, _ byteCount: Int,
        _ body: (UnsafeRawBufferPointer) throws(LTError) -> Result
    ) throws(LTError) -> Result {
        let settled = try state.withLock { state throws(LTError) in
            guard case .settled(let failure) = state else { return false }
            if let failure { throw failure }
            return true
        }
        if settled { return try body(UnsafeRawBufferPointer(start: memory, count: byteCount)) }
        return try StagingMemory.lend(byteCount + 64) { staged throws(LTError) in
            try fill(staged)
            return try body(UnsafeRawBufferPointer(start: staged, count: byteCount))
        }
    }
}
