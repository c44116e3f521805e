// PredictorSession: one running copy of a Predictor; one long-lived thread at a time (see Session).

import LTCore
import LTDecision
import LTImage
import LTRuntime

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Runs batches of images through the model.
public final class PredictorSession {
    public let predictor: Predictor
    private let session: Session

    init(_ predictor: Predictor) throws(LTError) {
        self.predictor = predictor
        session = try Session(predictor.plan)
    }

    /// Runs a batch, in as many runs as a model that is exported for one batch size takes.
    /// - Parameter interruption: checked before every node of the model.
    /// - Returns: one prediction per sample, in order; an image whose outputs make no sense has its error.
    /// - Throws: what concerns the whole batch: errors of the model, `cancelled`, `timedOut`.
    public func predict(
        _ batch: SampleBatch, interruption: Interruption = .none
    ) throws(LTError) -> [Result<Prediction, LTError>] {
        var results: [Result<Prediction, LTError>] = []
        while results.count < batch.count {
            let (input, geometries) = try batch.piece(from: results.count)
            let outputs = try session.run([predictor.input.name: input], interruption: interruption)
            results += try predictor.head.predictions(outputs, geometries, of: predictor.input.fixedBatch)
        }
        return results
    }

    /// Decides about encoded images. An image that cannot be read fails alone: its own result is the error.
    /// - Parameter interruption: checked before every image and every node of the model.
    /// - Returns: one result per image, in order.
    /// - Throws: what concerns the whole batch: errors of the model, `cancelled`, `timedOut`, and what
    ///   `Predictor.decider` throws.
    public func decide(
        _ images: [[UInt8]], interruption: Interruption = .none
    ) throws(LTError) -> [Result<Decisions, LTError>] {
        let decider = try predictor.decider()
        let batch = try SampleBatch(predictor, capacity: max(min(images.count, predictor.largestBatch), 1))
        var results: [Result<Decisions, LTError>] = []
        // Images whose predictions the batch will bring, by position.
        var waiting: [Int] = []
        func run() throws(LTError) {
            for (index, prediction) in zip(
                waiting, batch.count > 0 ? try predict(batch, interruption: interruption) : [])
            {
                switch prediction {
                case .success(let prediction): results[index] = .success(try decider.decide(prediction))
                case .failure(let error): results[index] = .failure(error)
                }
            }
            waiting.removeAll()
            batch.removeAll()
        }
        for image in images {
            try interruption.check()
            let prepared: Result<Sample, LTError> = image.withUnsafeBytes { bytes in
                do throws(LTError) { return .success(try predictor.prepare(bytes)) } catch { return .failure(error) }
            }
            switch prepared {
            case .success(let sample):
                batch.append(sample)
                waiting.append(results.count)
                results.append(.failure(LTError(.cancelled, "not run yet")))
            case .failure(let error): results.append(.failure(error))
            }
            if batch.isFull { try run() }
        }
        try run()
        return results
    }
}

/// Bytes of a file.
func fileSize(_ path: String) throws(LTError) -> Int {
    var status = stat()
    guard stat(path, &status) == 0 else { throw systemError("cannot read") }
    return Int(status.st_size)
}
