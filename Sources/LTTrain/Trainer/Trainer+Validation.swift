// Validation: the trained network's scores on other splits, judged by the same reports as `lt-eval classification`.

import LTCore
import LTDecision
import LTEval
import LTImage

extension Trainer {
    /// The logits of each image, [images, classes] row-major.
    /// - Throws: `shapeMismatch` when the split has other classes than the training set.
    func logits(_ set: TrainingSet) throws(LTError) -> [Float] {
        guard set.labels == training.labels else {
            throw LTError(
                .shapeMismatch, "its \(set.labels.count) categories are not the training set's \(training.labels.count)"
            )
        }
        let size = recipe.input.size
        let stride = 3 * size * size
        var result: [Float] = []
        result.reserveCapacity(set.samples.count * set.labels.count)
        for start in Swift.stride(from: 0, to: set.samples.count, by: 64) {
            let part = set.samples[start..<min(start + 64, set.samples.count)]
            let images = try Tensor(.float32, try Shape([part.count, 3, size, size]))
            let pixels = images.elements(Float.self)
            for (position, sample) in part.enumerated() {
                let image = try sample.image(recipe.input.preprocess.decodeOptions)
                try recipe.input.preprocess.apply(
                    image,
                    into: UnsafeMutableBufferPointer(rebasing: pixels[position * stride..<(position + 1) * stride]))
            }
            result += try Torch.withoutGrad { () throws(LTError) in
                try executor.run(try TorchTensor(images).channelsLast(), mode: .inference).array(of: Float.self)
            }
        }
        return result
    }

    /// Judges the network on splits, in order.
    /// - Parameter calibrateOn: the split on which Platt scaling and F1 thresholds are fitted first; the exported file is not
    ///   changed.
    /// - Returns: one report per split.
    public func validate(_ splits: [(name: String, set: TrainingSet)], calibrateOn: String? = nil) throws(LTError)
        -> [(name: String, report: Report)]
    {
        var layer = try DecisionLayer(reading: try export())
        if let calibrateOn {
            guard let split = splits.first(where: { $0.name == calibrateOn }) else {
                throw LTError(.notFound, "validate.calibrate_on: there is no split '\(calibrateOn)'")
            }
            layer = try layer.fitted(on: try multilabel(split.set), options: CalibrationOptions())
        }
        var reports: [(name: String, report: Report)] = []
        for (name, set) in splits {
            let report = try within("validation split '\(name)'") { () throws(LTError) in
                if layer.task == .multiclass {
                    try set.requireSingleLabels()
                    let predictions = try MulticlassPredictions(
                        logits: try logits(set), labels: set.targets.map { $0[0] }, classCount: set.labels.count)
                    return try Report.multiclass(predictions, layer: layer)
                }
                return try Report.multilabel(try multilabel(set), layer: layer)
            }
            reports.append((name, report))
        }
        return reports
    }

    private func multilabel(_ set: TrainingSet) throws(LTError) -> MultilabelPredictions {
        var labels = [UInt8](repeating: 0, count: set.samples.count * set.labels.count)
        for (row, target) in set.targets.enumerated() {
            for label in target { labels[row * set.labels.count + label] = 1 }
        }
        return try MultilabelPredictions(scores: try logits(set), labels: labels, classCount: set.labels.count)
    }
}
