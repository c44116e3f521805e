// Kernels that read or write past a host's memory die here: every operator on inputs that end where readable memory ends.

import Foundation
import LTCore
import LTGraph
import Testing

@Suite struct GuardPageTests {
    @Test(arguments: ["portable", "avx2", ""]) func nothingReadsOrWritesTooFar(isa: String) throws {
        let models = try Self.models.get()
        #expect(models.count > 100)
        try Host("guard").expectSilence(
            [try Scene.folder()] + models, environment: isa.isEmpty ? [:] : ["LT_ISA": isa])
    }

    /// One model per operator, shape and type.
    private static let models = Result { () throws -> [String] in
        let folder = try Scene.folder() + "/operators"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        var paths: [String] = []
        // Of whole cache lines and not, odd and even, one image and three, whole channel blocks and not.
        for dims in [[1, 3, 16, 16], [3, 5, 7, 9], [3, 16, 5, 7], [1, 1, 4, 4], [1, 16, 1, 1], [3, 3, 31, 17]] {
            for graph in try graphs(dims) {
                let path = "\(folder)/\(graph.name)-\(dims.map(String.init).joined(separator: "x")).onnx"
                try Data(try graph.serialized()).write(to: URL(fileURLWithPath: path))
                paths.append(path)
            }
        }
        return paths
    }

    private static func graphs(_ dims: [Int]) throws -> [Graph] {
        let shape = dims.map { Dimension.fixed($0) }
        let (channels, height, width) = (dims[1], dims[2], dims[3])
        var graphs: [Graph] = []
        func add(
            _ name: String, _ type: ElementType = .float32, to output: ElementType? = nil, rank: Int = 4,
            _ body: (inout GraphBuilder, String) throws -> String
        ) rethrows {
            var builder = GraphBuilder(name: name)
            let x = builder.input("x", type, shape)
            let y = try body(&builder, x)
            builder.output(y, as: "out", output ?? type, (0..<rank).map { .symbolic("d\($0)") })
            graphs.append(builder.graph)
        }
        var generator = SeededGenerator(seed: 5)
        func weights(_ dims: [Int]) throws -> Tensor {
            try Tensor((0..<dims.reduce(1, *)).map { _ in Float(generator.normal()) }, dims)
        }
        for op in [
            "Relu", "Sigmoid", "Tanh", "Exp", "Neg", "Abs", "Erf", "HardSwish", "HardSigmoid", "Elu", "Softplus",
            "Ceil", "Sign", "LeakyRelu", "Softmax", "LogSoftmax", "Identity", "GlobalAveragePool", "GlobalMaxPool",
        ] {
            add(op) { builder, x in builder.node(op, [x]) }
        }
        for (axis, perm) in [[0, 2, 3, 1], [0, 3, 1, 2], [0, 1, 3, 2], [1, 0, 2, 3]].enumerated() {
            add("Transpose\(axis)") { builder, x in
                builder.node("Transpose", [x], attributes: ["perm": .ints(perm.map(Int64.init))])
            }
            add("Softmax\(axis)") { builder, x in
                builder.node("Softmax", [x], attributes: ["axis": .int(Int64(axis))])
            }
            add("Concat\(axis)") { builder, x in
                builder.node("Concat", [x, x], attributes: ["axis": .int(Int64(axis))])
            }
            add("ReduceMean\(axis)") { builder, x in
                builder.node("ReduceMean", [x], attributes: ["axes": .ints([Int64(axis)])])
            }
            add("ReduceMax\(axis)") { builder, x in
                builder.node("ReduceMax", [x], attributes: ["axes": .ints([Int64(axis)])])
            }
            add("ArgMax\(axis)", to: .int64) { builder, x in
                builder.node("ArgMax", [x], attributes: ["axis": .int(Int64(axis))])
            }
        }
        for (name, attributes) in [
            ("3x3", ["pads": Attribute.ints([1, 1, 1, 1])]),
            ("stride", ["strides": .ints([2, 2]), "pads": .ints([1, 1, 1, 1])]),
        ] {
            try add("Conv\(name)") { builder, x in
                let w = builder.initializer("w", try weights([6, channels, 3, 3]))
                return builder.node(
                    "Conv", [x, w], attributes: .init(uniqueKeysWithValues: attributes.map { ($0, $1) }))
            }
            try add("Depthwise\(name)") { builder, x in
                let w = builder.initializer("w", try weights([channels, 1, 3, 3]))
                var all = attributes
                all["group"] = .int(Int64(channels))
                return builder.node("Conv", [x, w], attributes: .init(uniqueKeysWithValues: all.map { ($0, $1) }))
            }
            for op in ["MaxPool", "AveragePool"] {
                add(op + name) { builder, x in
                    var all = attributes
                    all["kernel_shape"] = .ints([3, 3])
                    return builder.node(op, [x], attributes: .init(uniqueKeysWithValues: all.map { ($0, $1) }))
                }
            }
        }
        try add("Conv1x1") { builder, x in
            builder.node("Conv", [x, builder.initializer("w", try weights([16, channels, 1, 1]))])
        }
        try add("ConvTranspose") { builder, x in
            let w = builder.initializer("w", try weights([channels, 4, 2, 2]))
            return builder.node("ConvTranspose", [x, w], attributes: ["strides": .ints([2, 2])])
        }
        try add("MatMul") { builder, x in
            builder.node("MatMul", [x, builder.initializer("w", try weights([width, 5]))])
        }
        try add("Gemm", rank: 2) { builder, x in
            let flat = builder.node("Flatten", [x], attributes: ["axis": .int(1)])
            return builder.node(
                "Gemm", [flat, builder.initializer("w", try weights([channels * height * width, 7]))])
        }
        try add("MulChannel") { builder, x in
            builder.node("Mul", [x, builder.initializer("w", try weights([channels, 1, 1]))])
        }
        try add("AddRow") { builder, x in builder.node("Add", [x, builder.initializer("w", try weights([width]))]) }
        try add("DivScalar") { builder, x in builder.node("Div", [x, builder.initializer("w", try weights([]))]) }
        add("MulSelf") { builder, x in builder.node("Mul", [x, x]) }
        for op in ["Add", "Sub", "Max", "PRelu"] {
            add(op + "Two") { builder, x in builder.node(op, [x, builder.input("y", .float32, shape)]) }
        }
        add("MatMulTwo") { builder, x in
            let y = builder.input("y", .float32, shape)
            return builder.node(
                "MatMul", [x, builder.node("Transpose", [y], attributes: ["perm": .ints([0, 1, 3, 2])])])
        }
        try add("BatchNormalization") { builder, x in
            let ones = try Tensor([Float](repeating: 0.5, count: channels))
            let parts = ["scale", "bias", "mean", "var"].map { builder.initializer($0, ones) }
            return builder.node("BatchNormalization", [x] + parts)
        }
        try add("InstanceNormalization") { builder, x in
            let ones = try Tensor([Float](repeating: 0.5, count: channels))
            return builder.node(
                "InstanceNormalization", [x, builder.initializer("s", ones), builder.initializer("b", ones)])
        }
        try add("LayerNormalization") { builder, x in
            builder.node(
                "LayerNormalization", [x, builder.initializer("s", try Tensor([Float](repeating: 0.5, count: width)))])
        }
        for mode in ["nearest", "linear"] {
            try add("Resize" + mode) { builder, x in
                let scales = builder.initializer("scales", try Tensor([1, 1, 1.5, 2] as [Float]))
                return builder.node("Resize", [x, "", scales], attributes: ["mode": .string(Array(mode.utf8))])
            }
        }
        try add("Pad") { builder, x in
            let pads = builder.initializer("pads", try Tensor([0, 0, 1, 2, 0, 1, 0, 3] as [Int64]))
            return builder.node("Pad", [x, pads])
        }
        try add("Slice") { builder, x in
            let lists = try [
                ("starts", [0, 0]), ("ends", [Int64.max, Int64.max]), ("axes", [2, 3]), ("steps", [1, 2]),
            ]
            .map { builder.initializer($0.0, try Tensor($0.1.map { Int64($0) })) }
            return builder.node("Slice", [x] + lists)
        }
        try add("Gather") { builder, x in
            let last = builder.initializer("last", try Tensor([Int64(width - 1), 0]))
            return builder.node("Gather", [x, last], attributes: ["axis": .int(3)])
        }
        try add("Clip") { builder, x in
            let (low, high) = (try Tensor([-0.5] as [Float], []), try Tensor([0.75] as [Float], []))
            return builder.node("Clip", [x, builder.initializer("low", low), builder.initializer("high", high)])
        }
        try add("Tile") { builder, x in
            builder.node("Tile", [x, builder.initializer("times", try Tensor([1, 1, 1, 2] as [Int64]))])
        }
        for type in [
            ElementType.uint8, .int8, .bool, .int32, .int64, .float16, .float64, .uint16,
        ] {
            add("CastFrom\(type)", type, to: .float32) { builder, x in
                builder.node("Cast", [x], attributes: ["to": .int(1)])
            }
            add("Same\(type)", type) { builder, x in builder.node("Identity", [x]) }
            add("Flip\(type)", type) { builder, x in
                builder.node("Transpose", [x], attributes: ["perm": .ints([3, 2, 1, 0])])
            }
            if type == .int32 || type == .int64 || type == .float64 {
                add("Add\(type)", type) { builder, x in builder.node("Add", [x, x]) }
            }
            if type != .bool {
                add("CastTo\(type)", to: type) { builder, x in
                    builder.node("Cast", [builder.node("Abs", [x])], attributes: ["to": .int(Int64(type.rawValue))])
                }
            }
        }
        return graphs
    }
}
