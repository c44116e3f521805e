// Operators whose inputs must fit each other, on inputs that nearly do: what random ones of OperatorFuzzTests hardly reach.

import LTCore
import LTGraph
import LTRuntime
import OrderedCollections
import Testing

extension OperatorFuzzTests {
    /// Operators whose inputs must fit each other: shapes and attributes that do, of which each round breaks some.
    static let fitting: [(String, inputs: [[Int]], attributes: OrderedDictionary<String, Attribute>)] = [
        (
            "Attention", [[2, 4, 3, 2], [2, 2, 3, 2], [2, 2, 3, 4], [3, 5], [2, 2, 2, 2], [2, 2, 2, 4], [2]],
            ["softcap": .float(2), "is_causal": .int(1)]
        ),
        (
            "Attention", [[2, 3, 8], [2, 4, 4], [2, 4, 6], [2, 4, 1, 4]],
            ["q_num_heads": .int(4), "kv_num_heads": .int(2)]
        ),
        ("BatchNormalization", [[2, 3, 4], [3], [3], [3], [3]], ["training_mode": .int(1)]),
        ("GRU", [[3, 2, 2], [1, 9, 2], [1, 9, 3], [1, 18], [2], [1, 2, 3]], ["hidden_size": .int(3)]),
        ("GroupNormalization", [[2, 4, 3], [4], [4]], ["num_groups": .int(2)]),
        ("LSTM", [[3, 2, 2], [1, 8, 2], [1, 8, 2], [1, 16], [2], [1, 2, 2], [1, 2, 2], [1, 6]], [:]),
        ("LayerNormalization", [[2, 3, 4], [3, 4], [1, 4]], ["axis": .int(1)]),
        ("RMSNormalization", [[2, 3, 4], [4]], [:]),
        (
            "RNN", [[3, 2, 2], [2, 3, 2], [2, 3, 3], [2, 6], [2], [2, 2, 3]], ["direction": .string("bidirectional")]
        ),
        ("RotaryEmbedding", [[2, 3, 2, 4], [5, 2], [5, 2], [2, 2]], [:]),
    ]

    @Test(arguments: fitting.indices) func answersOrThrowsNearSense(_ index: Int) throws {
        let (name, shapes, sensible) = Self.fitting[index]
        let schema = try #require(OperatorTable.all.first { $0.schema.name == name }).schema
        var random = SeededGenerator(seed: 8, index: UInt64(index))
        let types = schema.types.sorted { $0.rawValue < $1.rawValue }
        func rarely(_ random: inout SeededGenerator) -> Bool { Int.random(in: 0..<24, using: &random) == 0 }
        var answers = 0
        for _ in 0..<1000 {
            let first = types.randomElement(using: &random) ?? .float32
            let width = [0, 1, 2, 3].randomElement(using: &random) ?? 1
            var inputs: [Tensor?] = []
            for (number, dims) in shapes.enumerated() {
                if number > 2, Int.random(in: 0...1, using: &random) == 0 {
                    inputs.append(nil)
                    continue
                }
                // Now and then one extent is another one everywhere, or only here.
                var dims = dims.map { $0 == 3 ? width : $0 }
                for axis in dims.indices where rarely(&random) { dims[axis] = .random(in: 0...4, using: &random) }
                if rarely(&random) { dims.append(1) }
                let isIndex = number == shapes.count - 1 && dims.count < 3 || number == 4 && dims.count == 1
                let own: [ElementType] = isIndex ? [.int64, .int32, .bool, first] : [first]
                inputs.append(try tensor(own.randomElement(using: &random) ?? first, dims, &random))
            }
            var attributes = sensible
            for (name, value) in self.attributes(&random) where rarely(&random) { attributes[name] = value }
            let outputs = Int.random(in: schema.outputs, using: &random)
            let node = Node(
                name, inputs: inputs.indices.map { "x\($0)" }, outputs: (0..<outputs).map { "y\($0)" },
                attributes: attributes)
            do throws(LTError) {
                let op = try OperatorTable.bind(node, opset: Int.random(in: schema.opsets, using: &random))
                if let op = op as? any Operator { try check(op, inputs) }
                answers += 1
            } catch {
                #expect(!error.message.isEmpty)
            }
        }
        #expect(answers > 10, "\(answers) of 1000")
    }
}
