// Every operator on random inputs and attributes, sensible and not: it answers or throws, never traps, and what it
// infers is what it returns. Seeded.

import LTCore
import LTGraph
import LTRuntime
import OrderedCollections
import Testing

@Suite struct OperatorFuzzTests {
    static let integers = [
        "axis", "group", "ceil_mode", "count_include_pad", "keepdims", "to", "k", "allowzero", "start", "end", "fmod",
        "transA", "batch_dims", "num_outputs", "exclusive", "reverse", "largest", "size", "storage_order", "spatial",
        "noop_with_empty_axes", "select_last_index", "antialias", "exclude_outside", "stash_type", "value_int",
        "center_point_box", "output_height", "output_width", "sampling_ratio", "blocksize", "batch_axis", "time_axis",
        "sorted", "align_corners", "offset_group", "p",
    ]
    static let lists = [
        "axes", "pads", "strides", "dilations", "kernel_shape", "perm", "split", "starts", "ends", "output_padding",
        "output_shape", "value_ints", "pooled_shape",
    ]
    static let texts = [
        "mode": [
            "linear", "cubic", "nearest", "reflect", "edge", "wrap", "avg", "max", "bilinear", "bicubic", "DCR", "CRD",
            "circular",
        ], "auto_pad": ["SAME_UPPER", "VALID", "odd"],
        "coordinate_transformation_mode": ["tf_crop_and_resize", "align_corners", "half_pixel", "output_half_pixel"],
        "equation": ["ij,jk->ik", "...i,i...", "ii->i", "->", "a,,b", "ij->ijk"], "approximate": ["tanh"],
        "keep_aspect_ratio_policy": ["not_larger", "not_smaller"], "reduction": ["add", "mul", "max", "min"],
        "padding_mode": ["border", "reflection", "zeros"],
    ]

    private func number(_ random: inout SeededGenerator) -> Int64 {
        switch Int.random(in: 0..<24, using: &random) {
        case 0: .min
        case 1: .max
        case 2: 1 << 40
        default: .random(in: -3...5, using: &random)
        }
    }

    private func tensor(_ type: ElementType, _ random: inout SeededGenerator) throws(LTError) -> Tensor {
        let rank = Int.random(in: 0...4, using: &random)
        let dims = (0..<rank).map { _ in
            Int.random(in: 0...7, using: &random) == 0 ? 0 : .random(in: 1...4, using: &random)
        }
        let shape = try Shape(dims)
        switch type {
        case .string: return try Tensor(strings: (0..<shape.count).map { "\($0 % 3)" }, dims)
        case .int64: return try Tensor((0..<shape.count).map { _ in number(&random) }, dims)
        case .float32:
            let special: [Float] = [.nan, .infinity, -.infinity, 1e30, 0]
            return try Tensor(
                (0..<shape.count).map { _ in
                    Int.random(in: 0..<9, using: &random) == 0
                        ? special.randomElement(using: &random) ?? 0 : .random(in: -3...3, using: &random)
                }, dims)
        default:
            let result = try Tensor(type, shape)
            let bytes = UnsafeMutableRawBufferPointer(start: result.rawPointer, count: result.byteCount)
            for index in bytes.indices {
                bytes[index] = type == .bool ? .random(in: 0...1, using: &random) : .random(in: 0...255, using: &random)
            }
            return result
        }
    }

    private func attributes(_ random: inout SeededGenerator) -> OrderedDictionary<String, Attribute> {
        var result: OrderedDictionary<String, Attribute> = [:]
        func chance(_ random: inout SeededGenerator) -> Bool { Int.random(in: 0..<4, using: &random) == 0 }
        for name in Self.integers where chance(&random) { result[name] = .int(number(&random)) }
        for name in Self.lists where chance(&random) {
            let count = Int.random(in: 0...4, using: &random)
            result[name] = .ints((0..<count).map { _ in number(&random) })
        }
        for (name, words) in Self.texts.sorted(by: { $0.key < $1.key }) where chance(&random) {
            if let word = words.randomElement(using: &random) { result[name] = .string(word) }
        }
        if chance(&random) { result["scales"] = .floats([1, 2, 0.5, 1e30]) }
        if chance(&random) {
            result["spatial_scale"] = .float([0.5, -1, 1e30, .nan].randomElement(using: &random) ?? 1)
        }
        return result
    }

    @Test(arguments: OperatorTable.all.map { $0.schema.name })
    func answersOrThrows(_ name: String) throws {
        let schema = try #require(OperatorTable.all.first { $0.schema.name == name }).schema
        var random = SeededGenerator(seed: 7, index: UInt64(name.utf8.reduce(0) { $0 * 31 % 65536 + Int($1) }))
        let types = schema.types.sorted { $0.rawValue < $1.rawValue }
        for _ in 0..<400 {
            let arity = Int.random(in: schema.inputs.lowerBound...min(schema.inputs.upperBound, 5), using: &random)
            let first = types.randomElement(using: &random) ?? .float32
            var inputs: [Tensor?] = []
            for index in 0..<arity {
                switch Int.random(in: 0..<10, using: &random) {
                case 0: inputs.append(nil)
                case 1: inputs.append(try tensor(.float32, &random))
                case 2...5 where index > 0: inputs.append(try tensor(.int64, &random))
                default: inputs.append(try tensor(first, &random))
                }
            }
            let outputs = Int.random(in: schema.outputs.lowerBound...min(schema.outputs.upperBound, 3), using: &random)
            let node = Node(
                name, domain: schema.domain, inputs: inputs.indices.map { "x\($0)" },
                outputs: (0..<outputs).map { "y\($0)" }, attributes: attributes(&random))
            do throws(LTError) {
                let opset = Int.random(in: schema.opsets, using: &random)
                let op = try OperatorTable.bind(node, opset: opset)
                // Without values, then with them, then for real.
                _ = try? op.infer(inputs.map { $0.map { Facts($0.type, $0.dims) } })
                _ = try? op.infer(inputs.map { $0.map { Facts($0.type, nil) } })
                let inferred = try op.infer(inputs.map { $0.map { Facts($0) } })
                let results = try op.run(inputs)
                for (facts, result) in zip(inferred, results) {
                    #expect(facts.type == result.type)
                    if let dims = facts.dims {
                        #expect(dims.count == result.shape.rank)
                        #expect(zip(dims, result.dims).allSatisfy { $0 == nil || $0 == $1 })
                    }
                }
            } catch {
                #expect(!error.message.isEmpty)
            }
        }
    }
}
