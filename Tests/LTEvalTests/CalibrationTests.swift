// Calibration fits against references and their own optimality, thresholds against scikit-learn and a naive search.

import LTCore
import LTDecision
import LTEval
import LTGraph
import Testing

#if canImport(Glibc)
    import Glibc
#endif

@Suite struct CalibrationTests {
    @Test func temperatureIsTheReferences() throws {
        let expected = try Fixture(file: "cls.json")["multiclass"]
        let all = try multiclassFixture()
        let half = try MulticlassPredictions(
            logits: Array(all.logits[..<(2000 * 50)]), labels: Array(all.labels[..<2000]), classCount: 50)
        let temperature = Temperature.fit(half)
        expectClose(temperature, expected["temperature_fit_first_half"].double, 1e-5)
        expectClose(Metric.multiclassNLL.value(half.summary()), expected["nll_fit_before"].double)
        func scaled(_ input: MulticlassPredictions) throws -> MulticlassPredictions {
            try MulticlassPredictions(
                logits: input.logits.map { Float(Double($0) / temperature) }, labels: input.labels, classCount: 50)
        }
        // The divided logits are rounded to float32.
        expectClose(Metric.multiclassNLL.value(try scaled(half).summary()), expected["nll_fit_after"].double, 1e-7)
        let rest = try MulticlassPredictions(
            logits: Array(all.logits[(2000 * 50)...]), labels: Array(all.labels[2000...]), classCount: 50)
        expectClose(Metric.multiclassNLL.value(try scaled(rest).summary()), expected["nll_heldout_after"].double, 1e-7)
        expectClose(
            Metric.multiclassECE.value(try scaled(rest).summary()), expected["ece15_heldout_after"].double, 1e-5)
    }

    /// At the fitted T the derivative of the NLL vanishes: nearby temperatures are no better.
    @Test func binaryTemperatureIsOptimal() throws {
        var random = SeededGenerator(seed: 12)
        for scale in [0.3, 1, 4] {
            let scores = (0..<500).map { _ in Float(random.normal() * 2 * scale) }
            let labels = scores.map { random.uniform() < 1 / (1 + exp(-Double($0) / scale)) }
            let fitted = Temperature.fit(scores: scores, labels: labels)
            func loss(_ t: Double) -> Double {
                zip(scores, labels).reduce(0.0) { sum, pair in
                    sum + log1p(exp(pair.1 ? -Double(pair.0) / t : Double(pair.0) / t))
                }
            }
            #expect(loss(fitted) <= loss(fitted * 1.0001) && loss(fitted) <= loss(fitted / 1.0001))
            #expect(fitted / scale > 0.7 && fitted / scale < 1.4)
        }
        #expect(Temperature.fit(scores: [-1, 1], labels: [false, true]) == Temperature.range.lowerBound)
        #expect(Temperature.fit(scores: [-1, 1], labels: [true, false]) == Temperature.range.upperBound)
        #expect(Temperature.fit(scores: [0, 0], labels: [true, false]) == Temperature.range.upperBound)
    }

    @Test func plattIsTheReferences() throws {
        let expected = try Fixture(file: "cls.json")["binary_calibration"]
        let input = try multilabelFixture()
        let (scores, labels) = (input.scores(ofClass: 0), input.labels(ofClass: 0))
        let smoothed = Platt.fit(scores: scores, labels: labels)
        expectClose([smoothed.a, smoothed.b], expected["platt_smoothed_A_B"].doubles, 1e-6, "smoothed")
        let plain = Platt.fit(scores: scores, labels: labels, smoothed: false)
        expectClose([plain.a, plain.b], expected["logistic_A_B"].doubles, 1e-6, "logistic")
        let positives = Double(labels.count { $0 })
        let (high, low) = ((positives + 1) / (positives + 2), 1 / (Double(labels.count) - positives + 2))
        let objective = zip(scores, labels).reduce(0.0) { sum, pair in
            let p = 1 / (1 + exp(smoothed.a * Double(pair.0) + smoothed.b))
            let target = pair.1 ? high : low
            return sum - target * log(p) - (1 - target) * log(1 - p)
        }
        expectClose(objective, expected["platt_objective"].double, 1e-10)
    }

    @Test func fewPositivesShareTheSlope() throws {
        var random = SeededGenerator(seed: 4)
        let rows = 300
        // Class 0 has enough positives, class 1 three, class 2 none, class 3 is ranked the wrong way round.
        let labels = (0..<rows).flatMap { row in [row % 3 == 0 ? 1 : 0, row < 3 ? 1 : 0, 0, row % 2] }
        let scores = (0..<rows * 4).map { cell -> Float in
            let signal = Float(labels[cell]) * (cell % 4 == 3 ? -0.3 : 2)
            return Float(random.normal()) + signal
        }
        let input = try MultilabelPredictions(scores: scores, labels: labels, classCount: 4)
        let shared = Platt.fit(scores: input.scores, labels: input.labels)
        let fits = Platt.fitPerClass(input, minimum: 10)
        #expect(fits[0] == Platt.fit(scores: input.scores(ofClass: 0), labels: input.labels(ofClass: 0)))
        #expect(shared.a < 0)
        #expect(fits[1...3].allSatisfy { $0.a == shared.a && $0.b.isFinite })
        // The offset still matches the mean score to the smoothed rate: without positives near 1/(N + 2).
        let rate = input.scores(ofClass: 2).reduce(0.0) { $0 + 1 / (1 + exp(fits[2].a * Double($1) + fits[2].b)) } / 300
        expectClose(rate, 1.0 / 302, 1e-9)
        let temperatures = Temperature.fitPerClass(input, minimum: 10)
        #expect(temperatures[1] == Temperature.fit(scores: input.scores, labels: input.labels))
        #expect(temperatures[1] == temperatures[2])
        #expect(temperatures[0] != temperatures[1])
    }

    @Test func f1ThresholdsAreTheReferences() throws {
        let expected = try Fixture(file: "cls.json")["multilabel"]["best_f1"].array
        let input = try multilabelFixture()
        for (index, best) in expected.enumerated() {
            let fitted = F1Threshold.fit(scores: input.scores(ofClass: index), labels: input.labels(ofClass: index))
            if best["threshold"].isNull {
                #expect(fitted == nil)
            } else {
                #expect(fitted?.threshold == Float(best["threshold"].double))
                #expect(fitted?.truePositives == best["tp"].int)
                #expect(fitted?.predicted == best["pred"].int)
                expectClose(fitted?.f1, best["f1"].double)
            }
        }
    }

    @Test func f1ThresholdsBeatEveryOther() throws {
        var random = SeededGenerator(seed: 21)
        for _ in 0..<100 {
            let input = try randomPredictions(&random, rows: 1 + random.below(30), classes: 1, levels: 2)
            let (scores, labels) = (input.scores, input.labels)
            guard let fitted = F1Threshold.fit(scores: scores, labels: labels) else {
                #expect(!labels.contains(true))
                continue
            }
            func f1(_ t: Float) -> Double {
                let predicted = scores.indices.filter { scores[$0] >= t }
                return 2 * Double(predicted.count { labels[$0] }) / Double(predicted.count + labels.count { $0 })
            }
            #expect(f1(fitted.threshold) == fitted.f1)
            for t in Set(scores) { #expect(f1(t) < fitted.f1 || (f1(t) == fitted.f1 && t <= fitted.threshold)) }
        }
    }

    /// What was fitted is what is decided: F1 through the written and reread layer equals F1 of the fit.
    @Test(arguments: CalibrationOptions.Method.allCases) func fittedLayersDecideAsFitted(
        method: CalibrationOptions.Method
    ) throws {
        let input = try multilabelFixture()
        let counts = try binary("cls_ml_traincount_20_i32.bin", Int32.self).map { Int($0) }
        let plain = DecisionLayer(task: .multilabel, trainCounts: counts, groups: .db, activation: .sigmoid)
        let layer = try plain.fitted(on: input, options: CalibrationOptions(method: method), model: "sha256:ab")
        var graph = Graph()
        try layer.write(into: &graph)
        let read = try DecisionLayer(reading: graph)
        #expect(read == layer)
        #expect(layer.calibration?.fittedOn == input.digest)
        #expect(layer.thresholds?.positives == input.positives)

        let decider = try Decider(read, classCount: 20)
        let calibrated = try decider.scores(input.scores)
        var counted = [DecisionCounts](repeating: DecisionCounts(), count: 20)
        for row in 0..<input.rowCount {
            for decision in try decider.decide(Array(input.scores[row * 20..<(row + 1) * 20])) {
                #expect(decision.score == calibrated[row * 20 + decision.index])
                let label = input.labels[row * 20 + decision.index]
                counted[decision.index].positives += label ? 1 : 0
                counted[decision.index].predicted += decision.isPositive ? 1 : 0
                counted[decision.index].truePositives += label && decision.isPositive ? 1 : 0
            }
        }
        let scored = try input.replacing(scores: calibrated)
        for index in 0..<20 {
            guard
                let best = F1Threshold.fit(scores: scored.scores(ofClass: index), labels: scored.labels(ofClass: index))
            else {
                #expect(layer.thresholds?.values[index] == nil)
                continue
            }
            #expect(layer.thresholds?.values[index] == best.threshold)
            #expect(counted[index].f1 == best.f1)
        }
        let (before, after) = (try #require(layer.calibration?.eceBefore), try #require(layer.calibration?.eceAfter))
        #expect(after < before)
        if method == .platt { #expect(after < 0.02) }
    }

    @Test func whatCannotBeFittedSaysSo() throws {
        let input = try multilabelFixture()
        let options = CalibrationOptions()
        for layer in [
            DecisionLayer(), DecisionLayer(task: .multilabel, activation: DecisionLayer.Activation.none),
            DecisionLayer(task: .multiclass, activation: .softmax),
        ] {
            let error = #expect(throws: LTError.self) { try layer.fitted(on: input, options: options) }
            #expect(error?.code == .unsupported)
        }
        let small = DecisionLayer(task: .multilabel, trainCounts: [1, 2], activation: .sigmoid)
        #expect(throws: LTError.self) { try small.fitted(on: input, options: options) }
        let multiclass = DecisionLayer(task: .multiclass, activation: .softmax)
        let other = try multiclassFixture()
        #expect(throws: LTError.self) { try multiclass.fitted(on: other, options: options) }
        let fitted = try multiclass.fitted(on: other, options: .init(method: .temperature, thresholds: .none))
        expectClose(fitted.calibration?.eceBefore, 0.07689423372394014)
        #expect(try #require(fitted.calibration?.eceAfter) < 0.04)
    }
}
