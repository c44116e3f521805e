// Figures agree with the metrics beside them: reliability with ECE, curves with decisions, precision-recall with its
// definition; mistakes are wrong and sorted.

import LTCore
import LTDecision
import LTEval
import Testing

@Suite struct ClassificationFiguresTests {
    /// Made once: fitting takes a while in debug builds.
    private static let made = Result { try make() }

    private func report() throws -> (Report, MultilabelPredictions) { try Self.made.get() }

    private static func make() throws -> (Report, MultilabelPredictions) {
        let counts = try binary("cls_ml_traincount_20_i32.bin", Int32.self).map { Int($0) }
        let layer = DecisionLayer(
            task: .multilabel, labels: (0..<20).map { .init(id: $0 + 1, name: "class \($0)") }, trainCounts: counts,
            groups: .db, activation: .sigmoid)
        let input = try multilabelFixture()
        let fitted = try layer.fitted(on: input, options: CalibrationOptions())
        return (
            try Report.multilabel(input, layer: fitted, figures: true, images: (0..<800).map { "i/\($0).jpg" }), input
        )
    }

    private func figure(_ name: String, _ report: Report) throws -> Report.Figure {
        try #require(report.figures.first { $0.name == name })
    }

    @Test func onlyOnRequest() throws {
        let plain = try Report.multilabel(
            multilabelFixture(), layer: DecisionLayer(task: .multilabel, activation: .sigmoid))
        #expect(plain.figures.isEmpty && plain.thresholdCurves == nil && plain.mistakes.isEmpty)
        #expect(plain.json["figures"] == nil)
        let (report, _) = try report()
        #expect(
            report.figures.map(\.name) == [
                "AP_by_count", "F1_at_threshold_by_count", "precision_recall", "reliability_before",
                "reliability_after", "AP_distribution",
            ])
        #expect(report.figures[2].series.map(\.name) == ["head", "middle", "tail", "total"])
    }

    @Test func reliabilityIsECE() throws {
        let (report, _) = try report()
        for section in ["before", "after"] {
            for series in try figure("reliability_\(section)", report).series {
                let pairs = Double(series.counts.reduce(0, +))
                var error = 0.0
                for ((x, y), count) in zip(zip(series.x, series.y), series.counts) {
                    error += Double(count) / pairs * abs(x - y)
                }
                expectClose(error, try #require(report.value(section, "ECE", column: series.name)), 1e-12, series.name)
            }
        }
    }

    @Test func precisionRecallIsItsDefinition() throws {
        var random = SeededGenerator(seed: 3)
        let input = try randomPredictions(&random, rows: 60, classes: 6, levels: 4, prevalence: 0.1)
        let layer = DecisionLayer(task: .multilabel, activation: .sigmoid)
        let report = try Report.multilabel(input, layer: layer, figures: true)
        let total = try #require(figure("precision_recall", report).series.last)
        var expected = [Double](repeating: 0, count: 101)
        let classes = (0..<6).filter { input.positives[$0] > 0 }
        for index in classes {
            let scores = input.scores(ofClass: index)
            let labels = input.labels(ofClass: index)
            let points = Set(scores).map { cut in
                let hits = Double(zip(scores, labels).count { $0 >= cut && $1 })
                return (hits / Double(input.positives[index]), hits / Double(scores.count { $0 >= cut }))
            }
            for position in 0...100 {
                let best = points.filter { $0.0 >= Double(position) / 100 }.map(\.1).max() ?? 0
                expected[position] += best / Double(classes.count)
            }
        }
        expectClose(total.y, expected)
    }

    @Test func curvesAreDecisions() throws {
        let (report, _) = try report()
        let curves = try #require(report.thresholdCurves)
        let half = try #require(curves.thresholds.firstIndex(of: 0.5))
        let hits = curves.curves.reduce(0) { $0 + $1.truePositives[half] }
        let predicted = curves.curves.reduce(0) { $0 + $1.predicted[half] }
        expectClose(
            Double(hits) / Double(predicted), try #require(report.value("at_0.5_calibrated", "OP")), 1e-12)
        #expect(curves.curves.map(\.positives) == (try multilabelFixture()).positives)
        #expect(curves.curves.allSatisfy { $0.predicted[0] == 800 })
    }

    @Test func mistakesAreWrongAndSorted() throws {
        let (report, input) = try report()
        let alarms = report.mistakes.filter { $0.kind == "false alarm" }
        let missed = report.mistakes.filter { $0.kind == "missed" }
        #expect(alarms.count == 100 && missed.count == 100)
        #expect(alarms.map(\.score) == alarms.map(\.score).sorted(by: >))
        #expect(missed.map(\.score) == missed.map(\.score).sorted())
        for mistake in report.mistakes {
            let row = try #require(Int(mistake.image.dropFirst(2).dropLast(4)))
            #expect(input.labels[row * 20 + mistake.classIndex] == (mistake.kind == "missed"))
        }
        #expect(alarms[0].why.hasPrefix("the image has"))
    }

    @Test func multiclass() throws {
        let counts = try binary("cls_mc_traincount_50_i32.bin", Int32.self).map { Int($0) }
        let layer = DecisionLayer(task: .multiclass, trainCounts: counts, activation: .softmax)
        let input = try multiclassFixture()
        let report = try Report.multiclass(input, layer: layer, figures: true)
        let reliability = try figure("reliability_confidence", report)
        let total = try #require(reliability.series.last)
        #expect(total.counts.reduce(0, +) == 4000)
        var error = 0.0
        for ((x, y), count) in zip(zip(total.x, total.y), total.counts) { error += Double(count) / 4000 * abs(x - y) }
        expectClose(error, try #require(report.value("before", "ECE")), 1e-12)
        #expect(reliability.series.dropLast().reduce(0) { $0 + $1.counts.reduce(0, +) } == 4000)
        let predicted = input.predictions
        for mistake in report.mistakes {
            let row = try #require(Int(mistake.image.dropFirst(4)))
            #expect(predicted[row] == mistake.classIndex && input.labels[row] != mistake.classIndex)
            #expect(mistake.why == "is class \(input.labels[row])")
        }
        #expect(report.mistakes.map(\.score) == report.mistakes.map(\.score).sorted(by: >))
        #expect(try figure("confusions", report).series[0].y.count == 15)
        #expect(report.thresholdCurves?.curves.count == 50)
    }
}
