// Damaged files: whatever bytes come, reading returns a graph or an LTError, and what it returns can be written again.

import LTCore
import LTGraph
import Testing

@Suite struct MutationTests {
    private static let seeds = [
        "functions.onnx", "everything.onnx", "typed.onnx", "typed.expected.onnx", "external.onnx", "legacy.onnx",
    ]

    @Test(arguments: seeds) func damagedModels(name: String) throws {
        let original = try #require(contents(fixture(name)))
        var random = SeededGenerator(seed: 20, index: UInt64(original.count))
        var read = 0
        for _ in 0..<2500 {
            let bytes = damaged(original, &random)
            guard let graph = try? Graph.read(bytes: bytes, directory: fixture(".")) else { continue }
            read += 1
            let first = try graph.serialized()
            // A graph that was read is valid, so what it writes is too.
            #expect(try Graph.read(bytes: first).serialized() == first)
            try? graph.check()
        }
        #expect(read > 0)
    }

    @Test(arguments: ["sequence.pb", "optional.pb"]) func damagedValues(name: String) throws {
        let original = try #require(contents(fixture(name)))
        var random = SeededGenerator(seed: 21)
        for _ in 0..<500 {
            let bytes = damaged(original, &random)
            for type in [ValueType.sequence(nil), .optional(nil), .tensor(nil, nil)] {
                _ = try? ONNXValue.read(protobuf: bytes, as: type)
            }
        }
    }

    /// Two bytes of file are a node of several hundred bytes: refused before it is parsed.
    @Test func floodOfNodes() {
        let count = 3_000_000
        let nodes = [UInt8](unsafeUninitializedCapacity: 2 * count) { buffer, used in
            for index in 0..<count { (buffer[2 * index], buffer[2 * index + 1]) = (0x0A, 0) }
            used = 2 * count
        }
        // ir_version 8, graph of 6,000,000 bytes.
        let bytes: [UInt8] = [0x08, 8, 0x3A, 0x80, 0x9B, 0xEE, 0x02] + nodes
        let error = #expect(throws: LTError.self) { try Graph.read(bytes: bytes) }
        #expect(error?.code == .unsupported && error?.message.contains("1 GiB") == true)
    }
}

/// The file with a few bytes changed, lost or added.
func damaged(_ original: [UInt8], _ random: inout SeededGenerator) -> [UInt8] {
    var bytes = original
    for _ in 0...random.below(3) where !bytes.isEmpty {
        let place = random.below(bytes.count)
        switch random.below(7) {
        case 0: bytes[place] ^= 1 << random.below(8)
        case 1: bytes[place] = UInt8(random.below(256))
        case 2: bytes.removeSubrange(place..<min(bytes.count, place + 1 + random.below(8)))
        case 3: bytes = Array(bytes[..<place])
        case 4:
            // A huge length or number.
            bytes.replaceSubrange(place..<min(bytes.count, place + 1), with: [0xFF, 0xFF, 0xFF, 0xFF, 0x07])
        case 5:
            let from = random.below(bytes.count)
            bytes.insert(contentsOf: bytes[from..<min(bytes.count, from + random.below(40))], at: place)
        default:
            bytes[place] = [0, 1, 0x7F, 0x80, 0xFF][random.below(5)]
        }
    }
    return bytes
}
