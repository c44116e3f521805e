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
            task: activation == .softmax ? .multiclass : .multilabel, preprocess: recipe.input.preprocess,
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
        guard let bytes = try selfTestImage(), let output = graph.outputs.first?.name else { return nil }
        let size = recipe.input.size
        let tensor = try Tensor(.float32, try Shape([1, 3, size, size]))
        try recipe.input.preprocess.apply(
            try Image.decode(bytes, recipe.input.preprocess.decodeOptions), into: tensor.elements())
        let logits = try Torch.withoutGrad { () throws(LTError) in
            try executor.run(try TorchTensor(tensor).channelsLast(), mode: .inference)
        }
        return SelfTest(
            input: .image(bytes),
            outputs: [SelfTest.Value(name: output, shape: logits.dims, values: try logits.array(of: Float.self))])
    }

    /// An encoded image: the smallest of the first files, or the first of an archive as PNG.
    private func selfTestImage() throws(LTError) -> [UInt8]? {
        var smallest: [UInt8]?
        for sample in training.samples.prefix(50) {
            switch sample {
            case .file(let path):
                let file = try within("image \(path)") { () throws(LTError) in try readFile(path) }
                if file.count < smallest?.count ?? .max { smallest = Array(file) }
            case .archived: return try sample.image().encodedPNG()
            case .clip: return nil
            }
        }
        return smallest
    }
}
