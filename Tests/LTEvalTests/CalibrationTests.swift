// Calibration fits against references and their own optimality. calibration.json: Utilities/fixtures/calibration.py.

import LTCore
import LTDecision
import LTEval
import LTGraph
import Testing

#if canImport(Glibc)
    import Glibc
#endif

/// The events of one class of the multi-label fixture.
func fixtureEvents(_ index: Int) throws -> BinaryEvents {
    let input = try multilabelFixture()
    return BinaryEvents(scores: input.scores(ofClass: index), hits: input.labels(ofClass: index))
}

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
            let fitted = Temperature.fit(BinaryEvents(scores: scores, hits: labels))
            func loss(_ t: Double) -> Double {
                zip(scores, labels).reduce(0.0) { sum, pair in
                    sum + log1p(exp(pair.1 ? -Double(pair.0) / t : Double(pair.0) / t))
                }
            }
            #expect(loss(fitted) <= loss(fitted * 1.0001) && loss(fitted) <= loss(fitted / 1.0001))
            #expect(fitted / scale > 0.7 && fitted / scale < 1.4)
        }
        func border(_ scores: [Float], _ hits: [Bool]) -> Double {
            Temperature.fit(BinaryEvents(scores: scores, hits: hits))
        }
        #expect(border([-1, 1], [false, true]) == Temperature.range.lowerBound)
        #expect(border([-1, 1], [true, false]) == Temperature.range.upperBound)
        #expect(border([0, 0], [true, false]) == Temperature.range.upperBound)
    }

    @Test func plattIsTheReferences() throws {
        let expected = try Fixture(file: "cls.json")["binary_calibration"]
        let events = try fixtureEvents(0)
        let smoothed = Platt.fit(events)
        expectClose([smoothed.a, smoothed.b], expected["platt_smoothed_A_B"].doubles, 1e-6, "smoothed")
        let plain = Platt.fit(events, smoothed: false)
        expectClose([plain.a, plain.b], expected["logistic_A_B"].doubles, 1e-6, "logistic")
        let positives = Double(events.hitCount)
        let (high, low) = ((positives + 1) / (positives + 2), 1 / (Double(events.count) - positives + 2))
        let objective = zip(events.scores, events.hits).reduce(0.0) { sum, pair in
            let p = 1 / (1 + exp(smoothed.a * Double(pair.0) + smoothed.b))
            let target = pair.1 ? high : low
            return sum - target * log(p) - (1 - target) * log(1 - p)
        }
        expectClose(objective, expected["platt_objective"].double, 1e-10)
        for entry in try Fixture(file: "calibration.json")["binary"].array where !entry["logistic"].isNull {
            guard entry["logistic"].value != nil else { continue }
            let fit = Platt.fit(try fixtureEvents(entry["class"].int), smoothed: false)
            expectClose(-fit.a, entry["logistic"]["slope"].double, 1e-6, "class \(entry["class"].int)")
            expectClose(-fit.b, entry["logistic"]["offset"].double, 1e-6)
        }
    }

    @Test func isotonicIsScikitLearns() throws {
        for entry in try Fixture(file: "calibration.json")["binary"].array {
            let expected = entry["isotonic"]
            let curve = try #require(Isotonic.fit(try fixtureEvents(entry["class"].int)))
            expectClose(curve.x, expected["x"].doubles, 1e-15, "x of class \(entry["class"].int)")
            expectClose(curve.y, expected["y"].doubles, 1e-15, "y of class \(entry["class"].int)")
            for (z, value) in zip(expected["grid"].doubles, expected["values"].doubles) {
                expectClose(curve.value(z), value, 1e-14)
                // And in float32, as it is applied.
                let method = Calibration.Method.isotonic(x: [curve.knots.x], y: [curve.knots.y])
                expectClose(Double(method.score(Float(z), ofClass: 0)), value, 1e-5)
            }
        }
        let reference = try Fixture(file: "cls.json")["binary_calibration"]
        let events = try fixtureEvents(0)
        let curve = try #require(Isotonic.fit(events))
        expectClose(
            events.scores[..<20].map { curve.value(Double($0)) }, reference["isotonic_pred_first20"].doubles, 1e-14)
        #expect(Isotonic.fit(BinaryEvents(scores: [], hits: [])) == nil)
    }

    /// Against all monotone step functions of few events, tried one by one.
    @Test func isotonicIsNearest() throws {
        var random = SeededGenerator(seed: 3)
        for _ in 0..<200 {
            let count = 1 + random.below(7)
            let events = BinaryEvents(
                scores: (0..<count).map { _ in Float(random.below(5)) },
                hits: (0..<count).map { _ in random.below(2) == 1 })
            let curve = try #require(Isotonic.fit(events))
            func loss(_ f: (Double) -> Double) -> Double {
                zip(events.scores, events.hits).reduce(0) { $0 + pow(f(Double($1.0)) - ($1.1 ? 1 : 0), 2) }
            }
            let own = loss(curve.value)
            for _ in 0..<200 {
                let levels = (0..<5).map { _ in random.uniform() }.sorted()
                #expect(own <= loss { levels[Int($0)] } + 1e-12)
            }
            #expect(zip(curve.x, curve.x.dropFirst()).allSatisfy { $0 < $1 })
            #expect(zip(curve.y, curve.y.dropFirst()).allSatisfy { $0 <= $1 })
        }
    }

    @Test func betaIsTheReferences() throws {
        let reference = try Fixture(file: "calibration.json")
        for entry in reference["binary"].array {
            let expected = entry["beta"]
            guard expected.value != nil else { continue }
            let fit = BetaCalibration.fit(try fixtureEvents(entry["class"].int), smoothed: false)
            expectClose(
                [fit.a, fit.b, fit.c], ["a", "b", "c"].map { expected[$0].double }, 1e-5, "class \(entry["class"].int)")
            // betacal's solver stops early, class 15's farthest from the optimum: its probabilities are near.
            let method = Calibration.Method.beta(a: [Float(fit.a)], b: [Float(fit.b)], c: [Float(fit.c)])
            for (z, value) in zip(expected["grid"].doubles, expected["betacal"].doubles) {
                expectClose(Double(method.score(Float(z), ofClass: 0)), value, entry["class"].int == 15 ? 0.02 : 2e-3)
            }
        }
        let held = reference["beta_held"]
        let events = BinaryEvents(
            scores: held["scores"].doubles.map { Float($0) }, hits: held["hits"].array.map { $0.int == 1 })
        let fit = BetaCalibration.fit(events, smoothed: false)
        expectClose([fit.a, fit.b, fit.c], ["a", "b", "c"].map { held[$0].double }, 1e-5, "held")
        #expect(fit.b == 0)
    }

    @Test func vectorScalingIsTheReferences() throws {
        let reference = try Fixture(file: "calibration.json")
        let expected = reference["vector"]
        let input = try MulticlassPredictions(
            logits: expected["logits"].doubles.map { Float($0) }, labels: expected["labels"].array.map(\.int),
            classCount: 4)
        let plain = VectorScaling.fit(input, Shrinkage(positives: 0))
        expectClose(plain.w, expected["w"].doubles, 1e-6, "w")
        expectClose(plain.b, expected["b"].doubles, 1e-6, "b")
        let all = try multiclassFixture()
        let some = try MulticlassPredictions(
            logits: Array(all.logits[..<(400 * 50)]), labels: Array(all.labels[..<400]), classCount: 50)
        let prior = VectorScaling.fit(some, Shrinkage(positives: 20))
        expectClose(prior.w, reference["vector_prior"]["w"].doubles, 1e-5, "w with prior")
        expectClose(prior.b, reference["vector_prior"]["b"].doubles, 1e-5, "b with prior")
    }

    /// ECE and MCE are netcal's, of all images and of those predicted as classes of many or few training images.
    @Test func errorsAreNetcals() throws {
        let expected = try Fixture(file: "calibration.json")["ece"]
        let all = try multiclassFixture()
        let kept = (0..<4000).filter { $0 % 97 != 0 }
        let input = try MulticlassPredictions(
            logits: kept.flatMap { all.logits(ofRow: $0) }, labels: kept.map { all.labels[$0] }, classCount: 50)
        let counts = try binary("cls_mc_traincount_50_i32.bin", Int32.self)
        let summary = input.summary()
        expectClose(Metric.multiclassECE.value(summary), expected["ece"].double, 1e-9)
        expectClose(Metric.multiclassMCE.value(summary), expected["mce"].double, 1e-9)
        expectClose(
            summary.ece(ofPredicted: counts.indices.filter { counts[$0] > 100 }), expected["predicted_many"].double,
            1e-9)
        expectClose(
            summary.ece(ofPredicted: counts.indices.filter { counts[$0] < 20 }), expected["predicted_few"].double, 1e-9)
        #expect(summary.ece(ofPredicted: []) == nil)
        let layer = DecisionLayer(task: .multiclass, trainCounts: counts.map { Int($0) }, activation: .softmax)
        let report = try Report.multiclass(input, layer: layer)
        expectClose(report.value("classes", "ECE_predicted", column: "many"), expected["predicted_many"].double, 1e-9)
    }

    /// Events drawn from their own probabilities stay where they are, whatever the method.
    @Test(arguments: CalibrationOptions.Method.allCases) func calibratedDataStayPut(
        method: CalibrationOptions.Method
    ) throws {
        guard method != .vector else { return }
        var random = SeededGenerator(seed: 8)
        let classes = (0..<3).map { _ -> BinaryEvents in
            let scores = (0..<8000).map { _ in Float(random.normal() * 2 - 1) }
            return BinaryEvents(scores: scores, hits: scores.map { random.uniform() < Double(Decider.sigmoid($0)) })
        }
        let fitted = try Calibration.Method.fit(classes, method, Shrinkage())
        for z in stride(from: Float(-4), through: 3, by: 0.5) {
            let shift = abs(fitted.score(z, ofClass: method == .sharedTemperature ? 0 : 1) - Decider.sigmoid(z))
            #expect(shift < (method == .isotonic ? 0.08 : 0.03), "\(z) moves by \(shift)")
        }
    }

    /// Monotone in z, for every method, on data that want anything.
    @Test(arguments: CalibrationOptions.Method.allCases) func mapsAreMonotone(
        method: CalibrationOptions.Method
    ) throws {
        guard method != .vector else { return }
        var random = SeededGenerator(seed: 15)
        for _ in 0..<10 {
            let classes = (0..<6).map { index -> BinaryEvents in
                let signal = random.normal()
                let hits = (0..<80).map { _ in random.uniform() < 0.5 / Double(1 + index * 6) }
                return BinaryEvents(scores: hits.map { Float(random.normal() + ($0 ? signal : 0)) }, hits: hits)
            }
            let fitted = try Calibration.Method.fit(
                classes, method, Shrinkage(positives: Double(random.below(3) * 10), groups: [[0, 1, 2], [3, 4, 5]]))
            for index in 0..<(method == .sharedTemperature ? 1 : 6) {
                var last: Float = 0
                for z in stride(from: Float(-30), through: 30, by: 0.37) {
                    let score = fitted.score(z, ofClass: index)
                    #expect(score >= last && score <= 1)
                    last = score
                }
            }
        }
    }

    /// What was fitted is what is decided: F1 through the written and reread layer equals F1 of the fit.
    @Test(arguments: CalibrationOptions.Method.allCases) func fittedLayersDecideAsFitted(
        method: CalibrationOptions.Method
    ) throws {
        guard method != .vector else { return }
        let input = try multilabelFixture()
        let counts = try binary("cls_ml_traincount_20_i32.bin", Int32.self).map { Int($0) }
        let plain = DecisionLayer(task: .multilabel, trainCounts: counts, groups: .db, activation: .sigmoid)
        let layer = try plain.fitted(
            on: input, options: CalibrationOptions(method: method, shrinkage: 0), model: "sha256:ab")
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
        for (index, events) in scored.events.enumerated() {
            guard let best = ThresholdFit.fit(events, .f1) else {
                #expect(layer.thresholds?.values[index] == nil)
                continue
            }
            #expect(layer.thresholds?.values[index] == best.threshold)
            #expect(counted[index].f1 == best.f1)
        }
        let (before, after) = (try #require(layer.calibration?.eceBefore), try #require(layer.calibration?.eceAfter))
        #expect(after < before)
        if method != .temperature, method != .sharedTemperature { #expect(after < 0.02) }
    }

    /// Multi-class: one temperature, vector scaling, or one class against the rest.
    @Test(arguments: CalibrationOptions.Method.allCases) func multiclassLayers(
        method: CalibrationOptions.Method
    ) throws {
        let all = try multiclassFixture()
        let input = try MulticlassPredictions(
            logits: Array(all.logits[..<(800 * 50)]), labels: Array(all.labels[..<800]), classCount: 50)
        let counts = try binary("cls_mc_traincount_50_i32.bin", Int32.self).map { Int($0) }
        let plain = DecisionLayer(task: .multiclass, trainCounts: counts, activation: .softmax)
        let layer = try plain.fitted(on: input, options: .init(method: method, thresholds: .precision(0.5)))
        var graph = Graph()
        try layer.write(into: &graph)
        #expect(try DecisionLayer(reading: graph) == layer)
        expectClose(layer.calibration?.eceBefore, try #require(input.confidences.ece()))
        let decider = try Decider(layer, classCount: 50)
        let scores = try decider.scores(input.logits)
        let logits = try decider.logits(input.logits)
        let softmax = try MulticlassPredictions(logits: logits, labels: input.labels, classCount: 50)
        // One temperature cannot take back what is wrong class by class.
        let measure: Metric<MulticlassSummary> =
            [.temperature, .sharedTemperature].contains(method) ? .multiclassECE : .multiclassClasswiseECE
        #expect(try #require(measure.value(softmax.summary())) < #require(measure.value(input.summary())))
        for row in stride(from: 0, to: 800, by: 37) {
            let own = scores[row * 50..<(row + 1) * 50]
            #expect(abs(own.reduce(0) { $0 + Double($1) } - 1) < 1e-5)
            expectClose(own.map { Double($0) }, softmax.probabilities(ofRow: row), 1e-6)
        }
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
        let multilabel = DecisionLayer(task: .multilabel, activation: .sigmoid)
        let error = #expect(throws: LTError.self) {
            try multilabel.fitted(on: input, options: .init(method: .vector))
        }
        #expect(error?.description.contains("vector scaling is for multi-class") == true)
        let small = DecisionLayer(task: .multilabel, trainCounts: [1, 2], activation: .sigmoid)
        #expect(throws: LTError.self) { try small.fitted(on: input, options: options) }
        let other = try multiclassFixture()
        #expect(throws: LTError.self) { try multilabel.fitted(on: other, options: options) }
    }
}
