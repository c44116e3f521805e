// Every loss: gradients beside finite differences, numbers at the edges; and what the papers say losses become in a limit.

import Foundation
import LTCore
import LTTrain
import Testing

@Suite struct LossLimitTests {
    @Test func everyLossIsProbed() {
        #expect(Set(LossProbe.everyLoss.map(\.name)) == Set(LossTable.all.map { $0.name }))
    }

    @Test(arguments: LossProbe.everyLoss)
    func gradientsEqualFiniteDifferences(_ name: String, _ yaml: String) throws {
        let probe = LossProbe(seed: 3, rows: 4, background: name == "bacl" ? 1 : 0)
        // Losses that remember start afresh for each value.
        func value(_ logits: [Double]?, _ features: [Double]?) throws -> Double {
            try probe.run(try probe.loss(name, yaml), logits: logits, features: features).value
        }
        let exact = try probe.run(try probe.loss(name, yaml))
        func differences(_ values: [Double], _ value: ([Double]) throws -> Double) throws -> [Double] {
            try values.indices.map { index in
                let step = 1e-5
                var (up, down) = (values, values)
                up[index] += step
                down[index] -= step
                return try (value(up) - value(down)) / (2 * step)
            }
        }
        let ofLogits = try differences(probe.logits()) { try value($0, nil) }
        #expect(deviation(exact.logits, ofLogits) < 1e-6, "logits")
        // Feature hallucination learns from features without a gradient.
        if name == "ib", !exact.features.isEmpty {
            let ofFeatures = try differences(probe.features()) { try value(nil, $0) }
            #expect(deviation(exact.features, ofFeatures) < 1e-6, "features")
        }
    }

    static let edges: [LossProbe] = [
        LossProbe(rows: 1, type: .float32), LossProbe(counts: [3], total: 10, type: .float32),
        LossProbe(rows: 3, type: .float32, emptyRows: [0, 1, 2]),
        LossProbe(rows: 6, type: .float32, background: 1, scale: 1, emptyRows: [0, 1, 2, 3, 4, 5]),
        LossProbe(counts: [2_000_000_000, 50_000_000, 1000, 2, 1], total: 3_000_000_000, type: .float32),
        LossProbe(rows: 16, type: .float32, background: 1),
    ]

    /// One image, one class, background only, counts of billions, logits ±50 in float32: numbers stay numbers.
    @Test(arguments: LossProbe.everyLoss)
    func numbersStayFinite(_ name: String, _ yaml: String) throws {
        for (index, edge) in Self.edges.enumerated() {
            if yaml.contains("[1, 2") && edge.counts.count != 5 { continue }
            var probe = edge
            if name != "bacl", name != "bce" { probe.background = 0 }
            for extreme in [false, true] {
                let loss = try probe.loss(name, yaml)
                let logits = extreme ? probe.logits().map { $0 > 0 ? 50.0 : -50 } : probe.logits()
                for _ in 0..<2 {
                    let result = try probe.run(loss, logits: logits)
                    #expect(result.value.isFinite, "edge \(index), extreme \(extreme): \(result.value)")
                    let isFinite = (result.logits + result.features).allSatisfy(\.isFinite)
                    #expect(isFinite, "edge \(index), extreme \(extreme): a gradient")
                }
            }
        }
    }

    /// Pairs that are the same loss.
    static let equals: [(String, String, String, String)] = [
        ("distribution-balanced", "reweight_func: none, logit_reg: {}, focal: {on: false}", "bce", ""),
        ("sigmoid-focal", "gamma: 0, balance: 1", "bce", ""),
        ("asymmetric", "gamma_pos: 0, gamma_neg: 0, clip: 0", "bce", "average: rows"),
        ("eql", "lambda: 0", "bce", "average: rows"), ("eql", "lambda: 1, probability: 0", "bce", "average: rows"),
        ("bacl", "reweight: false", "bce", "average: rows"), ("bacl", "alpha: 0, prob_thr: 0", "bce", "average: rows"),
        ("softmax-eql", "lambda: 0", "softmax-ce", ""), ("softmax-eql", "lambda: 1, probability: 0", "softmax-ce", ""),
        ("logit-adjustment", "tau: 0", "softmax-ce", ""), ("logit-adjustment", "tau: 1", "balanced-softmax", ""),
        ("seesaw", "p: 0, q: 0", "softmax-ce", ""), ("ldam", "max_margin: 0, scale: 1", "softmax-ce", ""),
        ("focal", "gamma: 0", "softmax-ce", ""), ("cdb-ce", "tau: 0", "softmax-ce", ""),
        ("cdb-ce", "tau: 3", "softmax-ce", ""), ("cdb-ce", "average: weights", "softmax-ce", ""),
        ("cdb-focal", "gamma: 2", "focal", "gamma: 2"), ("ib", "start_epoch: 201", "softmax-ce", ""),
        ("class-balanced", "beta: 0", "softmax-ce", ""), ("class-balanced", "form: focal, beta: 0", "focal", ""),
        ("softmax-ce", "weights: {rule: drw, epochs: 100, betas: [0.9, 0.9, 0]}", "softmax-ce", ""),
        ("softmax-ce", "weights: {rule: drw, epochs: 160}", "softmax-ce", "weights: class-balanced"),
        ("ldam", "weights: {rule: drw, epochs: 201}", "ldam", ""),
        ("softmax-ce", "weights: {rule: class-balanced, beta: 0}", "softmax-ce", ""),
        ("softmax-ce", "weights: [2, 2, 2, 2, 2]", "softmax-ce", "weights: none"),
    ]

    @Test(arguments: equals)
    func limitsOfThePapers(_ a: String, _ aYAML: String, _ b: String, _ bYAML: String) throws {
        let probe = LossProbe(seed: 11)
        let left = try probe.run(try probe.loss(a, aYAML))
        let right = try probe.run(try probe.loss(b, bYAML))
        #expect(abs(left.value - right.value) < 1e-12)
        #expect(deviation(left.logits, right.logits) < 1e-12)
    }

    /// Equal counts leave nothing to balance.
    @Test(arguments: [
        ("balanced-softmax", ""), ("class-balanced", "beta: 0.99"), ("seesaw", "q: 0, counts: training-set"),
        ("softmax-ce", "weights: inverse"),
    ])
    func equalCountsBalanceNothing(_ name: String, _ yaml: String) throws {
        let probe = LossProbe(seed: 12, counts: [40, 40, 40, 40], total: 160)
        let result = try probe.run(try probe.loss(name, yaml))
        #expect(abs(result.value - (try probe.run(try probe.loss("softmax-ce", ""))).value) < 1e-12)
    }

    /// An ε that outweighs every influence leaves cross entropy.
    @Test func influenceFadesBehindEpsilon() throws {
        let probe = LossProbe(seed: 13)
        let plain = try probe.run(try probe.loss("softmax-ce", "")).value
        let balanced = try probe.run(try probe.loss("ib", "alpha: 1000000, epsilon: 1000000")).value
        #expect(abs(balanced - plain) < 1e-3 * plain)
    }

    /// A rare class is not discouraged by images of others, but by background.
    @Test func equalizationSparesRareClasses() throws {
        let probe = LossProbe(seed: 14, rows: 6, emptyRows: [2, 4])
        let gradients = try probe.run(try probe.loss("eql", "lambda: 0.03")).logits
        let targets = probe.targets()
        let wrong = targets.indices.filter { index in
            let (row, label) = index.quotientAndRemainder(dividingBy: probe.counts.count)
            let isRare = Double(probe.counts[label]) / Double(probe.total) < 0.03
            let isSpared = isRare && !probe.emptyRows.contains(row)
            return targets[index] == 0 && (gradients[index] == 0) != isSpared
        }
        #expect(wrong.isEmpty)
    }
}
