// Matrix products of the cpu backend against the operators' reference kernels: odd shapes, what follows them, batches, 1x1
// convolutions; and the C kernel on memory that ends where its matrices end.

import CLTKernels
import LTCore
import LTGraph
import LTRuntime
import Testing

#if canImport(Glibc)
    import Glibc
#endif

@Suite struct MatrixProductTests {
    static let activations: [(String, Attributes)] = [
        ("", [:]), ("Relu", [:]), ("LeakyRelu", ["alpha": .float(0.3)]), ("Clip", [:]), ("Sigmoid", [:]), ("Tanh", [:]),
        ("HardSigmoid", [:]), ("HardSwish", [:]), ("Silu", [:]), ("Gelu", [:]),
    ]

    private func append(_ index: Int, to value: String, _ builder: inout GraphBuilder) throws -> String {
        let (name, attributes) = Self.activations[index]
        switch name {
        case "": return value
        case "Clip":
            let low = builder.initializer("low", try Tensor([-0.4] as [Float], []))
            let high = builder.initializer("high", try Tensor([0.7] as [Float], []))
            return builder.node("Clip", [value, low, high])
        case "Silu": return builder.node("Mul", [value, builder.node("Sigmoid", [value])])
        default: return builder.node(name, [value], attributes: attributes)
        }
    }

    /// Runs on both backends, and on the cpu with one thread and with two, which must agree in every bit; and in bfloat16.
    private func check(_ graph: Graph, _ inputs: [(String, Tensor)], _ comment: String) throws {
        try expectAgreement(graph, inputs, tolerance: 1e-5, comment)
        let one = try run(graph, inputs, on: "cpu", threads: 1)
        let two = try run(graph, inputs, on: "cpu", threads: 2)
        for (name, expected) in one {
            #expect(try two[name]?.array(of: Float.self) == expected.array(of: Float.self), "\(comment) \(name)")
        }
        // Sums are as large as 30 where activations bend.
        try expectNearAgreement(graph, inputs, tolerance: 0.1, comment)
    }

    /// X W + b + Z with each activation; Z lives on in some cases.
    @Test(arguments: 0..<60) func linear(seed: Int) throws {
        var random = SeededGenerator(seed: UInt64(4000 + seed))
        let isLarge = seed % 10 == 0
        let rows = isLarge ? random.pick(150...260) : random.pick(1...70)
        let depth = isLarge ? random.pick(300...700) : random.pick(1...70)
        let columns = isLarge ? random.pick(100...400) : random.pick(1...70)
        let x = ("x", try random.tensor(random.below(2) == 0 ? [rows, depth] : [1, rows, depth]))
        let z = ("z", try random.tensor(x.1.dims.dropLast() + [columns]))
        var builder = GraphBuilder(name: "linear", opset: 20)
        for (name, tensor) in [x, z] { _ = builder.input(name, .float32, tensor.dims.map { .fixed($0) }) }
        let isTransposed = x.1.shape.rank == 2 && random.below(2) == 0
        let w = builder.initializer("w", try random.tensor(isTransposed ? [columns, depth] : [depth, columns]))
        let b = builder.initializer("b", try random.tensor([columns]))
        let hasBias = random.below(3) > 0
        var y: String
        if isTransposed {
            y = builder.node("Gemm", hasBias ? ["x", w, b] : ["x", w], attributes: ["transB": .int(1)])
        } else {
            y = builder.node("MatMul", ["x", w])
            if hasBias { y = builder.node("Add", [y, b]) }
        }
        if random.below(2) == 0 {
            let residual = random.below(2) == 0 ? "z" : builder.node("Neg", ["z"])
            y = builder.node("Add", random.below(2) == 0 ? [y, residual] : [residual, y])
            if residual != "z", random.below(2) == 0 { builder.output(residual, as: "kept", .float32, []) }
        }
        y = try append(seed % Self.activations.count, to: y, &builder)
        builder.output(y, as: "y", .float32, [])
        var graph = builder.graph
        for index in graph.outputs.indices { graph.outputs[index].type = nil }
        try check(graph, [x, z], "seed \(seed): \(rows) x \(depth) x \(columns)")
        let plan = try Plan(graph, on: try BackendTable.named("cpu"), options: PlanOptions(threads: 1))
        let steps = try plan.rows(try plan.inputShapes(batch: x.1.dims[0]))
        #expect(steps.contains { $0.kernel == "simd linear" })
        #expect(!steps.contains { $0.op == "Add" })
    }

    /// An Add that repeats its operand is no residual.
    @Test func repeatedOperand() throws {
        var random = SeededGenerator(seed: 61)
        let x = ("x", try random.tensor([3, 5]))
        let z = ("z", try random.tensor([1, 7]))
        var builder = GraphBuilder(name: "linear")
        _ = builder.input("x", .float32, ["N", 5])
        _ = builder.input("z", .float32, ["M", 7])
        let y = builder.node("MatMul", ["x", builder.initializer("w", try random.tensor([5, 7]))])
        builder.output(builder.node("Add", [y, "z"]), as: "y", .float32, ["N", 7])
        try check(builder.graph, [x, z], "repeated")
        try check(builder.graph, [x, ("z", try random.tensor([3, 7]))], "same shape")
    }

    @Test(arguments: 0..<40) func computed(seed: Int) throws {
        var random = SeededGenerator(seed: UInt64(5000 + seed))
        let large = seed % 10 == 0 ? 300 : 70
        let (rows, depth, columns) = (random.pick(1...large), random.pick(1...large), random.pick(1...70))
        if seed % 2 == 0 {
            let batches: [([Int], [Int])] = [
                ([], []), ([3], [3]), ([2, 3], [3]), ([2, 3], [2, 1]), ([2, 1, 3], [2, 1]), ([1], [4]),
                ([2, 1, 2, 1, 2], [1, 2, 1, 2, 1]), ([3], []), ([], [3]),
            ]
            let (left, right) = batches[random.below(batches.count)]
            let a = ("a", try random.tensor(left + [rows, depth]))
            let b = ("b", try random.tensor(right + [depth, columns]))
            try check(graph("MatMul", inputs: [a, b]), [a, b], "seed \(seed) \(a.1.shape) \(b.1.shape)")
        } else {
            let (transA, transB) = (random.below(2), random.below(2))
            let a = ("a", try random.tensor(transA == 1 ? [depth, rows] : [rows, depth]))
            let b = ("b", try random.tensor(transB == 1 ? [columns, depth] : [depth, columns]))
            let c = ("c", try random.tensor([[columns], [1, columns], [rows, columns], [rows, 1]][random.below(4)]))
            let inputs = random.below(3) == 0 ? [a, b] : [a, b, c]
            try check(
                graph(
                    "Gemm", inputs: inputs,
                    attributes: [
                        "transA": .int(Int64(transA)), "transB": .int(Int64(transB)),
                        "alpha": .float(random.below(2) == 0 ? 1 : 0.3), "beta": .float(random.below(3) == 0 ? 2 : 1),
                    ]), inputs, "seed \(seed) \(rows) x \(depth) x \(columns) trans \(transA) \(transB)")
        }
    }

    /// Two Linears with so much between them that they run as one; with and without a residual that may be written over.
    @Test(arguments: 0..<4) func pair(seed: Int) throws {
        var random = SeededGenerator(seed: UInt64(5500 + seed))
        let (depth, between, columns) = (random.pick(3...20), random.pick(500...900), random.pick(1...70))
        let rows = (2 << 20) / between + random.pick(1...30)
        let x = ("x", try random.tensor([1, rows, depth]))
        let z = ("z", try random.tensor([1, rows, columns]))
        var builder = GraphBuilder(name: "pair", opset: 20)
        for (name, tensor) in [x, z] { _ = builder.input(name, .float32, tensor.dims.map { .fixed($0) }) }
        let w = builder.initializer("w", try random.tensor([depth, between]))
        let b = builder.initializer("b", try random.tensor([between]))
        let v = builder.initializer("v", try random.tensor([between, columns]))
        let c = builder.initializer("c", try random.tensor([columns]))
        let residual = seed % 2 == 0 ? "z" : builder.node("Neg", ["z"])
        var y = builder.node("Gelu", [builder.node("Add", [builder.node("MatMul", ["x", w]), b])])
        y = builder.node("Add", [builder.node("MatMul", [y, v]), c])
        if seed < 3 { y = builder.node("Add", [y, residual]) }
        builder.output(y, as: "y", .float32, [])
        var graph = builder.graph
        graph.outputs[0].type = nil
        try check(graph, [x, z], "seed \(seed) \(rows) x \(depth) x \(between) x \(columns)")
    }

    /// 1x1 convolutions, strided and not, with bias, residual, activation and gates.
    @Test(arguments: 0..<60) func pointwise(seed: Int) throws {
        var random = SeededGenerator(seed: UInt64(6000 + seed))
        let (batch, channels, columns) = (random.pick(1...3), random.pick(1...70), random.pick(1...70))
        let (height, width) = seed % 4 == 0 ? (1, random.pick(1...3)) : (random.pick(1...9), random.pick(1...9))
        let stride = random.pick(1...2)
        let gated = seed % 3 == 0
        let x = ("x", try random.tensor([batch, channels, height, width]))
        let z = ("z", try random.tensor([batch, columns, (height - 1) / stride + 1, (width - 1) / stride + 1]))
        let g = ("g", try random.tensor([batch, channels, 1, 1]))
        var builder = GraphBuilder(name: "pointwise", opset: 20)
        let inputs = gated ? [x, z, g] : [x, z]
        for (name, tensor) in inputs { _ = builder.input(name, .float32, tensor.dims.map { .fixed($0) }) }
        let w = builder.initializer("w", try random.tensor([columns, channels, 1, 1]))
        let b = builder.initializer("b", try random.tensor([columns]))
        let attributes: Attributes = ["strides": .ints([Int64(stride), Int64(stride)])]
        let bias = random.below(2) == 0 ? b : ""
        let residual = random.below(2) == 0 ? "z" : ""
        var y: String
        if gated {
            y = builder.node("FusedConv", ["x", w, bias, residual, "g"], domain: "longtail", attributes: attributes)
        } else {
            y = builder.node("Conv", bias.isEmpty ? ["x", w] : ["x", w, bias], attributes: attributes)
            if !residual.isEmpty { y = builder.node("Add", [y, residual]) }
        }
        y = try append(seed % Self.activations.count, to: y, &builder)
        builder.output(y, as: "y", .float32, [])
        var graph = builder.graph
        graph.opsets["longtail"] = 1
        graph.outputs[0].type = nil
        try check(graph, inputs, "seed \(seed) \(x.1.shape) to \(z.1.shape)")
    }

    /// Convolutions of few pixels with many weights: windows of all kinds, bias, residual, activation.
    @Test(arguments: 0..<12) func unfolded(seed: Int) throws {
        var random = SeededGenerator(seed: UInt64(9000 + seed))
        let (kernelHeight, kernelWidth) = [(3, 3), (1, 3), (2, 2), (1, 1), (3, 2), (5, 1)][seed % 6]
        let taps = kernelHeight * kernelWidth
        let (batch, channels) = (random.pick(1...2), random.pick(90...170))
        let columns = (1 << 18) / (taps * channels) + random.pick(1...40)
        let (strideY, strideX) = (random.pick(1...2), random.pick(1...2))
        let (gapY, gapX) = (random.pick(1...2), random.pick(1...2))
        let pads = (0..<4).map { _ in taps == 1 ? 0 : random.below(3) }
        let (reachY, reachX) = ((kernelHeight - 1) * gapY + 1, (kernelWidth - 1) * gapX + 1)
        let (height, width) = (max(reachY, random.pick(3...7)), max(reachX, random.pick(3...7)))
        let x = ("x", try random.tensor([batch, channels, height, width]))
        let (outHeight, outWidth) = (
            (height + pads[0] + pads[2] - reachY) / strideY + 1, (width + pads[1] + pads[3] - reachX) / strideX + 1
        )
        let z = ("z", try random.tensor([batch, columns, outHeight, outWidth]))
        var builder = GraphBuilder(name: "unfolded", opset: 20)
        for (name, tensor) in [x, z] { _ = builder.input(name, .float32, tensor.dims.map { .fixed($0) }) }
        // Sums near 1, where activations bend.
        let share = 1 / Float(channels * taps).squareRoot()
        let weights = try random.tensor([columns, channels, kernelHeight, kernelWidth])
        let w = builder.initializer(
            "w", try Tensor(try weights.array(of: Float.self).map { $0 * share }, weights.dims))
        let b = builder.initializer("b", try random.tensor([columns]))
        var y = builder.node(
            "Conv", random.below(2) == 0 ? ["x", w] : ["x", w, b],
            attributes: [
                "strides": .ints([Int64(strideY), Int64(strideX)]), "dilations": .ints([Int64(gapY), Int64(gapX)]),
                "pads": .ints(pads.map { Int64($0) }),
            ])
        if random.below(2) == 0 { y = builder.node("Add", [y, "z"]) }
        y = try append(seed % Self.activations.count, to: y, &builder)
        builder.output(y, as: "y", .float32, [])
        var graph = builder.graph
        graph.opsets["longtail"] = 1
        graph.outputs[0].type = nil
        try check(graph, [x, z], "seed \(seed) \(x.1.shape) to \(z.1.shape)")
    }

    /// Memory that ends with its last element: one past it, and one before the first page, cannot be touched.
    private final class Guarded {
        let floats: UnsafeMutablePointer<Float>
        private let start: UnsafeMutableRawPointer
        private let bytes: Int

        init(_ count: Int, _ random: inout SeededGenerator) throws {
            let page = sysconf(Int32(_SC_PAGESIZE))
            bytes = (count * 4 + page - 1) / page * page + 2 * page
            let map = try #require(mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))
            start = map
            mprotect(map, page, PROT_NONE)
            mprotect(map + bytes - page, page, PROT_NONE)
            floats = (map + bytes - page - count * 4).assumingMemoryBound(to: Float.self)
            for index in 0..<count { floats[index] = Float(random.normal()) }
        }

        deinit { munmap(start, bytes) }
    }

    @Test(arguments: 0..<80) func staysInside(seed: Int) throws {
        var random = SeededGenerator(seed: UInt64(7000 + seed))
        let (rows, depth, columns) = (random.pick(1...40), random.pick(1...40), random.pick(1...70))
        let forms = [LT_GEMM_PACKED, LT_GEMM_ROWS, LT_GEMM_COLUMNS]
        let form = forms[seed % 3]
        let isTransposed = random.below(4) == 0
        let (slackA, slackC) = (random.below(3), random.below(3))
        let aRow = (isTransposed ? rows : depth) + slackA
        let cRow = columns + slackC
        let a = try Guarded((isTransposed ? depth - 1 : rows - 1) * aRow + (isTransposed ? rows : depth), &random)
        let b = try Guarded(depth * columns, &random)
        let c = try Guarded((rows - 1) * cRow + columns, &random)
        let bias = try Guarded(columns, &random)
        let packed = try Guarded(lt_gemm_packed_count(depth, columns), &random)
        lt_gemm_pack(b.floats, columns, 1, depth, columns, packed.floats)
        var job = lt_gemm_job()
        job.rows = rows
        job.depth = depth
        job.columns = columns
        job.batch = (1, 1, 1, 1)
        job.a = UnsafePointer(a.floats)
        job.a_place.row = aRow
        job.a_transposed = isTransposed ? 1 : 0
        job.b = UnsafePointer(form == LT_GEMM_PACKED ? packed.floats : b.floats)
        job.b_form = form
        job.b_stride = form == LT_GEMM_COLUMNS ? depth : columns
        job.c = c.floats
        job.c_place.row = cRow
        job.scale = 1
        job.bias = UnsafePointer(bias.floats)
        job.residual = UnsafePointer(c.floats)
        job.activation = seed % 2 == 0 ? LT_UNARY_COPY : LT_UNARY_SILU
        job.threads = 1
        let scratch = try Guarded((lt_gemm_scratch(&job) + 3) / 4, &random)
        job.scratch = UnsafeMutableRawPointer(scratch.floats)
        let before = (0..<(rows - 1) * cRow + columns).map { c.floats[$0] }
        lt_gemm(&job)
        for i in 0..<rows {
            for j in 0..<columns {
                var sum = Double(bias.floats[j]) + Double(before[i * cRow + j])
                for k in 0..<depth {
                    let x = isTransposed ? a.floats[k * aRow + i] : a.floats[i * aRow + k]
                    let w = form == LT_GEMM_COLUMNS ? b.floats[j * depth + k] : b.floats[k * columns + j]
                    sum += Double(x) * Double(w)
                }
                if seed % 2 == 1 { sum = sum / (1 + exp(-sum)) }
                #expect(abs(Double(c.floats[i * cRow + j]) - sum) < 1e-4, "seed \(seed) at \(i), \(j)")
            }
            for j in columns..<max(cRow, columns) where i < rows - 1 {
                #expect(c.floats[i * cRow + j] == before[i * cRow + j])
            }
        }
    }

    private static func rounded(_ x: Float) -> Float {
        let bits = x.bitPattern
        return Float(bitPattern: (bits &+ 0x7FFF &+ (bits >> 16 & 1)) & 0xFFFF_0000)
    }

    /// The same of pairs: results are those of the rounded factors, to float32's rounding or, where C is bfloat16, to its own.
    @Test(
        .enabled(if: lt_bf16_products() == LT_BF16_FAST, "this CPU multiplies bfloat16 no faster than float32"),
        arguments: 0..<80)
    func pairsStayInside(seed: Int) throws {
        var random = SeededGenerator(seed: UInt64(7500 + seed))
        let (rows, columns) = (random.pick(1...40), random.pick(1...70))
        let depth = seed % 8 == 0 ? random.pick(1100...1300) : random.pick(1...40)
        let (isHalf, isTransposed) = (seed % 2 == 0, random.below(2) == 0)
        let cRow = columns + random.below(3)
        let a = try Guarded(rows * depth, &random)
        let b = try Guarded(2 * depth * columns, &random)
        let c = try Guarded(isHalf ? ((rows - 1) * cRow + columns + 1) / 2 : (rows - 1) * cRow + columns, &random)
        let bias = try Guarded(columns, &random)
        let packed = try Guarded(lt_gemm_packed_count(depth, columns), &random)
        lt_gemm_pack_pairs(
            b.floats, isTransposed ? 1 : columns, isTransposed ? 2 * depth : 1, depth, columns, packed.floats)
        let halves = UnsafeMutableRawPointer(a.floats).assumingMemoryBound(to: UInt16.self)
        for index in 0..<2 * rows * depth {
            halves[index] = UInt16(Self.rounded(Float(random.normal())).bitPattern >> 16)
        }
        let narrow = UnsafeMutableRawPointer(c.floats).assumingMemoryBound(to: UInt16.self)
        func value(_ index: Int) -> Float {
            isHalf ? Float(bitPattern: UInt32(narrow[index]) << 16) : c.floats[index]
        }
        for index in 0..<(rows - 1) * cRow + columns where isHalf {
            narrow[index] = UInt16(Self.rounded(Float(random.normal())).bitPattern >> 16)
        }
        var job = lt_gemm_job()
        job.rows = rows
        job.depth = depth
        job.columns = columns
        job.pairs = 1
        job.c_half = isHalf ? 1 : 0
        job.batch = (1, 1, 1, 1)
        job.a = UnsafePointer(a.floats)
        job.a_place.row = depth
        job.b = UnsafePointer(packed.floats)
        job.c = c.floats
        job.c_place.row = cRow
        job.scale = 1
        job.bias = UnsafePointer(bias.floats)
        job.residual = UnsafePointer(c.floats)
        job.activation = [LT_UNARY_COPY, LT_UNARY_RELU, LT_UNARY_SILU][seed % 3]
        job.threads = 1
        let before = (0..<(rows - 1) * cRow + columns).map { value($0) }
        lt_gemm(&job)
        for i in 0..<rows {
            for j in 0..<columns {
                var sum = Double(bias.floats[j]) + Double(before[i * cRow + j])
                for k in 0..<2 * depth {
                    let w = isTransposed ? b.floats[j * 2 * depth + k] : b.floats[k * columns + j]
                    sum +=
                        Double(Float(bitPattern: UInt32(halves[i * 2 * depth + k]) << 16)) * Double(Self.rounded(w))
                }
                if job.activation == LT_UNARY_SILU { sum = sum / (1 + exp(-sum)) }
                if job.activation == LT_UNARY_RELU { sum = max(sum, 0) }
                let bound = isHalf ? 1e-3 + abs(sum) / 256 : 1e-3
                #expect(abs(Double(value(i * cRow + j)) - sum) < bound, "seed \(seed) at \(i), \(j)")
            }
            for j in columns..<max(cRow, columns) where i < rows - 1 {
                #expect(value(i * cRow + j) == before[i * cRow + j])
            }
        }
    }
}
