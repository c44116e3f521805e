// ClassificationInput: predictions beside the truth, read from files (Inputs/) or joined with a data set, ready to be
// reported on or fitted to.

import Foundation
import LTCore
import LTData
import LTDecision

/// Predictions with their truth, the decision layer that applies to them and where they come from.
public struct ClassificationInput: Sendable {
    public enum Predictions: Sendable {
        case multilabel(MultilabelPredictions)
        case multiclass(MulticlassPredictions)
    }

    public var predictions: Predictions
    /// Labels, training counts and groups are filled in from the data where the model does not say.
    public var layer: DecisionLayer
    public var provenance: [ReportJSON.Member]
    /// Names of the rows, where known.
    public var images: [String]?
    /// Where the image files lie, for pictures in reports.
    public var imageFolder = ""
    /// Multi-class: further k of top-k accuracies, beside 1 and 5.
    public var topK: [Int] = []
    /// Multi-class: the least probability of an image that is taken for one of a known class.
    public var openSet: Double?
    /// Names of the only metrics to compute; `nil` for all.
    public var metrics: Set<String>?
    /// Images of the data that were left out because they have no scores.
    public var skipped = 0
    public var notes: [String] = []

    /// Joins predictions with a data set.
    /// - Parameters:
    ///   - predictions: by path; see `Matching.files`.
    ///   - layer: that of the model that predicted; its task says how labels are read (multi-label by default).
    ///   - skippingMissing: leaves out images without scores instead of refusing.
    /// - Throws: what `Matching` throws; `invalidArgument` for an image with other than one class in a multi-class task.
    public init(
        joining predictions: [Matching.Prediction], columns: Int, with dataset: Dataset, layer: DecisionLayer,
        skippingMissing: Bool = false
    ) throws(LTError) {
        let place = "data \(dataset.source)"
        let categories = dataset.categories.map { DecisionLayer.Label(id: $0.id, name: $0.name) }
        let order = try within(place) { () throws(LTError) in
            try Matching.classes(layer.labels, columns: columns, categories: categories)
        }
        let joined = try within(place) { () throws(LTError) in
            try Matching.join(
                predictions, dataset.images.map { $0.path }, columns: columns, skippingMissing: skippingMissing)
        }
        images = joined.rows.map { dataset.images[$0].path }
        imageFolder = dataset.imageFolder
        var columnOf = [Int](repeating: 0, count: order.count)
        for (column, category) in order.enumerated() { columnOf[category] = column }
        self.layer = layer
        if layer.task == .multiclass || layer.task == .clip {
            var labels: [Int] = []
            for row in joined.rows {
                let own = dataset.images[row].labels
                guard own.count == 1 else {
                    throw LTError(
                        .invalidArgument, "image '\(dataset.images[row].path)' has \(own.count) classes, expected 1",
                        context: [place])
                }
                labels.append(columnOf[own[0]])
            }
            self.predictions = .multiclass(
                try MulticlassPredictions(logits: joined.scores, labels: labels, classCount: columns))
        } else {
            var labels = [UInt8](repeating: 0, count: joined.scores.count)
            for (position, row) in joined.rows.enumerated() {
                for category in dataset.images[row].labels { labels[position * columns + columnOf[category]] = 1 }
            }
            self.predictions = .multilabel(
                try MultilabelPredictions(scores: joined.scores, labels: labels, classCount: columns))
        }
        provenance = [.init("data", .string(dataset.source))]
        if let digest = dataset.digest { provenance.append(.init("data_digest", .string("sha256:" + digest))) }
        if self.layer.labels == nil { self.layer.labels = categories }
        if self.layer.trainCounts == nil, dataset.categories.allSatisfy({ $0.trainCount != nil }) {
            self.layer.trainCounts = order.map { dataset.categories[$0].trainCount ?? 0 }
        }
        skipped = joined.skipped
        if joined.skipped > 0 { notes.append("\(joined.skipped) images of the data have no scores and are left out") }
        if joined.unused > 0 { notes.append("\(joined.unused) predictions are of images that the data does not list") }
        try complete()
    }

    /// Fills in what follows from the kind of labels, and refuses a layer for the other kind.
    mutating func complete() throws(LTError) {
        switch predictions {
        case .multilabel:
            layer.task = layer.task ?? .multilabel
            layer.activation = layer.activation ?? .sigmoid
            guard layer.task == .multilabel else {
                throw LTError(
                    .conflict, "the labels are multi-label, the model's task is \(layer.task?.rawValue ?? "")")
            }
        case .multiclass:
            layer.task = layer.task ?? .multiclass
            layer.activation = layer.activation ?? .softmax
            guard layer.task == .multiclass || layer.task == .clip else {
                throw LTError(
                    .conflict, "the labels are one class per image, the model's task is \(layer.task?.rawValue ?? "")")
            }
        }
    }

    /// Evaluates.
    /// - Parameters:
    ///   - figures: also makes figures, threshold curves and mistakes, for JSON and HTML.
    ///   - digest: whether the provenance names scores and labels by their digest.
    public func report(figures: Bool = false, digest: Bool = true) throws(LTError) -> Report {
        var report: Report
        switch predictions {
        case .multilabel(let input):
            report = try .multilabel(
                input, layer: layer, provenance: provenance, figures: figures, images: images, metrics: metrics,
                digest: digest)
        case .multiclass(let input):
            report = try .multiclass(
                input, layer: layer, provenance: provenance, topK: topK, openSet: openSet, figures: figures,
                images: images, metrics: metrics, digest: digest)
        }
        report.notes = notes + report.notes
        return report
    }

    /// What is fitted: by default platt and f1 thresholds for multi-label, one temperature and no thresholds for multi-class
    /// problems.
    public func options(
        method: CalibrationOptions.Method? = nil, thresholds: ThresholdObjective? = nil,
        shrinkage: Double = Shrinkage.defaultPositives
    ) -> CalibrationOptions {
        switch predictions {
        case .multilabel:
            CalibrationOptions(method: method ?? .platt, thresholds: thresholds ?? .f1, shrinkage: shrinkage)
        case .multiclass:
            CalibrationOptions(method: method ?? .temperature, thresholds: thresholds ?? .off, shrinkage: shrinkage)
        }
    }

    /// Fits calibration and thresholds.
    /// - Parameter model: digest of the model file that the scores come from.
    public func fitted(_ options: CalibrationOptions, model: String? = nil) throws(LTError) -> DecisionLayer {
        switch predictions {
        case .multilabel(let input): return try layer.fitted(on: input, options: options, model: model)
        case .multiclass(let input): return try layer.fitted(on: input, options: options, model: model)
        }
    }

    /// Reads training counts: a .npy array of integers, or a JSON array of them.
    /// - Throws: `io`, `malformed`, `typeMismatch`, naming the file.
    public static func trainCounts(file path: String) throws(LTError) -> [Int] {
        try within("training counts \(path)") { () throws(LTError) in
            if path.hasSuffix(".npy") {
                let counts = try Tensor(npyFile: path)
                guard counts.shape.rank == 1 else {
                    throw LTError(.shapeMismatch, "array of shape \(counts.shape), expected [classes]")
                }
                return try integers(counts)
            }
            let file = try readFile(path)
            return try withExtendedLifetime(file) { () throws(LTError) in
                var reader = JSONReader(file.bytes)
                var counts: [Int] = []
                try reader.array { reader throws(LTError) in counts.append(try reader.int()) }
                try reader.end()
                return counts
            }
        }
    }

    private static func integers(_ tensor: Tensor) throws(LTError) -> [Int] {
        switch tensor.type {
        case .bool: return try tensor.array(of: Bool.self).map { $0 ? 1 : 0 }
        case .uint8: return try tensor.array(of: UInt8.self).map { Int($0) }
        case .int8: return try tensor.array(of: Int8.self).map { Int($0) }
        case .int16: return try tensor.array(of: Int16.self).map { Int($0) }
        case .uint16: return try tensor.array(of: UInt16.self).map { Int($0) }
        case .int32: return try tensor.array(of: Int32.self).map { Int($0) }
        case .uint32: return try tensor.array(of: UInt32.self).map { Int($0) }
        case .int64: return try tensor.array(of: Int64.self).map { Int($0) }
        default: throw LTError(.typeMismatch, "array of \(tensor.type.onnxName), expected integers or booleans")
        }
    }
}
