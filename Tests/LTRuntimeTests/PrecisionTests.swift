// bf16 and int8 on the cpu backend: against the reference kernels, with tolerances that follow from the formats; what a CPU
// lacks is refused.

import CLTKernels
import LTCore
import LTGraph
import LTRuntime
import Testing

@Suite struct PrecisionTests {
    private static func run(
        _ graph: Graph, _ inputs: [String: Tensor], _ precision: Precision, threads: Int
    ) throws -> [String: Tensor] {
        let plan = try Plan(graph, on: CPUBackend(), options: PlanOptions(threads: threads, precision: precision))
        return try Session(plan).run(inputs)
    }

    @Test func whatTheCPULacksIsRefused() throws {
        let there: [Precision: Bool] = [
            .f32: true, .bf16: lt_bf16_products() != LT_BF16_NONE, .int8: lt_int8_products(),
        ]
        let graph = try SessionTests.network()
        for precision in Precision.allCases {
            do throws(LTError) {
                let plan = try Plan(graph, on: CPUBackend(), options: PlanOptions(threads: 1, precision: precision))
                #expect(there[precision] == true)
                // A precision that changes nothing says so: the network is not quantised.
                let isUseful = precision == .bf16 && lt_bf16_products().rawValue >= LT_BF16_FAST.rawValue
                #expect(plan.notes.count == (precision == .f32 || isUseful ? 0 : 1))
                #expect(plan.notes.allSatisfy { $0.hasPrefix("precision \(precision.rawValue): ") })
            } catch {
                #expect(there[precision] == false)
                #expect(error.code == .unsupported)
                #expect(error.message.hasPrefix("precision \(precision.rawValue) on a CPU without "))
                #expect(error.hint == "precision f32 runs on every CPU")
            }
        }
        do throws(LTError) {
            _ = try Plan(graph, on: ReferenceBackend(), options: PlanOptions(precision: .int8))
            Issue.record("the reference backend took int8")
        } catch {
            #expect(error.message == "precision int8 on backend 'reference', expected f32")
        }
    }

    // MARK: bf16

    /// A value keeps 8 bits: a product is off by 2⁻⁸ of itself at most, and each of two layers rounds what it stores.
    @Test(
        .enabled(if: lt_bf16_products() != LT_BF16_NONE, "the CPU has no AVX-512 BF16"),
        arguments: [1, 2], [[3, 17, 5, 9], [1, 16, 8, 8], [2, 3, 11, 7], [1, 33, 1, 1]])
    func bf16(_ threads: Int, _ dims: [Int]) throws {
        var random = SeededGenerator(seed: 21, index: UInt64(dims[1]))
        var builder = GraphBuilder(name: "bf16", opset: 17)
        let x = builder.input("x", .float32, dims.map { Dimension.fixed($0) })
        func constant(_ name: String, _ dims: [Int], _ random: inout SeededGenerator) throws -> String {
            let fan = Float(dims.dropFirst().reduce(1, *)).squareRoot()
            let tensor = try random.tensor(dims)
            return builder.initializer(
                name, try Tensor(tensor.array(of: Float.self).map { $0 / fan }, dims))
        }
        let first = builder.node(
            "Conv", [x, try constant("w1", [24, dims[1], 3, 3], &random), try constant("b1", [24], &random)],
            attributes: ["pads": .ints([1, 1, 1, 1])])
        let active = builder.node("Relu", [first])
        let second = builder.node(
            "Conv", [active, try constant("w2", [24, 24, 1, 1], &random), try constant("b2", [24], &random)])
        let sum = builder.node("Relu", [builder.node("Add", [second, active])])
        let sigmoid = builder.node("Mul", [sum, builder.node("Sigmoid", [second])])
        let pooled = builder.node("GlobalAveragePool", [sigmoid])
        let flat = builder.node("Flatten", [pooled])
        let hidden = builder.node("Gelu", [builder.node("Gemm", [flat, try constant("w3", [24, 40], &random)])])
        let y = builder.node("Gemm", [hidden, try constant("w4", [40, 7], &random)])
        builder.output(y, as: "y", .float32, [.fixed(dims[0]), 7])
        builder.output(sigmoid, as: "map", .float32, [])
        var graph = builder.graph
        graph.outputs[1].type = nil
        graph.opsets[""] = 20
        let input = try random.tensor(dims)
        let expected = try LTRuntimeTests.run(graph, [("x", input)], on: "reference")
        let actual = try Self.run(graph, ["x": input], .bf16, threads: threads)
        for name in ["y", "map"] {
            let worst = try difference(actual[name], expected[name])
            #expect(worst < 5 / 256, "\(name): \(worst)")
        }
        #expect(actual["y"]?.type == .float32)
    }

    /// A block of a transformer: LayerNormalization that only products read, and one that something else reads too.
    @Test(arguments: [(5, 38), (33, 64), (7, 33)]) func bf16Normalisation(_ rows: Int, _ columns: Int) throws {
        var random = SeededGenerator(seed: 22, index: UInt64(columns))
        var builder = GraphBuilder(name: "block", opset: 20)
        let x = builder.input("x", .float32, [.fixed(rows), .fixed(columns)])
        let share = 1 / Float(columns).squareRoot()
        func constant(_ name: String, _ dims: [Int], scaled scale: Float) throws -> String {
            let tensor = try random.tensor(dims)
            return builder.initializer(name, try Tensor(tensor.array(of: Float.self).map { $0 * scale }, dims))
        }
        func norm(_ value: String, _ name: String) throws -> String {
            builder.node(
                "LayerNormalization",
                [
                    value, try constant("scale" + name, [columns], scaled: 1),
                    try constant("bias" + name, [columns], scaled: 1),
                ])
        }
        let first = try norm(x, "1")
        let hidden = builder.node(
            "Gelu", [builder.node("MatMul", [first, try constant("w", [columns, 50], scaled: share)])])
        let sum = builder.node(
            "Add", [builder.node("MatMul", [hidden, try constant("v", [50, columns], scaled: share)]), x])
        let second = try norm(sum, "2")
        let last = builder.node("MatMul", [second, try constant("u", [columns, 20], scaled: share)])
        builder.output(last, as: "y", .float32, [.fixed(rows), 20])
        builder.output(second, as: "normal", .float32, [.fixed(rows), .fixed(columns)])
        try expectNearAgreement(builder.graph, [("x", try random.tensor([rows, columns]))], tolerance: 0.03)
    }

    /// Pictures and clips, which come with few channels: windows of all kinds, over the edges, activations, channels that fill no
    /// block.
    @Test(arguments: 0..<24) func bf16Pictures(seed: Int) throws {
        var random = SeededGenerator(seed: 23, index: UInt64(seed))
        let isClip = seed % 4 == 3
        let (batch, channels, columns) = (random.pick(1...3), random.pick(1...5), random.pick(1...70))
        let kernel = (0..<(isClip ? 3 : 2)).map { _ in random.pick(1...(isClip ? 4 : 17)) }
        let strides = kernel.map { _ in random.pick(1...4) }
        let pads = (0..<2 * kernel.count).map { random.below(kernel[$0 % kernel.count]) }
        let sizes = kernel.indices.map { max(kernel[$0], random.pick(1...40)) }
        let dims = [batch, channels] + sizes
        var builder = GraphBuilder(name: "picture", opset: 20)
        let x = builder.input("x", .float32, dims.map { .fixed($0) })
        let share = 1 / Float(kernel.reduce(channels, *)).squareRoot()
        let weights = try random.tensor([columns, channels] + kernel)
        let w = builder.initializer(
            "w", try Tensor(try weights.array(of: Float.self).map { $0 * share }, weights.dims))
        let b = builder.initializer("b", try random.tensor([columns]))
        var y = builder.node(
            "Conv", seed % 2 == 0 ? [x, w, b] : [x, w],
            attributes: ["strides": .ints(strides.map { Int64($0) }), "pads": .ints(pads.map { Int64($0) })])
        if seed % 3 > 0 { y = builder.node(seed % 3 == 1 ? "Relu" : "Sigmoid", [y]) }
        builder.output(y, as: "y", .float32, [])
        var graph = builder.graph
        graph.outputs[0].type = nil
        let input = try random.tensor(dims)
        try expectNearAgreement(graph, [("x", input)], tolerance: 0.02, "seed \(seed)")
        guard lt_bf16_products() == LT_BF16_FAST else { return }
        let plan = try Plan(graph, on: CPUBackend(), options: PlanOptions(threads: 1, precision: .bf16))
        #expect(try plan.rows(["x": input.shape]).contains { $0.kernel == "simd conv of pictures bf16" })
    }

    // MARK: int8

    /// Builds graphs in QDQ form.
    private struct Quantizer {
        var builder = GraphBuilder(name: "qdq", opset: 17)
        var random: SeededGenerator
        private var count = 0

        init(seed: UInt64) { random = SeededGenerator(seed: seed, index: 3) }

        mutating func constant(_ tensor: Tensor) -> String {
            count += 1
            return builder.initializer("c\(count)", tensor)
        }

        /// value → QuantizeLinear → DequantizeLinear.
        mutating func step(_ value: String, _ scale: Float, _ zero: Int, _ type: ElementType) throws -> String {
            let s = constant(try Tensor([scale], []))
            let z = constant(
                type == .int8
                    ? try Tensor([Int8(truncatingIfNeeded: zero)], [])
                    : try Tensor([UInt8(truncatingIfNeeded: zero)], []))
            return builder.node("DequantizeLinear", [builder.node("QuantizeLinear", [value, s, z]), s, z])
        }

        /// Weights of int8 with a scale per place of `axis`.
        mutating func weights(_ dims: [Int], axis: Int) throws -> (name: String, scales: [Float]) {
            let codes = (0..<dims.reduce(1, *)).map { _ in Int8(random.pick(-127...127)) }
            let fan = Float(dims.reduce(1, *) / dims[axis]).squareRoot()
            let scales = (0..<dims[axis]).map { _ in Float(random.pick(5...20)) / 1000 / fan }
            let name = builder.node(
                "DequantizeLinear",
                [
                    constant(try Tensor(codes, dims)), constant(try Tensor(scales, [dims[axis]])),
                    constant(try Tensor([Int8](repeating: 0, count: dims[axis]), [dims[axis]])),
                ], attributes: ["axis": .int(Int64(axis))])
            return (name, scales)
        }

        mutating func bias(_ scales: [Float], _ scale: Float) throws -> String {
            let codes = scales.map { _ in Int32(random.pick(-2000...2000)) }
            return builder.node(
                "DequantizeLinear",
                [
                    constant(try Tensor(codes, [codes.count])),
                    constant(try Tensor(scales.map { $0 * scale }, [codes.count])),
                ], attributes: ["axis": .int(0)])
        }
    }

    /// The file's own arithmetic in float32 and ours on integers differ by the steps that rounding may tip over: one where a
    /// layer rounds, and what earlier tips grow to. `scale` is the output's.
    private static func check(
        _ graph: Graph, _ input: Tensor, scale: Float, steps: Float, threads: Int, kernels: [String]
    ) throws {
        let expected = try LTRuntimeTests.run(graph, [("x", input)], on: "reference")
        let plan = try Plan(graph, on: CPUBackend(), options: PlanOptions(threads: threads, precision: .int8))
        let actual = try Session(plan).run(["x": input])
        let (a, e) = (
            try #require(actual["y"]).array(of: Float.self), try #require(expected["y"]).array(of: Float.self)
        )
        #expect(a.count == e.count)
        let worst = zip(a, e).map { abs($0 - $1) }.max() ?? 0
        #expect(worst <= steps * scale * 1.001, "\(worst / scale) steps")
        #expect(Set(e).count > 8, "the case says too little")
        let rows = try plan.rows(["x": input.shape])
        for kernel in kernels { #expect(rows.contains { $0.op == kernel && $0.kernel != "reference" }, "\(kernel)") }
    }

    @Test(
        .enabled(if: lt_int8_products(), "the CPU has no products of 8-bit integers"),
        arguments: [1, 2], [0, 119, -7])
    func convolutions(_ threads: Int, _ zero: Int) throws {
        for type in zero < 0 ? [ElementType.int8] : zero > 0 ? [.uint8] : [.uint8, .int8] {
            try convolutions(threads, type, zero)
        }
    }

    private func convolutions(_ threads: Int, _ type: ElementType, _ zero: Int) throws {
        for (channels, width, group, stride) in [(3, 20, 1, 2), (17, 9, 1, 1), (16, 12, 16, 1), (32, 7, 4, 2)] {
            var q = Quantizer(seed: UInt64(channels))
            let x = q.builder.input("x", .float32, [.fixed(2), .fixed(channels), .fixed(width), .fixed(width + 3)])
            let input = try q.step(x, 0.03, zero, type)
            let outputs = group == 1 ? 21 : channels
            let w = try q.weights([outputs, channels / group, 3, 3], axis: 0)
            let conv = q.builder.node(
                "Conv", [input, w.name, try q.bias(w.scales, 0.03)],
                attributes: [
                    "pads": .ints([1, 1, 1, 1]), "strides": .ints([Int64(stride), Int64(stride)]),
                    "group": .int(Int64(group)),
                ])
            let active = q.builder.node("Relu", [conv])
            let y = try q.step(active, 0.02, zero, type)
            q.builder.output(y, as: "y", .float32, [])
            var graph = q.builder.graph
            graph.outputs[0].type = nil
            try Self.check(
                graph, try q.random.tensor([2, channels, width, width + 3]), scale: 0.02, steps: 1, threads: threads,
                kernels: ["QuantizeLinear", "QuantizedConv", "DequantizeLinear"])
        }
    }

    @Test(
        .enabled(if: lt_int8_products(), "the CPU has no products of 8-bit integers"), arguments: [1, 2],
        [ElementType.uint8, .int8])
    func residualNetwork(_ threads: Int, _ type: ElementType) throws {
        let zero = type == .int8 ? -128 : 0
        var q = Quantizer(seed: 5)
        let x = q.builder.input("x", .float32, [.fixed(1), .fixed(3), .fixed(19), .fixed(19)])
        let input = try q.step(x, 0.03, zero + 127, type)
        func conv(_ value: String, _ from: Int, _ to: Int, _ q: inout Quantizer, _ scale: Float) throws -> String {
            let w = try q.weights([to, from, 3, 3], axis: 0)
            return q.builder.node(
                "Conv", [value, w.name, try q.bias(w.scales, scale)], attributes: ["pads": .ints([1, 1, 1, 1])])
        }
        let first = try q.step(try conv(input, 3, 24, &q, 0.03), 0.02, zero, type)
        let pool = q.builder.node(
            "MaxPool", [first],
            attributes: ["kernel_shape": .ints([3, 3]), "strides": .ints([2, 2]), "pads": .ints([1, 1, 1, 1])])
        let pooled = try q.step(pool, 0.02, zero, type)
        let second = try q.step(try conv(pooled, 24, 24, &q, 0.02), 0.03, zero + 120, type)
        let sum = try q.step(q.builder.node("Add", [second, pooled]), 0.04, zero, type)
        q.builder.output(sum, as: "y", .float32, [])
        var graph = q.builder.graph
        graph.outputs[0].type = nil
        let values = try q.random.tensor([1, 3, 19, 19])
        try Self.check(
            graph, values, scale: 0.04, steps: 1, threads: threads, kernels: ["QuantizedConv", "MaxPool"])
        let plan = try Plan(graph, on: CPUBackend(), options: PlanOptions(threads: 1, precision: .int8))
        #expect(!(try plan.rows(["x": values.shape]).contains { $0.op == "QLinearAdd" }))
    }

    @Test(
        .enabled(if: lt_int8_products(), "the CPU has no products of 8-bit integers"), arguments: [1, 2],
        [ElementType.uint8, .int8])
    func heads(_ threads: Int, _ type: ElementType) throws {
        let zero = type == .int8 ? 0 : 128
        var q = Quantizer(seed: 6)
        let x = q.builder.input("x", .float32, [.fixed(2), .fixed(19), .fixed(6), .fixed(5)])
        let input = try q.step(x, 0.03, zero + 3, type)
        let mean = try q.step(q.builder.node("GlobalAveragePool", [input]), 0.005, zero - 5, type)
        let flat = try q.step(q.builder.node("Flatten", [mean]), 0.005, zero - 5, type)
        let w = try q.weights([13, 19], axis: 0)
        let gemm = q.builder.node(
            "Gemm", [flat, w.name, try q.bias(w.scales, 0.005)], attributes: ["transB": .int(1)])
        let y = try q.step(gemm, 0.004, zero + 1, type)
        q.builder.output(y, as: "y", .float32, [.fixed(2), .fixed(13)])
        try Self.check(
            q.builder.graph, try q.random.tensor([2, 19, 6, 5]), scale: 0.004, steps: 1, threads: threads,
            kernels: ["QLinearGlobalAveragePool", "QGemm"])
    }

    @Test(.enabled(if: lt_int8_products(), "the CPU has no products of 8-bit integers"), arguments: [0, 3])
    func matricesAndSums(_ zero: Int) throws {
        var q = Quantizer(seed: 9)
        let x = q.builder.input("x", .float32, [.fixed(2), .fixed(5), .fixed(19)])
        let input = try q.step(x, 0.02, zero + 100, .uint8)
        let w = try q.weights([19, 19], axis: 1)
        let product = try q.step(q.builder.node("MatMul", [input, w.name]), 0.01, zero + 110, .uint8)
        let sum = q.builder.node("Add", [product, input])
        let y = try q.step(sum, 0.02, zero + 90, .uint8)
        q.builder.output(y, as: "y", .float32, [])
        var graph = q.builder.graph
        graph.outputs[0].type = nil
        try Self.check(
            graph, try q.random.tensor([2, 5, 19]), scale: 0.02, steps: 2, threads: 2,
            kernels: ["QLinearMatMul", "QLinearAdd"])
    }

    /// Without int8 the file's arithmetic stays float32, bit for bit what QuantizeLinear and DequantizeLinear say.
    @Test func quantizeIsTheReference() throws {
        for type in [ElementType.uint8, .int8] {
            var q = Quantizer(seed: 2)
            let dims = [2, 3, 7, 41]
            let x = q.builder.input("x", .float32, dims.map { Dimension.fixed($0) })
            let y = try q.step(x, 0.037, type == .int8 ? -3 : 77, type)
            q.builder.output(y, as: "y", .float32, dims.map { Dimension.fixed($0) })
            var values = try q.random.tensor(dims).array(of: Float.self).map { $0 * 3 }
            values[3] = .nan
            values[4] = .infinity
            values[5] = -.infinity
            values[6] = 0.037 * 2.5
            let input = try Tensor(values, dims)
            let expected = try LTRuntimeTests.run(q.builder.graph, [("x", input)], on: "reference")
            let actual = try LTRuntimeTests.run(q.builder.graph, [("x", input)], on: "cpu")
            #expect(try actual["y"]?.array(of: Float.self) == expected["y"]?.array(of: Float.self))
        }
    }
}
