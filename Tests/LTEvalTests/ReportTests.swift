// Reports: values, columns, JSON, text, notes; joining predictions with a data set.

import Foundation
import LTCore
import LTDecision
import LTEval
import Testing

private func layer(_ extra: (inout DecisionLayer) -> Void = { _ in }) throws -> DecisionLayer {
    let counts = try binary("cls_ml_traincount_20_i32.bin", Int32.self).map { Int($0) }
    var layer = DecisionLayer(
        task: .multilabel, labels: (0..<20).map { .init(id: $0 + 1, name: "class \($0)") }, trainCounts: counts,
        groups: .db,
        activation: .sigmoid)
    extra(&layer)
    return layer
}

@Suite struct ReportTests {
    @Test func multilabelReportHoldsTheReferencesValues() throws {
        let expected = try Fixture(file: "cls.json")["multilabel"]
        let report = try Report.multilabel(multilabelFixture(), layer: layer())
        #expect(report.columns == ["head", "middle", "tail", "total"])
        for column in ["head", "middle", "tail"] {
            expectClose(report.json["mAP"]?[column]?.double, expected["groups"][column]["mAP"].double)
            let half = report.json["F1"]?["at_0.5"]
            expectClose(half?["micro"]?[column]?.double, expected["groups"][column]["micro_f1"].double)
            expectClose(half?["macro"]?[column]?.double, expected["groups"][column]["macro_f1"].double)
        }
        expectClose(report.json["mAP"]?["total"]?.double, expected["mAP_macro"].double)
        #expect(report.json["F1"]?["at_thresholds"] == nil)
        #expect(report.json["ECE"]?["before"]?["total"]?.double != nil)
        #expect(report.notes.contains { $0.contains("1 classes have no positive") })
        #expect(report.text.contains("800 images, 20 classes (db: 7 head, 6 middle, 7 tail)"))
        #expect(report.text.contains("mAP                       83.04    55.38    35.45    58.08"))
    }

    @Test func jsonIsValidStableAndExact() throws {
        let input = try multilabelFixture()
        let fitted = try layer().fitted(on: input, options: CalibrationOptions(shrinkage: 0))
        let report = try Report.multilabel(
            input, layer: fitted, provenance: [.init("data", .string("x \"y\"\n\u{1}é"))])
        let text = report.json.text()
        #expect(
            text == (try Report.multilabel(input, layer: fitted, provenance: report.provenance.dropLast()).json.text()))
        let parsed = Fixture(try JSONSerialization.jsonObject(with: Data(text.utf8)))
        // JSONSerialization may be one unit in the last place off; the text itself has the shortest exact decimals.
        expectClose(parsed["mAP"]["tail"].double, try #require(report.value("ranking", "mAP", column: "tail")), 1e-15)
        expectClose(
            parsed["F1"]["at_thresholds"]["macro"]["total"].double,
            try #require(report.value("at_thresholds", "F1_macro")), 1e-15)
        #expect(report.json["ECE"]?["after"]?["total"]?.double == fitted.calibration?.eceAfter)
        #expect(text.contains("\"total\": \(try #require(fitted.calibration?.eceAfter))"))
        #expect(parsed["provenance"]["data"].value as? String == "x \"y\"\n\u{1}é")
        #expect(parsed["provenance"]["evaluated_on"].value as? String == input.digest)
        #expect(parsed["classes"].array.count == 20)
        #expect(parsed["classes"][3]["name"].value as? String == "class 3")
        #expect(parsed["classes"][18]["threshold"].isNull)
        #expect(report.notes.contains { $0.contains("fitted on these very predictions") })
        let f1 = try #require(report.value("at_thresholds", "F1_macro"))
        #expect(f1 > (try #require(report.value("at_0.5", "F1_macro"))))
    }

    @Test func emptyGroupsAndMissingCounts() throws {
        let input = try MultilabelPredictions(scores: [1, -1, 2, -2], labels: [1, 0, 0, 1], classCount: 2)
        var plain = DecisionLayer(task: .multilabel, activation: .sigmoid)
        let bare = try Report.multilabel(input, layer: plain)
        #expect(bare.columns == ["total"])
        #expect(bare.notes.contains { $0.contains("no training counts") })
        plain.trainCounts = [500, 3]
        let report = try Report.multilabel(input, layer: plain)
        #expect(report.value("ranking", "mAP", column: "middle") == nil)
        #expect(report.json["mAP"]?["middle"] == .null)
        #expect(report.text.contains(" - "))
        plain.trainCounts = [500, 0]
        let error = #expect(throws: LTError.self) { try Report.multilabel(input, layer: plain) }
        #expect(error?.message == "the training count of class 1 is 0, expected at least 1")
        plain.trainCounts = [500]
        #expect(throws: LTError.self) { try Report.multilabel(input, layer: plain) }
        plain.trainCounts = nil
        plain.activation = nil
        #expect(throws: LTError.self) { try Report.multilabel(input, layer: plain) }
    }

    @Test func multiclassReport() throws {
        let expected = try Fixture(file: "cls.json")["multiclass"]
        let counts = try binary("cls_mc_traincount_50_i32.bin", Int32.self).map { Int($0) }
        let layer = DecisionLayer(task: .multiclass, trainCounts: counts, activation: .softmax)
        let report = try Report.multiclass(multiclassFixture(), layer: layer)
        #expect(report.columns == ["many", "medium", "few", "total"])
        expectClose(report.json["accuracy"]?["few"]?.double, expected["few_lt20"].double)
        expectClose(report.json["top1"]?["total"]?.double, expected["top1"].double)
        expectClose(report.json["ECE"]?["before"]?["total"]?.double, expected["ece15"].double)
    }

    @Test func reportsAreWrittenWhole() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("lt-report-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let report = try Report.multilabel(multilabelFixture(), layer: layer())
        let path = folder.appendingPathComponent("report.json").path
        try report.writeJSON(path)
        #expect(try String(contentsOfFile: path, encoding: .utf8) == report.json.text() + "\n")
        let error = #expect(throws: LTError.self) { try report.writeJSON(folder.path + "/none/report.json") }
        #expect(error?.code == .io)
    }
}

@Suite struct MatchingTests {
    @Test func filesMatchByTheirEnds() throws {
        let given = ["/data/test/a.jpg", "/data/cal/a.jpg", "b.jpg", "./x/c.jpg"]
        #expect(
            try Matching.files(["test/a.jpg", "cal/a.jpg", "/else/b.jpg", "x/c.jpg", "d.jpg"], in: given) == [
                0, 1, 2, 3, nil,
            ])
        #expect(try Matching.files(["y/c.jpg"], in: given) == [nil])
        #expect(try Matching.files(["", "/"], in: given) == [nil, nil])
        let error = #expect(throws: LTError.self) { try Matching.files(["a.jpg"], in: given) }
        #expect(error?.message.contains("/data/test/a.jpg, /data/cal/a.jpg") == true)
        #expect(try Matching.files(["a.jpg"], in: ["a.jpg", "sub/a.jpg"]) == [0])
    }

    @Test func classesMatchByIdAndName() throws {
        let labels: [DecisionLayer.Label] = [.init(id: 5, name: "x"), .init(id: 2, name: "y")]
        let categories = [labels[1], labels[0]]
        #expect(try Matching.classes(labels, columns: 2, categories: categories) == [1, 0])
        #expect(try Matching.classes(nil, columns: 2, categories: categories) == [0, 1])
        for wrong in [[labels[0]], [labels[0], .init(id: 2, name: "z")], [labels[0], .init(id: 3, name: "y")]] {
            #expect(throws: LTError.self) { try Matching.classes(labels, columns: 2, categories: wrong) }
        }
    }

    @Test func missingAndFailedImagesAreNamed() throws {
        let predictions: [Matching.Prediction] = [
            .init(path: "t/a.jpg", scores: .success([1, 2])),
            .init(path: "t/b.jpg", scores: .failure(LTError(.malformed, "truncated JPEG"))),
            .init(path: "t/extra.jpg", scores: .success([9, 9])), .init(path: "t/d.jpg", scores: .success([3, 4])),
        ]
        let truth = ["a.jpg", "b.jpg", "c.jpg", "d.jpg"]
        let error = #expect(throws: LTError.self) {
            try Matching.join(predictions, truth, columns: 2, skippingMissing: false)
        }
        #expect(error?.message.contains("2 of the data's 4 images") == true)
        #expect(error?.message.contains("b.jpg (truncated JPEG), c.jpg (not predicted)") == true)
        let joined = try Matching.join(predictions, truth, columns: 2, skippingMissing: true)
        #expect(joined.rows == [0, 3])
        #expect(joined.scores == [1, 2, 3, 4])
        #expect(joined.skipped == 2 && joined.unused == 1)
        #expect(throws: LTError.self) { try Matching.join(predictions, truth, columns: 3, skippingMissing: true) }
        let bad = [Matching.Prediction(path: "a.jpg", scores: .success([.nan, 1]))]
        let notFinite = #expect(throws: LTError.self) {
            try Matching.join(bad, [truth[0]], columns: 2, skippingMissing: true)
        }
        #expect(notFinite?.code == .notFinite)
        #expect(notFinite?.description.contains("a.jpg") == true)
    }
}
