// Export: the trained graph with its decision layer, so that the ONNX file alone is enough to run and judge the model.

import Foundation
import LTCore
import LTDecision
import LTGraph
import LTImage

extension ClassificationTask {
    /// The graph: preprocessing, labels, training counts, groups, activation, provenance and a self-test inside.
    func export() throws(LTError) -> Graph {
        var graph = try executor.exported()
        var layer = decisionLayer
        layer.selfTest = try selfTest(graph)
        try layer.write(into: &graph)
        return graph
    }

    /// Single-label losses and data make a multi-class model, whatever the activation.
    static func task(_ recipe: Recipe, _ training: TrainingSet, activation: String) -> Recipe.Task {
        recipe.task
            ?? (activation == "softmax" || training.targets.allSatisfy { $0.count == 1 } ? .multiclass : .multilabel)
    }

    /// What the file says of its outputs, without a self-test.
    var decisionLayer: DecisionLayer {
        let activation = loss.activation
        let isMulticlass = Self.task(recipe, training, activation: activation) == .multiclass
        return DecisionLayer(
            task: !isMulticlass ? .multilabel : recipe.input.clip == nil ? .multiclass : .clip,
            preprocess: recipe.input.preprocess, clip: recipe.input.clip, labels: training.labels,
            trainCounts: training.counts.images,
            groups: recipe.groups, activation: DecisionLayer.Activation(rawValue: activation),
            provenance: DecisionLayer.Provenance(
                recipe: recipe.text, loss: lossName, seed: recipe.seed,
                versions: ["longtail": longtailVersion, "libtorch": Torch.version], digests: digests))
    }

    /// What the model was made from.
    private var digests: [String: String]? {
        var result: [String: String] = [:]
        result["train"] = training.digest
        for split in sets { result["validate.\(split.name)"] = split.set.digest }
        return result.isEmpty ? nil : result
    }
}
