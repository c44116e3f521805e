// The operators of exported classifiers, one case each: the trainer against the runtime's backends on a [2, 4, 9, 11] tensor.

import LTCore
import LTGraph
import LTRuntime
import LTTrain
import Testing

@Suite struct OperatorAgreementTests {
    typealias Case = (op: String, constants: [Tensor?], attributes: [String: Attribute])

    static func tensor<T: TensorElement>(_ values: [T], _ dims: [Int]? = nil) -> Tensor? { try? Tensor(values, dims) }
    static func ints(_ values: Int64...) -> Tensor? { tensor(values) }
    static func normal(_ dims: [Int], _ seed: UInt64) -> Tensor? { try? RuntimeAgreementTests.normal(dims, seed: seed) }

    static let elementwise: [Case] =
        ["Abs", "Atan", "Cos", "Elu", "Celu", "Erf", "Exp", "Gelu", "HardSigmoid", "LeakyRelu", "Mish", "Neg", "Selu"]
        .map { ($0, [], [:]) }
        + ["Sign", "Sin", "Softplus", "Softsign", "ThresholdedRelu", "Floor", "Ceil", "Round"].map { ($0, [], [:]) }
        + [
            ("Gelu", [], ["approximate": .string("tanh")]), ("LeakyRelu", [], ["alpha": .float(0.3)]),
            ("HardSigmoid", [], ["alpha": .float(0.1), "beta": .float(0.4)]),
            ("PRelu", [normal([4, 1, 1], 1)], [:]), ("Pow", [tensor([Float(2)], [])], [:]),
            ("Pow", [tensor([Float(3)], [])], [:]), ("Max", [normal([11], 2)], [:]), ("Min", [normal([11], 2)], [:]),
            ("Sum", [normal([9, 11], 2), normal([11], 3)], [:]), ("Mean", [normal([9, 11], 2)], [:]),
            ("Mod", [tensor([Float(0.7)])], ["fmod": .int(1)]), ("LogSoftmax", [], ["axis": .int(1)]),
        ]
    static let reductions: [Case] =
        [
            "ReduceSum", "ReduceMax", "ReduceMin", "ReduceL1", "ReduceL2", "ReduceSumSquare", "ReduceLogSumExp",
            "ReduceProd",
        ]
        .flatMap { op -> [Case] in
            [(op, [ints(1, -1)], ["keepdims": .int(0)]), (op, [ints(2)], [:])]
        } + [
            ("CumSum", [tensor([Int64(1)], [])], [:]),
            ("CumSum", [tensor([Int64(3)], [])], ["exclusive": .int(1), "reverse": .int(1)]),
        ]
    static let normalisations: [Case] = [
        ("LayerNormalization", [normal([11], 1), normal([11], 2)], [:]),
        (
            "LayerNormalization", [normal([9, 11], 1), normal([9, 11], 2)], ["axis": .int(2), "epsilon": .float(1e-3)]
        ),
        ("InstanceNormalization", [normal([4], 1), normal([4], 2)], [:]),
        ("GroupNormalization", [normal([4], 1), normal([4], 2)], ["num_groups": .int(2)]),
        ("LpNormalization", [], ["axis": .int(1)]), ("LpNormalization", [], ["p": .int(1)]),
        ("LRN", [], ["size": .int(3)]), ("LRN", [], ["size": .int(2), "alpha": .float(0.1), "bias": .float(2)]),
    ]
    static let moves: [Case] = [
        ("Expand", [ints(3, 1, 1, 9, 1)], [:]), ("Tile", [ints(1, 2, 1, 3)], [:]),
        ("Slice", [ints(-1), ints(.min), ints(3), ints(-2)], [:]),
        ("Slice", [ints(7, 2), ints(0, 3), ints(2, 1), ints(-3, 1)], [:]),
        ("Pad", [ints(0, 0, 2, 1, 0, 0, 3, 2)], ["mode": .string("reflect")]),
        ("Pad", [ints(0, 1, 2, 1, 0, 0, 3, 2)], ["mode": .string("edge")]),
        ("GatherElements", [tensor([Int64(3), -1, 0, 1], [2, 2, 1, 1])], ["axis": .int(1)]),
        ("GatherND", [ints(1, 2)], [:]), ("GatherND", [tensor([Int64(0), -1, 1, 2], [2, 2])], [:]),
        ("GatherND", [tensor([Int64(3), 0], [2, 1])], ["batch_dims": .int(1)]),
        ("ScatterND", [tensor([Int64(1), 3], [1, 2]), normal([1, 9, 11], 5)], [:]),
        ("ScatterElements", [tensor([Int64(2), 0], [1, 2, 1, 1]), normal([1, 2, 1, 1], 5)], ["axis": .int(3)]),
        ("Trilu", [], [:]), ("Trilu", [tensor([Int64(1)], [])], ["upper": .int(0)]),
        ("SpaceToDepth", [], ["blocksize": .int(1)]), ("DepthToSpace", [], ["blocksize": .int(2)]),
        ("DepthToSpace", [], ["blocksize": .int(2), "mode": .string("CRD")]),
        ("Einsum", [normal([11, 5], 3)], ["equation": .string("bchw,wk->bkc")]),
    ]
    static let images: [Case] = {
        var cases: [Case] = []
        let scales = tensor([Float(1), 1, 2, 1.5])
        for mode in ["nearest", "linear", "cubic"] {
            for coordinates in ["half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel"] {
                cases.append(
                    (
                        "Resize", [nil, scales],
                        [
                            "mode": .string(mode), "coordinate_transformation_mode": .string(coordinates),
                        ]
                    ))
            }
        }
        let sizes = ints(2, 4, 5, 20)
        cases.append(("Resize", [nil, nil, sizes], ["mode": .string("linear")]))
        for rounding in ["floor", "ceil", "round_prefer_ceil"] {
            cases.append(("Resize", [nil, nil, sizes], ["nearest_mode": .string(rounding)]))
        }
        let weight = normal([4, 3, 3, 2], 4)
        let strides: [String: Attribute] = ["strides": .ints([2, 3])]
        cases += [
            ("ConvTranspose", [weight, normal([3], 5)], strides.merging(["pads": .ints([1, 0, 1, 0])]) { $1 }),
            ("ConvTranspose", [weight], strides.merging(["pads": .ints([1, 0, 0, 1])]) { $1 }),
            ("ConvTranspose", [weight], strides.merging(["output_padding": .ints([1, 2])]) { $1 }),
            ("ConvTranspose", [weight], strides.merging(["auto_pad": .string("SAME_UPPER")]) { $1 }),
            ("ConvTranspose", [normal([4, 2, 3, 3], 6)], ["group": .int(2), "dilations": .ints([2, 1])]),
        ]
        return cases
    }()
    static let all = elementwise + reductions + normalisations + moves + images

    @Test(arguments: all.indices) func operatorsAgree(_ index: Int) throws {
        let (op, constants, attributes) = Self.all[index]
        // Gelu came with opset 20; scale and shift of GroupNormalization are per channel since 21.
        var builder = GraphBuilder(
            name: op, opset: ["GroupNormalization", "Gelu"].contains(op) ? 21 : 18, irVersion: 10)
        var inputs = [builder.input("x", .float32, ["N", 4, 9, 11])]
        for (position, constant) in constants.enumerated() {
            inputs.append(constant.map { builder.initializer("c\(position)", $0) } ?? "")
        }
        let y = builder.node(op, inputs, attributes: .init(uniqueKeysWithValues: attributes.sorted { $0.key < $1.key }))
        builder.output(y, as: "y", .float32, [])
        var graph = builder.graph
        graph.outputs = [ValueInfo("y", .tensor(.float32, nil))]
        let input = try RuntimeAgreementTests.normal([2, 4, 9, 11], seed: 8)
        for difference in try RuntimeAgreementTests.disagreement(graph, input) {
            #expect(difference < 2e-5, "\(op) \(attributes)")
        }
    }

    /// Attention of opset 23: three-dimensional with heads, a mask, grouped keys.
    @Test func attentionAgrees() throws {
        for (causal, masked) in [(0, false), (1, false), (0, true)] {
            var b = GraphBuilder(name: "attention", opset: 23, irVersion: 11)
            let x = b.input("x", .float32, ["N", 7, 12])
            let keys = b.node("MatMul", [x, b.initializer("k", try RuntimeAgreementTests.normal([12, 6], seed: 1))])
            let values = b.node("MatMul", [x, b.initializer("v", try RuntimeAgreementTests.normal([12, 6], seed: 2))])
            var inputs = [x, keys, values]
            if masked { inputs.append(b.initializer("mask", try RuntimeAgreementTests.normal([7, 7], seed: 3))) }
            let y = b.node(
                "Attention", inputs,
                attributes: ["q_num_heads": .int(4), "kv_num_heads": .int(2), "is_causal": .int(Int64(causal))])
            b.output(y, as: "y", .float32, ["N", 7, 12])
            for difference in try RuntimeAgreementTests.disagreement(
                b.graph, try RuntimeAgreementTests.normal([2, 7, 12], seed: 5))
            {
                #expect(difference < 1e-5)
            }
        }
    }
}
