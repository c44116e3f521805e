// Buffers whose bytes are made when they are wanted.

import LTCore
import Testing

@Suite struct BufferTests {
    /// Bytes that count how often they were made, and fail when told to.
    private final class Source: Sendable {
        private let state = Lock((calls: 0, fails: false))
        var calls: Int { state.withLock { $0.calls } }

        func fail() { state.withLock { $0.fails = true } }

        func buffer(_ byteCount: Int) throws(LTError) -> Buffer {
            try Buffer(byteCount: byteCount) { [self] target throws(LTError) in
                let fails = state.withLock { state in
                    state.calls += 1
                    return state.fails
                }
                let bytes = UnsafeMutableRawBufferPointer(start: target, count: byteCount)
                for index in bytes.indices { bytes[index] = UInt8(truncatingIfNeeded: index % 251 + 1) }
                if fails { throw LTError(.io, "gone") }
            }
        }
    }

    private static func isRight(_ bytes: UnsafeRawBufferPointer) -> Bool {
        bytes.enumerated().allSatisfy { $1 == UInt8(truncatingIfNeeded: $0 % 251 + 1) }
    }

    // One page, several, and what takes huge pages.
    @Test(arguments: [0, 1, 4096, 100_001, 5 << 20]) func bytesAreMadeWhenTheyAreWanted(byteCount: Int) throws {
        let source = Source()
        let buffer = try source.buffer(byteCount)
        #expect(source.calls == 0 && buffer.isDeferred && buffer.byteCount == byteCount)
        for call in 1...2 {
            #expect(try buffer.withBytes { $0.count == byteCount && Self.isRight($0) })
            #expect(source.calls == call && buffer.isDeferred)
        }
        #expect(Self.isRight(buffer.bytes) && source.calls == 3 && !buffer.isDeferred)
        try buffer.load()
        #expect(try buffer.withBytes { Self.isRight($0) })
        #expect(source.calls == 3 && buffer.loadFailure == nil)
    }

    @Test func bytesThatCannotBeMade() throws {
        let source = Source()
        let buffer = try source.buffer(100_000)
        source.fail()
        #expect(throws: LTError.self) { try buffer.withBytes { _ in } }
        #expect(buffer.isDeferred && buffer.loadFailure == nil)
        // A pointer cannot say so: it leads to zeros, and what asks later hears why.
        #expect(buffer.bytes.allSatisfy { $0 == 0 })
        #expect(buffer.loadFailure?.message == "gone" && source.calls == 2)
        #expect(throws: LTError.self) { try buffer.load() }
        #expect(throws: LTError.self) { try buffer.withBytes { _ in } }
        #expect(source.calls == 2)
    }

    @Test func threadsAskAtTheSameTime() async throws {
        let source = Source()
        let buffer = try source.buffer(300_000)
        let good = await withTaskGroup(of: Bool.self) { group in
            for index in 0..<16 {
                group.addTask {
                    index % 4 == 0 ? Self.isRight(buffer.bytes) : (try? buffer.withBytes { Self.isRight($0) }) == true
                }
            }
            return await group.reduce(into: true) { $0 = $0 && $1 }
        }
        #expect(good && !buffer.isDeferred && source.calls <= 13)
    }

    @Test func absurdSizes() {
        #expect(throws: LTError.self) { try Source().buffer(-1) }
        #expect(throws: LTError.self) { try Source().buffer(Int.max / 8) }
    }

    @Test func tensorsHandOutTheirPart() throws {
        let buffer = try Source().buffer(4096)
        let tensor = Tensor(.uint8, try Shape([10]), buffer: buffer, byteOffset: 100)
        #expect(try tensor.withBytes { Array($0) } == (101...110).map { UInt8($0) })
        #expect(buffer.isDeferred)
    }
}
