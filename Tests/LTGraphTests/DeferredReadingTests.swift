// Initializers that stay in the file until they are needed: the same graph, and files that change meanwhile.

import LTCore
import LTGraph
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

@Suite struct DeferredReadingTests {
    /// Three initializers of 800,000 and one of 4,800 bytes that are left in the file, and a small one that is not.
    private static func model() throws -> Graph {
        var graph = Graph()
        graph.irVersion = 8
        graph.opsets = ["": 17]
        graph.name = "weights"
        func tensor(_ type: ElementType, _ count: Int) throws -> Tensor {
            let tensor = try Tensor(type, try Shape([count]))
            let bytes = UnsafeMutableRawBufferPointer(start: tensor.rawPointer, count: tensor.byteCount)
            for index in bytes.indices { bytes[index] = type == .bool ? 1 : 0xAB }
            return tensor
        }
        graph.initializers["floats"] = try tensor(.float32, 200_000)
        graph.initializers["small"] = try tensor(.float32, 3)
        graph.initializers["wide"] = try tensor(.int64, 100_000)
        graph.initializers["flags"] = try tensor(.bool, 800_000)
        graph.initializers["medium"] = try tensor(.float32, 1200)
        graph.nodes = [Node("Add", inputs: ["x", "small"], outputs: ["y"])]
        graph.inputs = [ValueInfo("x", .tensor(.float32, [.fixed(3)]))]
        graph.outputs = [ValueInfo("y", .tensor(.float32, [.fixed(3)]))]
        graph.metadata["key"] = "value"
        return graph
    }

    @Test func theSameGraph() throws {
        let graph = try Self.model()
        let bytes = try graph.serialized()
        try withFolder { folder in
            put(bytes, folder + "/m.onnx")
            #expect(try Graph.read(path: folder + "/m.onnx").serialized() == bytes)
            let deferred = try Graph.read(path: folder + "/m.onnx", deferring: true)
            let waiting = deferred.initializers.filter { $0.value.buffer.isDeferred }.map(\.key)
            #expect(waiting == ["floats", "wide"])
            #expect(try deferred.initializers["floats"]?.withBytes { $0.allSatisfy { $0 == 0xAB } } == true)
            #expect(deferred.initializers["floats"]?.buffer.isDeferred == true)
            #expect(try deferred.serialized() == bytes)
            #expect(deferred.initializers["floats"]?.buffer.isDeferred == false)
        }
    }

    @Test func fixturesComeBack() throws {
        for name in ["functions", "everything", "typed", "external", "legacy"] {
            let path = fixture(name + ".onnx")
            #expect(
                try Graph.read(path: path, deferring: true).serialized() == contents(fixture(name + ".expected.onnx")))
        }
    }

    @Test func filesThatChange() throws {
        let bytes = try Self.model().serialized()
        try withFolder { folder in
            let path = folder + "/m.onnx"
            put(bytes, path)
            let replaced = try Graph.read(path: path, deferring: true)
            // Another file takes its place: the one that was opened is still there.
            put([1, 2, 3], folder + "/other")
            #expect(rename(folder + "/other", path) == 0)
            #expect(try replaced.initializers["floats"]?.withBytes { $0.allSatisfy { $0 == 0xAB } } == true)

            for change in [bytes + [0], Array(bytes.prefix(1000))] {
                put(bytes, path)
                let written = try Graph.read(path: path, deferring: true)
                put(change, path)
                let floats = try #require(written.initializers["floats"])
                #expect(throws: LTError.self) { try floats.withBytes { _ in } }
                let error = #expect(throws: LTError.self) { try floats.buffer.load() }
                #expect(error?.code == .io)
                #expect(floats.elements(Float.self).allSatisfy { $0 == 0 })
            }
        }
    }

    /// Damage in what surrounds the elements: the file and its bytes in memory are refused alike, or are the same graph.
    @Test func damagedFiles() throws {
        let original = try Self.model().serialized()
        // Positions beside the elements: there bytes differ from their neighbours.
        let places = original.indices.filter { index in
            let near = original[max(0, index - 8)...min(original.count - 1, index + 8)]
            return near.contains { $0 != near.first }
        }
        #expect(places.count < 1000)
        var random = SeededGenerator(seed: 5)
        var read = 0
        try withFolder { folder in
            let path = folder + "/m.onnx"
            for round in 0..<400 {
                var bytes = original
                for _ in 0...random.below(2) {
                    let place = min(places[random.below(places.count)], bytes.count - 1)
                    switch random.below(5) {
                    case 0: bytes[place] ^= 1 << random.below(8)
                    case 1: bytes[place] = UInt8(random.below(256))
                    case 2: bytes.remove(at: place)
                    case 3: bytes.insert(UInt8(random.below(256)), at: place)
                    default: bytes = round % 4 == 0 ? Array(bytes[..<max(place, 1)]) : bytes
                    }
                }
                put(bytes, path)
                let whole = Result { try Graph.read(bytes: bytes).serialized() }
                let parts = Result { try Graph.read(path: path, deferring: round % 2 == 0).serialized() }
                switch (whole, parts) {
                case (.success(let a), .success(let b)):
                    read += 1
                    #expect(a == b)
                case (.failure, .failure): break
                case (.success, .failure(let error)): Issue.record("only bytes are read: \(error)")
                case (.failure(let error), .success): Issue.record("only the file is read: \(error)")
                }
            }
        }
        #expect(read > 20 && read < 380)
    }
}
