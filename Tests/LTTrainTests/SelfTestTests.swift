// The self-test of exported models of clips: the frames are those that the network sees, files as they are where they are
// small, and the file alone gives the outputs again.

import Foundation
import LTCore
import LTDecision
import LTGraph
import LTImage
import LTTrain
import Testing

@Suite struct SelfTestTests {
    /// Folders of frames of noise, so that a PNG is as large as its pixels.
    private static func folders(_ counts: [Int], width: Int, height: Int) throws -> [(path: String, frames: [String])] {
        var generator = SeededGenerator(seed: 5)
        return try counts.map { count in
            let path = Fixtures.temporary()
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
            for index in 0..<count {
                let image = try Image(width: width, height: height, channels: 3)
                for at in image.bytes.indices { image.bytes[at] = UInt8(truncatingIfNeeded: generator.next()) }
                try Data(try image.encodedPNG()).write(to: URL(fileURLWithPath: "\(path)/\(index).png"))
            }
            return (path, (0..<count).map { "\($0).png" })
        }
    }

    private static func exported(_ folders: [(path: String, frames: [String])], _ clip: String) throws -> Graph {
        let recipe = try Recipe(
            yaml: testRecipe,
            overrides: [
                "network={name: resnext3d, depth: 50, cardinality: 2, width: 4, frames: 3}", "augment={}",
                "input={size: 16, precrop: 30, color: bgr, scale: 1, clip: \(clip)}", "sampler={name: uniform}",
                "loss={name: softmax-ce}", "iterations=1", "batch=2",
            ])
        let set = TrainingSet(
            samples: folders.map { .clip(folder: $0.path, frames: $0.frames) },
            targets: folders.indices.map { [$0 % 2] },
            labels: ["cut", "take"].enumerated().map { DecisionLayer.Label(id: $0 + 1, name: $1) })
        let out = Fixtures.temporary()
        defer { try? FileManager.default.removeItem(atPath: out) }
        var options = Trainer.Options(out: out)
        options.silent = true
        let trainer = try Trainer(recipe, training: set, options: options)
        try trainer.run()
        return try Graph.read(path: trainer.modelPath)
    }

    /// The files of the self-test, after they gave the outputs again by the file's metadata and initializers alone.
    private static func verified(_ graph: Graph) throws -> [[UInt8]] {
        let layer = try DecisionLayer(reading: graph)
        let (selfTest, clip) = (try #require(layer.selfTest), try #require(layer.clip))
        let preprocess = try #require(layer.preprocess)
        guard case .images(let files) = selfTest.input else { return [] }
        let frames = try files.map { try $0.withUnsafeBytes { try preprocess.tensor($0).0.array(of: Float.self) } }
        let plane = 16 * 16
        let values = (0..<3).flatMap { channel in frames.flatMap { $0[channel * plane..<(channel + 1) * plane] } }
        let shape = [1, 3, clip.frames, 16, 16]
        let logits = try TorchExecutor(graph).run(try TorchTensor(try Tensor(values, shape)), mode: .inference)
        try selfTest.check(
            output: try #require(graph.outputs.first?.name), shape: logits.dims,
            values: try logits.array(of: Float.self))
        return files
    }

    @Test(arguments: ["{frames: 3, sampling: center, stride: 2}", "{frames: 3}"])
    func smallFramesAreStoredAsTheyAre(clip: String) throws {
        let folders = try Self.folders([9, 4], width: 20, height: 36)
        defer { for folder in folders { try? FileManager.default.removeItem(atPath: folder.path) } }
        let files = try Self.verified(try Self.exported(folders, clip))
        let contents = try folders.map { folder in
            try folder.frames.map { [UInt8](try Data(contentsOf: URL(fileURLWithPath: "\(folder.path)/\($0)"))) }
        }
        let (long, short) = clip.contains("center") ? ([2, 4, 6], [0, 2, 3]) : ([1, 4, 7], [0, 2, 3])
        #expect(files == long.map { contents[0][$0] } || files == short.map { contents[1][$0] })
    }

    @Test func largeFramesBecomeSmallerPictures() throws {
        let folders = try Self.folders([3, 3], width: 600, height: 300)
        defer { for folder in folders { try? FileManager.default.removeItem(atPath: folder.path) } }
        let files = try Self.verified(try Self.exported(folders, "{frames: 3}"))
        #expect(files.count == 3)
        for file in files {
            #expect(file.count < (1 << 20) / 3 + 4096)
            let image = try Image.decode(file)
            #expect(image.width < 600 && image.height > 200 && abs(image.width - 2 * image.height) <= 2)
        }
    }
}
