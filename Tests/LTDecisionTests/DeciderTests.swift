// Raw outputs → scores → decisions: the arithmetic, ties, missing thresholds, NaN.

import LTCore
import LTDecision
import LTGraph
import Testing

#if canImport(Glibc)
    import Glibc
#endif

@Suite struct DeciderTests {
    @Test func sigmoidAgreesWithDouble() {
        var random = SeededGenerator(seed: 1)
        for _ in 0..<10_000 {
            let x = Float(random.uniform(-110...110))
            #expect(Decider.sigmoid(x) == Float(1 / (1 + exp(-Double(x)))))
        }
        #expect(Decider.sigmoid(-.infinity) == 0)
        #expect(Decider.sigmoid(.infinity) == 1)
        #expect(Decider.sigmoid(0) == 0.5)
    }

    @Test func multilabelUsesThresholdsAndTheFallback() throws {
        let layer = DecisionLayer(
            task: .multilabel, activation: .sigmoid,
            thresholds: Thresholds(objective: "f1", values: [Decider.sigmoid(-1), nil, 0.9, 0.5]))
        let decisions = try Decider(layer, classCount: 4).decide([-1, 0, 2, .nan])
        #expect(decisions.map(\.isPositive) == [true, true, false, false])
        #expect(decisions.map(\.index) == [0, 1, 2, 3])
        #expect(decisions[0].score == Decider.sigmoid(-1))
        #expect(decisions[1].raw == 0)
        let bare = try Decider(DecisionLayer(task: .multilabel, activation: .sigmoid), classCount: 2)
        #expect(try bare.decide([0, -1e-3]).map(\.isPositive) == [true, false])
    }

    @Test func calibrationIsAffineBeforeTheActivation() throws {
        var layer = DecisionLayer(
            task: .multilabel, activation: .sigmoid, calibration: Calibration(.temperature([2, 0.5])))
        #expect(try Decider(layer, classCount: 2).scores([3, 3]) == [Decider.sigmoid(1.5), Decider.sigmoid(6)])
        layer.calibration = Calibration(.temperature([2]))
        #expect(try Decider(layer, classCount: 2).scores([3, 1]) == [Decider.sigmoid(1.5), Decider.sigmoid(0.5)])
        layer.calibration = Calibration(.platt(a: [-2, 1], b: [0.5, 0]))
        #expect(try Decider(layer, classCount: 2).scores([3, 1]) == [Decider.sigmoid(5.5), Decider.sigmoid(-1)])
    }

    @Test func betaIsItsFormula() throws {
        let layer = DecisionLayer(
            task: .multilabel, activation: .sigmoid,
            calibration: Calibration(.beta(a: [1, 2], b: [1, 0.5], c: [0, -1])))
        let decider = try Decider(layer, classCount: 2)
        for z in stride(from: Float(-80), through: 80, by: 1.25) {
            let scores = try decider.scores([z, z])
            // a = b = 1 with c = 0 changes nothing.
            #expect(abs(scores[0] - Decider.sigmoid(z)) < 1e-6)
            let p = 1 / (1 + exp(-Double(z)))
            let expected = 1 / (1 + exp(1) * pow(1 - p, 0.5) / pow(p, 2))
            if abs(z) < 30 { #expect(abs(Double(scores[1]) - expected) < 1e-6) }
        }
        #expect(try decider.decide([.nan, .nan]).allSatisfy { !$0.isPositive })
    }

    @Test func isotonicIsALineThroughKnots() throws {
        let layer = DecisionLayer(
            task: .multilabel, activation: .sigmoid,
            calibration: Calibration(.isotonic(x: [[-1, 1, 1.5], [0]], y: [[0.25, 0.25, 0.75], [0.125]])))
        let decider = try Decider(layer, classCount: 2)
        let values: [(Float, Float)] = [
            (-.infinity, 0.25), (-5, 0.25), (0, 0.25), (1, 0.25), (1.25, 0.5), (1.5, 0.75), (9, 0.75),
            (.infinity, 0.75),
        ]
        for (z, score) in values { #expect(try decider.scores([z, z]) == [score, 0.125]) }
        #expect(try decider.scores([.nan, .nan])[0].isNaN)
        // Monotone to the bit between knots that hardly differ.
        let steep = Calibration.Method.isotonic(x: [[0.1, Float(0.1).nextUp, 0.3]], y: [[0, 0.3, Float(0.3).nextUp]])
        var random = SeededGenerator(seed: 2)
        let scores = (0..<2000).map { _ in Float(random.uniform(0.05...0.35)) }.sorted().map {
            steep.score($0, ofClass: 0)
        }
        #expect(zip(scores, scores.dropFirst()).allSatisfy { $0 <= $1 })
    }

    @Test func softmaxIsCalibratedOneAgainstTheRest() throws {
        var layer = DecisionLayer(
            task: .multiclass, activation: .softmax, calibration: Calibration(.vector(w: [1, 2, 1], b: [0, 0, 1])))
        let vector = try Decider(layer, classCount: 3).scores([1, 0.5, 0])
        #expect(vector[0] == vector[1] && vector[1] == vector[2])
        // Platt with A = −1, B = 0 gives the softmax back.
        layer.calibration = Calibration(.platt(a: [-1], b: [0]))
        let plain = try Decider(DecisionLayer(task: .multiclass, activation: .softmax), classCount: 3)
        let same = try Decider(layer, classCount: 3).scores([1, 3, -2])
        for (a, b) in zip(same, try plain.scores([1, 3, -2])) { #expect(abs(a - b) < 1e-6) }
        // Curves that say 0 everywhere leave the softmax.
        layer.calibration = Calibration(.isotonic(x: [[0]], y: [[0]]))
        #expect(try Decider(layer, classCount: 3).scores([1, 3, -2]) == plain.scores([1, 3, -2]))
        #expect(try Decider(layer, classCount: 3).scores([200, -200, 0]).allSatisfy(\.isFinite))
        layer.calibration = Calibration(.platt(a: [-0.5], b: [1]))
        #expect(try Decider(layer, classCount: 3).scores([200, -200, 0]).allSatisfy(\.isFinite))
    }

    @Test func multiclassTakesTheFirstOfEquals() throws {
        var layer = DecisionLayer(task: .multiclass, activation: .softmax)
        let decisions = try Decider(layer, classCount: 4).decide([1, 3, 3, -1])
        #expect(decisions.map(\.isPositive) == [false, true, false, false])
        let sum = decisions.reduce(Float(0)) { $0 + $1.score }
        #expect(abs(sum - 1) < 1e-6)
        layer.thresholds = Thresholds(objective: "f1", values: [nil, 0.9, nil, nil])
        #expect(try Decider(layer, classCount: 4).decide([1, 3, 3, -1]).allSatisfy { !$0.isPositive })
        let large = try Decider(layer, classCount: 4).scores([1000, 0, -1000, 999])
        #expect(large.allSatisfy { $0.isFinite })
        #expect(try Decider(layer, classCount: 4).decide([.nan, .nan, .nan, .nan]).allSatisfy { !$0.isPositive })
    }

    @Test func whatIsMissingOrMismatchedIsNamed() throws {
        let cases: [(DecisionLayer, String)] = [
            (DecisionLayer(activation: .sigmoid), "lt.task"), (DecisionLayer(task: .multilabel), "lt.activation"),
            (DecisionLayer(task: .detection, activation: .sigmoid), "detection"),
            (DecisionLayer(task: .multilabel, trainCounts: [1], activation: .sigmoid), "2 columns"),
            (
                DecisionLayer(
                    task: .multilabel, activation: .sigmoid, calibration: Calibration(.temperature([1, 1, 1]))),
                "lt.calibration has 3"
            ),
        ]
        for (layer, words) in cases {
            let error = #expect(throws: LTError.self) { try Decider(layer, classCount: 2) }
            #expect(error?.description.contains(words) == true)
        }
        let decider = try Decider(DecisionLayer(task: .multilabel, activation: .sigmoid), classCount: 2)
        #expect(throws: LTError.self) { try decider.decide([1]) }
        #expect(throws: LTError.self) { try decider.scores([1, 2, 3]) }
    }

    /// Written, read again and used: the same decisions, bit for bit.
    @Test func reloadedLayersDecideAlike() throws {
        var random = SeededGenerator(seed: 77)
        let classes = 7
        let numbers = { (0..<classes).map { _ in Float(random.uniform(-2...2)) } }
        let layer = DecisionLayer(
            task: .multilabel, activation: .sigmoid, calibration: Calibration(.platt(a: numbers(), b: numbers())),
            thresholds: Thresholds(objective: "f1", values: numbers().map { abs($0) / 2 }))
        var graph = Graph()
        try layer.write(into: &graph)
        let before = try Decider(layer, classCount: classes)
        let after = try Decider(DecisionLayer(reading: graph), classCount: classes)
        for _ in 0..<500 {
            let raw = numbers()
            #expect(try before.decide(raw) == after.decide(raw))
        }
    }
}
