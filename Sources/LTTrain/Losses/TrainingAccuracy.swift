// Training accuracy of images with several labels, as the Distribution-Balanced code prints it: the share of the k highest
// logits of each image that are labels of it.

import LTCore

public enum TrainingAccuracy {
    /// In percent.
    /// - Throws: `invalidArgument` for more logits than there are classes.
    public static func percent(_ logits: TorchTensor, _ targets: TorchTensor, top k: Int = 1) throws(LTError) -> Double
    {
        guard let classes = logits.dims.last, (1...max(1, classes)).contains(k) else {
            throw LTError(
                .invalidArgument, "the \(k) highest of logits \(logits.dims), expected 1 to their last extent")
        }
        let highest = try Torch.call("topk", [.tensor(logits), .int(k)])
        guard highest.count == 2 else { throw LTError(.library, "libtorch's topk gave \(highest.count) tensors") }
        let hits = try Torch.one("gather", [.tensor(targets), .int(1), .tensor(highest[1])])
        return try hits.cast(.float64).mean().item() * 100
    }
}
