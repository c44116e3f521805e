// Classes of few positives lean on their group and on all; folds are honest.

import LTCore
import LTDecision
import LTEval
import Testing

#if canImport(Glibc)
    import Glibc
#endif

@Suite struct ShrinkageTests {
    /// Classes with positives at `rates`, scores of one slope and offsets of their own.
    private func problem(
        _ random: inout SeededGenerator, rows: Int, rates: [Double], slope: Double = 0.5
    ) -> [BinaryEvents] {
        rates.map { rate in
            let hits = (0..<rows).map { _ in random.uniform() < rate }
            return BinaryEvents(scores: hits.map { Float((random.normal() + ($0 ? 2 : 0)) / slope) }, hits: hits)
        }
    }

    private func loss(_ method: Calibration.Method, _ classes: [BinaryEvents]) -> Double {
        var sum = 0.0
        var count = 0
        for (index, events) in classes.enumerated() {
            for (score, hit) in zip(events.scores, events.hits) {
                let p = Double(method.score(score, ofClass: index))
                sum -= log(max(hit ? p : 1 - p, 1e-6))
                count += 1
            }
        }
        return sum / Double(count)
    }

    @Test func weightsAreAsStated() {
        let shrinkage = Shrinkage(positives: 10, groups: [])
        func events(_ hits: Int, _ others: Int) -> BinaryEvents {
            BinaryEvents(
                scores: [Float](repeating: 0, count: hits + others),
                hits: (0..<hits + others).map { $0 < hits })
        }
        #expect(shrinkage.weight(of: events(10, 100)) == 0.5)
        #expect(shrinkage.weight(of: events(100, 30)) == 0.75)
        #expect(shrinkage.weight(of: events(0, 100)) == 0)
        // The slope of the class is the mean of logarithms with that weight.
        var random = SeededGenerator(seed: 1)
        let classes = problem(&random, rows: 200, rates: [0.5, 0.1])
        let own = classes.map { Platt.fit($0).a }
        let all = Platt.fit(BinaryEvents(pooling: classes)).a
        let fits = Platt.fit(classes, shrinkage)
        for index in 0..<2 {
            let w = shrinkage.weight(of: classes[index])
            expectClose(log(-fits[index].a), w * log(-own[index]) + (1 - w) * log(-all), 1e-12)
            #expect(fits[index] == Platt.fit(classes[index], slope: fits[index].a))
        }
        #expect(Platt.fit(classes, Shrinkage(positives: 0)).map(\.a) == own)
    }

    @Test func classesWithoutPositivesHaveTheirGroups() throws {
        var random = SeededGenerator(seed: 4)
        var classes = problem(&random, rows: 300, rates: [0.4, 0.1, 0, 0.3])
        // The last is ranked the wrong way round.
        classes[3] = BinaryEvents(scores: classes[3].scores.map { -$0 }, hits: classes[3].hits)
        let shrinkage = Shrinkage(groups: [[0], [1, 2], [3]])
        let fits = Platt.fit(classes, shrinkage)
        #expect(fits.allSatisfy { $0.a < 0 && $0.b.isFinite })
        let group = Platt.fit(classes, Shrinkage(groups: [[0], [1, 2], [3]]))
        #expect(group == fits)
        // The offset still matches the mean score to the smoothed rate: without positives near 1/(N + 2).
        let rate = classes[2].scores.reduce(0.0) { $0 + 1 / (1 + exp(fits[2].a * Double($1) + fits[2].b)) } / 300
        expectClose(rate, 1.0 / 302, 1e-9)
        for method in [CalibrationOptions.Method.temperature, .beta, .isotonic] {
            let fitted = try Calibration.Method.fit(classes, method, shrinkage)
            #expect(fitted.score(-20, ofClass: 2) < 0.1)
        }
        // Without shrinkage a class without positives still has a finite map.
        for method in [CalibrationOptions.Method.temperature, .platt, .beta, .isotonic] {
            let fitted = try Calibration.Method.fit(classes, method, Shrinkage(positives: 0))
            #expect((0..<4).allSatisfy { fitted.score(0.3, ofClass: $0).isFinite })
        }
    }

    /// On other images, leaning on the group beats both standing alone and sharing everything's shape where few positives are.
    @Test(arguments: [CalibrationOptions.Method.platt, .beta, .isotonic, .temperature]) func leaningPays(
        method: CalibrationOptions.Method
    ) throws {
        var random = SeededGenerator(seed: 17)
        let rates = (0..<24).map { 0.3 / Double(1 + $0) }
        var (alone, leaning) = (0.0, 0.0)
        for _ in 0..<6 {
            let fit = problem(&random, rows: 250, rates: rates)
            let test = problem(&random, rows: 2000, rates: rates)
            let groups = [Array(0..<4), Array(4..<12), Array(12..<24)]
            alone += loss(try .fit(fit, method, Shrinkage(positives: 0, groups: groups)), test)
            leaning += loss(try .fit(fit, method, Shrinkage(groups: groups)), test)
        }
        #expect(leaning < alone)
    }

    @Test func crossFittedNumbersAreHonest() throws {
        // Labels without any relation to the scores: a fit looks better than chance on its own images only.
        var random = SeededGenerator(seed: 2)
        let labels = (0..<600).map { _ in random.uniform() < 0.1 ? 1 : 0 }
        let input = try MultilabelPredictions(
            scores: labels.map { _ in Float(random.normal()) }, labels: labels, classCount: 6)
        let layer = DecisionLayer(task: .multilabel, activation: .sigmoid)
        let options = CalibrationOptions(method: .isotonic, shrinkage: 0)
        let fitted = try layer.fitted(on: input, options: options)
        let honest = try layer.crossFitted(on: input, options: options, folds: 5)
        #expect(honest.scores.rowCount == 100 && honest.scores.labels == input.labels)
        let honestECE = try #require(honest.scores.confidences.ece())
        #expect(honestECE > 2 * (try #require(fitted.calibration?.eceAfter)))
        let again = try layer.crossFitted(on: input, options: options, folds: 5)
        #expect(again.scores.scores == honest.scores.scores && again.decisions == honest.decisions)
        for folds in [0, 1, 101] {
            #expect(throws: LTError.self) { try layer.crossFitted(on: input, options: options, folds: folds) }
        }
        let multiclass = try multiclassFixture()
        let plain = DecisionLayer(task: .multiclass, activation: .softmax)
        let crossed = try plain.crossFitted(
            on: multiclass, options: .init(method: .temperature, thresholds: .off), folds: 4)
        #expect(crossed.labels == multiclass.labels)
        let ece = try #require(crossed.confidences.ece())
        #expect(ece < 0.05)
    }

    @Test func foldsAreStratified() {
        var random = SeededGenerator(seed: 6)
        let rates = [0.6, 0.2, 0.05, 0.02]
        let rows = (0..<1000).map { _ in rates.indices.filter { random.uniform() < rates[$0] } }
        let folds = Folds(5, classesOf: rows, classCount: 4)
        for index in rates.indices {
            let counts = (0..<5).map { fold in rows.indices.count { folds.fold[$0] == fold && rows[$0].contains(index) }
            }
            let (least, most) = (counts.min() ?? 0, counts.max() ?? 0)
            #expect(most - least <= max(2, (least + most) / 10), "class \(index): \(counts)")
        }
        let sizes = (0..<5).map { fold in folds.fold.count { $0 == fold } }
        #expect((sizes.max() ?? 0) - (sizes.min() ?? 0) <= 20)
        #expect(Folds(5, classesOf: rows, classCount: 4).fold == folds.fold)
    }
}
