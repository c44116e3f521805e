// Export: the trained graph with its decision layer, so that the ONNX file alone is enough to run and judge the model.

import Foundation
import LTCore
import LTDecision
import LTGraph
import LTImage

extension Trainer {
    /// The trained graph: preprocessing, labels, training counts, groups, activation, provenance and a self-test inside.
    public func export() throws(LTError) -> Graph {
        var graph = try executor.exported()
        let activation = DecisionLayer.Activation(rawValue: type(of: loss).activation)
        let layer = DecisionLayer(
            task: activation == .softmax ? .multiclass : .multilabel, preprocess: recipe.preprocess,
            labels: training.labels,
            trainCounts: training.counts.images, groups: recipe.groups, activation: activation,
            provenance: DecisionLayer.Provenance(
                recipe: recipe.text, loss: lossName, seed: recipe.seed,
                versions: ["libtorch": Torch.version],
                digests: training.digest.map { ["train": $0] }),
            selfTest: try selfTest(graph))
        try layer.write(into: &graph)
        return graph
    }

    /// The smallest of the first training images, through the whole chain, and the logits it gives.
    private func selfTest(_ graph: Graph) throws(LTError) -> SelfTest? {
        var smallest: [UInt8]?
        for path in training.paths.prefix(50) {
            let file = try within("image \(path)") { () throws(LTError) in try readFile(path) }
            if file.count < smallest?.count ?? .max { smallest = Array(file) }
        }
        guard let bytes = smallest, let output = graph.outputs.first?.name else { return nil }
        let size = recipe.size
        let tensor = try Tensor(.float32, try Shape([1, 3, size, size]))
        var failure: LTError?
        bytes.withUnsafeBytes { raw in
            do throws(LTError) { try recipe.preprocess.apply(raw, into: tensor.elements()) } catch { failure = error }
        }
        if let failure { throw failure }
        let logits = try Torch.withoutGrad { () throws(LTError) in
            try executor.run(try TorchTensor(tensor).channelsLast(), mode: .inference)
        }
        return SelfTest(
            input: .image(bytes),
            outputs: [SelfTest.Value(name: output, shape: logits.dims, values: try logits.array(of: Float.self))])
    }
}
