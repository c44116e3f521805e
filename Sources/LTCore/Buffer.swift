// Buffer: memory of tensors, arenas and images, from an allocator that can fail with an LTError instead of aborting.

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A block of 64-byte aligned memory. Who makes a buffer fills it; once handed over it is not written again,
/// which is what makes sharing it between threads sound.
public final class Buffer: @unchecked Sendable {
    public let pointer: UnsafeMutableRawPointer
    public let byteCount: Int
    private let release: (@Sendable () -> Void)?

    /// Allocates `byteCount` uninitialised bytes (64 readable bytes of slack follow, so that SIMD loads may run over).
    /// - Throws: `outOfMemory` when the allocator (see `BufferAllocator`) refuses or the size is negative or absurd;
    ///   `invalidArgument` for an allocator whose memory is not aligned.
    public init(byteCount: Int) throws(LTError) {
        guard byteCount >= 0, byteCount <= Int.max / 4 else {
            throw LTError(.outOfMemory, "cannot allocate \(byteCount) bytes")
        }
        (pointer, release) = try BufferAllocator.memory(byteCount + 64)
        self.byteCount = byteCount
    }

    /// Wraps memory that somebody else owns; `release` runs when the last reference goes.
    public init(wrapping pointer: UnsafeMutableRawPointer, byteCount: Int, release: @escaping @Sendable () -> Void) {
        self.pointer = pointer
        self.byteCount = byteCount
        self.release = release
    }

    /// Allocates zeroed bytes.
    public static func zeroed(byteCount: Int) throws(LTError) -> Buffer {
        let buffer = try Buffer(byteCount: byteCount)
        memset(buffer.pointer, 0, byteCount)
        return buffer
    }

    deinit {
        if let release { release() } else { free(pointer) }
    }

    public var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: pointer, count: byteCount) }
    public var mutableBytes: UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(start: pointer, count: byteCount)
    }
}
