// Prefetcher: makes batches on threads of its own, a few ahead of their use, in order.

import Foundation
import LTCore

/// Makes batches sample by sample ahead of their use; one consumer.
final class Prefetcher<Batch>: @unchecked Sendable {
    /// How a batch comes about. Any thread calls them.
    struct Maker: Sendable {
        /// The samples of batch i; asked for in order, one at a time.
        var choose: @Sendable (_ batch: Int) -> [Int]
        /// Memory for a batch.
        var begin: @Sendable (_ samples: [Int]) throws(LTError) -> Batch
        /// Makes the sample at a position of batch i; several threads make different ones.
        var fill: @Sendable (_ batch: Batch, _ index: Int, _ position: Int, _ sample: Int) throws(LTError) -> Void
    }

    /// A batch in the making.
    private final class Work {
        let index: Int
        let samples: [Int]
        let batch: Batch
        /// The first position that no thread has taken.
        var next = 0
        var done = 0
        var failure: (position: Int, error: LTError)?
        init(index: Int, samples: [Int], batch: Batch) {
            self.index = index
            self.samples = samples
            self.batch = batch
        }
    }

    private let maker: Maker
    /// Batches that are ready or being made, at most.
    private let ahead: Int
    /// Samples that a thread takes at once.
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

    /// - Parameter range: the batches that are made.
    init(_ maker: Maker, range: Range<Int>, threads: Int, ahead: Int, chunk: Int) {
        self.maker = maker
        self.ahead = max(1, ahead)
        self.chunk = max(1, chunk)
        nextIndex = range.lowerBound
        end = range.upperBound
        for number in 0..<max(1, threads) {
            let thread = Thread { [self] in work() }
            thread.name = "loader \(number)"
            thread.stackSize = 8 << 20
            thread.start()
        }
    }

    /// The next batch; as many as were asked for can be had.
    /// - Throws: what decoding or preprocessing threw, with the file's name; then again that.
    func next() throws(LTError) -> Batch {
        let result: Result<Batch, LTError> = condition.withLock {
            let start = ContinuousClock.now
            while true {
                if let failed { return .failure(failed) }
                if let work = works.first {
                    if work.done == work.samples.count { return take(work, since: start) }
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
    var waited: Double { condition.withLock { waitedSeconds } }
    /// Seconds until the first batch was there.
    var waitedForFirst: Double { condition.withLock { firstWaitSeconds } }

    /// Ends the threads after the samples at hand.
    func stop() {
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
            if let work = works.first(where: { $0.next < $0.samples.count }) {
                let part = work.next..<min(work.next + chunk, work.samples.count)
                work.next = part.upperBound
                condition.unlock()
                let failure = fill(work, part)
                condition.lock()
                work.done += part.count
                if let failure, failure.position < work.failure?.position ?? .max {
                    work.failure = failure
                    end = min(end, work.index + 1)
                }
                if work.done == work.samples.count { condition.broadcast() }
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
        let samples = maker.choose(index)
        do throws(LTError) {
            works.append(Work(index: index, samples: samples, batch: try maker.begin(samples)))
        } catch {
            failed = error
            stopped = true
        }
        condition.broadcast()
    }

    /// Makes some samples of a batch; the first that fails ends the part.
    private func fill(_ work: Work, _ part: Range<Int>) -> (position: Int, error: LTError)? {
        for position in part {
            do throws(LTError) {
                try maker.fill(work.batch, work.index, position, work.samples[position])
            } catch {
                return (position, error)
            }
        }
        return nil
    }
}

/// A sampler that the loader's threads draw from in turn, under its lock.
final class Drawing: @unchecked Sendable {
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
