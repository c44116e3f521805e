// Clips: folders of frames through a model of rank 5: which frames are taken, in which order and layout, resume, errors.

import Foundation
import LTCore
import LTDecision
import LTGraph
import LTImage
import LTPipeline
import LTPredictions
import LTPredictor
import Testing

@Suite struct ClipTests {
    /// The mean of every frame's channels is the output: [N, 3 · 4] of a clip of 4 frames.
    private func model(_ folder: TemporaryFolder, _ clip: ClipSampling?, layout: ClipSampling.Layout = .cthw) throws
        -> String
    {
        var builder = GraphBuilder(name: "clip", opset: 17)
        let dims: [LTGraph.Dimension] = layout == .cthw ? ["N", 3, 4, 8, 8] : ["N", 4, 3, 8, 8]
        let x = builder.input("clip", .float32, dims)
        let means = builder.node("ReduceMean", [x], attributes: ["axes": .ints([3, 4]), "keepdims": .int(0)])
        builder.output(builder.node("Flatten", [means]), as: "scores", .float32, ["N", 12])
        var graph = builder.graph
        try DecisionLayer(
            task: .clip,
            preprocess: Preprocess(
                resize: .init(mode: .squash, size: .init(8)), scale: 1, mean: [0, 0, 0], std: [1, 1, 1]),
            clip: clip, labels: (0..<12).map { .init(id: $0, name: "c\($0)") }, activation: .softmax
        ).write(into: &graph)
        let path = folder.file("clip.onnx")
        try graph.write(to: path)
        return path
    }

    /// Frames frame_1.png … without leading zeros; frame n is of the one colour (n, 2n, 3n).
    private func video(_ folder: TemporaryFolder, _ name: String, frames: Int) throws {
        for number in 1...frames {
            let image = try Image(width: 10, height: 6, channels: 3)
            for index in image.bytes.indices { image.bytes[index] = UInt8(number * (index % 3 + 1)) }
            try folder.write(try image.encodedPNG(), "\(name)/frame_\(number).png")
        }
    }

    private func scores(_ path: String) throws -> [[Float]] {
        try rows(path).map { row in
            guard case .scores(let scores) = row.outcome else { return [] }
            return Array(scores)
        }
    }

    private func expected(_ frames: [Int], _ layout: ClipSampling.Layout = .cthw) -> [Float] {
        layout == .cthw
            ? (1...3).flatMap { channel in frames.map { Float($0 * channel) } }
            : frames.flatMap { frame in (1...3).map { Float(frame * $0) } }
    }

    @Test func framesAreSampled() {
        let center = ClipSampling(frames: 4, sampling: .center, stride: 2)
        #expect(center.positions(of: 20) == [6, 8, 10, 12])
        #expect(center.positions(of: 7) == [0, 2, 4, 6])
        #expect(center.positions(of: 3) == [0, 2, 2, 2])
        #expect(center.positions(of: 1) == [0, 0, 0, 0])
        let segments = ClipSampling(frames: 4, sampling: .segments)
        #expect(segments.positions(of: 20) == [2, 7, 12, 17])
        #expect(segments.positions(of: 4) == [0, 1, 2, 3])
        #expect(segments.positions(of: 2) == [0, 0, 1, 1])
    }

    @Test func foldersOfFramesAreItems() throws {
        let folder = try TemporaryFolder()
        let model = try model(folder, ClipSampling(frames: 4, sampling: .center, stride: 2))
        try video(folder, "videos/b", frames: 20)
        try video(folder, "videos/a/deep", frames: 3)
        try folder.write(Array("notes".utf8), "videos/a/notes.txt")
        let summary = try run(model, [folder.file("videos")], out: folder.file("1.db"), batch: 2)
        #expect(summary.total == 2 && summary.computed == 2)
        #expect(try rows(folder.file("1.db")).map(\.path) == [folder.file("videos/a/deep"), folder.file("videos/b")])
        // Names count by number: frame_10 comes after frame_9.
        #expect(try scores(folder.file("1.db")) == [expected([1, 3, 3, 3]), expected([7, 9, 11, 13])])
        let again = try run(model, [folder.file("videos")], out: folder.file("1.db"), batch: 2)
        #expect(again.reused == 2 && again.computed == 0)
        let tensor = try InputTensor.make(model: model, image: folder.file("videos/b"), settings: ModelSettings())
        #expect(tensor.dims == [1, 3, 4, 8, 8])
    }

    @Test func framesMayComeFirst() throws {
        let folder = try TemporaryFolder()
        let model = try model(folder, ClipSampling(frames: 4, sampling: .segments, layout: .tchw), layout: .tchw)
        try video(folder, "videos/v", frames: 20)
        _ = try run(model, [folder.file("videos")], out: folder.file("1.db"))
        #expect(try scores(folder.file("1.db")) == [expected([3, 8, 13, 18], .tchw)])
    }

    @Test func damagedFramesAreRowsWithTheirErrors() throws {
        let folder = try TemporaryFolder()
        let model = try model(folder, ClipSampling(frames: 4, sampling: .segments))
        try video(folder, "videos/good", frames: 4)
        try video(folder, "videos/torn", frames: 4)
        try folder.write([0x89, 0x50], "videos/torn/frame_2.png")
        let summary = try run(model, [folder.file("videos")], out: folder.file("1.db"))
        #expect(summary.computed == 1 && summary.failed == 1)
        #expect(try #require(summary.firstFailure).contains("torn"))
    }

    @Test func whatNobodySaysNamesTheFlag() throws {
        let folder = try TemporaryFolder()
        let model = try model(folder, nil)
        try video(folder, "videos/v", frames: 5)
        var settings = ModelSettings()
        func hint() -> String? {
            do throws(LTError) {
                _ = try Predictor(model, settings: settings)
                return nil
            } catch { return error.hint }
        }
        #expect(hint() == "give --clip-sampling")
        settings.clip.sampling = .center
        #expect(hint() == "give --clip-stride")
        settings.clip.stride = 1
        #expect(hint() == nil)
        settings.clip.frames = 8
        #expect(try #require(hint()).contains("--clip-layout"))
    }
}
