// BatchLoader: makes batches on threads of its own, a few ahead of the step. What is in batch i is a function of recipe, seed
// and i alone, whatever the number of threads and processes: a resumed run draws past what was consumed.

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
public final class BatchLoader: @unchecked Sendable {
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

    /// A batch in the making.
    private final class Work {
        let index: Int
        let batch: Batch
        /// The first position that no thread has taken.
        var next = 0
        var done = 0
        var failure: (position: Int, error: LTError)?
        init(index: Int, batch: Batch) {
            self.index = index
            self.batch = batch
        }
    }

    private let set: TrainingSet
    private let cache: ImageCache
    private let maker: SampleInput
    private let seed: UInt64
    /// The samples of batch i; asked for in order, one at a time.
    private let choose: @Sendable (_ batch: Int) -> [Int]
    /// The number of the first draw of batch i in this process.
    private let firstDraw: @Sendable (_ batch: Int) -> Int
    /// Batches that are ready or being made, at most.
    private let ahead: Int
    private let chunk: Int

    // Guarded by `condition`.
    private let condition = NSCondition()
    private var works: [Work] = []
    private var nextIndex: Int
    private var end: Int
    private var stopped = false
    private var failed: LTError?
    private var waitedSeconds = 0.0
    private var firstWaitSeconds = 0.0
    private var given = 0

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
        self.set = set
        self.cache = cache
        self.maker = maker
        self.seed = seed
        self.firstDraw = firstDraw
        self.choose = choose
        nextIndex = range.lowerBound
        end = range.upperBound
        // Large batches take much memory: one in the making beside the one in use is enough for them.
        ahead = max(1, min(4, Self.memory / max(1, batch * maker.count * 4)))
        chunk = max(1, min(16, batch / (4 * max(1, threads))))
        for number in 0..<max(1, threads) {
            let thread = Thread { [self] in work() }
            thread.name = "loader \(number)"
            thread.stackSize = 8 << 20
            thread.start()
        }
    }

    /// Bytes of batches ahead of the step.
    private static let memory = 512 << 20

    /// A batch size for evaluation: 64 samples, fewer of large ones.
    public static func evaluationBatch(_ input: InputOptions) -> Int {
        max(1, min(64, (64 << 20) / max(1, input.sampleDims.reduce(4, *))))
    }

    /// The next batch; as many as were asked for can be had.
    /// - Throws: what decoding or preprocessing threw, with the file's name; then again that.
    public func next() throws(LTError) -> Batch {
        let result: Result<Batch, LTError> = condition.withLock {
            let start = ContinuousClock.now
            while true {
                if let failed { return .failure(failed) }
                if let work = works.first {
                    if work.done == work.batch.samples.count { return take(work, since: start) }
                } else if nextIndex >= end || stopped {
                    return .failure(LTError(.invalidArgument, "there is no further batch"))
                }
                condition.wait()
            }
        }
        return try result.get()
    }

    private func take(_ work: Work, since start: ContinuousClock.Instant) -> Result<Batch, LTError> {
        works.removeFirst()
        condition.broadcast()
        if let failure = work.failure {
            failed = failure.error
            return .failure(failure.error)
        }
        let duration = start.duration(to: .now).components
        let seconds = Double(duration.seconds) + Double(duration.attoseconds) * 1e-18
        if given == 0 { firstWaitSeconds = seconds } else { waitedSeconds += seconds }
        given += 1
        return .success(work.batch)
    }

    /// Seconds that `next` waited, without the first batch, which nothing can be ahead of.
    public var waited: Double { condition.withLock { waitedSeconds } }
    /// Seconds until the first batch was there.
    public var waitedForFirst: Double { condition.withLock { firstWaitSeconds } }

    /// Ends the threads after the samples at hand.
    public func stop() {
        condition.withLock {
            stopped = true
            condition.broadcast()
        }
    }

    private func work() {
        // The step's threads go first: loading takes the time that they leave (of one core, or while they wait for it).
        nice(10)
        condition.lock()
        defer { condition.unlock() }
        while !stopped {
            if let work = works.first(where: { $0.next < $0.batch.samples.count }) {
                let part = work.next..<min(work.next + chunk, work.batch.samples.count)
                work.next = part.upperBound
                condition.unlock()
                let failure = fill(work.batch, work.index, part)
                condition.lock()
                work.done += part.count
                if let failure, failure.position < work.failure?.position ?? .max {
                    work.failure = failure
                    end = min(end, work.index + 1)
                }
                if work.done == work.batch.samples.count { condition.broadcast() }
            } else if nextIndex >= end {
                return
            } else if works.count < ahead {
                begin()
            } else {
                condition.wait()
            }
        }
    }

    /// Draws the next batch and takes memory for it.
    private func begin() {
        let index = nextIndex
        nextIndex += 1
        let samples = choose(index)
        do throws(LTError) {
            let images = try Tensor(.float32, try Shape([samples.count] + maker.input.sampleDims))
            let targets = try Tensor(.float32, try Shape([samples.count, set.labels.count]))
            targets.elements(Float.self).update(repeating: 0)
            works.append(Work(index: index, batch: Batch(samples: samples, images: images, targets: targets)))
        } catch {
            failed = error
            stopped = true
        }
        condition.broadcast()
    }

    /// Makes some samples of a batch; the first that fails ends the part.
    private func fill(_ batch: Batch, _ index: Int, _ part: Range<Int>) -> (position: Int, error: LTError)? {
        let count = maker.count
        let pixels = batch.images.elements(Float.self)
        let targets = batch.targets.elements(Float.self)
        for position in part {
            let sample = batch.samples[position]
            let generator = SeededGenerator(seed: seed, index: UInt64(firstDraw(index) + position))
            do throws(LTError) {
                try maker.write(
                    set.samples[sample], generator: generator,
                    into: UnsafeMutableBufferPointer(rebasing: pixels[position * count..<(position + 1) * count])
                ) { (frame) throws(LTError) in try cache.image(sample, frame: frame) }
            } catch {
                return (position, error)
            }
            for label in set.targets[sample] { targets[position * set.labels.count + label] = 1 }
        }
        return nil
    }
}

/// A sampler that the loader's threads draw from in turn, under its lock.
private final class Drawing: @unchecked Sendable {
    private var sampler: any Sampler
    private var past: Int

    init(_ sampler: any Sampler, past: Int) {
        self.sampler = sampler
        self.past = past
    }

    func next(_ count: Int) -> [Int] {
        if past > 0 {
            sampler.skip(past)
            past = 0
        }
        return (0..<count).map { _ in sampler.next() }
    }
}
