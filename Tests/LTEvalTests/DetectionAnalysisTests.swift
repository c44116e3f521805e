// Intervals, kinds of errors, calibration and pooled rankings in reports, and the report of a comparison: the values are
// those of their types, text and JSON have them.

import Foundation
import LTCore
import LTEval
import Testing

@Suite struct DetectionAnalysisTests {
    private func tiny(_ rules: DetectionProtocol = .lvis) throws -> Evaluated {
        let data = fixtures.appendingPathComponent("eval/data/").path
        return try Evaluated("\(data)/tiny_gt.json", "\(data)/tiny_dt_bbox.json", rules)
    }

    /// A report of AP alone.
    private func report(_ evaluated: Evaluated) -> Report {
        let columns = ["r", "c", "f", "total"]
        let categories = columns.map { name in members(name, evaluated.truth) }
        let row = Report.Row(
            name: "AP", title: "AP", values: categories.map { evaluated.summary.averagePrecision(categories: $0) })
        return Report(
            task: "detection", images: evaluated.truth.images.count, columns: columns,
            columnClasses: categories.map(\.count), groupRule: "lvis",
            headlines: [Report.Headline(path: ["AP"], title: "AP", section: "detection", row: "AP", column: "total")],
            sections: [Report.Section(name: "detection", title: "AP", rows: [row])], classes: [], notes: [],
            provenance: [])
    }

    private func members(_ column: String, _ truth: DetectionTruth) -> [Int] {
        truth.categories.indices.filter { column == "total" || truth.categories[$0].frequency == column }
    }

    @Test func everyPartIsInTextAndJSON() throws {
        let evaluated = try tiny(.lvisFixed)
        var report = report(evaluated)
        let analysis = DetectionAnalysis(resamples: 40, seed: 2, hasErrors: true, hasCalibration: true)
        try analysis.add(to: &report, evaluated.matches, evaluated.truth, evaluated.results, threads: 2)
        let bootstrap = try DetectionBootstrap(evaluated.matches, resamples: 40, seed: 2)
        let errors = try DetectionErrors(evaluated.matches, evaluated.truth, evaluated.results)
        let reliability = DetectionReliability(evaluated.matches)
        for column in report.columns {
            let own = members(column, evaluated.truth)
            #expect(report.interval("detection", "AP", column: column) == bootstrap.interval(categories: own))
            for kind in DetectionErrors.Kind.allCases {
                #expect(report.value("errors", kind.name, column: column) == errors.gain(kind, categories: own))
                #expect(
                    report.value("error_counts", kind.name, column: column)
                        == Double(errors.count(kind, categories: own)))
            }
            #expect(report.value("calibration", "D-ECE", column: column) == reliability.pooled(categories: own))
            #expect(
                report.value("pooled", "AP", column: column)
                    == PooledPrecision(evaluated.matches, categories: own).averagePrecision)
        }
        #expect(report.text.contains("lost to missed") && report.text.contains("AP-pool"))
        #expect(report.text.contains("95% interval, bootstrap over images, 40 resamples, seed 2"))
        let json = report.json
        #expect(json["errors"]?["Miss"]?["total"]?.double == errors.gain(.missed))
        #expect(json["D-ECE"]?["total"]?.double == reliability.pooled())
        #expect(json["AP-pool"]?["r"] == .null || json["AP-pool"]?["r"]?.double != nil)
        #expect(report.figures.contains { $0.name == "errors" && $0.series.count == 4 })
        // Nothing is added that was not asked for.
        var plain = self.report(try tiny())
        let before = plain
        try DetectionAnalysis().add(to: &plain, evaluated.matches, evaluated.truth, evaluated.results)
        #expect(plain.sections.count == 2 && plain.resampling == nil && before.sections.count == 1)
        #expect(throws: LTError.self) {
            try DetectionAnalysis(resamples: 0).add(
                to: &plain, evaluated.matches, evaluated.truth, evaluated.results)
        }
    }

    @Test func aComparisonSaysWhatChanged() throws {
        let all = try tiny()
        // The same rules, the second with a third of the detections.
        let data = fixtures.appendingPathComponent("eval/data/").path
        let text = try String(contentsOfFile: "\(data)/tiny_dt_bbox.json", encoding: .utf8)
        let kept = RawJSON(Data(text.utf8)).elements.enumerated().filter { $0.offset % 3 == 0 }.map(\.element.text)
        let scratch = try ScratchFolder()
        let part = try Evaluated(
            "\(data)/tiny_gt.json", scratch.file("dt.json", "[\(kept.joined(separator: ","))]"), .lvis)
        let comparison = try DetectionComparison(part.matches, all.matches, all.truth, resamples: 60, seed: 5)
        let report = comparison.report(all.truth, names: ("part", "all"))
        let difference = comparison.averagePrecision()
        #expect(report.value("comparison", "difference") == difference.gain && (difference.gain ?? 0) > 0)
        #expect(report.interval("comparison", "difference") == difference.interval)
        #expect(report.value("comparison", "first", column: "f") == part.summary["APf"])
        #expect(report.value("comparison", "second", column: "f") == all.summary["APf"])
        #expect(report.classes.count == all.truth.categories.count)
        for (category, members) in report.classes.enumerated() {
            let own = comparison.averagePrecision(categories: [category])
            #expect(members["difference"]?.double == own.gain && members["upper"]?.double == own.interval?.upper)
        }
        #expect(report.text.contains("AP of part") && report.text.contains("clearly better"))
        #expect(report.json["difference"]?["total"]?.double == difference.gain)
    }
}
