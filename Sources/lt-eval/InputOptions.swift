// The options that say what is evaluated: arrays, or a prediction store with the data it was made for.

import ArgumentParser
import LTCore
import LTData
import LTDecision
import LTEval
import LTGraph
import LTPredictions
import LTRuntime

/// Predictions of lt-infer with the data that they are judged by.
struct StoreOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The prediction store of `lt-infer run`; several for shards.", valueName: "preds.db"))
    var predictions: [String] = []

    @Option(
        help: ArgumentHelp(
            "The truth: a COCO or LVIS annotation file, or a folder of one folder per class.", valueName: "annotations")
    )
    var data: String?

    @Flag(help: "Leave out images of the data that have no scores, instead of refusing. The exit code is 2 then.")
    var skipMissing = false

    /// Joins stores and data.
    /// - Parameter model: whose decision layer applies; `nil` takes the one that the store recorded.
    func read(model: ModelFile?) throws(LTError) -> (input: ClassificationInput, run: RunInfo) {
        guard let data else { throw LTError(.invalidArgument, "no data", hint: "give --data") }
        return try Self.read(predictions, with: Dataset.read(data), model: model, skipMissing: skipMissing)
    }

    static func read(
        _ paths: [String], with data: Dataset, model: ModelFile?, skipMissing: Bool
    ) throws(LTError) -> (input: ClassificationInput, run: RunInfo) {
        var rows: [Matching.Prediction] = []
        var runs: [RunInfo] = []
        for path in paths {
            try within("prediction store \(path)") { () throws(LTError) in
                let store = try PredictionStore.read(path)
                runs.append(store.run)
                guard runs[0].modelDigest == store.run.modelDigest, runs[0].settingsDigest == store.run.settingsDigest
                else { throw LTError(.conflict, "made by another model or with other settings than \(paths[0])") }
                try model?.requireSource(of: store.run)
                try store.forEach { image throws(LTError) in
                    switch image.outcome {
                    case .scores(let scores): rows.append(.init(path: image.path, scores: .success(scores)))
                    case .detections:
                        throw LTError(.invalidArgument, "the store holds detections, expected scores of classes")
                    case .failed(let reason):
                        rows.append(.init(path: image.path, scores: .failure(LTError(.io, reason))))
                    }
                }
            }
        }
        guard let run = runs.first else { throw LTError(.invalidArgument, "no store", hint: "give --predictions") }
        // What flags told lt-infer holds where the model file is silent.
        var layer = model?.layer ?? run.layer
        layer.task = layer.task ?? run.layer.task
        layer.activation = layer.activation ?? run.layer.activation
        layer.labels = layer.labels ?? run.layer.labels
        var input = try ClassificationInput(
            joining: rows, columns: run.columns, with: data, layer: layer, skippingMissing: skipMissing)
        func object(_ values: [String: String]) -> ReportJSON {
            .object(values.sorted { $0.key < $1.key }.map { .init($0.key, .string($0.value)) })
        }
        input.provenance += [
            .init("predictions", .array(paths.map { .string($0) })), .init("predicted_by", .string(run.model)),
            .init("predicted_by_digest", .string("sha256:" + run.modelDigest)),
            .init("predicted_with", object(run.settings)), .init("versions", object(run.versions)),
        ]
        return (input, run)
    }
}

/// A model file, read for its decision layer.
struct ModelFile {
    var path: String
    var graph: Graph
    var layer: DecisionLayer
    /// SHA-256 of the file, 64 hexadecimal digits.
    var digest: String

    init(_ path: String) throws(LTError) {
        self.path = path
        digest = try SHA256.digest(ofFile: path)
        let graph = try Graph.read(path: path)
        self.graph = graph
        layer = try within("model \(path)") { () throws(LTError) in try DecisionLayer(reading: graph) }
    }

    /// Checks that a store's raw scores are this model's: predicted by this file or by the one it was calibrated from.
    func requireSource(of run: RunInfo) throws(LTError) {
        guard run.modelDigest == digest || "sha256:" + run.modelDigest == layer.calibration?.model else {
            throw LTError(
                .conflict,
                "predicted by model sha256:\(run.modelDigest) (\(run.model)), not by \(path) (sha256:\(digest))",
                hint: "predict with this model: lt-infer run \(path) IMAGES --out preds.db")
        }
    }

    /// Where a report's decisions come from.
    var provenance: [ReportJSON.Member] {
        [.init("model", .string(path)), .init("model_digest", .string("sha256:" + digest))]
    }
}

/// What the flags say of the scores, where the model does not.
struct LayerOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Training images per class: a .npy or JSON array.", valueName: "F.npy|F.json"))
    var trainCounts: String?

    @Option(
        help: "How training counts split the classes: \(FrequencyGroups.named.map(\.rule).joined(separator: ", ")).")
    var groups: String?

    @Option(help: "What makes a probability of a raw score: sigmoid, softmax or none.")
    var activation: DecisionLayer.Activation?

    /// Puts the flags over what the model and the data say.
    func apply(to layer: inout DecisionLayer) throws(LTError) {
        if let trainCounts { layer.trainCounts = try ClassificationInput.trainCounts(file: trainCounts) }
        if let groups { layer.groups = try FrequencyGroups(named: groups) }
        if let activation { layer.activation = activation }
    }
}

extension DecisionLayer.Activation: ExpressibleByArgument {}
extension Precision: ExpressibleByArgument {}
extension CalibrationOptions.Method: ExpressibleByArgument {}
