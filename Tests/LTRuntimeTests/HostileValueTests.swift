// Operators that place, sample and select by what their inputs say, on shapes that fit and values that do not: huge,
// negative, infinite, no numbers. They answer what they inferred or throw. Seeded.

import LTCore
import LTGraph
import LTRuntime
import OrderedCollections
import Testing

@Suite struct HostileValueTests {
    /// An operator with attributes and the shapes of its inputs: `f` floats, `i` indices, `b` bools.
    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        let opset: Int
        let attributes: [String: Attribute]
        let inputs: [(kind: Character, dims: [Int])]
        var testDescription: String { "\(name) \(opset)" }

        init(
            _ name: String, _ opset: Int = 20, _ attributes: [String: Attribute] = [:],
            _ inputs: (kind: Character, dims: [Int])...
        ) {
            (self.name, self.opset, self.attributes, self.inputs) = (name, opset, attributes, inputs)
        }
    }

    static let cases = [
        Case("ScatterND", 18, ["reduction": .string("max")], ("f", [3, 2]), ("i", [4, 1]), ("f", [4, 2])),
        Case("ScatterElements", 18, ["axis": .int(1)], ("f", [3, 5]), ("i", [3, 2]), ("f", [3, 2])),
        Case("TensorScatter", 24, ["mode": .string("circular")], ("f", [2, 4, 3]), ("f", [2, 3, 3]), ("i", [2])),
        Case("TensorScatter", 24, [:], ("f", [2, 4, 3]), ("f", [2, 3, 3]), ("i", [2])),
        Case("GatherND", 13, [:], ("f", [3, 2]), ("i", [4, 2])),
        Case("NonMaxSuppression", 11, [:], ("f", [1, 9, 4]), ("f", [1, 2, 9]), ("i", [1]), ("f", [1]), ("f", [1])),
        Case(
            "RoiAlign", 16, ["output_width": .int(3), "sampling_ratio": .int(0)], ("f", [1, 2, 4, 5]), ("f", [2, 4]),
            ("i", [2])),
        Case(
            "RoiAlign", 10, ["output_height": .int(2), "mode": .string("max"), "spatial_scale": .float(1e30)],
            ("f", [2, 1, 4, 5]), ("f", [1, 4]), ("i", [1])),
        Case("RoiAlign", 16, ["sampling_ratio": .int(4)], ("f", [1, 2, 4, 5]), ("f", [2, 4]), ("i", [2])),
        Case("MaxRoiPool", 1, ["pooled_shape": .ints([2, 3])], ("f", [2, 2, 4, 5]), ("f", [3, 5])),
        Case("GridSample", 20, ["padding_mode": .string("reflection")], ("f", [1, 2, 1, 5]), ("f", [1, 2, 3, 2])),
        Case(
            "GridSample", 20, ["mode": .string("cubic"), "align_corners": .int(1)], ("f", [1, 2, 4, 1]),
            ("f", [1, 2, 3, 2])),
        Case(
            "GridSample", 16, ["mode": .string("nearest"), "padding_mode": .string("border")], ("f", [1, 2, 4, 5]),
            ("f", [1, 2, 3, 2])),
        Case("DeformConv", 19, [:], ("f", [1, 2, 3, 4]), ("f", [3, 2, 2, 2]), ("f", [1, 8, 2, 3]), ("f", [3])),
        Case("MaxUnpool", 11, ["kernel_shape": .ints([2, 2])], ("f", [1, 1, 2, 2]), ("i", [1, 1, 2, 2]), ("i", [4])),
        Case("Col2Im", 18, [:], ("f", [1, 4, 4]), ("i", [2]), ("i", [2])),
        Case("CenterCropPad", 18, [:], ("f", [3, 2]), ("i", [2])),
        Case("AffineGrid", 20, [:], ("f", [2, 2, 3]), ("i", [4])),
        Case("ReverseSequence", 10, [:], ("f", [4, 3, 2]), ("i", [3])),
        Case("Compress", 11, ["axis": .int(0)], ("f", [3, 2]), ("b", [3])),
        Case("Unique", 11, ["axis": .int(-1)], ("f", [3, 4])),
        Case("TopK", 11, ["largest": .int(0)], ("f", [3, 4]), ("i", [1])),
        Case("Pad", 19, ["mode": .string("wrap")], ("f", [3, 4]), ("i", [4])),
        Case("Pad", 19, ["mode": .string("reflect")], ("f", [3, 4]), ("i", [2]), ("f", []), ("i", [1])),
        Case("Slice", 13, [:], ("f", [3, 4]), ("i", [2]), ("i", [2]), ("i", [2]), ("i", [2])),
        Case("Resize", 19, ["mode": .string("cubic")], ("f", [3, 4]), ("f", [0]), ("f", [2])),
        Case(
            "Resize", 19, ["mode": .string("linear"), "coordinate_transformation_mode": .string("tf_crop_and_resize")],
            ("f", [3, 4]), ("f", [4]), ("f", [2])),
        Case("Resize", 19, ["antialias": .int(1), "mode": .string("linear")], ("f", [3, 4]), ("f", [0]), ("f", [2])),
        Case("DFT", 20, [:], ("f", [2, 5, 1]), ("i", [1]), ("i", [1])),
        Case("DFT", 20, ["inverse": .int(1), "onesided": .int(1)], ("f", [2, 5, 2]), ("i", []), ("i", [])),
        Case("STFT", 17, [:], ("f", [2, 9, 1]), ("i", []), ("f", [3]), ("i", [])),
        Case("STFT", 17, ["onesided": .int(0)], ("f", [1, 9, 2]), ("i", [1])),
        Case("HannWindow", 17, ["periodic": .int(0)], ("i", [])),
        Case("MelWeightMatrix", 17, [:], ("i", []), ("i", []), ("i", []), ("f", []), ("f", [])),
        Case("Multinomial", 7, ["sample_size": .int(3)], ("f", [1, 3])),
        Case("Bernoulli", 15, [:], ("f", [3, 4])),
        Case("Trilu", 14, [:], ("f", [2, 3, 4]), ("i", [])),
        Case("Det", 22, [:], ("f", [2, 3, 3])),
        Case(
            "NegativeLogLikelihoodLoss", 13, ["ignore_index": .int(.min)], ("f", [1, 4, 2]), ("i", [1, 2]), ("f", [4])),
        Case("SoftmaxCrossEntropyLoss", 13, ["reduction": .string("none")], ("f", [2, 4]), ("i", [2])),
        Case(
            "TfIdfVectorizer", 9,
            [
                "mode": .string("TFIDF"), "pool_int64s": .ints([2, 3, 0, 2]), "ngram_counts": .ints([0, 2]),
                "ngram_indexes": .ints([1, 0, 5]), "min_gram_length": .int(1), "max_gram_length": .int(.max),
                "max_skip_count": .int(.max),
            ], ("i", [2, 6])),
    ]

    private func tensor(_ kind: Character, _ dims: [Int], _ random: inout SeededGenerator) throws -> Tensor {
        let shape = try Shape(dims)
        let wild = Int.random(in: 0..<3, using: &random)
        switch kind {
        case "f":
            let odd: [Float] = [.nan, .infinity, -.infinity, 1e38, -1e30, 1e18, 1e9, -0.0, .leastNonzeroMagnitude]
            return try Tensor(
                (0..<shape.count).map { _ in
                    Int.random(in: 0..<9, using: &random) < wild
                        ? odd.randomElement(using: &random) ?? 0 : .random(in: -1...4, using: &random)
                }, dims)
        case "b": return try Tensor((0..<shape.count).map { _ in Bool.random(using: &random) }, dims)
        default:
            let odd: [Int64] = [.min, .max, 1 << 40, 1 << 31, -1 << 62, 100, -100]
            return try Tensor(
                (0..<shape.count).map { _ in
                    Int.random(in: 0..<9, using: &random) < wild
                        ? odd.randomElement(using: &random) ?? 0 : .random(in: -1...4, using: &random)
                }, dims)
        }
    }

    @Test(arguments: cases)
    func answersOrThrows(_ test: Case) throws {
        var random = SeededGenerator(seed: 11, index: UInt64(test.opset))
        var answers = 0
        for _ in 0..<200 {
            let inputs = try test.inputs.map { try tensor($0.kind, $0.dims, &random) }
            var attributes: OrderedDictionary<String, Attribute> = [:]
            for (name, value) in test.attributes { attributes[name] = value }
            let op = try bound(
                test.name, inputs.count, outputs: test.name == "TopK" ? 2 : 1, opset: test.opset, attributes)
            do throws(LTError) {
                let inferred = try op.infer(inputs.map { Facts($0) })
                let results = try op.run(inputs)
                answers += 1
                for (facts, result) in zip(inferred, results) {
                    #expect(facts.type == result.type && facts.dims?.count ?? result.shape.rank == result.shape.rank)
                    let dims = facts.dims ?? result.dims
                    #expect(zip(dims, result.dims).allSatisfy { $0 == nil || $0 == $1 })
                }
            } catch {
                #expect(!error.message.isEmpty)
            }
        }
        #expect(answers > 0)
    }
}
