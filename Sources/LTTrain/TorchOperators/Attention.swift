// Attention of opset 23: softmax(scale · Q·Kᵀ + mask)·V, heads in a dimension of their own or side by side in the last one.
// https://onnx.ai/onnx/operators/onnx__Attention.html

import LTCore
import LTGraph

extension TorchOperatorTable {
    static let attention: Entry = { (node, _) throws(LTError) in
        let queryHeads = try node.int("q_num_heads")
        let keyHeads = try node.int("kv_num_heads")
        let causal = try node.int("is_causal") ?? 0 != 0
        let scale = try node.float("scale").map(Double.init)
        let cap = Double(try node.float("softcap") ?? 0)
        guard !node.inputs.dropFirst(4).contains(where: { !$0.isEmpty }), node.outputs.count == 1 else {
            throw LTError(.unsupported, "Attention with past keys and values, or more than one output")
        }
        return { (x: TorchArguments, _) throws(LTError) in
            let flat = try x[0].rank == 3
            let q = try heads(try x[0], queryHeads)
            var k = try heads(try x[1], keyHeads)
            var v = try heads(try x[2], keyHeads)
            let groups = k.dims[1] == 0 ? 1 : q.dims[1] / k.dims[1]
            if groups > 1 {
                k = try Torch.one("repeat_interleave.self_int", [.tensor(k), .int(groups), .int(1)])
                v = try Torch.one("repeat_interleave.self_int", [.tensor(v), .int(groups), .int(1)])
            }
            let keys = try Torch.one("transpose.int", [.tensor(k), .int(2), .int(3)])
            var scores = try Torch.one("matmul", [.tensor(q), .tensor(keys)])
            scores = try scores * (scale ?? 1 / Double(max(1, q.dims[3])).squareRoot())
            if causal {
                let ones = try Torch.one("ones_like", [.tensor(scores)])
                let later = try Torch.one("triu", [.tensor(ones), .int(1)]).cast(.bool)
                scores = try Torch.one("masked_fill.Scalar", [.tensor(scores), .tensor(later), .double(-.infinity)])
            }
            if let given = x.optional(3) {
                let mask = try given.like(scores)
                if mask.type == .bool {
                    let hidden = try mask.unary("logical_not")
                    scores = try Torch.one(
                        "masked_fill.Scalar", [.tensor(scores), .tensor(hidden), .double(-.infinity)])
                } else {
                    scores = try scores + mask
                }
            }
            if cap > 0 { scores = try (scores / cap).unary("tanh") * cap }
            let weights = try Torch.one("softmax.int", [.tensor(scores), .int(-1)])
            let y = try Torch.one("matmul", [.tensor(weights), .tensor(v)])
            guard flat else { return [y] }
            let dims = y.dims
            return [
                try Torch.one("transpose.int", [.tensor(y), .int(1), .int(2)])
                    .reshaped([dims[0], dims[2], dims[1] * dims[3]])
            ]
        }
    }

    /// [batch, length, heads · width] to [batch, heads, length, width]; rank 4 stays.
    private static func heads(_ tensor: TorchTensor, _ count: Int?) throws(LTError) -> TorchTensor {
        let dims = tensor.dims
        if dims.count == 4 { return tensor }
        guard dims.count == 3, let count, count > 0, dims[2] % count == 0 else {
            throw LTError(.shapeMismatch, "\(count ?? 0) heads of shape \(dims)")
        }
        let split = try tensor.reshaped([dims[0], dims[1], count, dims[2] / count])
        return try Torch.one("transpose.int", [.tensor(split), .int(1), .int(2)])
    }
}
