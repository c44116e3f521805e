// Element by element: arithmetic on whole numbers, comparisons, activations with parameters, variadic operators.
// https://onnx.ai/onnx/operators/

import LTCore
import LTGraph

extension TorchOperatorTable {
    /// A function of one tensor.
    static func unary(_ name: String) -> Entry {
        { (_, _) in { (x: TorchArguments, _) throws(LTError) in [try x[0].unary(name)] } }
    }

    /// A function of two tensors, with broadcasting.
    static func elementwise(_ name: String) -> Entry {
        { (node, opset) throws(LTError) in
            guard opset >= 7 else { throw LTError(.unsupported, "broadcasting of opset \(opset), expected 7 or newer") }
            return { (x: TorchArguments, _) throws(LTError) in try Torch.call(name, [.tensor(x[0]), .tensor(x[1])]) }
        }
    }

    /// A function of any number of tensors, with broadcasting.
    static func variadic(_ name: String, mean: Bool = false) -> Entry {
        { (_, _) in
            { (x: TorchArguments, _) throws(LTError) in
                var result = try x[0]
                for index in 1..<max(1, x.count) {
                    result = try Torch.one(name, [.tensor(result), .tensor(x[index])])
                }
                return [mean ? try result / Double(x.count) : result]
            }
        }
    }

    /// A function of one tensor and numbers that are attributes.
    static func activation(
        _ attributes: KeyValuePairs<String, Double>,
        _ body: @escaping @Sendable (TorchTensor, [Double]) throws(LTError) -> TorchTensor
    ) -> Entry {
        { (node, _) throws(LTError) in
            var values: [Double] = []
            for (name, standard) in attributes { values.append(try node.float(name).map(Double.init) ?? standard) }
            return { [values] (x: TorchArguments, _) throws(LTError) in [try body(try x[0], values)] }
        }
    }

    /// Whole numbers are divided towards zero.
    static let div: Entry = { (node, opset) throws(LTError) in
        { (x: TorchArguments, _) throws(LTError) in
            let (a, b) = (try x[0], try x[1])
            if a.isFloat || b.isFloat { return [try a / b] }
            return [try (a.cast(.float64) / b.cast(.float64)).unary("trunc").cast(a.type ?? .int64)]
        }
    }

    static let mod: Entry = { (node, _) throws(LTError) in
        let name = try node.int("fmod") ?? 0 != 0 ? "fmod.Tensor" : "remainder.Tensor"
        return { (x: TorchArguments, _) throws(LTError) in try Torch.call(name, [.tensor(x[0]), .tensor(x[1])]) }
    }

    static let pow: Entry = { (_, _) in
        { (x: TorchArguments, _) throws(LTError) in
            let (base, exponent) = (try x[0], try x[1])
            if exponent.count == 1, exponent.rank <= base.rank, base.isFloat {
                let value = try exponent.item()
                return [value == 2 ? try base * base : try base.pow(value)]
            }
            return [try Torch.one("pow.Tensor_Tensor", [.tensor(base), .tensor(exponent)]).cast(base.type ?? .float32)]
        }
    }

    static let whereOperator: Entry = { (_, _) in
        { (x: TorchArguments, _) throws(LTError) in
            let way = try x[1].rank >= x[2].rank ? x[1] : x[2]
            return try Torch.call(
                "where.self", [.tensor(x[0].like(way)), .tensor(x[1].like(way)), .tensor(x[2].like(way))])
        }
    }

    static let gelu: Entry = { (node, _) throws(LTError) in
        let approximate = try node.string("approximate") ?? "none"
        return { (x: TorchArguments, _) throws(LTError) in
            try Torch.call("gelu", [.tensor(x[0]), .string(approximate)])
        }
    }

    static let prelu: Entry = { (_, _) in
        { (x: TorchArguments, _) throws(LTError) in
            let input = try x[0]
            let below = try input.negated().unary("relu")
            return [try input.unary("relu") - below * x[1]]
        }
    }

    static let clip: Entry = { (node, _) throws(LTError) in
        let low = try node.float("min").map(Double.init)
        let high = try node.float("max").map(Double.init)
        return { (x: TorchArguments, _) throws(LTError) in
            let bounds = [try x.scalar(or: low, 1), try x.scalar(or: high, 2)]
            if bounds[0] == nil, bounds[1] == nil { return [try x[0]] }
            return [
                try Torch.one("clamp", [.tensor(x[0])] + bounds.map { $0.map { TorchValue.double($0) } ?? .none })
            ]
        }
    }

    static let castOperator: Entry = { (node, _) throws(LTError) in
        guard let type = try node.int("to").flatMap({ ElementType(rawValue: Int32($0)) }) else {
            throw LTError(.malformed, "Cast to no element type")
        }
        return { (x: TorchArguments, _) throws(LTError) in
            let input = try x[0]
            // A run in double precision stays in it.
            return [input.type == .float64 && type == .float32 ? input : try input.cast(type)]
        }
    }

    static let castLike: Entry = { (_, _) in
        { (x: TorchArguments, _) throws(LTError) in [try x[0].cast(try x[1].type ?? .float32)] }
    }
}

extension TorchTensor {
    var isFloat: Bool { type == .float32 || type == .float64 || type == .float16 || type == .bfloat16 }
}
