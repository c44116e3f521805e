// StagingMemory: where weights stand for the moment in which they are packed. Fresh pages cost more than what is read into
// them, so the same few pieces serve one weight after the other until whoever packs is done.

import CLTKernels

enum StagingMemory {
    /// A piece: addresses are free, memory is what has been touched.
    private struct Piece: @unchecked Sendable {
        let memory: UnsafeMutableRawPointer
        let byteCount: Int

        init?(byteCount: Int) {
            guard let memory = lt_reserve(byteCount) else { return nil }
            self.memory = memory
            self.byteCount = byteCount
        }

        func release() { lt_unreserve(memory, byteCount) }
    }
    private struct State {
        var free: [Piece] = []
        /// How many are packing.
        var users = 0
    }
    private static let state = Lock(State())

    /// What is reserved at least, so that a piece serves greater weights as well.
    private static let usual = 1 << 30

    /// Pieces wait for their next use as long as `body` runs; after the last one they are given back.
    static func kept<Result>(_ body: () throws(LTError) -> Result) throws(LTError) -> Result {
        state.withLock { $0.users += 1 }
        defer {
            let unused = state.withLock { state in
                state.users -= 1
                guard state.users == 0 else { return [Piece]() }
                defer { state.free = [] }
                return state.free
            }
            for piece in unused { piece.release() }
        }
        return try body()
    }

    /// Lends `byteCount` bytes, whatever they hold.
    /// - Throws: `outOfMemory`, and what `body` throws.
    static func lend<Result>(
        _ byteCount: Int, _ body: (UnsafeMutableRawPointer) throws(LTError) -> Result
    ) throws(LTError) -> Result {
        let waiting = state.withLock { state in
            state.free.lastIndex { $0.byteCount >= byteCount }.map { state.free.remove(at: $0) }
        }
        guard let piece = waiting ?? Piece(byteCount: max(byteCount, usual)) ?? Piece(byteCount: byteCount) else {
            throw LTError(.outOfMemory, "cannot reserve \(byteCount) bytes")
        }
        defer {
            let isKept = state.withLock { state in
                if state.users > 0 { state.free.append(piece) }
                return state.users > 0
            }
            if !isKept { piece.release() }
        }
        return try body(piece.memory)
    }
}
