// MaxPool, AveragePool and their global forms, 1 to 3 spatial dimensions.
// https://onnx.ai/onnx/operators/onnx__MaxPool.html https://onnx.ai/onnx/operators/onnx__AveragePool.html

import LTCore
import LTGraph

extension TorchOperatorTable {
    static let maxPool: Entry = { (node, _) throws(LTError) in
        let window = try TorchWindow(node)
        let kernel = try kernelShape(node)
        let ceilMode = try node.int("ceil_mode") ?? 0 != 0
        return { (x: TorchArguments, _) throws(LTError) in
            let rank = kernel.count
            var (input, padding) = try padded(x[0], window, kernel, value: -Double.infinity)
            if zip(padding, kernel).contains(where: { $0 > $1 / 2 }) {
                input = try input.padded(begin: padding, end: padding, value: -Double.infinity)
                padding = [Int](repeating: 0, count: rank)
            }
            return [
                try Torch.one(
                    "max_pool\(rank)d",
                    [
                        .tensor(input), .ints(kernel), .ints(window.strides(rank)), .ints(padding),
                        .ints(window.dilations(rank)), .bool(ceilMode),
                    ])
            ]
        }
    }

    static let averagePool: Entry = { (node, _) throws(LTError) in
        let window = try TorchWindow(node)
        let kernel = try kernelShape(node)
        let ceilMode = try node.int("ceil_mode") ?? 0 != 0
        let countsPadding = try node.int("count_include_pad") ?? 0 != 0
        if window.dilations?.contains(where: { $0 != 1 }) ?? false {
            throw LTError(.unsupported, "AveragePool with dilations")
        }
        func pool(_ input: TorchTensor, _ padding: [Int], _ countsPadding: Bool) throws(LTError) -> TorchTensor {
            try Torch.one(
                "avg_pool\(kernel.count)d",
                [
                    .tensor(input), .ints(kernel), .ints(window.strides(kernel.count)), .ints(padding),
                    .bool(ceilMode), .bool(countsPadding),
                ])
        }
        return { (x: TorchArguments, _) throws(LTError) in
            let original = try x[0]
            let (input, padding) = try padded(original, window, kernel, value: 0)
            let average = try pool(input, padding, countsPadding)
            if countsPadding || input === original { return [average] }
            // Explicit (asymmetric) padding: divide by the share of each window that is not padding.
            let ones = try Torch.one("ones_like", [.tensor(original)])
            let share = try pool(padded(ones, window, kernel, value: 0).0, padding, countsPadding)
            return [try average / share]
        }
    }

    static let globalAveragePool: Entry = { (_, _) in
        { (x: TorchArguments, _) throws(LTError) in
            let axes = try Array(2..<max(2, x[0].rank))
            return [try Torch.one("mean.dim", [.tensor(x[0]), .ints(axes), .bool(true)])]
        }
    }

    static let globalMaxPool: Entry = { (_, _) in
        { (x: TorchArguments, _) throws(LTError) in
            let spatial = try x[0].rank - 2
            guard (1...3).contains(spatial) else {
                throw LTError(.shapeMismatch, "GlobalMaxPool of rank \(spatial + 2), expected 3 to 5")
            }
            let ones = [Int](repeating: 1, count: spatial)
            return [try Torch.one("adaptive_max_pool\(spatial)d", [.tensor(x[0]), .ints(ones)])]
        }
    }

    private static func kernelShape(_ node: Node) throws(LTError) -> [Int] {
        guard let kernel = try node.ints("kernel_shape"), (1...3).contains(kernel.count) else {
            throw LTError(.malformed, "kernel_shape is missing or not of 1 to 3 dimensions")
        }
        return kernel
    }

    /// The input and the symmetric padding left for libtorch; asymmetric padding is done here.
    private static func padded(_ input: TorchTensor, _ window: TorchWindow, _ kernel: [Int], value: Double)
        throws(LTError) -> (TorchTensor, [Int])
    {
        let (begin, end) = try window.padding(input: Array(input.dims.dropFirst(2)), kernel: kernel)
        if begin == end, zip(begin, kernel).allSatisfy({ $0 <= $1 / 2 }) || value != 0 { return (input, begin) }
        return (try input.padded(begin: begin, end: end, value: value), [Int](repeating: 0, count: kernel.count))
    }
}
