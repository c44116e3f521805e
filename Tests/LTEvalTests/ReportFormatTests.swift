// What a report can carry beside values: intervals, single columns at the top of the JSON, figures, curves, mistakes; JSON
// read back.

import Foundation
import LTCore
import LTEval
import Testing

/// A report of the shape that detection has.
func detectionLikeReport() -> Report {
    var report = Report(
        task: "detection", images: 10, columns: ["r", "c", "f", "total"], columnClasses: [1, 1, 0, 2],
        groupRule: "lvis",
        headlines: [
            .init(path: ["AP"], title: "AP", section: "bbox", row: "AP", column: "total"),
            .init(path: ["AP50"], title: "AP at IoU 0.5", section: "bbox", row: "AP50", column: "total"),
            .init(path: ["APr"], title: "AP", section: "bbox", row: "AP", column: "r"),
            .init(path: ["APf"], title: "AP", section: "bbox", row: "AP", column: "f"),
            .init(path: ["AR@300"], title: "AR@300", section: "bbox", row: "AR@300", column: "total"),
            .init(path: ["ECE", "before"], title: "ECE", section: "bbox", row: "none"),
        ],
        sections: [
            .init(
                name: "bbox", title: "boxes",
                rows: [
                    .init(
                        name: "AP", title: "AP", values: [0.1, 0.3, nil, 0.2],
                        intervals: [nil, .init(0.25, 0.35), nil, .init(0.101, 0.3)]),
                    .init(name: "AP50", title: "AP50", values: [nil, nil, nil, 0.123456]),
                    .init(name: "AR@300", title: "AR@300", values: [nil, nil, nil, 1]),
                    .init(name: "seconds", title: "seconds", isShare: false, values: [nil, nil, nil, -0.25]),
                ])
        ],
        classes: [
            .object([.init("index", .int(0)), .init("id", .int(7)), .init("name", .string("</script><!-- \u{2028}"))]),
            .object([.init("index", .int(1)), .init("id", .int(9)), .init("AP", .number(0.3))]),
        ], notes: ["a note"], provenance: [.init("results", .string("dt.json"))])
    report.resampling = .init(method: "bootstrap over images, 1000 resamples, seed 0")
    report.figures = [
        .init(
            name: "pr_0.5", title: "precision and recall", kind: .lines, x: .share("recall"), y: .share("precision"),
            series: [.init("c", group: "c", x: [0, 0.123456789, 1], y: [1, 0.5, 0], counts: [3, 2, 1])],
            hasDiagonal: true, caption: "IoU 0.5"),
        .init(
            name: "count", title: "AP against count", kind: .classes(x: "id", y: "AP"),
            x: .init("training images", isLogarithmic: true), y: .share("AP")),
        .init(
            name: "errors", title: "errors", kind: .bars(labels: ["missed", "background"]), x: .init("kind"),
            y: .init("AP lost"), series: [.init("total", y: [0.1, 0.2])]),
    ]
    report.thresholdCurves = .init(
        thresholds: [0, 0.5, 1],
        curves: [
            .init(positives: 3, truePositives: [2, 1, 0], predicted: [9, 1, 0]),
            .init(positives: 0, truePositives: [0, 0, 0], predicted: [0, 0, 0]),
        ], title: "scores, IoU 0.5")
    report.mistakes = [
        .init(
            image: "a/b.jpg", classIndex: 1, score: 0.98, kind: "false alarm", why: "nothing there", box: [1, 2, 3, 4])
    ]
    return report
}

@Suite struct ReportFormatTests {
    @Test func intervalsAndSingleColumns() {
        let report = detectionLikeReport()
        let lines = report.text.split(separator: "\n").map(String.init)
        #expect(lines[0] == "10 images, 2 classes (lvis: 1 r, 1 c, 0 f)")
        #expect(lines[2] == "AP               10.00  30.00 [25.00, 35.00]        -  20.00 [10.10, 30.00]")
        #expect(lines[3] == "AP at IoU 0.5        -                     -        -                 12.35")
        #expect(lines.contains("[ ]: 95% interval, bootstrap over images, 1000 resamples, seed 0"))
        #expect(lines.count { $0.hasPrefix("AP ") && $0.contains("30.00") } == 1, "a row stands there once")
        #expect(report.fullText.contains("-0.2500"))
        let json = report.json
        #expect(json["AP"] == .number(0.2) && json["APr"] == .number(0.1) && json["APf"] == .null)
        #expect(json["AR@300"] == .number(1))
        #expect(json["ECE"] == nil, "no row, no key")
        #expect(json["intervals"]?["level"] == .number(0.95))
        #expect(json["intervals"]?["metrics"]?["bbox"]?["AP"]?["total"] == .array([.number(0.101), .number(0.3)]))
        #expect(json["intervals"]?["metrics"]?["bbox"]?["AP"]?["r"] == .null)
        #expect(json["intervals"]?["metrics"]?["bbox"]?["AP50"] == nil)
        #expect(report.interval("bbox", "AP", column: "c") == .init(0.25, 0.35))
        #expect(report.interval("bbox", "AP50") == nil && report.value("bbox", "AP", column: "x") == nil)
    }

    @Test func keysStandInTheDocumentedOrder() {
        let keys = detectionLikeReport().json.members.map(\.key)
        #expect(
            keys == [
                "schema", "version", "task", "images", "groups", "AP", "AP50", "APr", "APf", "AR@300", "metrics",
                "intervals", "classes", "figures", "threshold_curves", "mistakes", "layout", "notes", "provenance",
            ])
        let layout = detectionLikeReport().json["layout"]
        #expect(layout?["columns"]?.elements.count == 4)
        #expect(layout?["sections"]?.elements.first?["rows"]?.elements.last?["share"] == .bool(false))
        #expect(layout?["headlines"]?.elements[2]["column"] == .string("r"))
        #expect(layout?["classes"]?.elements.map { $0["key"]?.string } == ["index", "id", "name", "AP"])
    }

    @Test func figuresCurvesAndMistakesAsJSON() throws {
        let json = detectionLikeReport().json
        let figure = try #require(json["figures"]?.elements.first)
        #expect(figure["series"]?.elements.first?["x"] == .array([.number(0), .number(0.123457), .number(1)]))
        #expect(figure["diagonal"] == .bool(true))
        #expect(json["figures"]?.elements[1]["x_key"] == .string("id"))
        #expect(json["figures"]?.elements[1]["x"]?["log"] == .bool(true))
        #expect(json["figures"]?.elements[2]["labels"] == .array([.string("missed"), .string("background")]))
        let curve = try #require(json["threshold_curves"]?["classes"]?.elements.first)
        #expect(curve["predicted"] == .array([.int(9), .int(1)]), "zeros at the end are left out")
        #expect(json["threshold_curves"]?["classes"]?.elements[1]["true_positives"] == .array([]))
        #expect(json["mistakes"]?.elements.first?["box"]?.elements.count == 4)
    }

    @Test func jsonReadsBack() throws {
        let json = detectionLikeReport().json
        for text in [json.text(), json.compactText] {
            let bytes = Array(text.utf8)
            let read = try bytes.withUnsafeBytes { bytes throws(LTError) in
                var reader = JSONReader(bytes)
                let value = try ReportJSON(reading: &reader)
                try reader.end()
                return value
            }
            // 1.0 and 1 are the same number.
            #expect(read.compactText == json.compactText.replacing(#/(\d)\.0(?=[,\]}])/#) { String($0.output.1) })
        }
        #expect(!json.compactText.contains("\n"))
        #expect(ReportJSON.array([.object([]), .array([])]).text() == "[\n  {},\n  []\n]")
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("lt-\(UUID().uuidString).json").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        try Data("{\"a\": [1, 2.5, 1e300".utf8).write(to: URL(fileURLWithPath: path))
        let error = #expect(throws: LTError.self) { try ReportJSON(file: path) }
        #expect(error?.code == .malformed && error?.description.contains(path) == true)
    }

    @Test func countsOverThresholds() throws {
        var random = SeededGenerator(seed: 5)
        let grid = Report.ThresholdCurves.grid
        #expect(grid == grid.sorted() && Set(grid).count == grid.count)
        let scores = (0..<500).map { _ in random.uniform() < 0.3 ? grid[Int(random.uniform() * 90)] : random.uniform() }
        let hits = scores.map { random.uniform() < $0 }
        let curve = Report.ThresholdCurves.curve(scores: scores + [-1, .nan], hits: hits + [true, true])
        #expect(curve.positives == hits.count { $0 } + 2)
        for (position, threshold) in grid.enumerated() {
            #expect(curve.predicted[position] == scores.count { $0 >= threshold })
            #expect(curve.truePositives[position] == zip(scores, hits).count { $0 >= threshold && $1 })
        }
    }
}
