// BufferAllocator: where the memory of buffers comes from: the system, or a host that counts, limits or pools it.

import CLTKernels

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Two functions that give memory and take it back; any thread may call them.
public struct BufferAllocator: Sendable {
    /// What memory must be aligned to, in bytes.
    public static let alignment = 64

    private let allocate: @Sendable (_ byteCount: Int, _ alignment: Int) -> UnsafeMutableRawPointer?
    private let release: @Sendable (_ pointer: UnsafeMutableRawPointer, _ byteCount: Int) -> Void

    /// - Parameters:
    ///   - allocate: gives `byteCount` bytes at a multiple of `alignment`, or nil when it refuses: the call that needed
    ///     them fails with `outOfMemory`.
    ///   - release: takes back what `allocate` gave, with the `byteCount` it was asked for.
    public init(
        allocate: @escaping @Sendable (_ byteCount: Int, _ alignment: Int) -> UnsafeMutableRawPointer?,
        release: @escaping @Sendable (_ pointer: UnsafeMutableRawPointer, _ byteCount: Int) -> Void
    ) {
        self.allocate = allocate
        self.release = release
    }

    /// Pieces of at least this many bytes lie in huge pages where the system has them.
    private static let large = 4 << 20

    private static let current = Lock<BufferAllocator?>(nil)

    /// Whether memory comes from a host.
    static var isHosts: Bool { current.withLock { $0 != nil } }

    /// From now on every `Buffer` of the process, and the working memory of C kernels and of the PNG decoder, comes from
    /// `allocator`; nil: from the system. Memory goes back to where it came from, so the allocator may change at any time.
    public static func use(_ allocator: BufferAllocator?) {
        current.withLock { current in
            current = allocator
            guard allocator != nil else { return lt_set_memory(nil, nil) }
            lt_set_memory(
                { byteCount, owner in
                    guard let buffer = try? Buffer(byteCount: byteCount) else { return nil }
                    owner?.pointee = Unmanaged.passRetained(buffer).toOpaque()
                    return buffer.pointer
                },
                { owner in
                    if let owner { Unmanaged<Buffer>.fromOpaque(owner).release() }
                })
        }
    }

    /// Memory and what gives it back; nil for the system's.
    static func memory(
        _ byteCount: Int
    ) throws(LTError) -> (pointer: UnsafeMutableRawPointer, release: (@Sendable () -> Void)?) {
        guard let allocator = current.withLock({ $0 }) else {
            if byteCount >= large, let memory = lt_reserve(byteCount) {
                nonisolated(unsafe) let reserved = memory
                return (memory, { lt_unreserve(reserved, byteCount) })
            }
            var memory: UnsafeMutableRawPointer?
            guard posix_memalign(&memory, alignment, byteCount) == 0, let memory else {
                throw LTError(.outOfMemory, "cannot allocate \(byteCount) bytes")
            }
            return (memory, nil)
        }
        guard let pointer = allocator.allocate(byteCount, alignment) else {
            throw LTError(.outOfMemory, "the allocator refuses \(byteCount) bytes")
        }
        guard Int(bitPattern: pointer) % alignment == 0 else {
            allocator.release(pointer, byteCount)
            throw LTError(
                .invalidArgument, "the allocator gave memory at \(pointer), expected a multiple of \(alignment)")
        }
        nonisolated(unsafe) let memory = pointer
        return (pointer, { allocator.release(memory, byteCount) })
    }
}
