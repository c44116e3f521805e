// Reads and rewrites every model and tensor of ONNX's own test data (Debian's libonnx-testdata).

import LTCore
import LTGraph
import Testing

private let root = "/usr/share/libonnx-testdata/data"

/// The files below a folder whose names end in `suffix`, sorted.
func files(below folder: String, suffix: String) -> [String] {
    var found: [String] = []
    for name in listing(folder) {
        let path = folder + "/" + name
        if name.hasSuffix(suffix) { found.append(path) } else { found += files(below: path, suffix: suffix) }
    }
    return found
}

@Suite struct ONNXTestDataTests {
    @Test func modelsSurviveRewriting() throws {
        let paths = files(below: root, suffix: ".onnx")
        #expect(paths.count > 1000)
        var refused: [String] = []
        for path in paths {
            do {
                let graph = try Graph.read(path: path)
                let first = try graph.serialized()
                #expect(try Graph.read(bytes: first).serialized() == first, "\(path)")
                try graph.check()
            } catch { refused.append("\(error)") }
        }
        #expect(refused == [])
    }

    @Test func tensorsSurviveRewriting() throws {
        let paths = files(below: root, suffix: ".pb")
        #expect(paths.count > 2000)
        for path in paths {
            let bytes = try #require(contents(path))
            guard let (name, tensor) = try? Tensor.read(protobuf: bytes) else {
                // Sequences and optionals are other messages.
                continue
            }
            let (again, copy) = try Tensor.read(protobuf: try tensor.protobuf(name: name))
            #expect(again == name && copy.type == tensor.type && copy.shape == tensor.shape, "\(path)")
            #expect(copy.bytes.elementsEqual(tensor.bytes) && copy.strings == tensor.strings, "\(path)")
        }
    }
}
