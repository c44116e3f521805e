// PipelineRun: one run's loop on the session thread: take images in order, fill a batch, run it, write it.

import Foundation
import LTCore
import LTDecision
import LTPredictions
import LTPredictor

/// An image read by a worker; its sample may lie in the slot's buffer.
private struct ReadImage: Sendable {
    var row: StoredImage
    /// `nil`: `row` says why there is none.
    var sample: Sample?
}

struct PipelineRun: Sendable {
    let predictor: Predictor
    let store: PredictionStore
    let list: ImageList
    let batch: Int
    let workers: Int
    let progress: @Sendable (PipelineSummary) -> Void
    let isCancelled: @Sendable () -> Bool

    func run() throws(LTError) -> PipelineSummary {
        let start = ContinuousClock.now
        var summary = PipelineSummary(total: list.count, passedOver: list.passedOver, batch: batch)
        let pending = try self.pending(&summary)
        let session = try predictor.makeSession()
        let samples = try SampleBatch(predictor, capacity: batch)
        let (list, predictor) = (list, predictor)
        // Room for one batch in the making while another waits, and for what each worker holds.
        let reader = try OrderedReader(
            count: pending.count, workers: workers, window: 2 * batch + workers,
            bufferBytes: (predictor.sampleShape?.count ?? 0) * 4
        ) { index, buffer in
            Self.read(list[pending[index]], predictor, into: buffer)
        }
        defer { reader.stop() }
        while true {
            var rows: [StoredImage] = []
            var ready: [Int] = []
            samples.removeAll()
            while !samples.isFull {
                let taken: Void? = reader.next(isCancelled: isCancelled) { image, _ in
                    if let sample = image.sample {
                        samples.append(sample)
                        ready.append(rows.count)
                    }
                    rows.append(image.row)
                }
                if taken == nil { break }
                if isCancelled() { break }
            }
            if isCancelled(), !samples.isFull, summary.done + rows.count < summary.total {
                // A batch that is not full would be made of other images after the resume.
                summary.isStopped = true
                break
            }
            if rows.isEmpty { break }
            if samples.count > 0 {
                for (row, prediction) in zip(ready, try session.predict(samples)) {
                    switch prediction {
                    case .success(let prediction): rows[row].outcome = .init(prediction)
                    case .failure(let error): rows[row].outcome = .failed("\(error.code.rawValue): \(error.message)")
                    }
                }
            }
            try store.write(rows)
            let failed = rows.filter { $0.reason != nil }.count
            summary.computed += rows.count - failed
            summary.failed += failed
            if summary.firstFailure == nil, let failed = rows.first(where: { $0.reason != nil }) {
                summary.firstFailure = "\(failed.path): \(failed.reason ?? "")"
            }
            summary.seconds = start.duration(to: .now) / .seconds(1)
            progress(summary)
            if isCancelled(), summary.done < summary.total {
                summary.isStopped = true
                break
            }
        }
        summary.seconds = start.duration(to: .now) / .seconds(1)
        return summary
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
