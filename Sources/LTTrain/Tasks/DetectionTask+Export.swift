// Export of a detector: the trained parts with what lies between them as one graph, its decision layer inside.

import LTCore
import LTDecision
import LTGraph

extension DetectionTask {
    /// From picture to detections: preprocessing, labels, training counts, groups and provenance inside.
    func export() throws(LTError) -> Graph {
        var graph = try network.detector(parts())
        var layer = decisionLayer
        layer.selfTest = try selfTest()
        try layer.write(into: &graph)
        return graph
    }

    /// The graphs with their current weights.
    func parts() throws(LTError) -> RCNN.Parts {
        RCNN.Parts(
            pyramid: try pyramid.exported(), boxHead: try boxHead.exported(),
            maskHead: try maskHead.map { head throws(LTError) in try head.exported() })
    }

    /// What the file says of its outputs.
    var decisionLayer: DecisionLayer {
        var layer = network.decisionLayer(preprocess: recipe.input.preprocess)
        layer.labels = training.labels
        layer.trainCounts = training.counts.images
        layer.groups = recipe.groups
        var digests: [String: String] = [:]
        digests["train"] = training.digest
        for split in sets { digests["validate.\(split.name)"] = split.dataset.digest }
        layer.provenance = DecisionLayer.Provenance(
            recipe: recipe.text, loss: lossName, seed: recipe.seed,
            versions: ["longtail": longtailVersion, "libtorch": Torch.version],
            digests: digests.isEmpty ? nil : digests)
        return layer
    }
}
