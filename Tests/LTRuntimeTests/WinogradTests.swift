// Winograd convolutions: the C kernels of every level against the operators' reference kernels at odd shapes, and what plans
// make of them.

import CLTKernels
import LTCore
import LTGraph
import LTRuntime
import Testing

@Suite struct WinogradTests {
    private static let levels = [LT_ISA_PORTABLE, LT_ISA_AVX2, LT_ISA_AVX512].filter {
        $0.rawValue <= lt_isa_level().rawValue
    }

    /// A convolution with its operands, drawn from a seed.
    private struct Layer {
        var shape = lt_winograd_shape()
        let x: Tensor
        let w: Tensor
        let bias: Tensor?
        let residual: Tensor?
        let activation: String?

        init(seed: Int) throws {
            var random = SeededGenerator(seed: UInt64(seed))
            let isVolume = random.below(3) == 0
            let rank = isVolume ? 3 : 2
            var spatial: [Int] = []
            var out: [Int] = []
            var begins: [Int] = []
            var ends: [Int] = []
            for axis in 0..<rank {
                begins.append(random.below(3))
                ends.append(random.below(3))
                let least = max(1, 3 - begins[axis] - ends[axis])
                spatial.append(random.pick(least...max(least, isVolume && axis == 0 ? 5 : 17)))
                out.append(spatial[axis] + begins[axis] + ends[axis] - 2)
            }
            let (batch, inputs, outputs) = (random.pick(1...3), random.pick(1...70), random.pick(1...70))
            let kernel = [Int](repeating: 3, count: rank)
            x = try random.tensor([batch, inputs] + spatial)
            // Sums near 1, where activations bend.
            let share = 1 / Float(inputs * (isVolume ? 27 : 9)).squareRoot()
            let weights = try random.tensor([outputs, inputs] + kernel)
            w = try Tensor(try weights.array(of: Float.self).map { $0 * share }, weights.dims)
            bias = random.below(3) == 0 ? nil : try random.tensor([outputs])
            residual = random.below(2) == 0 ? nil : try random.tensor([batch, outputs] + out)
            activation = ([nil] + WinogradTests.activations.map { $0.name })[random.below(10)]
            pads = begins + ends
            func axes(_ values: [Int], _ first: Int) -> (Int64, Int64, Int64) {
                let all = (isVolume ? [] : [first]) + values
                return (Int64(all[0]), Int64(all[1]), Int64(all[2]))
            }
            shape.batch = Int64(batch)
            shape.inputs = Int64(inputs)
            shape.outputs = Int64(outputs)
            shape.in = axes(spatial, 1)
            shape.out = axes(out, 1)
            shape.pad = axes(begins, 0)
            shape.volume = isVolume
        }

        let pads: [Int]

        var inputs: [(String, Tensor)] { [("x", x)] + (residual.map { [("z", $0)] } ?? []) }

        var graph: Graph {
            var builder = GraphBuilder(name: "layer", opset: 20)
            for (name, tensor) in inputs { _ = builder.input(name, .float32, tensor.dims.map { Dimension.fixed($0) }) }
            _ = builder.initializer("w", w)
            if let bias { _ = builder.initializer("b", bias) }
            var y = builder.node(
                "Conv", ["x", "w"] + (bias == nil ? [] : ["b"]), attributes: ["pads": .ints(pads.map { Int64($0) })])
            if residual != nil { y = builder.node("Add", [y, "z"]) }
            switch activation {
            case nil: break
            case "Clip":
                _ = builder.initializer("low", (try? Tensor(scalar: Float(0.25))) ?? w)
                _ = builder.initializer("high", (try? Tensor(scalar: Float(6))) ?? w)
                y = builder.node("Clip", [y, "low", "high"])
            case "Silu": y = builder.node("Mul", [y, builder.node("Sigmoid", [y])])
            case let name?: y = builder.node(name, [y])
            }
            builder.output(y, as: "y", .float32, [])
            var graph = builder.graph
            graph.outputs[0].type = nil
            return graph
        }
    }

    private static let activations: [(name: String, op: lt_unary_op, a: Float, b: Float)] = [
        ("Relu", LT_UNARY_RELU, 0, 0), ("LeakyRelu", LT_UNARY_LEAKY_RELU, 0.01, 0), ("Clip", LT_UNARY_CLIP, 0.25, 6),
        ("Sigmoid", LT_UNARY_SIGMOID, 0, 0), ("Tanh", LT_UNARY_TANH, 0, 0),
        ("HardSigmoid", LT_UNARY_HARD_SIGMOID, 0.2, 0.5), ("HardSwish", LT_UNARY_HARD_SWISH, 0, 0),
        ("Silu", LT_UNARY_SILU, 0, 0), ("Gelu", LT_UNARY_GELU, 0, 0),
    ]

    /// [N, C, inner] in blocks of `lanes` channels; channels past the last hold `filler`.
    private func blocked(_ values: [Float], _ n: Int, _ c: Int, _ lanes: Int) -> [Float] {
        let inner = values.count / max(n * c, 1)
        let blocks = (c + lanes - 1) / lanes
        var all = [Float](repeating: 0, count: n * blocks * inner * lanes)
        for image in 0..<n {
            for channel in 0..<c {
                for i in 0..<inner {
                    all[((image * blocks + channel / lanes) * inner + i) * lanes + channel % lanes] =
                        values[(image * c + channel) * inner + i]
                }
            }
        }
        return all
    }

    /// Runs the layer at a level, cut as the plan says; the residual is where the result goes.
    private func run(_ layer: Layer, _ plan: inout lt_winograd_plan) throws -> [Float] {
        let lanes = Int(plan.lanes)
        let x = blocked(try layer.x.array(of: Float.self), layer.x.dims[0], layer.x.dims[1], lanes)
        let count = Int(plan.shape.batch * plan.output_blocks * plan.shape.out.0 * plan.shape.out.1 * plan.shape.out.2)
        var y = [Float](repeating: .nan, count: count * lanes)
        if let residual = layer.residual {
            y = blocked(try residual.array(of: Float.self), residual.dims[0], residual.dims[1], lanes)
        }
        let packed = try Buffer(byteCount: plan.weight_bytes)
        let scratch = try Buffer(byteCount: plan.scratch_bytes)
        let weights = packed.pointer.assumingMemoryBound(to: Float.self)
        let work = scratch.pointer.assumingMemoryBound(to: Float.self)
        // Nothing is read that was not written.
        for index in 0..<plan.scratch_bytes / 4 { work[index] = .nan }
        lt_winograd_pack(&plan, try layer.w.array(of: Float.self), weights)
        let function = Self.activations.first { $0.name == layer.activation }
        let bias = try layer.bias?.array(of: Float.self)
        lt_set_threads(plan.threads)
        y.withUnsafeMutableBufferPointer { y in
            func go(_ bias: UnsafePointer<Float>?) {
                lt_winograd(
                    &plan, x, weights, bias, layer.residual == nil ? nil : UnsafePointer(y.baseAddress),
                    function?.op ?? LT_UNARY_COPY, function?.a ?? 0, function?.b ?? 0, y.baseAddress, work)
            }
            if let bias { bias.withUnsafeBufferPointer { go($0.baseAddress) } } else { go(nil) }
        }
        return y
    }

    @Test(arguments: 0..<70) func kernels(seed: Int) throws {
        let layer = try Layer(seed: seed)
        let output = try #require(try LTRuntimeTests.run(layer.graph, layer.inputs, on: "reference")["y"])
        let expected = try output.array(of: Float.self)
        let scale = expected.reduce(1) { max($0, abs($1)) }
        var random = SeededGenerator(seed: UInt64(seed))
        for level in Self.levels {
            for threads in [Int32(1), 2, 3] {
                var plan = lt_winograd_plan()
                var shape = layer.shape
                #expect(lt_winograd_make(&shape, Int32(level.rawValue), threads, &plan))
                if threads > 1 {
                    plan.tile_block = Int64(random.pick(1...Int(plan.tiles)))
                    plan.chunk = Int64(random.pick(1...Int(plan.input_blocks)))
                    plan.whole = random.below(2) == 0
                    plan.together = random.below(2) == 0
                    #expect(lt_winograd_fit(&plan))
                }
                let actual = try run(layer, &plan)
                let wanted = blocked(expected, output.dims[0], output.dims[1], Int(plan.lanes))
                #expect(actual.count == wanted.count)
                var worst: Float = 0
                for (a, b) in zip(actual, wanted) where !(abs(a - b) <= worst) { worst = (a - b).magnitude }
                #expect(worst <= 2e-5 * scale, "seed \(seed) level \(level.rawValue) threads \(threads) \(shape)")
            }
        }
    }

    /// Channels past the last of a block stay zero, whatever f(0) is and lies in the scratch memory.
    @Test func paddingStaysZero() throws {
        let layer = try Layer(seed: 3)
        for level in Self.levels {
            var plan = lt_winograd_plan()
            var shape = layer.shape
            #expect(lt_winograd_make(&shape, Int32(level.rawValue), 1, &plan))
            let y = try run(layer, &plan)
            let inner = Int(shape.out.0 * shape.out.1 * shape.out.2 * Int64(plan.lanes))
            let filled = Int(shape.outputs) % Int(plan.lanes)
            try #require(filled != 0)
            for image in 1...Int(shape.batch) {
                let end = image * Int(plan.output_blocks) * inner
                for index in end - inner..<end where index % Int(plan.lanes) >= filled { #expect(y[index] == 0) }
            }
        }
    }

    @Test func accuracyEstimate() throws {
        var random = SeededGenerator(seed: 5)
        var shape = lt_winograd_shape()
        (shape.batch, shape.inputs, shape.outputs) = (1, 40, 24)
        (shape.in, shape.out, shape.pad) = ((1, 14, 14), (1, 14, 14), (0, 1, 1))
        var weights = try random.tensor([24, 40, 3, 3]).array(of: Float.self)
        for level in Self.levels {
            var plan = lt_winograd_plan()
            #expect(lt_winograd_make(&shape, Int32(level.rawValue), 1, &plan))
            let error = lt_winograd_error(&plan, weights, 8)
            #expect(error > 0 && error < 1e-5)
            let zeros = [Float](repeating: 0, count: weights.count)
            #expect(lt_winograd_error(&plan, zeros, 8) == 0)
            let first = weights[0]
            weights[0] = .infinity
            #expect(lt_winograd_error(&plan, weights, 8) == .infinity)
            weights[0] = first
        }
    }

    // MARK: Plans

    private func layer(_ x: [Int], outputs: Int, scale: Float = 1) throws -> (graph: Graph, input: (String, Tensor)) {
        var random = SeededGenerator(seed: 9)
        let rank = x.count - 2
        let weights = try random.tensor([outputs, x[1]] + [Int](repeating: 3, count: rank)).array(of: Float.self)
        let w = try Tensor(weights.map { $0 * scale }, [outputs, x[1]] + [Int](repeating: 3, count: rank))
        let input = ("x", try random.tensor(x))
        let conv = LTRuntimeTests.graph(
            "Conv", inputs: [input], constants: [("w", w)],
            attributes: ["pads": .ints([Int64](repeating: 1, count: 2 * rank))])
        return (conv, input)
    }

    private func outcome(
        _ graph: Graph, _ input: (String, Tensor), exact: Bool, threads: Int = 1
    ) throws -> (kernel: String, bits: [UInt32]) {
        let plan = try Plan(
            graph, on: CPUBackend(), options: PlanOptions(threads: threads, exact: exact))
        let y = try #require(try Session(plan).run([input.0: input.1])["y"])
        let kernel = try plan.rows([input.0: input.1.shape]).first { $0.op == "Conv" }?.kernel
        return (kernel ?? "", try y.array(of: Float.self).map(\.bitPattern))
    }

    /// Large layers take Winograd's form, `exact` ones never do; either gives the same bits again.
    @Test(arguments: [[1, 64, 28, 28], [1, 64, 8, 28, 28]], [1, 2]) func exact(dims: [Int], threads: Int) throws {
        let (graph, input) = try layer(dims, outputs: 64)
        let fast = try outcome(graph, input, exact: false, threads: threads)
        let direct = try outcome(graph, input, exact: true, threads: threads)
        #expect(direct.kernel.contains("dnnl conv"))
        #expect(try outcome(graph, input, exact: false, threads: threads).bits == fast.bits)
        #expect(try outcome(graph, input, exact: true, threads: threads).bits == direct.bits)
        if lt_isa_level() == LT_ISA_PORTABLE {
            #expect(fast.kernel == direct.kernel && fast.bits == direct.bits)
        } else {
            #expect(fast.kernel.contains("winograd"))
            #expect(fast.bits != direct.bits)
        }
    }

    /// Weights whose transform leaves float32's range run direct, with the bits of `exact`.
    @Test func weightsThatDoNotTransform() throws {
        let (graph, input) = try layer([1, 64, 28, 28], outputs: 64, scale: 7e37)
        let fast = try outcome(graph, input, exact: false)
        let direct = try outcome(graph, input, exact: true)
        #expect(fast.kernel.contains("dnnl conv"))
        #expect(fast.bits == direct.bits)
    }
}
