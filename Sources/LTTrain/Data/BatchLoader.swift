// BatchLoader: makes batches on a thread of its own, a few ahead of the step. Batch i is a function of recipe, seed and i
// alone: a resumed run draws past what was consumed. Decoded images stay in memory as long as they fit.

import Foundation
import LTCore
import LTData
import LTImage

/// Images [N, 3, size, size] after preprocessing, and targets [N, C] of 0 and 1.
struct Batch: Sendable {
    var images: Tensor
    var targets: Tensor
}

/// Decoded images of a set, kept while they fit into a limit.
final class ImageCache: @unchecked Sendable {
    private let samples: [Sample]
    private let options: DecodeOptions
    private let limit: Int
    private let lock = NSLock()
    private var kept: [Image?]
    private var used = 0

    init(_ samples: [Sample], options: DecodeOptions, limit: Int) {
        self.samples = samples
        self.options = options
        self.limit = limit
        kept = [Image?](repeating: nil, count: samples.count)
    }

    /// The decoded image.
    /// - Throws: `io` or `malformed`, naming the file.
    func image(_ index: Int) throws(LTError) -> Image {
        if let image = lock.withLock({ kept[index] }) { return image }
        let image = try samples[index].image(options)
        lock.withLock {
            if kept[index] == nil, used + image.pixels.byteCount <= limit {
                kept[index] = image
                used += image.pixels.byteCount
            }
        }
        return image
    }
}

/// Makes batches ahead of the step.
final class BatchLoader: @unchecked Sendable {
    struct Options {
        var batch: Int
        var classes: Int
        /// The first batch to give: those before were consumed by an earlier run.
        var first: Int
        /// The batch after the last.
        var end: Int
        var seed: UInt64
        var preprocess: Preprocess
        var augmentation: Augmentation
        /// Side of the input in pixels.
        var size: Int
    }

    private let options: Options
    private let cache: ImageCache
    private let targets: [[Int]]
    private let condition = NSCondition()
    private var ready: [Result<Batch, LTError>] = []
    private var stopped = false
    private static let ahead = 4

    /// - Parameter sampler: at its start; the loader draws past the batches before `options.first`.
    init(_ set: TrainingSet, cache: ImageCache, sampler: any Sampler, options: Options) {
        self.options = options
        self.cache = cache
        targets = set.targets
        let thread = Thread { [self] in produce(sampler) }
        thread.stackSize = 8 << 20
        thread.start()
    }

    /// The next batch.
    /// - Throws: what decoding or preprocessing threw.
    func next() throws(LTError) -> Batch {
        condition.lock()
        while ready.isEmpty { condition.wait() }
        let result = ready.removeFirst()
        condition.signal()
        condition.unlock()
        return try result.get()
    }

    /// Ends the thread after the batch at hand.
    func stop() {
        condition.withLock {
            stopped = true
            condition.broadcast()
        }
    }

    private func produce(_ start: any Sampler) {
        var sampler = start
        for _ in 0..<options.first * options.batch { _ = sampler.next() }
        for index in options.first..<max(options.first, options.end) {
            let chosen = (0..<options.batch).map { _ in sampler.next() }
            var result: Result<Batch, LTError>
            do { result = .success(try batch(index, chosen)) } catch { result = .failure(error) }
            condition.lock()
            while ready.count >= Self.ahead, !stopped { condition.wait() }
            ready.append(result)
            let ends = stopped
            condition.signal()
            condition.unlock()
            if ends { return }
            if case .failure = result { return }
        }
    }

    private func batch(_ index: Int, _ chosen: [Int]) throws(LTError) -> Batch {
        let size = options.size
        let images = try Tensor(.float32, try Shape([chosen.count, 3, size, size]))
        let targets = try Tensor(.float32, try Shape([chosen.count, options.classes]))
        var normalize = options.preprocess
        normalize.resize = nil
        let kernel = options.preprocess.resize?.kernel ?? .pilBilinear
        let pixels = images.elements(Float.self)
        let labels = targets.elements(Float.self)
        labels.update(repeating: 0)
        let stride = 3 * size * size
        for (position, image) in chosen.enumerated() {
            var generator = SeededGenerator(seed: options.seed, index: UInt64(index * options.batch + position))
            let augmented = try options.augmentation.apply(
                try cache.image(image), size: size, kernel: kernel, generator: &generator)
            try normalize.apply(
                augmented,
                into: UnsafeMutableBufferPointer(rebasing: pixels[position * stride..<(position + 1) * stride])
            )
            for label in self.targets[image] { labels[position * options.classes + label] = 1 }
        }
        return Batch(images: images, targets: targets)
    }
}
