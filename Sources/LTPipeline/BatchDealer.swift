// BatchDealer: deals batches of images, in input order, to sessions as they ask, and writes what comes back in the same order.

import Foundation
import LTCore
import LTPredictions
import LTPredictor

/// A batch that a session runs.
struct DealtBatch {
    /// Its place among the batches.
    let number: Int
    /// One row per image; those that could not be read are complete.
    var rows: [StoredImage] = []
    /// Which rows wait for the predictions of the batch's samples, in order.
    var ready: [Int] = []
}

/// What the session threads of a run share. Which images make up a batch does not depend on who asks, nor when.
final class BatchDealer: @unchecked Sendable {
    private let reader: OrderedReader<ReadImage>
    private let store: PredictionStore
    private let progress: @Sendable (PipelineSummary) -> Void
    private let isCancelled: @Sendable () -> Bool
    private let start = ContinuousClock.now
    /// Batches that may be dealt and not written: a slow session holds the others up only when they are this far ahead.
    private let window: Int

    /// One session at a time fills a batch.
    private let filling = NSLock()
    // Guarded by `filling`.
    private var dealt = 0
    private var imagesDealt: Int

    private let condition = NSCondition()
    // Guarded by `condition`.
    private var finished: [Int: [StoredImage]] = [:]
    private var written = 0
    private var isWriting = false
    private var summary: PipelineSummary
    private var failure: LTError?

    /// - Parameter summary: what is known before the first batch.
    init(
        _ reader: OrderedReader<ReadImage>, _ store: PredictionStore, _ summary: PipelineSummary, sessions: Int,
        progress: @escaping @Sendable (PipelineSummary) -> Void, isCancelled: @escaping @Sendable () -> Bool
    ) {
        self.reader = reader
        self.store = store
        self.summary = summary
        self.progress = progress
        self.isCancelled = isCancelled
        window = sessions == 1 ? 1 : 4 * sessions
        imagesDealt = summary.done
    }

    /// The next batch, its samples copied to `samples`. `nil` when there is none: all are dealt, the run was stopped, or a session failed.
    func next(into samples: SampleBatch) -> DealtBatch? {
        filling.lock()
        defer { filling.unlock() }
        guard mayDeal() else { return nil }
        var batch = DealtBatch(number: dealt)
        samples.removeAll()
        while !samples.isFull, !isCancelled() {
            let taken: Void? = reader.next(isCancelled: isCancelled) { image, _ in
                if let sample = image.sample {
                    samples.append(sample)
                    batch.ready.append(batch.rows.count)
                }
                batch.rows.append(image.row)
            }
            if taken == nil { break }
        }
        // A batch that is not full would be made of other images after the resume.
        if isCancelled(), !samples.isFull, imagesDealt + batch.rows.count < total {
            stop()
            return nil
        }
        if batch.rows.isEmpty { return nil }
        dealt += 1
        imagesDealt += batch.rows.count
        return batch
    }

    private var total: Int { condition.withLock { summary.total } }

    private func stop() { condition.withLock { summary.isStopped = true } }

    /// Waits until few enough batches are out.
    private func mayDeal() -> Bool {
        condition.withLock {
            while dealt - written >= window, failure == nil { condition.wait() }
            if failure == nil, isCancelled(), imagesDealt < summary.total { summary.isStopped = true }
            return failure == nil && !summary.isStopped
        }
    }

    /// Takes a batch back, all its rows complete. Whichever session comes with the one whose turn it is writes, and writes those
    /// that waited for it too.
    func finish(_ batch: DealtBatch) {
        let isWriter = condition.withLock {
            finished[batch.number] = batch.rows
            defer { isWriting = true }
            return !isWriting
        }
        guard isWriter else { return }
        while let rows = dueRows() {
            do throws(LTError) { try store.write(rows) } catch {
                // `isWriting` stays: nobody writes any more.
                return fail(error)
            }
            progress(noted(rows))
        }
    }

    private func dueRows() -> [StoredImage]? {
        condition.withLock {
            isWriting = finished[written] != nil
            return finished[written]
        }
    }

    private func noted(_ rows: [StoredImage]) -> PipelineSummary {
        condition.withLock {
            finished[written] = nil
            written += 1
            let failed = rows.filter { $0.reason != nil }
            summary.computed += rows.count - failed.count
            summary.failed += failed.count
            if summary.firstFailure == nil, let first = failed.first {
                summary.firstFailure = "\(first.path): \(first.reason ?? "")"
            }
            summary.seconds = start.duration(to: .now) / .seconds(1)
            condition.broadcast()
            return summary
        }
    }

    /// A session broke down: no more batches are dealt. The first failure counts.
    func fail(_ error: LTError) {
        condition.withLock {
            if failure == nil { failure = error }
            condition.broadcast()
        }
    }

    /// What was done, once all sessions are through.
    /// - Throws: the failure, with the rows of the batches that came back meanwhile in the store, those behind the missing one too.
    func result() throws(LTError) -> PipelineSummary {
        let (failure, waiting, summary) = condition.withLock {
            (self.failure, isWriting ? [:] : finished, self.summary)
        }
        guard let failure else { return summary }
        for (_, rows) in waiting.sorted(by: { $0.key < $1.key }) { try? store.write(rows) }
        throw failure
    }
}
