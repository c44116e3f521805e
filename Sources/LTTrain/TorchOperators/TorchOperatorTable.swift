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
        "Abs": unary("abs"),
        "Acos": unary("acos"),
        "Add": elementwise("add.Tensor"),
        "And": elementwise("logical_and"),
        "ArgMax": argMax,
        "ArgMin": argMin,
        "Asin": unary("asin"),
        "Atan": unary("atan"),
        "Attention": attention,
        "AveragePool": averagePool,
        "BatchNormalization": batchNormalization,
        "Cast": castOperator,
        "CastLike": castLike,
        "Ceil": unary("ceil"),
        "Celu": activation(["alpha": 1]) { (x, a) throws(LTError) in try Torch.one("celu", [.tensor(x), .double(a[0])])
        },
        "Clip": clip,
        "Concat": concat,
        "ConstantOfShape": constantOfShape,
        "Conv": conv,
        "ConvTranspose": convTranspose,
        "Cos": unary("cos"),
        "Cosh": unary("cosh"),
        "CumSum": cumSum,
        "DepthToSpace": depthToSpace,
        "Div": div,
        "Dropout": dropout,
        "Einsum": einsum,
        "Elu": activation(["alpha": 1]) { (x, a) throws(LTError) in try Torch.one("elu", [.tensor(x), .double(a[0])]) },
        "Equal": elementwise("eq.Tensor"),
        "Erf": unary("erf"),
        "Exp": unary("exp"),
        "Expand": expand,
        "Flatten": flatten,
        "Floor": unary("floor"),
        "Gather": gather,
        "GatherElements": gatherElements,
        "GatherND": gatherND,
        "Gelu": gelu,
        "Gemm": gemm,
        "GlobalAveragePool": globalAveragePool,
        "GlobalMaxPool": globalMaxPool,
        "Greater": elementwise("gt.Tensor"),
        "GreaterOrEqual": elementwise("ge.Tensor"),
        "GroupNormalization": groupNormalization,
        "HardSigmoid": activation(["alpha": 0.2, "beta": 0.5]) { (x, a) throws(LTError) in
            try Torch.one("clamp", [.tensor(x * a[0] + a[1]), .double(0), .double(1)])
        },
        "HardSwish": unary("hardswish"),
        "Identity": { (_, _) in { (x: TorchArguments, _) throws(LTError) in [try x[0]] } },
        "InstanceNormalization": instanceNormalization,
        "IsNaN": unary("isnan"),
        "LRN": localResponseNormalization,
        "LayerNormalization": layerNormalization,
        "LeakyRelu": activation(["alpha": 0.01]) { (x, a) throws(LTError) in
            try Torch.one("leaky_relu", [.tensor(x), .double(a[0])])
        },
        "Less": elementwise("lt.Tensor"),
        "LessOrEqual": elementwise("le.Tensor"),
        "Log": unary("log"),
        "LogSoftmax": logSoftmax,
        "LpNormalization": lpNormalization,
        "MatMul": elementwise("matmul"),
        "Max": variadic("maximum"),
        "MaxPool": maxPool,
        "Mean": variadic("add.Tensor", mean: true),
        "Min": variadic("minimum"),
        "Mish": unary("mish"),
        "Mod": mod,
        "Mul": elementwise("mul.Tensor"),
        "Neg": unary("neg"),
        "Not": unary("logical_not"),
        "Or": elementwise("logical_or"),
        "PRelu": prelu,
        "Pad": pad,
        "Pow": pow,
        "RMSNormalization": rmsNormalization,
        "Range": range,
        "Reciprocal": unary("reciprocal"),
        "ReduceL1": reduceL1,
        "ReduceL2": reduceNorm,
        "ReduceLogSum": reduceLogSum,
        "ReduceLogSumExp": reduce("logsumexp"),
        "ReduceMax": reduce("amax"),
        "ReduceMean": reduce("mean.dim"),
        "ReduceMin": reduce("amin"),
        "ReduceProd": reduceProd,
        "ReduceSum": reduce("sum.dim_IntList"),
        "ReduceSumSquare": reduceSumSquare,
        "Relu": unary("relu"),
        "Reshape": reshape,
        "Resize": resize,
        "Round": unary("round"),
        "ScatterElements": scatterElements,
        "ScatterND": scatterND,
        "Selu": activation(["alpha": 1.67326319217681884765625, "gamma": 1.05070102214813232421875]) {
            (x, a) throws(LTError) in try Torch.one("elu", [.tensor(x), .double(a[0]), .double(a[1])])
        },
        "Shape": shape,
        "Sigmoid": unary("sigmoid"),
        "Sign": unary("sign"),
        "Sin": unary("sin"),
        "Sinh": unary("sinh"),
        "Size": size,
        "Slice": slice,
        "Softmax": softmax,
        "Softplus": unary("softplus"),
        "Softsign": activation([:]) { (x, a) throws(LTError) in try x / (x.unary("abs") + 1) },
        "SpaceToDepth": spaceToDepth,
        "Split": split,
        "Sqrt": unary("sqrt"),
        "Squeeze": squeeze,
        "Sub": elementwise("sub.Tensor"),
        "Sum": variadic("add.Tensor"),
        "Swish": activation(["alpha": 1]) { (x, a) throws(LTError) in try x * (x * a[0]).sigmoid() },
        "Tan": unary("tan"),
        "Tanh": unary("tanh"),
        "ThresholdedRelu": activation(["alpha": 1]) { (x, a) throws(LTError) in
            try Torch.one("threshold", [.tensor(x), .double(a[0]), .double(0)])
        },
        "Tile": tile,
        "Transpose": transpose,
        "Trilu": trilu,
        "Unsqueeze": unsqueeze,
        "Upsample": upsample,
        "Where": whereOperator,
        "Xor": elementwise("logical_xor"),
    ]

    /// Inputs that are not differentiated with respect to, where they may hold floating-point numbers.
    static let undifferentiated: [String: Set<Int>] = [
        "Clip": [1, 2], "Dropout": [1, 2], "Expand": [1], "Pad": [1, 2, 3], "Pow": [1], "Resize": [1, 2, 3],
        "Upsample": [1], "Where": [0],
    ]
    /// Operators through which no gradient passes.
    static let opaque: Set<String> = [
        "ArgMax", "ArgMin", "Ceil", "ConstantOfShape", "Equal", "Floor", "Greater", "GreaterOrEqual", "IsNaN", "Less",
        "LessOrEqual", "Range", "Round", "Shape", "Sign", "Size",
    ]
    private static let quantised: Set<String> = [
        "ConvInteger", "DequantizeLinear", "DynamicQuantizeLinear", "MatMulInteger", "QLinearConv", "QLinearMatMul",
        "QuantizeLinear",
    ]

    static func kernel(for node: Node, opset: Int) throws(LTError) -> TorchKernel {
        guard node.domain.isEmpty, let entry = entries[node.opType] else {
            if node.domain.isEmpty, quantised.contains(node.opType) {
                throw LTError(
                    .unsupported, "\(node.opType): a quantised model cannot be trained",
                    hint: "give the model it was made from, with float weights")
            }
            let name = node.domain.isEmpty ? node.opType : "\(node.domain).\(node.opType)"
            throw LTError(
                .unsupported, "the trainer does not know operator \(name)",
                hint: "it knows \(entries.keys.sorted().joined(separator: ", "))")
        }
        return try entry(node, node.opset ?? opset)
    }
}
