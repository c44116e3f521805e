// Clips: which frames are taken, one augmentation for the whole clip, short and empty clips, frames of unequal size.

import Foundation
import LTCore
import LTData
import LTDecision
import LTImage
import LTTrain
import Testing

@Suite struct ClipLoaderTests {
    /// A folder of grey frames: frame i has the value i in every pixel, unless `same`.
    static func folder(_ count: Int, same: Bool = false, odd: Int? = nil) throws -> (path: String, frames: [String]) {
        let path = Fixtures.temporary()
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        var frames: [String] = []
        for index in 0..<count {
            let image = try Image(width: index == odd ? 20 : 24, height: 18, channels: 3)
            for at in image.bytes.indices {
                image.bytes[at] = same ? UInt8(truncatingIfNeeded: at &* 7) : UInt8(index)
            }
            frames.append("\(index).png")
            try Data(try image.encodedPNG()).write(to: URL(fileURLWithPath: "\(path)/\(index).png"))
        }
        return (path, frames)
    }

    static func set(_ folder: (path: String, frames: [String])) -> TrainingSet {
        TrainingSet(
            samples: [.clip(folder: folder.path, frames: folder.frames)], targets: [[0]],
            labels: [DecisionLayer.Label(id: 1, name: "cut")])
    }

    static func recipe(frames: Int, _ overrides: [String] = []) throws -> Recipe {
        try Recipe(
            yaml: testRecipe,
            overrides: ["input={size: 8, scale: 1, clip: {frames: \(frames)}}", "augment={}"] + overrides)
    }

    static func training(_ set: TrainingSet, _ recipe: Recipe, batches: Int) throws -> [Batch] {
        var options = BatchLoader.Options(batch: 1, end: batches, seed: 3)
        options.threads = 2
        let loader = BatchLoader(
            set, cache: ImageCache(set.samples, options: DecodeOptions(), limit: 1 << 20),
            sampler: try UniformSampler(count: 1, seed: 1), input: recipe.input, augmentation: recipe.augmentation,
            options: options)
        defer { loader.stop() }
        return try (0..<batches).map { _ in try loader.next() }
    }

    /// The values of the frames' first pixels.
    static func frames(_ batch: Batch, _ count: Int) -> [Int] {
        let values = batch.images.elements(Float.self)
        return (0..<count).map { Int(values[$0 * 64]) }
    }

    @Test func evaluationTakesTheMiddleOfEachSegment() throws {
        for count in [1, 3, 10, 11, 64] {
            let folder = try Self.folder(count)
            defer { try? FileManager.default.removeItem(atPath: folder.path) }
            let recipe = try Self.recipe(frames: 10)
            let loader = BatchLoader(evaluating: Self.set(folder), input: recipe.input, batch: 4, threads: 2)
            defer { loader.stop() }
            let batch = try loader.next()
            #expect(batch.images.dims == [1, 3, 10, 8, 8])
            #expect(Self.frames(batch, 10) == ClipSampling(frames: 10, sampling: .segments).positions(of: count))
        }
    }

    @Test func trainingTakesAnyFrameOfEachSegment() throws {
        for count in [1, 4, 7, 23] {
            let folder = try Self.folder(count)
            defer { try? FileManager.default.removeItem(atPath: folder.path) }
            var seen = [Set<Int>](repeating: [], count: 5)
            for batch in try Self.training(Self.set(folder), try Self.recipe(frames: 5), batches: 80) {
                for (segment, frame) in Self.frames(batch, 5).enumerated() { seen[segment].insert(frame) }
            }
            for segment in 0..<5 {
                let start = segment * count / 5
                #expect(seen[segment] == Set(start..<max(start + 1, (segment + 1) * count / 5)), "\(count) frames")
            }
        }
    }

    @Test func aWindowIsDrawnAnywhere() {
        let sampling = ClipSampling(frames: 4, sampling: .center, stride: 3)
        var generator = SeededGenerator(seed: 1)
        var starts: Set<Int> = []
        for _ in 0..<300 {
            let frames = sampling.draw(of: 15, &generator)
            #expect(zip(frames, frames.dropFirst()).allSatisfy { $1 - $0 == 3 })
            starts.insert(frames[0])
        }
        #expect(starts == Set(0...5))
        #expect(sampling.draw(of: 5, &generator) == [0, 3, 4, 4] && sampling.draw(of: 1, &generator) == [0, 0, 0, 0])
    }

    @Test func aClipSharesItsAugmentation() throws {
        let folder = try Self.folder(9, same: true)
        defer { try? FileManager.default.removeItem(atPath: folder.path) }
        let recipe = try Self.recipe(
            frames: 3,
            [
                "augment={photometric: {}, random_crop: {size: 12}, rotate: 10, pad_crop: {padding: 1}, "
                    + "jitter: {brightness: 0.5}, flip: 0.5}"
            ])
        var different: Set<[Float]> = []
        for batch in try Self.training(Self.set(folder), recipe, batches: 6) {
            let values = batch.images.elements(Float.self)
            for channel in 0..<3 {
                let planes = (0..<3).map { Array(values[(channel * 3 + $0) * 64..<(channel * 3 + $0 + 1) * 64]) }
                #expect(planes[0] == planes[1] && planes[1] == planes[2])
                different.insert(planes[0])
            }
        }
        #expect(different.count > 12)
    }

    @Test func layoutsHoldTheSameFrames() throws {
        let folder = try Self.folder(6)
        defer { try? FileManager.default.removeItem(atPath: folder.path) }
        let recipe = try Self.recipe(frames: 2, ["input={size: 8, scale: 1, clip: {frames: 2, layout: tchw}}"])
        let batch = try Self.training(Self.set(folder), recipe, batches: 1)[0]
        #expect(batch.images.dims == [1, 2, 3, 8, 8])
        let planes = Self.frames(batch, 6)
        #expect(planes[0] == planes[1] && planes[1] == planes[2] && planes[3] == planes[5] && planes[0] < planes[3])
    }

    @Test func framesMayLieInAnArchive() throws {
        let recipe = try Self.recipe(frames: 2)
        let archive = try PixelArchive(
            width: 8, height: 8, pixels: (0..<5).flatMap { [UInt8](repeating: UInt8(10 * $0), count: 192) })
        var set = Self.set((path: "", frames: []))
        set.samples = [.archived(archive, 1..<5, name: "four")]
        #expect(Self.frames(try Self.training(set, recipe, batches: 1)[0], 6).allSatisfy { 10...40 ~= $0 })
        let loader = BatchLoader(evaluating: set, input: recipe.input, batch: 1, threads: 1)
        defer { loader.stop() }
        #expect(Self.frames(try loader.next(), 6) == [20, 40, 20, 40, 20, 40])
        let noise = try TrainingSet.noise(classes: 3, recipe.input)
        #expect(noise.samples.count == 64 && noise.samples.allSatisfy { $0.isClip && $0.frameCount == 2 })
    }

    @Test func badClipsAreNamed() throws {
        let folder = try Self.folder(4, odd: 2)
        defer { try? FileManager.default.removeItem(atPath: folder.path) }
        func failure(_ set: TrainingSet, _ recipe: Recipe) -> String {
            do {
                _ = try Self.training(set, recipe, batches: 1)
                return ""
            } catch { return "\(error)" }
        }
        let recipe = try Self.recipe(frames: 4)
        #expect(failure(Self.set((folder.path, [])), recipe).contains("clip \(folder.path) has no frames"))
        #expect(failure(Self.set(folder), recipe).contains("frame 2.png has 20×18 pixels, the clip's first 24×18"))
        #expect(failure(Self.set((folder.path, ["9.png"])), recipe).contains("\(folder.path)/9.png"))
        #expect(failure(Self.set(folder), try Recipe(yaml: testRecipe)).contains("is a clip, the network takes images"))
        var images = Self.set(folder)
        images.samples = [Fixtures.trainingSet.samples[0]]
        #expect(failure(images, recipe).contains("00.png is an image, the network takes clips"))
    }
}
