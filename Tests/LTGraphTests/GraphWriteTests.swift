// Writing: the file is complete and passes libonnx's checker, or the old one stays.

import LTCore
import LTGraph
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

@Suite struct GraphWriteTests {
    @Test func writesWhatItReads() throws {
        try withFolder { folder in
            let path = folder + "/m.onnx"
            var graph = try relu()
            graph.metadata["k"] = "v"
            try graph.write(to: path)
            #expect(contents(path) == (try graph.serialized()))
            #expect(try Graph.read(path: path).metadata == ["k": "v"])
            #expect(listing(folder) == ["m.onnx"])
        }
    }

    @Test func keepsModeAndLink() throws {
        try withFolder { folder in
            let path = folder + "/m.onnx"
            put([1], path)
            chmod(path, 0o640)
            symlink("m.onnx", folder + "/link.onnx")
            try relu().write(to: folder + "/link.onnx")
            var status = stat()
            #expect(lstat(folder + "/link.onnx", &status) == 0 && status.st_mode & S_IFMT == S_IFLNK)
            #expect(stat(path, &status) == 0 && status.st_mode & 0o777 == 0o640)
            _ = try Graph.read(path: path)
        }
    }

    @Test func theCheckerRefusesAndTheOldFileStays() throws {
        try withFolder { folder in
            let path = folder + "/m.onnx"
            put([7, 7], path)
            var graph = try relu()
            graph.nodes[0].opType = "NoSuchOperator"
            let error = #expect(throws: LTError.self) { try graph.write(to: path) }
            #expect(error?.code == .malformed && error?.message.contains("NoSuchOperator") == true)
            #expect(contents(path) == [7, 7])
            #expect(listing(folder) == ["m.onnx"])
            // Newer than libonnx 1.12: written without its checker.
            graph.irVersion = 10
            try graph.write(to: path)
        }
    }

    @Test func badPlaces() throws {
        let graph = try relu()
        try withFolder { folder in
            for path in [folder + "/none/m.onnx", folder, "/proc/m.onnx", "/dev/null", ""] {
                let error = #expect(throws: LTError.self) { try graph.write(to: path) }
                #expect(error?.code == .io && error?.context == ["model \(path)"])
            }
            for path in [folder + "/none.onnx", folder, "/dev/null", ""] {
                let error = #expect(throws: LTError.self) { try Graph.read(path: path) }
                #expect(error?.code == .io && error?.context == ["model \(path)"])
            }
        }
    }

    @Test func filesAreReplacedWhole() throws {
        try withFolder { folder in
            let path = folder + "/f"
            try replaceFile(path, with: [1, 2])
            #expect(contents(path) == [1, 2])
            try replaceFile(path, with: [])
            #expect(contents(path) == [])
            #expect(throws: LTError("cancelled", "stop")) {
                try replaceFile(path) { _ throws(LTError) in throw LTError("cancelled", "stop") }
            }
            #expect(listing(folder) == ["f"])
        }
    }

    @Test func builderNamesValues() throws {
        var builder = GraphBuilder(name: "g", opset: 17)
        let x = builder.input("x", .float32, ["N", 2])
        let w = builder.initializer("w", try Tensor([1, 2] as [Float]))
        let first = builder.node("Add", [x, w])
        let second = builder.node("Add", [first, w])
        #expect(first == "Add" && second == "Add_1")
        let parts = builder.nodes("Split", [second], outputs: 2, name: "split", attributes: ["axis": .int(1)])
        #expect(parts == ["split.0", "split.1"])
        builder.output(parts[0], as: "left", .float32, ["N", 1])
        builder.output(parts[1], .float32, ["N", 1])
        builder.output("left", as: "again", .float32, ["N", 1])
        builder.output(w, as: "weights", .float32, [2])
        builder.metadata("lt.task", "clip")
        try builder.graph.check()
        #expect(builder.graph.outputs.map(\.name) == ["left", "split.1", "again", "weights"])
        #expect(builder.graph.metadata == ["lt.task": "clip"])
    }
}
