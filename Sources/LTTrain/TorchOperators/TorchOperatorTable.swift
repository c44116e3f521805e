// TorchOperatorTable: the ONNX operators that the trainer knows, one line each. Simple ones are written here, the others
// live in TorchOperators/. https://onnx.ai/onnx/operators/

import LTCore
import LTGraph

/// What a node does at run time: its inputs to its outputs.
typealias TorchKernel = (TorchArguments, TorchMode) throws(LTError) -> [TorchTensor]

/// The inputs of a node; an absent optional one is `nil`.
struct TorchArguments {
    private let values: [TorchTensor?]
    init(_ values: [TorchTensor?]) { self.values = values }

    var count: Int { values.count }
    func optional(_ index: Int) -> TorchTensor? { index < values.count ? values[index] : nil }
    subscript(_ index: Int) -> TorchTensor {
        get throws(LTError) {
            guard let value = optional(index) else { throw LTError(.malformed, "input \(index) is missing") }
            return value
        }
    }
    /// The attribute that older opsets had, else the int64 input (shape, axes, starts, …); `nil` when both are absent.
    func ints(or attribute: [Int]? = nil, _ index: Int) throws(LTError) -> [Int]? {
        if let attribute { return attribute }
        return try optional(index)?.cast(.int64).array(of: Int64.self).map { Int($0) }
    }
    /// The attribute that older opsets had, else the scalar input; `nil` when both are absent.
    func scalar(or attribute: Double? = nil, _ index: Int) throws(LTError) -> Double? {
        if let attribute { return attribute }
        return try optional(index)?.item()
    }
    var all: [TorchTensor] {
        get throws(LTError) {
            var result: [TorchTensor] = []
            for index in values.indices { result.append(try self[index]) }
            return result
        }
    }
}

enum TorchOperatorTable {
    /// Reads a node's attributes once and returns what it does.
    typealias Entry = @Sendable (_ node: Node, _ opset: Int) throws(LTError) -> TorchKernel

    static let entries: [String: Entry] = [
        "Add": elementwise("add.Tensor"),
        "AveragePool": averagePool,
        "BatchNormalization": batchNormalization,
        "Cast": castOperator,
        "Clip": clip,
        "Concat": concat,
        "Constant": constant,
        "Conv": conv,
        "Div": elementwise("div.Tensor"),
        "Dropout": dropout,
        "Flatten": flatten,
        "Gather": gather,
        "Gemm": gemm,
        "GlobalAveragePool": globalAveragePool,
        "GlobalMaxPool": globalMaxPool,
        "HardSwish": unary("hardswish"),
        "Identity": { (_, _) in { (x: TorchArguments, _) throws(LTError) in [try x[0]] } },
        "LpNormalization": lpNormalization,
        "MatMul": elementwise("matmul"),
        "MaxPool": maxPool,
        "Mul": elementwise("mul.Tensor"),
        "Pad": pad,
        "ReduceMean": reduceMean,
        "Relu": unary("relu"),
        "Reshape": reshape,
        "Shape": shape,
        "Sigmoid": unary("sigmoid"),
        "Slice": slice,
        "Softmax": softmax,
        "Squeeze": squeeze,
        "Sub": elementwise("sub.Tensor"),
        "Tanh": unary("tanh"),
        "Transpose": transpose,
        "Unsqueeze": unsqueeze,
    ]

    static func kernel(for node: Node, opset: Int) throws(LTError) -> TorchKernel {
        guard node.domain.isEmpty, let entry = entries[node.opType] else {
            let name = node.domain.isEmpty ? node.opType : "\(node.domain).\(node.opType)"
            throw LTError(
                .unsupported, "the trainer does not know operator \(name)",
                hint: "it knows \(entries.keys.sorted().joined(separator: ", "))")
        }
        return try entry(node, opset)
    }

    /// A function of one tensor.
    private static func unary(_ name: String) -> Entry {
        { (_, _) in { (x: TorchArguments, _) throws(LTError) in [try x[0].unary(name)] } }
    }

    /// A function of two tensors, with broadcasting.
    private static func elementwise(_ name: String) -> Entry {
        { (_, _) in
            { (x: TorchArguments, _) throws(LTError) in
                try Torch.call(name, [.tensor(x[0]), .tensor(x[1])])
            }
        }
    }
}
