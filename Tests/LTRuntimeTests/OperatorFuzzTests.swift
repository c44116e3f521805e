// Every operator on random inputs and attributes, sensible and not: it answers or throws, never traps, and what it
// infers is what it returns. Seeded.

import LTCore
import LTGraph
import LTRuntime
import OrderedCollections
import Testing

@Suite struct OperatorFuzzTests {
    static let integers = [
        "saturate", "block_size", "output_dtype", "precision",
        "axis", "group", "ceil_mode", "count_include_pad", "keepdims", "to", "k", "allowzero", "start", "end", "fmod",
        "transA", "batch_dims", "num_outputs", "exclusive", "reverse", "largest", "size", "storage_order", "spatial",
        "noop_with_empty_axes", "select_last_index", "antialias", "exclude_outside", "stash_type", "value_int",
        "center_point_box", "output_height", "output_width", "sampling_ratio", "blocksize", "batch_axis", "time_axis",
        "sorted", "align_corners", "offset_group", "p",
        "num_groups", "hidden_size", "layout", "linear_before_reset", "input_forget", "is_causal", "q_num_heads",
        "kv_num_heads", "qk_matmul_output_mode", "softmax_precision", "num_heads", "rotary_embedding_dim",
        "interleaved", "p", "training_mode", "seed",
        "detect_negative", "detect_positive", "dtype", "ignore_index", "inverse", "is_case_sensitive",
        "max_gram_length", "max_skip_count", "maxsplit", "min_gram_length", "onesided", "output_datatype", "periodic",
        "sample_size", "upper",
    ]
    static let floats = ["alpha", "bias", "high", "lambd", "low", "mean", "scale", "seed"]
    static let lists = [
        "axes", "pads", "strides", "dilations", "kernel_shape", "perm", "split", "starts", "ends", "output_padding",
        "output_shape", "value_ints", "pooled_shape", "ngram_counts", "ngram_indexes", "pool_int64s", "shape",
    ]
    static let texts = [
        "round_mode": ["up", "down", "nearest", "odd"],
        "mode": [
            "linear", "cubic", "nearest", "reflect", "edge", "wrap", "avg", "max", "bilinear", "bicubic", "DCR", "CRD",
            "circular", "TF", "IDF", "TFIDF",
        ], "auto_pad": ["SAME_UPPER", "VALID", "odd"],
        "coordinate_transformation_mode": ["tf_crop_and_resize", "align_corners", "half_pixel", "output_half_pixel"],
        "equation": ["ij,jk->ik", "...i,i...", "ii->i", "->", "a,,b", "ij->ijk"], "approximate": ["tanh"],
        "direction": ["reverse", "bidirectional", "LEFT", "RIGHT"],
        "keep_aspect_ratio_policy": ["not_larger", "not_smaller"],
        "reduction": ["add", "mul", "max", "min", "none", "sum", "mean"],
        "padding_mode": ["border", "reflection", "zeros"],
        "delimiter": ["", "1", "1 1"], "locale": ["en_US", "tr_TR"],
        "case_change_action": ["LOWER", "UPPER"],
        "pattern": ["", "[0-2]+", "(1*)*", "((){1000}){1000}", "(?i)\\w{2,}|\\PL", "[", "\\", "(?P<", "x{9}{9}"],
    ]

    private func number(_ random: inout SeededGenerator) -> Int64 {
        switch Int.random(in: 0..<24, using: &random) {
        case 0: .min
        case 1: .max
        case 2: 1 << 40
        default: .random(in: -3...5, using: &random)
        }
    }

    func tensor(
        _ type: ElementType, _ given: [Int]? = nil, _ random: inout SeededGenerator
    ) throws(LTError) -> Tensor {
        let rank = Int.random(in: 0...4, using: &random)
        let dims =
            given
            ?? (0..<rank).map { _ in
                Int.random(in: 0...7, using: &random) == 0 ? 0 : .random(in: 1...4, using: &random)
            }
        let shape = try Shape(dims)
        switch type {
        case .string: return try Tensor(strings: (0..<shape.count).map { "\($0 % 3)" }, dims)
        case .int64: return try Tensor((0..<shape.count).map { _ in number(&random) }, dims)
        case .int32: return try Tensor((0..<shape.count).map { _ in Int32(clamping: number(&random)) }, dims)
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

    func attributes(_ random: inout SeededGenerator) -> OrderedDictionary<String, Attribute> {
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
        for name in Self.floats where chance(&random) {
            result[name] = .float([.nan, .infinity, -1, 0, 0.5, 2].randomElement(using: &random) ?? 0)
        }
        for name in ["stopwords", "pool_strings"] where chance(&random) {
            result[name] = .strings(["0", "1", "1"].map { Array($0.utf8) })
        }
        return result
    }

    @Test(arguments: OperatorTable.all.map { $0.schema.name })
    func answersOrThrows(_ name: String) throws {
        let schema = try #require(OperatorTable.all.first { $0.schema.name == name }).schema
        var random = SeededGenerator(seed: 7, index: UInt64(name.utf8.reduce(0) { $0 * 31 % 65536 + Int($1) }))
        let types = schema.types.sorted { $0.rawValue < $1.rawValue }
        for _ in 0..<400 {
            let arity = Int.random(in: schema.inputs.lowerBound...min(schema.inputs.upperBound, 8), using: &random)
            let first = types.randomElement(using: &random) ?? .float32
            var inputs: [Tensor?] = []
            for index in 0..<arity {
                switch Int.random(in: 0..<10, using: &random) {
                case 0: inputs.append(nil)
                case 1: inputs.append(try tensor(.float32, nil, &random))
                case 2...5 where index > 0: inputs.append(try tensor(.int64, nil, &random))
                default: inputs.append(try tensor(first, nil, &random))
                }
            }
            let outputs = Int.random(in: schema.outputs.lowerBound...min(schema.outputs.upperBound, 5), using: &random)
            var node = Node(
                name, domain: schema.domain, inputs: inputs.indices.map { "x\($0)" },
                outputs: (0..<outputs).map { "y\($0)" }, attributes: attributes(&random))
            for body in ["body", "then_branch", "else_branch"] {
                node.attributes[body] = .graph(subgraph(&random))
            }
            node.attributes["num_scan_inputs"] = .int(Int64.random(in: 0...2, using: &random))
            do throws(LTError) {
                let opset = Int.random(in: schema.opsets, using: &random)
                let op = try OperatorTable.bind(node, opset: opset)
                if let op = op as? any Operator {
                    try check(op, inputs)
                } else {
                    try check(op, inputs.map { $0.map { value($0, &random) } }, Echo(node: node))
                }
            } catch {
                #expect(!error.message.isEmpty)
            }
        }
    }

    func check(_ op: any Operator, _ inputs: [Tensor?]) throws(LTError) {
        // Without values, then with them, then for real.
        _ = try? op.infer(inputs.map { $0.map { Facts($0.type, $0.dims) } })
        _ = try? op.infer(inputs.map { $0.map { Facts($0.type, nil) } })
        let inferred = try op.infer(inputs.map { $0.map { Facts($0) } })
        for (facts, result) in zip(inferred, try op.run(inputs)) {
            #expect(facts.type == result.type)
            if let dims = facts.dims {
                #expect(dims.count == result.shape.rank)
                #expect(zip(dims, result.dims).allSatisfy { $0 == nil || $0 == $1 })
            }
        }
    }

    // MARK: Values of other kinds, and subgraphs

    private func check(_ op: any ValueOperator, _ inputs: [ONNXValue?], _ bodies: Echo) throws(LTError) {
        let inferred = try op.infer(inputs.map { $0.map(facts) }, bodies)
        for (facts, result) in zip(inferred, try op.run(inputs, bodies)) {
            switch (facts, result) {
            case (.tensor(let facts), .tensor(let tensor)): #expect(facts.type == tensor.type)
            case (.container(.sequence), .sequence), (.container(.optional), .optional): break
            default: Issue.record("inferred \(facts), made \(result)")
            }
        }
    }

    /// A subgraph that is only counted: `Echo` stands for what it does.
    private func subgraph(_ random: inout SeededGenerator) -> Graph {
        var graph = Graph()
        for index in 0..<Int.random(in: 0...4, using: &random) { graph.inputs.append(ValueInfo("a\(index)")) }
        for index in 0..<Int.random(in: 0...4, using: &random) { graph.outputs.append(ValueInfo("b\(index)")) }
        return graph
    }

    private func value(_ tensor: Tensor, _ random: inout SeededGenerator) -> ONNXValue {
        switch Int.random(in: 0..<8, using: &random) {
        case 0: .sequence([])
        case 1, 2: .sequence([.tensor(tensor), .tensor(tensor)])
        case 3: .optional(nil)
        case 4: .optional(.tensor(tensor))
        default: .tensor(tensor)
        }
    }

    private func facts(_ value: ONNXValue) -> ValueFacts {
        switch value {
        case .tensor(let tensor): .tensor(Facts(tensor))
        case .sequence(let items): .container(.sequence(items.first.map { type($0) }))
        case .optional(let element): .container(.optional(element.map { type($0) }))
        }
    }

    private func type(_ value: ONNXValue) -> ValueType {
        switch value {
        case .tensor(let tensor): .tensor(tensor.type, nil)
        case .sequence(let items): .sequence(items.first.map { type($0) })
        case .optional(let element): .optional(element.map { type($0) })
        }
    }

    /// Subgraphs that hand their inputs back, a condition that ends loops first; as many outputs as they say.
    private struct Echo: BodyInference, BodyRunner {
        let node: Node

        private func padded<Value>(_ inputs: [Value], _ condition: Value, _ body: String) throws(LTError) -> [Value] {
            let count = try node.graph(body)?.outputs.count ?? 0
            var values = [condition] + inputs
            while values.count < count { values.append(condition) }
            return Array(values.prefix(count))
        }

        func infer(_ body: String, _ inputs: [ValueFacts]) throws(LTError) -> [ValueFacts] {
            try padded(inputs, .tensor(Facts(.bool, [])), body)
        }

        func run(_ body: String, _ inputs: [ONNXValue]) throws(LTError) -> [ONNXValue] {
            try padded(inputs, .tensor(try Tensor(scalar: false)), body)
        }
    }
}
