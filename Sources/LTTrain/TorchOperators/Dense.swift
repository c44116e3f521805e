// Gemm, Einsum. https://onnx.ai/onnx/operators/onnx__Gemm.html https://onnx.ai/onnx/operators/onnx__Einsum.html

import LTCore
import LTGraph

extension TorchOperatorTable {
    static let gemm: Entry = { (node, _) throws(LTError) in
        let alpha = Double(try node.float("alpha") ?? 1)
        let beta = Double(try node.float("beta") ?? 1)
        let transA = try node.int("transA") ?? 0 != 0
        let transB = try node.int("transB") ?? 0 != 0
        return { (x: TorchArguments, _) throws(LTError) in
            let c = x.optional(2)
            if !transA, transB, alpha == 1, beta == 1, c.map({ $0.rank == 1 }) ?? true {
                return try Torch.call("linear", [.tensor(x[0]), .tensor(x[1]), .tensor(c)])
            }
            let a = transA ? try x[0].unary("t") : try x[0]
            let b = transB ? try x[1].unary("t") : try x[1]
            var y = try Torch.one("matmul", [.tensor(a), .tensor(b)])
            if alpha != 1 { y = try y * alpha }
            if let c { y = try y + (beta == 1 ? c : c * beta) }
            return [y]
        }
    }

    static let einsum: Entry = { (node, _) throws(LTError) in
        guard let equation = try node.string("equation") else { throw LTError(.malformed, "no equation") }
        return { (x: TorchArguments, _) throws(LTError) in
            try Torch.call("einsum", [.string(equation), .tensors(x.all), .none])
        }
    }
}
