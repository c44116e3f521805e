// Models and pixels that a host has in memory: the same decisions as from files.

import Foundation
import LTCore
import LTDecision
import LTGraph
import LTImage
import LTPredictor
import LTRuntime
import Testing

@Suite struct MemoryTests {
    @Test func aModelFromMemoryIsTheModelFromTheFile() throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "longtail-\(UUID()).onnx").path()
        defer { try? FileManager.default.removeItem(atPath: path) }
        try tinyModel().write(to: path)
        let file = try Predictor(path, device: "reference")
        var bytes = [UInt8](try #require(FileManager.default.contents(atPath: path)))
        let memory = try bytes.withUnsafeBytes { try Predictor(bytes: $0, device: "reference") }
        // The bytes are the host's again.
        for index in bytes.indices { bytes[index] = 0 }
        #expect(memory.model == "<memory>" && memory.digest == file.digest && memory.digest.count == 64)
        let images = [try png(9, 99, 200), try png(1, 2, 3)]
        let expected = try file.makeSession().decide(images).map { try $0.get() }
        #expect(try memory.makeSession().decide(images).map { try $0.get() } == expected)
    }

    @Test func whatIsNoModelSaysWhereItCameFrom() throws {
        let bytes = Array("no model".utf8)
        let error = bytes.withUnsafeBytes { bytes in
            #expect(throws: LTError.self) { try Predictor(bytes: bytes) }
        }
        #expect(error?.code == .malformed && error?.context.last == "model <memory>")
        #expect(throws: LTError.self) { try Predictor(bytes: UnsafeRawBufferPointer(start: nil, count: 0)) }
        #expect(throws: LTError.self) {
            try Predictor(bytes: UnsafeRawBufferPointer(start: nil, count: 0), device: "x")
        }
    }

    @Test func aPlanIsShared() throws {
        let graph = try tinyModel()
        let plan = try Plan(graph, on: CPUBackend(), options: PlanOptions(threads: 1))
        let predictor = try Predictor(graph, path: "tiny.onnx", digest: "d", plan: plan)
        #expect(predictor.plan === plan)
        let image = try png(9, 99, 200)
        #expect(
            try predictor.makeSession().decide([image])[0].get()
                == makePredictor(graph, on: CPUBackend()).makeSession().decide([image])[0].get())
        // A plan without decisions serves the same graph; a predictor of it is what cannot be made.
        let bare = try tinyModel(metadata: false)
        #expect(throws: LTError.self) { try Predictor(bare, path: "bare.onnx", digest: "d", plan: plan) }
        var other = graph
        other.outputs[0].name = "elsewhere"
        let error = #expect(throws: LTError.self) { try Predictor(other, path: "o.onnx", digest: "d", plan: plan) }
        #expect(error?.code == .invalidArgument && error?.context == ["model o.onnx"])
    }

    @Test(arguments: PixelView.Format.allCases) func pixelsArePreparedAsTheirFile(format: PixelView.Format) throws {
        let predictor = try makePredictor(try tinyModel(size: 16))
        let (width, height) = (37, 21)
        let picture = try Image(width: width, height: height, channels: format == .grey ? 1 : 3)
        for index in picture.bytes.indices {
            picture.bytes[index] = UInt8(truncatingIfNeeded: index &* 73 &+ index >> 5)
        }
        let step = format.bytesPerPixel
        let rowStride = width * step + 9
        var pixels = [UInt8](repeating: 0, count: rowStride * height)
        for y in 0..<height {
            for x in 0..<width {
                for channel in 0..<step {
                    let source = channel == 3 ? -1 : format == .bgr || format == .bgra ? 2 - channel : channel
                    let value = source < 0 ? 99 : picture.bytes[(y * width + x) * picture.channels + source]
                    pixels[y * rowStride + x * step + channel] = value
                }
            }
        }
        let file = try picture.encodedPNG()
        let expected = try file.withUnsafeBytes { bytes in try predictor.prepare(bytes) }
        let buffer = try Buffer(byteCount: expected.tensor.byteCount)
        let made = try pixels.withUnsafeBytes { bytes in
            try predictor.prepare(
                PixelView(bytes: bytes, width: width, height: height, rowStride: rowStride, format: format),
                reusing: buffer)
        }
        #expect(made.tensor.buffer === buffer && made.geometry == expected.geometry)
        #expect(made.tensor.shape == expected.tensor.shape)
        #expect(made.tensor.bytes.elementsEqual(expected.tensor.bytes))
    }

    @Test func clipsOfImages() throws {
        var builder = GraphBuilder(name: "clip", opset: 17)
        let x = builder.input("clip", .float32, ["N", 3, 4, 6, 6])
        builder.output(
            builder.node("ReduceMean", [x], attributes: ["axes": .ints([3, 4]), "keepdims": .int(0)]), as: "m",
            .float32, ["N", 3, 4])
        var graph = builder.graph
        let flat = Node("Flatten", inputs: ["m"], outputs: ["y"])
        graph.nodes.append(flat)
        graph.outputs = [ValueInfo("y", .float32, ["N", 12])]
        try DecisionLayer(
            task: .clip, preprocess: Preprocess(resize: .init(mode: .squash, size: .init(6))),
            clip: ClipSampling(frames: 4, sampling: .center),
            labels: (0..<12).map { .init(id: $0, name: "c\($0)") }, activation: .softmax
        ).write(into: &graph)
        let predictor = try makePredictor(graph)
        let files = try (0..<4).map { try png(UInt8(40 * $0), 100, 7) }
        let encoded = try predictor.prepare(frames: { (index) throws(LTError) in
            let buffer = try Buffer(byteCount: files[index].count)
            buffer.mutableBytes.copyBytes(from: files[index])
            return buffer
        })
        let decoded = try predictor.prepare(images: { (index) throws(LTError) in try Image.decode(files[index]) })
        #expect(decoded.tensor.bytes.elementsEqual(encoded.tensor.bytes) && decoded.tensor.dims == [3, 4, 6, 6])
        #expect(throws: LTError.self) { try predictor.prepare(try Image.decode(files[0])) }
        let one = try makePredictor(try tinyModel())
        #expect(throws: LTError.self) {
            try one.prepare(images: { (index) throws(LTError) in try Image.decode(files[index]) })
        }
    }
}
