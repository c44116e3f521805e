// Depthwise convolution, gates and means in blocks of channels, Resize and RoiAlign: the cpu backend's kernels against the
// operators' own at odd shapes.

import LTCore
import LTGraph
import LTRuntime
import Testing

@Suite struct SamplingKernelTests {
    /// Kernels of widths with and without a loop of their own, windows that hang over every edge, channels that fill no block.
    @Test(arguments: 0..<60) func depthwise(seed: Int) throws {
        var random = SeededGenerator(seed: UInt64(seed))
        let channels = [16, 21, 32, 3, 48][random.below(5)]
        let kernel = [[3, 3], [5, 5], [7, 7], [1, 3], [4, 2], [3, 5]][random.below(6)]
        let dilations = random.below(4) == 0 ? [2, random.pick(1...2)] : [1, 1]
        let strides = [[1, 1], [2, 2], [1, 2], [3, 3]][random.below(4)]
        let pads = (0..<4).map { Int64(random.below(kernel[$0 % 2])) }
        let x = (
            "x", try random.tensor([random.pick(1...2), channels, random.pick(13...17), random.pick(13...47)])
        )
        let w = try random.tensor([channels, 1] + kernel)
        var builder = GraphBuilder(name: "depthwise")
        _ = builder.input("x", .float32, x.1.dims.map { Dimension.fixed($0) })
        _ = builder.initializer("w", w)
        _ = builder.initializer("b", try random.tensor([channels]))
        let attributes: Attributes = [
            "group": .int(Int64(channels)), "strides": .ints(strides.map { Int64($0) }),
            "dilations": .ints(dilations.map { Int64($0) }), "pads": .ints(pads),
        ]
        var y = builder.node("Conv", random.below(3) == 0 ? ["x", "w"] : ["x", "w", "b"], attributes: attributes)
        let activation = ["", "Relu", "HardSwish", "Sigmoid", "silu"][random.below(5)]
        if activation == "silu" {
            y = builder.node("Mul", [y, builder.node("Sigmoid", [y])])
        } else if !activation.isEmpty {
            y = builder.node(activation, [y])
        }
        // Squeeze and excitation: what follows finds padding channels zero.
        let mean = builder.node("GlobalAveragePool", [y])
        let gate = builder.node("HardSigmoid", [mean])
        builder.output(builder.node("Mul", random.below(2) == 0 ? [y, gate] : [gate, y]), as: "gated", .float32, [])
        builder.output(
            builder.node("ReduceMean", [y], attributes: ["axes": .ints([2, 3]), "keepdims": .int(0)]), as: "mean",
            .float32, [])
        var graph = builder.graph
        for index in graph.outputs.indices { graph.outputs[index].type = nil }
        try expectAgreement(graph, [x], tolerance: 2e-5, "seed \(seed) \(channels) \(kernel) \(strides) \(activation)")
        let plan = try Plan(graph, on: CPUBackend(), options: PlanOptions(threads: 2))
        let kernels = try plan.rows(["x": x.1.shape]).map(\.kernel)
        if activation != "Sigmoid" || channels % 16 == 0 { #expect(kernels.contains("simd depthwise"), "\(kernels)") }
    }

    @Test(arguments: 0..<40) func resize(seed: Int) throws {
        var random = SeededGenerator(seed: UInt64(200 + seed))
        let mode = ["nearest", "linear", "cubic"][random.below(3)]
        let transformation = ["half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel"][random.below(4)]
        let (height, width) = (random.pick(1...19), random.pick(1...33))
        let x = ("x", try random.tensor([2, [3, 16, 21][random.below(3)], 5, 7]))
        let sizes = try Tensor([Int64(2), Int64(x.1.dims[1]), Int64(height), Int64(width)])
        let attributes: Attributes = [
            "mode": .string(mode), "coordinate_transformation_mode": .string(transformation),
            "nearest_mode": .string(["floor", "round_prefer_floor", "ceil"][random.below(3)]),
        ]
        // Behind a convolution the value lies in blocks of channels.
        for isBlocked in [false, true] {
            var builder = GraphBuilder(name: "resize")
            _ = builder.input("x", .float32, x.1.dims.map { Dimension.fixed($0) })
            _ = builder.initializer("sizes", sizes)
            let channels = x.1.dims[1]
            _ = builder.initializer("w", try random.tensor([channels, channels, 1, 1]))
            let source = isBlocked ? builder.node("Conv", ["x", "w"]) : "x"
            let y = builder.node("Resize", [source, "", "", "sizes"], attributes: attributes)
            builder.output(isBlocked ? builder.node("Conv", [y, "w"]) : y, as: "y", .float32, [])
            var graph = builder.graph
            graph.outputs[0].type = nil
            try expectAgreement(
                graph, [x], tolerance: isBlocked ? 2e-5 : 1e-6, "\(mode) \(transformation) \(height)x\(width)")
            let plan = try Plan(graph, on: CPUBackend(), options: PlanOptions(threads: 2))
            #expect(try plan.rows(["x": x.1.shape]).map(\.kernel).contains("simd resize"))
        }
    }

    /// Regions inside, across the edges, outside, turned around and of no size.
    @Test(arguments: [10, 16], 0..<8) func roiAlign(opset: Int, seed: Int) throws {
        var random = SeededGenerator(seed: UInt64(300 + seed))
        let channels = [16, 21, 40][random.below(3)]
        let x = try random.tensor([2, channels, 13, 17])
        var regions: [Float] = []
        for _ in 0..<23 {
            let (left, top) = (Float(random.pick(-20...80)), Float(random.pick(-20...60)) + 0.3)
            regions += [left, top, left + Float(random.pick(-3...50)), top + Float(random.pick(-3...40))]
        }
        let inputs: [(String, Tensor)] = [
            ("x", x), ("rois", try Tensor(regions, [23, 4])),
            ("images", try Tensor((0..<23).map { _ in Int64(random.below(2)) })),
        ]
        let attributes: Attributes = [
            "output_height": .int(Int64(random.pick(1...7))), "output_width": .int(Int64(random.pick(1...9))),
            "sampling_ratio": .int(Int64(random.pick(1...3))), "spatial_scale": .float([0.25, 1, 0.13][seed % 3]),
        ]
        let graph = graph("RoiAlign", inputs: inputs, attributes: attributes, opset: opset)
        try expectAgreement(graph, inputs, tolerance: 2e-6, "\(attributes)")
        var wrong = inputs
        wrong[2].1 = try Tensor([Int64](repeating: 2, count: 23))
        #expect(throws: LTError.self) { try run(graph, wrong, on: "cpu") }
    }
}
