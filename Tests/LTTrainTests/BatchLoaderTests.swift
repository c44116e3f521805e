// Batches: the same whatever the number of threads and processes and wherever a run was taken up; evaluation in order;
// damaged files by name; the cache's limit.

import Foundation
import LTCore
import LTData
import LTDecision
import LTImage
import LTTrain
import Testing

@Suite struct BatchLoaderTests {
    static let augment =
        "augment={photometric: {}, crop: {}, rotate: 15, pad_crop: {padding: 2}, jitter: {brightness: 0.4, contrast: 0.4, "
        + "saturation: 0.4, hue: 0.1}, flip: 0.5}"

    /// Batches of the twelve images with every augmentation.
    static func loader(
        _ set: TrainingSet = Fixtures.trainingSet, cache: ImageCache? = nil, overrides: [String] = [augment],
        _ change: (inout BatchLoader.Options) -> Void = { _ in }
    ) throws -> BatchLoader {
        let recipe = try Recipe(yaml: testRecipe, overrides: overrides)
        var options = BatchLoader.Options(batch: 6, end: 8, seed: 7)
        change(&options)
        return BatchLoader(
            set,
            cache: cache
                ?? ImageCache(set.samples, options: recipe.input.preprocess.decodeOptions, limit: 1 << 20),
            sampler: try UniformSampler(count: set.samples.count, seed: 2), input: recipe.input,
            augmentation: recipe.augmentation, options: options)
    }

    struct Content: Equatable {
        var samples: [Int]
        var images: [Float]
        var targets: [Float]
        init(_ batch: Batch) throws {
            samples = batch.samples
            images = Array(batch.images.elements(Float.self))
            targets = Array(batch.targets.elements(Float.self))
        }
    }

    static func contents(_ loader: BatchLoader, _ count: Int) throws -> [Content] {
        defer { loader.stop() }
        var result: [Content] = []
        for _ in 0..<count { result.append(try Content(try loader.next())) }
        return result
    }

    @Test func threadsMakeNoDifference() throws {
        let one = try Self.contents(try Self.loader(), 8)
        #expect(Set(one.flatMap(\.images)).count > 100)
        for threads in [2, 5, 16] {
            #expect(try Self.contents(try Self.loader { $0.threads = threads }, 8) == one)
        }
        // The same image looks different each time it comes.
        let places = one.enumerated().flatMap { batch, content in
            content.samples.indices.filter { content.samples[$0] == 3 }.map {
                content.images[$0 * 768..<($0 + 1) * 768]
            }
        }
        #expect(places.count == 4 && Set(places).count == 4)
        #expect(one[0].targets.count == 18 && one[0].targets.reduce(0, +) >= 6)
    }

    @Test func aRunTakenUpGoesOnTheSame() throws {
        let whole = try Self.contents(try Self.loader { $0.threads = 3 }, 8)
        for first in [1, 5, 7] {
            let rest = try Self.loader {
                $0.first = first
                $0.threads = 2
            }
            #expect(try Self.contents(rest, 8 - first) == Array(whole[first...]))
        }
    }

    @Test func processesShareTheBatch() throws {
        let whole = try Self.contents(try Self.loader(), 8)
        for (processes, batch) in [(2, 3), (3, 2), (6, 1)] {
            let parts = try (0..<processes).map { rank in
                try Self.contents(
                    try Self.loader {
                        $0.batch = batch
                        $0.rank = rank
                        $0.processes = processes
                    }, 8)
            }
            for index in 0..<8 {
                #expect(parts.flatMap { $0[index].samples } == whole[index].samples)
                #expect(parts.flatMap { $0[index].images } == whole[index].images)
                #expect(parts.flatMap { $0[index].targets } == whole[index].targets)
            }
        }
    }

    @Test func evaluationGoesInOrderThroughThePreprocessing() throws {
        let set = Fixtures.trainingSet
        let input = try Recipe(yaml: testRecipe).input
        let loader = BatchLoader(evaluating: set, input: input, batch: 5, threads: 3)
        let batches = try Self.contents(loader, 3)
        #expect(batches.flatMap(\.samples) == Array(0..<12) && batches[2].samples.count == 2)
        let pixels = batches.flatMap(\.images)
        for (index, sample) in set.samples.enumerated() {
            let tensor = try Tensor(.float32, Shape([3, 16, 16]))
            try input.preprocess.apply(try sample.image(), into: tensor.elements())
            #expect(Array(tensor.elements(Float.self)) == Array(pixels[index * 768..<(index + 1) * 768]))
        }
        let error = #expect(throws: LTError.self) { try loader.next() }
        #expect(error?.message == "there is no further batch")
    }

    @Test func certainAugmentationsAreWhatTheySay() throws {
        let archive = try PixelArchive(
            width: 16, height: 16, pixels: (0..<3 * 768).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ $0 / 11) })
        var set = Fixtures.trainingSet
        set.samples = (0..<3).map { .archived(archive, $0..<$0 + 1, name: "noise \($0)") }
        set.targets = [[0], [1], [2]]
        let input = try Recipe(yaml: testRecipe).input
        func made(_ augment: String) throws -> Content {
            try Self.contents(
                try Self.loader(set, overrides: ["augment={\(augment)}"]) {
                    $0.batch = 3
                    $0.end = 1
                }, 1)[0]
        }
        func expected(_ order: [Int], _ change: (Image) throws -> Image) throws -> [Float] {
            try order.flatMap { index in
                let tensor = try Tensor(.float32, Shape([3, 16, 16]))
                try input.preprocess.apply(try change(try set.samples[index].image()), into: tensor.elements())
                return Array(tensor.elements(Float.self))
            }
        }
        let plain = try made("")
        #expect(try plain.images == expected(plain.samples) { $0 })
        let flipped = try made("flip: 1")
        #expect(try flipped.images == expected(flipped.samples) { try $0.flippedHorizontally() })
        let whole = try made("resized_crop: {scale: [1, 1], ratio: [1, 1]}, jitter: {}, rotate: 0")
        #expect(whole == plain)
        // A padded crop is the picture at one of the places, black around it.
        let padded = try made("pad_crop: {padding: 3}")
        for (position, index) in padded.samples.enumerated() {
            let found = Array(padded.images[position * 768..<(position + 1) * 768])
            var matches = 0
            for x in -3...3 {
                for y in -3...3 {
                    let moved = try expected([index]) {
                        try $0.placed(x: x, y: y, width: 16, height: 16, fill: [0, 0, 0])
                    }
                    matches += moved == found ? 1 : 0
                }
            }
            #expect(matches == 1)
        }
    }

    @Test func aDamagedImageEndsTheRunWithItsName() throws {
        var set = Fixtures.trainingSet
        set.samples[5] = .file(#filePath)
        set.samples[6] = .file("/nowhere/6.png")
        let order = try Self.contents(try Self.loader(), 2).flatMap(\.samples)
        let bad = order.firstIndex { $0 == 5 || $0 == 6 } ?? 0
        for threads in [1, 4] {
            let loader = try Self.loader(set) { $0.threads = threads }
            defer { loader.stop() }
            // Batches before it are given; of two, the first to be drawn is named, then again.
            for _ in 0..<bad / 6 { _ = try loader.next() }
            for _ in 0..<2 {
                let error = #expect(throws: LTError.self) { try loader.next() }
                #expect(error?.context == ["image \(set.samples[order[bad]].name)"])
            }
        }
    }

    @Test func theCacheKeepsItsLimit() throws {
        let set = Fixtures.trainingSet
        let sizes = try set.samples.map { try $0.image().pixels.byteCount }
        let limit = sizes.reduce(0, +) / 2
        let expected = try Self.contents(try Self.loader(), 8)
        for (limit, least) in [(0, 0), (limit, limit - (sizes.max() ?? 0)), (1 << 20, sizes.reduce(0, +))] {
            let cache = ImageCache(set.samples, options: DecodeOptions(), limit: limit)
            #expect(try Self.contents(try Self.loader(cache: cache) { $0.threads = 4 }, 8) == expected)
            #expect(cache.byteCount <= limit && cache.byteCount >= least)
        }
    }

    @Test func waitingIsMeasured() throws {
        let loader = try Self.loader()
        #expect(loader.waitedForFirst == 0)
        _ = try Self.contents(loader, 8)
        #expect(loader.waitedForFirst > 0 && loader.waited >= 0)
    }
}
