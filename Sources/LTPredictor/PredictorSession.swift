// PredictorSession: one running copy of a Predictor; one long-lived thread at a time (see Session).

import LTCore
import LTDecision
import LTImage
import LTRuntime

/// Runs batches of images through the model.
public final class PredictorSession {
    public let predictor: Predictor
    private let session: Session
    /// Kept from call to call: what decides, the batch, and memory for one sample where all have one shape (a batch
    /// copies it).
    private var decider: PredictionDecider?
    private var batch: SampleBatch?
    private var scratch: Buffer?

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
        try decide(images.count, interruption: interruption) { (index, memory) throws(LTError) in
            try images[index].withRawBytes { bytes throws(LTError) in try predictor.prepare(bytes, reusing: memory) }
        }
    }

    /// The same for samples of any origin.
    /// - Parameter sample: makes sample `index`, in `memory` where there is some; asked for one after the other. What it
    ///   throws is the sample's own result.
    public func decide(
        _ count: Int, interruption: Interruption = .none,
        _ sample: (_ index: Int, _ memory: Buffer?) throws(LTError) -> Sample
    ) throws(LTError) -> [Result<Decisions, LTError>] {
        let decider = try madeDecider()
        let batch = try batch(for: count)
        defer { batch.removeAll() }
        var results: [Result<Decisions, LTError>] = []
        results.reserveCapacity(count)
        // Samples whose predictions the batch will bring, by position.
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
            waiting.removeAll(keepingCapacity: true)
            batch.removeAll()
        }
        for index in 0..<count {
            try interruption.check()
            do throws(LTError) {
                batch.append(try sample(index, scratch))
                waiting.append(index)
                results.append(.failure(LTError(.cancelled, "not run yet")))
            } catch {
                results.append(.failure(error))
            }
            if batch.isFull { try run() }
        }
        try run()
        return results
    }

    private func madeDecider() throws(LTError) -> PredictionDecider {
        if let decider { return decider }
        let made = try predictor.decider()
        decider = made
        return made
    }

    /// The batch of the calls before, if it is as large as this one needs.
    private func batch(for count: Int) throws(LTError) -> SampleBatch {
        let capacity = max(min(count, predictor.largestBatch), 1)
        if let batch, batch.capacity >= capacity { return batch }
        let batch = try SampleBatch(predictor, capacity: capacity)
        if let shape = predictor.sampleShape, scratch == nil { scratch = try Buffer(byteCount: shape.count * 4) }
        self.batch = batch
        return batch
    }
}
