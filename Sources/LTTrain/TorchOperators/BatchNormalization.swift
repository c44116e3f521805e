// BatchNormalization: batch statistics while training (running ones updated), running statistics otherwise.
// ONNX: running = running·momentum + batch·(1 − momentum); libtorch's momentum is one minus that.
// https://onnx.ai/onnx/operators/onnx__BatchNormalization.html

import LTCore
import LTGraph

extension TorchOperatorTable {
    static let batchNormalization: Entry = { (node, _) throws(LTError) in
        let epsilon = Double(try node.float("epsilon") ?? 1e-5)
        let momentum = Double(try node.float("momentum") ?? 0.9)
        return { (x: TorchArguments, mode: TorchMode) throws(LTError) in
            let batchStatistics = mode.training && !mode.frozenBatchNorm
            if batchStatistics, mode.synchronised, mode.group.size > 1 {
                return [
                    try Torch.batchNorm(
                        x[0], weight: x[1], bias: x[2], mean: x[3], variance: x[4], momentum: 1 - momentum,
                        epsilon: epsilon, over: mode.group)
                ]
            }
            return [
                try Torch.one(
                    "batch_norm",
                    [
                        .tensor(x[0]), .tensor(x[1]), .tensor(x[2]), .tensor(x[3]), .tensor(x[4]),
                        .bool(batchStatistics), .double(1 - momentum), .double(epsilon), .bool(false),
                    ])
            ]
        }
    }

    static let dropout: Entry = { (node, _) throws(LTError) in
        let ratio = try node.float("ratio").map(Double.init)
        return { (x: TorchArguments, mode: TorchMode) throws(LTError) in
            let input = try x[0]
            let probability = try x.scalar(or: ratio, 1) ?? 0.5
            guard mode.training, probability > 0 else { return [input] }
            guard probability < 1 else { throw LTError(.invalidArgument, "a dropout ratio of \(probability)") }
            // Our own generator: the mask is a function of the seed, whatever else runs in the process.
            var generator = SeededGenerator(seed: mode.seed)
            let keep = Float(1 / (1 - probability))
            // The mask is that of the whole batch; this process takes its rows' part.
            for _ in 0..<input.count * mode.group.rank { _ = generator.uniform() }
            let mask = (0..<input.count).map { _ in generator.uniform() < probability ? 0 : keep }
            let type: ElementType = input.type == .float64 ? .float64 : .float32
            return [try input * TorchTensor(mask, input.dims).cast(type).like(input)]
        }
    }
}
