// BufferPool: buffers that live as long as each other, side by side in large pieces of memory that huge pages can hold: packed
// weights are made of hundreds of pieces, and each page of 4 KiB costs a fault when it is first touched.

import CLTKernels

/// Hands out parts of large blocks. A block goes back when the pool and all buffers of it are gone. One thread at a time.
public final class BufferPool {
    private static let blockBytes = 64 << 20

    private final class Block: @unchecked Sendable {
        let memory: UnsafeMutableRawPointer
        let byteCount: Int
        var used = 0

        init?(_ byteCount: Int) {
            guard let memory = lt_reserve(byteCount) else { return nil }
            self.memory = memory
            self.byteCount = byteCount
        }

        deinit { lt_unreserve(memory, byteCount) }
    }
    private var block: Block?

    public init() {}

    /// Zeroed memory; from the host's allocator where there is one.
    /// - Throws: `outOfMemory`.
    public func buffer(byteCount: Int) throws(LTError) -> Buffer {
        if BufferAllocator.isHosts || byteCount < 0 || byteCount > Self.blockBytes {
            return try Buffer.zeroed(byteCount: byteCount)
        }
        // SIMD loads may run over the end.
        let room =
            (byteCount + 64 + BufferAllocator.alignment - 1) / BufferAllocator.alignment * BufferAllocator.alignment
        if block == nil || block.map({ $0.byteCount - $0.used < room }) == true {
            block = Block(Self.blockBytes + 128)
        }
        guard let block else { throw LTError(.outOfMemory, "cannot reserve \(Self.blockBytes) bytes") }
        let memory = block.memory + block.used
        block.used += room
        return Buffer(wrapping: memory, byteCount: byteCount) { withExtendedLifetime(block) {} }
    }
}
