// BatchLoader: batches of images and class targets of one size, ahead of the step (Prefetcher). What is in batch i is a function of
// recipe, seed and i alone, whatever the number of threads and processes: a resumed run draws past what was consumed.

import Foundation
import LTCore
import LTData
import LTImage

/// Samples as the network takes them.
public struct Batch: Sendable {
    /// Positions in the set.
    public var samples: [Int]
    /// [N, 3, size, size], of clips [N, 3, frames, size, size] or [N, frames, 3, size, size].
    public var images: Tensor
    /// [N, C], 0 and 1.
    public var targets: Tensor
}

/// Makes batches ahead of the step; one consumer.
public final class BatchLoader: Sendable {
    /// What training batches are.
    public struct Options: Sendable {
        /// Samples of this process's part of the batch.
        public var batch: Int
        /// The first batch to give: those before were consumed by an earlier run.
        public var first = 0
        /// The batch after the last.
        public var end: Int
        public var seed: UInt64
        public var threads = 1
        /// This process among `processes`: of the batch · processes draws of an iteration it makes the rank-th part.
        public var rank = 0
        public var processes = 1
        public init(batch: Int, end: Int, seed: UInt64) {
            self.batch = batch
            self.end = end
            self.seed = seed
        }
    }

    private let prefetcher: Prefetcher<Batch>

    /// Training batches: drawn by `sampler`, augmented.
    /// - Parameter sampler: at its start; the loader draws past the batches before `options.first`.
    public convenience init(
        _ set: TrainingSet, cache: ImageCache, sampler: any Sampler, input: InputOptions, augmentation: Augmentation,
        options: Options
    ) {
        let (batch, rank, processes) = (options.batch, options.rank, options.processes)
        let drawing = Drawing(sampler, past: options.first * batch * processes)
        self.init(
            set, cache: cache, maker: SampleInput(input, augmentation: augmentation), batch: batch, seed: options.seed,
            threads: options.threads, range: options.first..<max(options.first, options.end),
            firstDraw: { ($0 * processes + rank) * batch },
            choose: { _ in
                let drawn = drawing.next(batch * processes)
                return Array(drawn[rank * batch..<(rank + 1) * batch])
            })
    }

    /// Evaluation batches: every sample once, in order, preprocessed as the exported file says.
    /// - Parameter batch: samples per batch; the last may have fewer.
    public convenience init(evaluating set: TrainingSet, input: InputOptions, batch: Int, threads: Int) {
        let count = set.samples.count
        self.init(
            set, cache: ImageCache(set.samples, options: input.preprocess.decodeOptions, limit: 0),
            maker: SampleInput(input, augmentation: nil), batch: batch, seed: 0, threads: threads,
            range: 0..<(count + batch - 1) / batch, firstDraw: { $0 * batch },
            choose: { Array($0 * batch..<min(count, ($0 + 1) * batch)) })
    }

    private init(
        _ set: TrainingSet, cache: ImageCache, maker: SampleInput, batch: Int, seed: UInt64, threads: Int,
        range: Range<Int>, firstDraw: @escaping @Sendable (Int) -> Int, choose: @escaping @Sendable (Int) -> [Int]
    ) {
        let (classes, count) = (set.labels.count, maker.count)
        let making = Prefetcher<Batch>.Maker(
            choose: choose,
            begin: { (samples) throws(LTError) in
                let images = try Tensor(.float32, try Shape([samples.count] + maker.input.sampleDims))
                let targets = try Tensor(.float32, try Shape([samples.count, classes]))
                targets.elements(Float.self).update(repeating: 0)
                return Batch(samples: samples, images: images, targets: targets)
            },
            fill: { (batch, index, position, sample) throws(LTError) in
                let (pixels, targets) = (batch.images.elements(Float.self), batch.targets.elements(Float.self))
                let generator = SeededGenerator(seed: seed, index: UInt64(firstDraw(index) + position))
                try maker.write(
                    set.samples[sample], generator: generator,
                    into: UnsafeMutableBufferPointer(rebasing: pixels[position * count..<(position + 1) * count])
                ) { (frame) throws(LTError) in try cache.image(sample, frame: frame) }
                for label in set.targets[sample] { targets[position * classes + label] = 1 }
            })
        // Large batches take much memory: one in the making beside the one in use is enough for them.
        prefetcher = Prefetcher(
            making, range: range, threads: threads, ahead: min(4, Self.memory / max(1, batch * count * 4)),
            chunk: min(16, batch / (4 * max(1, threads))))
    }

    /// Bytes of batches ahead of the step.
    private static let memory = 512 << 20

    /// A batch size for evaluation: 64 samples, fewer of large ones.
    public static func evaluationBatch(_ input: InputOptions) -> Int {
        max(1, min(64, (64 << 20) / max(1, input.sampleDims.reduce(4, *))))
    }

    /// The next batch; as many as were asked for can be had.
    /// - Throws: what decoding or preprocessing threw, with the file's name; then again that.
    public func next() throws(LTError) -> Batch { try prefetcher.next() }

    /// Seconds that `next` waited, without the first batch, which nothing can be ahead of.
    public var waited: Double { prefetcher.waited }
    /// Seconds until the first batch was there.
    public var waitedForFirst: Double { prefetcher.waitedForFirst }

    /// Ends the threads after the samples at hand.
    public func stop() { prefetcher.stop() }
}
