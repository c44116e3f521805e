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

    /// Runs a batch of preprocessed images.
    /// - Parameter batch: [N] + `sampleShape`.
    /// - Returns: raw outputs [N, columns].
    public func raw(_ batch: Tensor) throws(LTError) -> Tensor {
        let count = batch.dims.first ?? 0
        if let fixed = predictor.fixedBatch, fixed != count { return try padded(batch, count, fixed) }
        let outputs = try session.run([predictor.inputName: batch])
        guard let output = outputs[predictor.outputName], output.type == .float32 else {
            throw LTError(.typeMismatch, "output '\(predictor.outputName)' is not tensor(float)")
        }
        guard count > 0, output.count == count * predictor.columns else {
            throw LTError(
                .shapeMismatch,
                "output '\(predictor.outputName)' has shape \(output.shape), expected [\(count),\(predictor.columns)]")
        }
        return try output.reshaped(try Shape([count, predictor.columns]))
    }

    /// A model that is exported for one batch size gets that many, in as many runs as it takes.
    private func padded(_ batch: Tensor, _ count: Int, _ fixed: Int) throws(LTError) -> Tensor {
        let sample = predictor.sampleShape.count * 4
        let result = try Tensor(.float32, try Shape([count, predictor.columns]))
        let piece = try Tensor(.float32, try Shape([fixed] + predictor.sampleShape.dims))
        for start in stride(from: 0, to: count, by: fixed) {
            let taken = min(fixed, count - start)
            memset(piece.rawPointer, 0, piece.byteCount)
            memcpy(piece.rawPointer, batch.rawPointer + start * sample, taken * sample)
            let rows = try raw(piece)
            memcpy(
                result.rawPointer + start * predictor.columns * 4, rows.rawPointer, taken * predictor.columns * 4)
        }
        return result
    }

    /// Decides about encoded images. An image that cannot be read fails alone: its own result is the error.
    /// - Returns: one result per image, in order.
    /// - Throws: what concerns the whole batch: errors of the model, and what `Predictor.decider` throws.
    public func decide(_ images: [[UInt8]]) throws(LTError) -> [Result<[ClassDecision], LTError>] {
        let decider = try predictor.decider()
        let shape = predictor.sampleShape
        let whole = try Tensor(.float32, try Shape([max(images.count, 1)] + shape.dims))
        var failures = [LTError?](repeating: nil, count: images.count)
        var taken = 0
        for (index, image) in images.enumerated() {
            let sample = UnsafeMutableBufferPointer(
                rebasing: whole.elements(Float.self)[taken * shape.count..<(taken + 1) * shape.count])
            failures[index] = image.withUnsafeBytes { bytes -> LTError? in
                do throws(LTError) {
                    try predictor.prepare(bytes, into: sample)
                    return nil
                } catch { return error }
            }
            if failures[index] == nil { taken += 1 }
        }
        var rows: [Float] = []
        if taken > 0 {
            let batch = Tensor(.float32, try Shape([taken] + shape.dims), buffer: whole.buffer)
            rows = try raw(batch).array()
        }
        var results: [Result<[ClassDecision], LTError>] = []
        var row = 0
        for failure in failures {
            if let failure {
                results.append(.failure(failure))
            } else {
                let range = row * predictor.columns..<(row + 1) * predictor.columns
                results.append(.success(try decider.decide(Array(rows[range]))))
                row += 1
            }
        }
        return results
    }
}

/// Bytes of a file.
func fileSize(_ path: String) throws(LTError) -> Int {
    var status = stat()
    guard stat(path, &status) == 0 else { throw systemError("cannot read") }
    return Int(status.st_size)
}
