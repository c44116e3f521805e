// PipelineRun: one run: worker threads read images, session threads run batches of them, and the dealer between them keeps
// the order.

import Foundation
import LTCore
import LTDecision
import LTPredictions
import LTPredictor

/// An image read by a worker; its sample may lie in the slot's buffer.
struct ReadImage: Sendable {
    var row: StoredImage
    /// `nil`: `row` says why there is none.
    var sample: Sample?
}

struct PipelineRun: Sendable {
    /// One model, bound once or to several devices: each entry runs in a session, on a thread, of its own.
    let sessions: [Predictor]
    let store: PredictionStore
    let list: ImageList
    let batch: Int
    let workers: Int
    let progress: @Sendable (PipelineSummary) -> Void
    let isCancelled: @Sendable () -> Bool

    /// What all sessions agree on.
    private var predictor: Predictor { sessions[0] }

    func run() throws(LTError) -> PipelineSummary {
        var summary = PipelineSummary(total: list.count, passedOver: list.passedOver, batch: batch)
        let pending = try self.pending(&summary)
        let (list, predictor) = (list, predictor)
        // Room for one batch in the making while one waits for each session, and for what each worker holds.
        let reader = try OrderedReader(
            count: pending.count, workers: workers, window: (sessions.count + 1) * batch + workers,
            bufferBytes: (predictor.sampleShape?.count ?? 0) * 4
        ) { index, buffer in
            Self.read(list[pending[index]], predictor, into: buffer)
        }
        defer { reader.stop() }
        let dealer = BatchDealer(
            reader, store, summary, sessions: sessions.count, progress: progress, isCancelled: isCancelled)
        onOwnThreads(sessions.count, "lt-session") { number in
            do throws(LTError) {
                try compute(sessions[number], dealer)
            } catch {
                let device = sessions[number].plan.backend.name
                let error = error.code == .outOfMemory ? error.hinting(lessMemory) : error
                dealer.fail(sessions.count > 1 ? error.inside("session \(number + 1), on \(device)") : error)
            }
        }
        return try dealer.result()
    }

    /// What to try when memory is short.
    private var lessMemory: String {
        if batch > 1 { return "give --batch \(batch / 2)" }
        return sessions.count > 1 ? "give --sessions \(sessions.count / 2)" : "one image is more than fits"
    }

    /// Takes batches as long as there are any, and runs them.
    private func compute(_ predictor: Predictor, _ dealer: BatchDealer) throws(LTError) {
        let session = try predictor.makeSession()
        let samples = try SampleBatch(predictor, capacity: batch)
        while var dealt = dealer.next(into: samples) {
            if samples.count > 0 {
                for (row, prediction) in zip(dealt.ready, try session.predict(samples)) {
                    switch prediction {
                    case .success(let prediction): dealt.rows[row].outcome = .init(prediction)
                    case .failure(let error):
                        dealt.rows[row].outcome = .failed("\(error.code.rawValue): \(error.message)")
                    }
                }
            }
            dealer.finish(dealt)
        }
    }

    /// Positions of the images that the store does not hold unchanged.
    private func pending(_ summary: inout PipelineSummary) throws(LTError) -> [Int] {
        let isFresh = try store.counts().total == 0
        guard !isFresh else { return Array(0..<list.count) }
        var pending: [Int] = []
        for index in 0..<list.count {
            let path = list[index]
            if let stamp = stamp(path), let predicted = try store.hasPrediction(path: path, stamp: stamp) {
                if predicted { summary.reused += 1 } else { summary.failed += 1 }
            } else {
                pending.append(index)
            }
        }
        return pending
    }

    /// What tells whether the item is the one that an earlier run saw.
    private func stamp(_ path: String) -> FileStamp? {
        guard let clip = predictor.clip else { return FileStamp(of: path) }
        return (try? ClipFolder(path, clip))?.stamp
    }

    /// Reads, decodes and preprocesses one file; what goes wrong with it becomes its row.
    private static func read(_ path: String, _ predictor: Predictor, into buffer: Buffer) -> ReadImage {
        var row = StoredImage(path: path, stamp: nil, digest: nil, outcome: .failed(""))
        do throws(LTError) {
            if let clip = predictor.clip { return try readClip(row, clip, predictor, into: buffer) }
            // The stamp is from before reading: a file that changes meanwhile is done again by the next run.
            let stamp = FileStamp(of: path)
            let content = try readFile(path, limit: 1 << 30)
            var hash = SHA256()
            hash.update(content.bytes)
            row.stamp = stamp
            row.digest = hash.digest
            let sample = try predictor.prepare(content.bytes, reusing: buffer)
            row.width = sample.geometry.originalWidth
            row.height = sample.geometry.originalHeight
            return ReadImage(row: row, sample: sample)
        } catch {
            row.outcome = .failed("\(error.code.rawValue): \(error.message)")
            return ReadImage(row: row, sample: nil)
        }
    }
}

extension PipelineRun {
    /// The same for a folder of frames.
    private static func readClip(
        _ row: StoredImage, _ clip: ClipSampling, _ predictor: Predictor, into buffer: Buffer
    ) throws(LTError) -> ReadImage {
        var row = row
        let folder = try ClipFolder(row.path, clip)
        row.stamp = folder.stamp
        var hash = SHA256()
        let sample = try predictor.prepare(
            frames: { index throws(LTError) in
                let content = try readFile(folder.frames[index], limit: 1 << 30)
                hash.update(content.bytes)
                return content
            }, reusing: buffer)
        row.digest = hash.digest
        row.width = sample.geometry.originalWidth
        row.height = sample.geometry.originalHeight
        return ReadImage(row: row, sample: sample)
    }
}

extension FileStamp {
    /// The stamp of a file; `nil` when there is none.
    init?(of path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        self.init(
            size: Int64(status.st_size),
            modified: Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec))
    }
}

extension StoredImage {
    var reason: String? { if case .failed(let reason) = outcome { reason } else { nil } }
}
