// Normalisations without running statistics: LpNormalization.
// https://onnx.ai/onnx/operators/onnx__LpNormalization.html

import LTCore
import LTGraph

extension TorchOperatorTable {
    /// x / ‖x‖ along an axis; a vector of zeros stays one.
    static let lpNormalization: Entry = { (node, _) throws(LTError) in
        let axis = try node.int("axis") ?? -1
        let p = Double(try node.int("p") ?? 2)
        return { (x: TorchArguments, _) throws(LTError) in
            let norm = try Torch.one("norm.ScalarOpt_dim", [.tensor(x[0]), .double(p), .ints([axis]), .bool(true)])
            return [try x[0] / Torch.one("clamp_min", [.tensor(norm), .double(1e-12)])]
        }
    }
}
