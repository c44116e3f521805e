// What the flags and the model file say of the scores.

import ArgumentParser
import LTCore
import LTDecision
import LTEval
import LTGraph

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

    /// Where a report's decisions come from.
    var provenance: [JSONValue.Member] {
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
