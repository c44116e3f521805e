// External data: read where the model says, and only inside the model's folder.

import LTCore
import LTGraph
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

@Suite struct ExternalDataTests {
    @Test func elementsAreRead() throws {
        let graph = try Graph.read(path: fixture("external.onnx"))
        #expect(try graph.initializers["w"]?.array(of: Float.self) == [0, 1, 2, 3, 4, 5])
    }

    @Test(arguments: [
        ("absolute", LTError.Code.malformed, "not a path inside the model's folder"),
        ("parent", .malformed, "not a path inside the model's folder"),
        ("absent", .io, "No such file"), ("folder", .malformed, "outside the model's folder"),
        ("beyond", .malformed, "24 bytes from offset 16, the file has 32"),
        ("huge", .malformed, "24 bytes from offset 9223372036854775807"), ("negative", .malformed, "offset is '-8'"),
        ("short", .shapeMismatch, "length is 20 bytes, the tensor's shape needs 24"),
        ("nowhere", .malformed, "without a location"),
    ])
    func badPlaces(name: String, code: LTError.Code, text: String) {
        let path = fixture("external-\(name).onnx")
        let error = #expect(throws: LTError.self) { try Graph.read(path: path) }
        #expect(error?.code == code && error?.message.contains(text) == true, "\(String(describing: error))")
        #expect(error?.context.suffix(2) == ["initializer 'w'", "model \(path)"])
    }

    @Test func symbolicLinksMayNotLeave() throws {
        try withFolder { folder in
            put(try #require(contents(fixture("external-link.onnx"))), folder + "/m.onnx")
            // A link to a file of the same folder is fine, one to a file elsewhere is not.
            put(try #require(contents(fixture("external.bin"))), folder + "/real.bin")
            symlink("real.bin", folder + "/link.bin")
            _ = try Graph.read(path: folder + "/m.onnx")
            unlink(folder + "/link.bin")
            symlink(fixture("external.bin"), folder + "/link.bin")
            let error = #expect(throws: LTError.self) { try Graph.read(path: folder + "/m.onnx") }
            #expect(error?.message.contains("leads outside the model's folder") == true)
            // A pipe would wait for ever.
            unlink(folder + "/link.bin")
            mkfifo(folder + "/link.bin", 0o600)
            let pipe = #expect(throws: LTError.self) { try Graph.read(path: folder + "/m.onnx") }
            #expect(pipe?.message == "not a regular file")
        }
    }

    @Test func bytesNeedAFolder() throws {
        let bytes = try #require(contents(fixture("external.onnx")))
        let error = #expect(throws: LTError.self) { try Graph.read(bytes: bytes) }
        #expect(error?.message.contains("folder is not known") == true && error?.hint != nil)
        let raw = bytes.withUnsafeBytes { bytes in
            #expect(throws: LTError.self) { try Graph.read(bytes: bytes) }
        }
        #expect(raw == error)
        _ = try Graph.read(bytes: bytes, directory: fixture("."))
    }
}
