// Quantised operators on random inputs of the types and nearly the shapes that they take: they answer or throw, never
// trap, and what they infer is what they return. Seeded. (OperatorFuzzTests seldom gets eight inputs right.)

import LTCore
import LTGraph
import LTRuntime
import Testing

@Suite struct QuantizationTests {
    private enum Shape: CaseIterable {
        case single, vector, image, weights, matrix, odd
    }

    /// Per operator: type and shape of each input. q: int8 or uint8, one type per input and its zero point.
    private static let inputs: [String: [(type: String, shape: Shape)]] = [
        "QuantizeLinear": [("f", .image), ("f", .vector), ("q", .vector)],
        "DequantizeLinear": [("q", .image), ("f", .vector), ("q", .vector)],
        "ConvInteger": [("q", .image), ("r", .weights), ("q", .single), ("r", .vector)],
        "MatMulInteger": [("q", .matrix), ("r", .matrix), ("q", .vector), ("r", .vector)],
        "QLinearConv": [
            ("q", .image), ("f", .single), ("q", .single), ("r", .weights), ("f", .vector), ("r", .vector),
            ("f", .single), ("s", .single), ("i", .vector),
        ],
        "QLinearMatMul": [
            ("q", .matrix), ("f", .vector), ("q", .vector), ("r", .matrix), ("f", .vector), ("r", .vector),
            ("f", .single), ("s", .single),
        ],
        "QGemm": [
            ("q", .matrix), ("f", .single), ("q", .single), ("r", .matrix), ("f", .vector), ("r", .vector),
            ("i", .vector), ("f", .single), ("q", .single),
        ],
        "QLinearAdd": [
            ("q", .image), ("f", .single), ("q", .single), ("q", .single), ("f", .single), ("q", .single),
            ("f", .single), ("q", .single),
        ],
        "QLinearConcat": [
            ("f", .single), ("q", .single), ("q", .image), ("f", .single), ("q", .single), ("q", .image),
            ("f", .single), ("q", .single),
        ],
        "QLinearSigmoid": [("q", .image), ("f", .single), ("q", .single), ("f", .single), ("q", .single)],
    ]

    @Test(arguments: inputs.keys.sorted())
    func answersOrThrows(_ name: String) throws {
        let type = OperatorTable.find(name) ?? OperatorTable.find(name, domain: "com.microsoft")
        let schema = try #require(type).schema
        let wanted = try #require(Self.inputs[name])
        var random = SeededGenerator(seed: 11, index: UInt64(name.utf8.count))
        var answered = 0
        for _ in 0..<600 {
            let (n, c, m) = (random.pick(1...2), random.pick(0...3), random.pick(1...3))
            var types: [String: ElementType] = ["f": .float32, "i": .int32]
            for letter in ["q", "r", "s"] { types[letter] = random.pick(0...1) == 0 ? .int8 : .uint8 }
            let narrow: [ElementType] = [.int4, .uint2, .float8e5m2, .float4e2m1, .int16]
            if name.hasSuffix("uantizeLinear"), random.pick(0...2) == 0 { types["q"] = narrow[random.pick(0...4)] }
            let arity = random.pick(schema.inputs.lowerBound...min(schema.inputs.upperBound, wanted.count))
            let inputs = try wanted.prefix(arity).map { type, shape in
                // Once in a while something else.
                let shape = random.pick(0...30) == 0 ? .odd : shape
                let dims =
                    switch shape {
                    case .single: random.pick(0...1) == 0 ? [] : [1]
                    case .vector: random.pick(0...1) == 0 ? [] : [m]
                    case .image: [n, c, random.pick(1...4), random.pick(1...4)]
                    case .weights: [m, c, random.pick(1...3), random.pick(1...3)]
                    case .matrix: random.pick(0...5) == 0 ? [m] : [[], [n]][random.pick(0...1)] + [m, m]
                    case .odd: (0..<random.pick(0...3)).map { _ in random.pick(0...3) }
                    }
                let result = try Tensor(types[type] ?? .float32, try LTCore.Shape(dims))
                for index in 0..<result.byteCount {
                    result.rawPointer.storeBytes(
                        of: UInt8(random.pick(0...255)), toByteOffset: index, as: UInt8.self)
                }
                return result
            }
            var node = Node(name, domain: schema.domain, inputs: inputs.indices.map { "x\($0)" }, outputs: ["y"])
            if random.pick(0...3) == 0 { node.attributes["group"] = .int(Int64(m)) }
            if random.pick(0...3) == 0 { node.attributes["pads"] = .ints([1, 0, 0, 2]) }
            if random.pick(0...3) == 0 { node.attributes["axis"] = .int(Int64(random.pick(-3...3))) }
            if random.pick(0...3) == 0 { node.attributes["block_size"] = .int(Int64(random.pick(0...3))) }
            do throws(LTError) {
                let bound = try OperatorTable.bind(node, opset: schema.opsets.upperBound)
                guard let op = bound as? any Operator else {
                    Issue.record("\(name) takes values that are no tensors")
                    continue
                }
                _ = try? op.infer(inputs.map { Facts($0.type, $0.dims.map { _ in nil }) })
                let inferred = try op.infer(inputs.map { Facts($0) })
                let result = try op.run(inputs)
                #expect(inferred[0].type == result[0].type && inferred[0].shape == result[0].shape)
                answered += 1
            } catch {
                #expect(!error.message.isEmpty)
            }
        }
        #expect(answered > 30, "\(answered) of 600 had an answer")
    }
}
