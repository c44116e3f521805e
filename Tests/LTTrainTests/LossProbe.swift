// A loss on a small seeded batch, for tests that hold for every loss.

import LTCore
import LTTrain
import Testing

/// A batch that any process can make again, and a linear classifier behind its features.
struct LossProbe: Sendable {
    var seed: UInt64 = 1
    var rows = 8
    var counts = [400, 90, 30, 8, 3]
    var total = 600
    var type = ElementType.float64
    /// Columns of logits beyond the classes: 1 for a background column.
    var background = 0
    var scale = 2.0
    /// Which rows have no class.
    var emptyRows: Set<Int> = []
    var epoch = 200
    var draws: UInt64 = 5

    static let depth = 6
    var classes: ClassCounts {
        ClassCounts(names: counts.indices.map { "class \($0)" }, images: counts, total: total)
    }

    /// A loss by its name and YAML keys.
    func loss(_ name: String, _ yaml: String) throws -> any Loss {
        let section = try RecipeSection(yaml: "{name: \(name)\(yaml.isEmpty ? "" : ", ")\(yaml)}")
        let name = try section.string("name")
        return try #require(LossTable.all.first { $0.name == name }).init(section, classes: classes)
    }

    func logits() -> [Double] {
        var generator = SeededGenerator(seed: seed, index: 1)
        return (0..<rows * (counts.count + background)).map { _ in scale * generator.normal() }
    }
    func features() -> [Double] {
        var generator = SeededGenerator(seed: seed, index: 2)
        return (0..<rows * Self.depth).map { _ in abs(generator.normal()) }
    }
    func targets() -> [Double] {
        var generator = SeededGenerator(seed: seed, index: 3)
        var result = [Double](repeating: 0, count: rows * counts.count)
        for row in 0..<rows {
            let label = generator.below(counts.count)
            if !emptyRows.contains(row) { result[row * counts.count + label] = 1 }
        }
        return result
    }
    func weight() -> [Double] {
        var generator = SeededGenerator(seed: seed, index: 4)
        return (0..<(counts.count + background) * Self.depth).map { _ in generator.normal() }
    }

    /// What a loss gives of the given rows; logits and features replace the batch's own.
    struct Result: Sendable {
        var value: Double
        var logits: [Double]
        var features: [Double]
    }
    func run(
        _ loss: any Loss, rows range: Range<Int>? = nil, logits given: [Double]? = nil, features other: [Double]? = nil,
        group: any ProcessGroup = SingleProcess()
    ) throws -> Result {
        let range = range ?? 0..<rows
        let columns = counts.count + background
        func part(_ values: [Double], _ width: Int) throws -> TorchTensor {
            try TorchTensor(Array(values[range.lowerBound * width..<range.upperBound * width]), [range.count, width])
                .cast(type)
        }
        let logits = try part(given ?? logits(), columns)
        let features = try part(other ?? features(), Self.depth)
        try logits.setRequiresGrad(true)
        try features.setRequiresGrad(true)
        let weight = try TorchTensor(weight(), [columns, Self.depth]).cast(type)
        let bias = try TorchTensor([Double](repeating: 0, count: columns), [columns]).cast(type)
        let input = LossInput(
            logits, try part(targets(), counts.count), features: features,
            classify: { (rows) throws(LTError) in try LossVectors.linear(rows, weight, bias) }, epoch: epoch,
            seed: draws, group: group)
        let value = try loss(input)
        try value.backward()
        return Result(
            value: try value.item(), logits: try logits.grad()?.doubles() ?? [],
            features: try features.grad()?.doubles() ?? [])
    }

    /// Each loss with keys under which gradients flow through all of it.
    static let everyLoss: [(name: String, yaml: String)] = [
        ("asymmetric", "gamma_pos: 1, detach: false"), ("asymmetric", "clip: 0, detach: false"),
        ("balanced-softmax", ""), ("bce", ""), ("bce", "average: rows"),
        ("cdb-ce", ""), ("cdb-ce", "tau: dynamic, dynamic_form: imagenet, average: weights, focal_gamma: 2"),
        ("cdb-focal", "detach: false, gamma: 2"),
        ("class-balanced", "beta: 0.9"), ("class-balanced", "form: sigmoid, gamma: 2"),
        ("class-balanced", "form: focal, gamma: 0"),
        ("distribution-balanced", ""), ("distribution-balanced", "reweight_func: CB, partial: true"),
        ("eql", "lambda: 0.03"), ("eql", "lambda: 0.03, probability: 0.5"),
        ("bacl", ""), ("bacl", "hallucination: {sampled_num_features: 3}"),
        ("focal", "detach: false, gamma: 2"),
        ("focal", "detach: false, scale: 10, weights: class-balanced, weighted_probability: true"),
        ("focal", "k_positive: true, detach: false"),
        ("ib", ""), ("ib", "weights: inverse, focal: {gamma: 1}"), ("ib", "start_epoch: 1000"),
        ("ldam", "scale: 2"), ("ldam", "scale: 2, weights: {rule: drw, epochs: 3}"),
        ("logit-adjustment", "tau: 0.5"), ("seesaw", "q: 0"), ("seesaw", "q: 0, counts: training-set"),
        ("sigmoid-focal", ""), ("softmax-ce", ""), ("softmax-ce", "weights: inverse, label_smoothing: 0.1"),
        ("softmax-ce", "k_positive: true, weights: [1, 2, 3, 4, 5]"),
        ("softmax-eql", "lambda: 0.03, probability: 1"),
    ]
}
