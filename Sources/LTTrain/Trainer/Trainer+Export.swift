// Export: the model of the best epoch, or of the last.

import LTCore
import LTGraph

extension Trainer {
    /// The trained graph: preprocessing, labels, training counts, groups, activation, provenance and a self-test inside.
    /// After a run with `select` it is that of the best epoch.
    public func export() throws(LTError) -> Graph {
        try withFinalWeights { () throws(LTError) in try task.export() }
    }

    /// Writes model.onnx, with `select` that of the best epoch and model-last.onnx beside it.
    func exportModels() throws(LTError) {
        guard best != nil else { return try export().write(to: modelPath) }
        try export().write(to: lastModelPath)
        try loadBest()
        try export().write(to: modelPath)
    }
}
