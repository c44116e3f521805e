// The cpu backend's kernels against the operators' reference kernels, on seeded random nodes with odd shapes.

import LTCore
import LTGraph
import LTRuntime
import Testing

@Suite struct CPUAgainstReferenceTests {
    /// Convolutions over 1 to 3 axes with groups, strides, dilation, uneven padding, bias, residual and activation.
    @Test(arguments: 0..<60) func convolution(seed: Int) throws {
        var random = SeededGenerator(seed: UInt64(seed))
        let rank = random.pick(1...3)
        let group = [1, 1, 1, 2, 3, 5][random.below(6)]
        let isDepthwise = random.below(5) == 0
        let inputs = (isDepthwise ? 1 : random.pick(1...9)) * (isDepthwise ? 19 : group)
        let groups = isDepthwise ? inputs : group
        let outputs = groups * (isDepthwise ? 1 : random.pick(1...11))
        var spatial: [Int] = []
        var kernel: [Int] = []
        var strides: [Int64] = []
        var dilations: [Int64] = []
        var begins: [Int64] = []
        var ends: [Int64] = []
        for _ in 0..<rank {
            kernel.append(random.pick(1...4))
            strides.append(Int64(random.pick(1...3)))
            dilations.append(Int64(random.pick(1...2)))
            begins.append(Int64(random.below(kernel[kernel.count - 1])))
            ends.append(Int64(random.below(kernel[kernel.count - 1])))
            spatial.append(random.pick(9...17))
        }
        let x = ("x", try random.tensor([random.pick(1...3), inputs] + spatial))
        let w = ("w", try random.tensor([outputs, inputs / groups] + kernel))
        let b = ("b", try random.tensor([outputs]))
        var builder = GraphBuilder(name: "conv")
        _ = builder.input("x", .float32, ["N"] + x.1.dims.dropFirst().map { Dimension.fixed($0) })
        _ = builder.initializer("w", w.1)
        _ = builder.initializer("b", b.1)
        let attributes: Attributes = [
            "strides": .ints(strides), "dilations": .ints(dilations), "pads": .ints(begins + ends),
            "group": .int(Int64(groups)),
        ]
        let y = builder.node("Conv", random.below(2) == 0 ? ["x", "w"] : ["x", "w", "b"], attributes: attributes)
        var last = y
        if random.below(2) == 0 {
            let z = builder.node("Conv", ["x", "w", "b"], attributes: attributes)
            last = builder.node("Add", random.below(2) == 0 ? [y, z] : [z, y])
            // The residual lives on in half of the cases.
            if random.below(2) == 0 { builder.output(z, as: "z", .float32, []) }
        }
        let activations = ["Relu", "Sigmoid", "HardSwish", "LeakyRelu", "Tanh", "HardSigmoid"]
        if random.below(3) > 0 { last = builder.node(activations[random.below(6)], [last]) }
        builder.output(last, as: "y", .float32, [])
        var graph = builder.graph
        for index in graph.outputs.indices { graph.outputs[index].type = nil }
        try expectAgreement(graph, [x], tolerance: 2e-5, "seed \(seed)")
    }

    @Test(arguments: 0..<24) func pooling(seed: Int) throws {
        var random = SeededGenerator(seed: UInt64(1000 + seed))
        let rank = random.pick(1...3)
        let kernel = (0..<rank).map { _ in random.pick(2...3) }
        let x = ("x", try random.tensor([2, random.pick(1...20)] + (0..<rank).map { _ in random.pick(6...13) }))
        var attributes: Attributes = [
            "kernel_shape": .ints(kernel.map { Int64($0) }),
            "strides": .ints((0..<rank).map { _ in Int64(random.pick(1...3)) }),
            "pads": .ints((0..<2 * rank).map { _ in Int64(random.below(2)) }),
            "ceil_mode": .int(Int64(random.below(2))),
        ]
        let isMax = random.below(2) == 0
        if !isMax { attributes["count_include_pad"] = .int(Int64(random.below(2))) }
        let pool = graph(isMax ? "MaxPool" : "AveragePool", inputs: [x], attributes: attributes)
        try expectAgreement(pool, [x], "seed \(seed) \(attributes)")
        try expectAgreement(graph(isMax ? "GlobalMaxPool" : "GlobalAveragePool", inputs: [x]), [x])
    }

    @Test(arguments: ["Add", "Sub", "Mul", "Div", "Max", "Min"]) func broadcasting(op: String) throws {
        var random = SeededGenerator(seed: 7)
        let shapes: [([Int], [Int])] = [
            ([3, 5, 7], [3, 5, 7]), ([3, 5, 7], [7]), ([3, 5, 7], [5, 1]), ([3, 1, 7], [5, 1]), ([1], [2, 3]),
            ([], [2, 3]), ([2, 1, 3, 1, 5], [4, 1, 6, 5]), ([1, 1], [1, 1]), ([40_000], [40_000]), ([33, 1024], [1]),
        ]
        for (a, b) in shapes {
            let inputs = [("a", try random.tensor(a)), ("b", try random.tensor(b))]
            try expectAgreement(graph(op, inputs: inputs), inputs, tolerance: 1e-6, "\(a) \(b)")
        }
    }

    /// Gates on blocked values: per image and channel, per channel, per pixel, one number.
    @Test(arguments: ["Add", "Mul", "Div", "Sub"], [16, 21]) func blockedBroadcasting(op: String, channels: Int) throws
    {
        var random = SeededGenerator(seed: 11)
        let x = ("x", try random.tensor([2, 3, 9, 7]))
        let shapes = [
            [2, channels, 1, 1], [1, channels, 1, 1], [channels, 1, 1], [2, 1, 9, 7], [1], [2, channels, 9, 7],
        ]
        for shape in shapes {
            // Divisors stay away from zero, where rounding would show.
            for swapped in op == "Div" ? [false] : [false, true] {
                let values = try random.tensor(shape).array(of: Float.self)
                let gate = ("gate", try Tensor(values.map { op == "Div" ? abs($0) + 0.5 : $0 }, shape))
                var builder = GraphBuilder(name: "gate")
                _ = builder.input("x", .float32, x.1.dims.map { Dimension.fixed($0) })
                _ = builder.input("gate", .float32, shape.map { Dimension.fixed($0) })
                _ = builder.initializer("w", try random.tensor([channels, 3, 3, 3]))
                _ = builder.initializer("v", try random.tensor([5, channels, 1, 1]))
                let y = builder.node("Conv", ["x", "w"])
                let padded = builder.node("Conv", ["x", "w"], attributes: ["pads": .ints([1, 1, 1, 1])])
                let wide = shape.contains(9) ? padded : y
                let z = builder.node(op, swapped ? ["gate", wide] : [wide, "gate"])
                builder.output(builder.node("Conv", [z, "v"]), as: "out", .float32, [])
                var graph = builder.graph
                graph.outputs[0].type = nil
                try expectAgreement(graph, [x, gate], tolerance: 5e-5, "\(shape) \(swapped)")
            }
        }
    }

    @Test(arguments: [
        "Relu", "LeakyRelu", "Sigmoid", "Tanh", "HardSigmoid", "HardSwish", "Exp", "Erf", "Gelu", "Sqrt",
    ]) func elementwise(op: String) throws {
        for count in [1, 15, 16, 17, 1025, 70_001] {
            var random = SeededGenerator(seed: UInt64(count))
            var values = (0..<count).map { _ in Float(random.normal() * 4) }
            if op == "Sqrt" { values = values.map(abs) }
            for (index, special) in [Float.infinity, -.infinity, .nan, 0, -0.0, 100, -100].enumerated()
            where index + 8 < count && !(op == "Sqrt" && special < 0) {
                values[index + 8] = special
            }
            let x = ("x", try Tensor(values))
            let graph = graph(op, inputs: [x], opset: op == "Gelu" ? 20 : 17)
            let reference = try run(graph, [x], on: "reference")["y"]?.array(of: Float.self) ?? []
            let cpu = try run(graph, [x], on: "cpu")["y"]?.array(of: Float.self) ?? []
            #expect(reference.count == cpu.count)
            for (index, (expected, actual)) in zip(reference, cpu).enumerated() {
                let isClose =
                    expected == actual || (expected.isNaN && actual.isNaN)
                    || abs(expected - actual) <= 1e-6 + 2e-6 * abs(expected)
                #expect(isClose, "\(op)(\(values[index])) is \(actual), expected \(expected)")
            }
        }
    }

    @Test func clip() throws {
        var random = SeededGenerator(seed: 3)
        let x = ("x", try random.tensor([7, 33]))
        let bounds = [("low", try Tensor(scalar: Float(-0.5))), ("high", try Tensor(scalar: Float(0.75)))]
        try expectAgreement(graph("Clip", inputs: [x], constants: bounds), [x], tolerance: 0)
        try expectAgreement(
            graph("Clip", inputs: [x], constants: [bounds[1]], order: ["x", "", "high"]), [x], tolerance: 0)
    }

    @Test func rows() throws {
        var random = SeededGenerator(seed: 5)
        for columns in [1, 7, 16, 31, 1000] {
            let x = ("x", try random.tensor([3, 5, columns]))
            try expectAgreement(graph("Softmax", inputs: [x], attributes: ["axis": .int(-1)]), [x], "\(columns)")
            try expectAgreement(graph("Softmax", inputs: [x], attributes: ["axis": .int(1)]), [x], "\(columns)")
            try expectAgreement(graph("Softmax", inputs: [x], attributes: ["axis": .int(1)], opset: 11), [x])
        }
    }

    @Test func transposes() throws {
        var random = SeededGenerator(seed: 9)
        let x = ("x", try random.tensor([3, 17, 5, 21]))
        for order in [
            [0, 1, 2, 3], [0, 2, 3, 1], [0, 3, 1, 2], [3, 2, 1, 0], [1, 0, 2, 3], [0, 1, 3, 2], [2, 3, 0, 1],
        ] {
            let attributes: Attributes = ["perm": .ints(order.map { Int64($0) })]
            try expectAgreement(graph("Transpose", inputs: [x], attributes: attributes), [x], tolerance: 0, "\(order)")
        }
        try expectAgreement(graph("Transpose", inputs: [x]), [x], tolerance: 0)
    }

    /// Slice with steps either way, Split, Expand, for elements of all widths.
    @Test(arguments: [ElementType.float32, .uint8, .float16, .int64]) func views(type: ElementType) throws {
        var random = SeededGenerator(seed: 21)
        let floats = try random.tensor([3, 17, 5, 21])
        let scaled = try Tensor(floats.array(of: Float.self).map { ($0 * 20).rounded() }, floats.dims)
        let cast = graph("Cast", inputs: [("x", scaled)], attributes: ["to": .int(Int64(type.rawValue))])
        let x = ("x", try #require(try run(cast, [("x", scaled)], on: "reference")["y"]))
        func expectEqual(_ graph: Graph, _ comment: String) throws {
            let (reference, cpu) = (try run(graph, [x], on: "reference"), try run(graph, [x], on: "cpu"))
            for (name, expected) in reference { try Verify.compare(try #require(cpu[name]), expected) }
        }
        let slices: [(starts: [Int64], ends: [Int64], axes: [Int64], steps: [Int64])] = [
            ([1], [3], [0], [1]), ([2, 1], [15, 20], [1, 3], [3, 2]), ([-1], [-100], [3], [-1]),
            ([16, 4], [0, 0], [1, 2], [-5, -1]), ([7], [8], [1], [1 << 40]), ([0], [21], [-1], [20]),
            ([5], [5], [1], [1 << 40]),
        ]
        for slice in slices {
            let constants = [
                ("starts", try Tensor(slice.starts)), ("ends", try Tensor(slice.ends)),
                ("axes", try Tensor(slice.axes)), ("steps", try Tensor(slice.steps)),
            ]
            try expectEqual(graph("Slice", inputs: [x], constants: constants), "\(slice)")
        }
        for axis in 0..<4 {
            var builder = GraphBuilder(name: "split", opset: 17)
            _ = builder.input("x", type, x.1.dims.map { Dimension.fixed($0) })
            let first = Int64(1)
            _ = builder.initializer("split", try Tensor([first, Int64(x.1.dims[axis]) - 1]))
            let parts = builder.nodes("Split", ["x", "split"], outputs: 2, attributes: ["axis": .int(Int64(axis))])
            for (index, part) in parts.enumerated() { builder.output(part, as: "y\(index)", type, []) }
            var graph = builder.graph
            for index in graph.outputs.indices { graph.outputs[index].type = nil }
            try expectEqual(graph, "axis \(axis)")
        }
        for shape: [Int64] in [[2, 1, 1, 1, 1], [3, 17, 5, 21]] {
            try expectEqual(graph("Expand", inputs: [x], constants: [("shape", try Tensor(shape))]), "\(shape)")
        }
        let narrow = ("x", try Tensor(try random.tensor([5, 1, 3, 1]).array(of: Float.self), [5, 1, 3, 1]))
        let expand = graph("Expand", inputs: [narrow], constants: [("shape", try Tensor([Int64(2), 1, 7, 1, 11]))])
        try expectAgreement(expand, [narrow], tolerance: 0)
    }

    @Test(arguments: [
        "ReduceL1", "ReduceL2", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceSum", "ReduceSumSquare",
    ]) func reductions(op: String) throws {
        var random = SeededGenerator(seed: 23)
        for dims in [[3, 5, 7, 4], [2, 33, 1, 50], [1, 1, 1, 1], [4, 20, 6, 1]] {
            let x = ("x", try random.tensor(dims))
            for axes: [Int64] in [[3], [-1, -2], [0], [1], [1, 2], [0, 1, 2, 3], [0, 2], [2, 3]] {
                for keepdims: Int64 in [0, 1] {
                    let attributes: Attributes = ["axes": .ints(axes), "keepdims": .int(keepdims)]
                    let node = graph(op, inputs: [x], attributes: attributes, opset: 11)
                    try expectAgreement(node, [x], "\(dims) \(axes) \(keepdims)")
                }
            }
        }
        var values = [Float](repeating: 1, count: 37)
        values[20] = .nan
        let x = ("x", try Tensor(values, [1, 37]))
        try expectAgreement(graph(op, inputs: [x], attributes: ["axes": .ints([1])], opset: 11), [x])
    }

    /// Products of all kinds, and what is none: diagonals, sums of one operand, three operands, broadcasting.
    @Test(arguments: [
        "ij,jk->ik", "bij,bjk->bik", "bhid,bhjd->bhij", "bihd,bjhd->bhij", "bhwc,hkc->bhwk", "ij,ij->ij", "ij,kl->ijkl",
        "ij,ij->", "bij,bkij->kb", "i,j->ji", "ii,ij->ij", "ij,jk->k", "...ij,...jk->...ik", "ij,j", "ba,ca->cb",
    ]) func einsum(equation: String) throws {
        var random = SeededGenerator(seed: 27)
        let sizes: [Character: Int] = [
            "b": 2, "h": 3, "i": 4, "j": 5, "k": 6, "d": 7, "w": 2, "c": 5, "l": 2, "a": 3,
        ]
        let terms = equation.split(separator: "-")[0].split(separator: ",")
        for wildcards in equation.contains("...")
            ? [[[2, 3], [2, 3]], [[1, 3], [2, 3]], [[3], [2, 3]], [[], [2]]] : [[[], []]]
        {
            let inputs = try terms.enumerated().map { index, term in
                let dims = term.filter { $0 != "." }.map { equation.hasPrefix("ii") ? 5 : sizes[$0] ?? 1 }
                return ("x\(index)", try random.tensor(wildcards[index] + dims))
            }
            try expectAgreement(
                graph("Einsum", inputs: inputs, attributes: ["equation": .string(equation)]), inputs, equation)
            // With a constant operand and an open dimension.
            try expectAgreement(
                graph(
                    "Einsum", inputs: [inputs[0]], constants: [inputs[1]],
                    attributes: ["equation": .string(equation)]), [inputs[0]], equation)
        }
    }

    /// Gather by known indices, evenly spaced or not, and Tile.
    @Test func gathering() throws {
        var random = SeededGenerator(seed: 10)
        let x = ("x", try random.tensor([3, 17, 1, 21]))
        let cases: [(String, Tensor, Int64?, isCopy: Bool)] = [
            ("Gather", try Tensor(scalar: Int64(-1)), 1, true), ("Gather", try Tensor([Int64(1), 3, 4]), -1, false),
            ("Gather", try Tensor([Int64(15), 12, 9, 6], [2, 2]), 1, true),
            ("Tile", try Tensor([Int64(1), 2, 3, 2]), nil, true),
        ]
        for (op, constant, axis, isCopy) in cases {
            let attributes: Attributes = axis.map { ["axis": .int($0)] } ?? [:]
            let whole = graph(op, inputs: [x], constants: [("c", constant)], attributes: attributes)
            try expectAgreement(whole, [x], tolerance: 0, "\(op) \(constant.dims)")
            let kernels = try Plan(whole, on: CPUBackend()).rows(["x": x.1.shape]).map(\.kernel)
            #expect(kernels == [isCopy ? "simd copy" : "reference"])
        }
    }

    @Test func concatenation() throws {
        var random = SeededGenerator(seed: 13)
        for axis in [0, 1, 2, -1] {
            let position = axis < 0 ? axis + 3 : axis
            let inputs = try (1...3).map { index in
                var dims = [4, 5, 6]
                dims[position] = index
                return ("x\(index)", try random.tensor(dims))
            }
            let attributes: Attributes = ["axis": .int(Int64(axis))]
            try expectAgreement(graph("Concat", inputs: inputs, attributes: attributes), inputs, tolerance: 0)
        }
    }

    @Test func products() throws {
        var random = SeededGenerator(seed: 17)
        let a = ("a", try random.tensor([5, 19]))
        let b = ("b", try random.tensor([19, 23]))
        let wide = ("wide", try random.tensor([2, 3, 5, 19]))
        let batched = ("batched", try random.tensor([3, 19, 4]))
        let c = ("c", try random.tensor([23]))
        try expectAgreement(graph("MatMul", inputs: [a, b]), [a, b])
        try expectAgreement(graph("MatMul", inputs: [a], constants: [b]), [a])
        try expectAgreement(graph("MatMul", inputs: [wide], constants: [b]), [wide])
        try expectAgreement(graph("MatMul", inputs: [wide, batched]), [wide, batched])
        try expectAgreement(graph("Gemm", inputs: [a, b, c]), [a, b, c])
        try expectAgreement(graph("Gemm", inputs: [a], constants: [b, c]), [a])
        try expectAgreement(
            graph("Gemm", inputs: [a, b, c], attributes: ["alpha": .float(0.5), "beta": .float(2)]), [a, b, c])
        let transposed = ("t", try random.tensor([23, 19]))
        for constants in [[("t", transposed.1)], []] {
            let inputs = constants.isEmpty ? [a, transposed] : [a]
            try expectAgreement(
                graph("Gemm", inputs: inputs, constants: constants, attributes: ["transB": .int(1)]), inputs)
        }
    }
}
