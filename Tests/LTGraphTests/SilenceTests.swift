// Nothing that reads, checks or writes a model says a word on stdout or stderr: these belong to the host. Each test runs
// in a process of its own, whose streams are read.

import LTCore
import LTGraph
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

@Suite struct SilenceTests {
    @Test func damagedModelsAreSilent() async throws {
        let result = await #expect(
            processExitsWith: .success, observing: [\.standardOutputContent, \.standardErrorContent]
        ) {
            var random = SeededGenerator(seed: 31)
            var (read, refused) = (0, 0)
            for name in ["functions.onnx", "everything.onnx", "typed.onnx", "external.onnx", "legacy.onnx"] {
                let original = try #require(contents(fixture(name)))
                for round in 0..<300 {
                    var bytes = damaged(original, &random)
                    // Names and texts that are not UTF-8, which protobuf is known to talk about.
                    if round % 3 == 0, !bytes.isEmpty {
                        for _ in 0..<4 { bytes[random.below(bytes.count)] = 0xFF }
                    }
                    guard let graph = try? Graph.read(bytes: bytes, directory: fixture(".")) else {
                        refused += 1
                        continue
                    }
                    read += 1
                    _ = try? graph.serialized()
                    try? graph.check()
                }
            }
            #expect(read > 20 && refused > 100)
            for name in ["sequence.pb", "optional.pb"] {
                let original = try #require(contents(fixture(name)))
                for _ in 0..<100 {
                    _ = try? ONNXValue.read(protobuf: damaged(original, &random), as: .sequence(nil))
                }
            }
            try withFolder { folder in
                for (name, bytes) in [
                    ("empty", []), ("text", Array("hello".utf8)), ("nested", [UInt8](repeating: 0x3A, count: 5000)),
                ] {
                    put(bytes, folder + "/" + name)
                    _ = try? Graph.read(path: folder + "/" + name)
                }
                #expect(throws: LTError.self) { try Graph.read(path: folder) }
                #expect(throws: LTError.self) { try Graph.read(path: folder + "/absent") }
            }
        }
        #expect(String(decoding: try #require(result).standardOutputContent, as: UTF8.self) == "")
        #expect(String(decoding: try #require(result).standardErrorContent, as: UTF8.self) == "")
    }

    /// The test above can fail: what is said is seen.
    @Test func whatIsSaidIsSeen() async throws {
        let result = await #expect(
            processExitsWith: .success, observing: [\.standardOutputContent, \.standardErrorContent]
        ) {
            let word: StaticString = "word"
            write(1, word.utf8Start, word.utf8CodeUnitCount)
            write(2, word.utf8Start, word.utf8CodeUnitCount)
        }
        #expect(String(decoding: try #require(result).standardOutputContent, as: UTF8.self).contains("word"))
        #expect(String(decoding: try #require(result).standardErrorContent, as: UTF8.self).contains("word"))
    }
}
