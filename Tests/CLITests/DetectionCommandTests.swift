// lt-eval detection as a user runs it: a results file or a store in, table and report out; exit codes and error texts.

import Foundation
import LTCore
import LTDecision
import LTPredictions
import Testing

@Suite struct DetectionCommandTests {
    /// Three images; the detector finds the first object, misses the second and sees one in the third that is not there.
    private static let truth = """
        {"images": [{"id": 11, "file_name": "a.jpg", "width": 100, "height": 80, "neg_category_ids": [],
        "not_exhaustive_category_ids": []}, {"id": 12, "file_name": "b.jpg", "width": 100, "height": 80,
        "neg_category_ids": [], "not_exhaustive_category_ids": []}, {"id": 13, "file_name": "c.jpg", "width": 100,
        "height": 80, "neg_category_ids": [1], "not_exhaustive_category_ids": []}],
        "categories": [{"id": 1, "name": "cup", "frequency": "r", "image_count": 5},
        {"id": 2, "name": "jug", "frequency": "f", "image_count": 500}],
        "annotations": [{"id": 1, "image_id": 11, "category_id": 1, "bbox": [10, 10, 40, 40], "area": 1600},
        {"id": 2, "image_id": 12, "category_id": 1, "bbox": [5, 5, 20, 20], "area": 400}]}
        """
    private static let results = """
        [{"image_id":11,"category_id":1,"bbox":[10.1,10.0,40.0,40.0],"score":0.9},
        {"image_id":13,"category_id":1,"bbox":[1,1,30,30],"score":0.3}]
        """

    private func folder() throws -> TemporaryFolder {
        let folder = try TemporaryFolder()
        try folder.write(Array(Self.truth.utf8), "gt.json")
        try folder.write(Array(Self.results.utf8), "dt.json")
        return folder
    }

    private func run(_ arguments: String...) throws -> Tool.Result {
        try Tool("lt-eval").run(["detection"] + arguments)
    }

    private func report(_ path: String) throws -> [String: Any] {
        let json = try JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: path)))
        return try #require(json as? [String: Any])
    }

    @Test func fileGivesTableAndReport() throws {
        let folder = try folder()
        let result = try run(
            "--gt", folder.file("gt.json"), "--results", folder.file("dt.json"), "--json", folder.file("report.json"))
        #expect(result.status == 0, "\(result.error)")
        #expect(result.output.contains("3 images, 2 classes"))
        #expect(result.output.contains("AP50"))
        let report = try report(folder.file("report.json"))
        #expect(report["task"] as? String == "detection")
        #expect(abs((report["AP50"] as? Double ?? 0) - 51.0 / 101) < 1e-12)
        #expect(report["APr"] as? Double == report["AP"] as? Double)
        #expect(report["APf"] is NSNull)
        #expect(report["AR@300"] as? Double == 0.5)
        let classes = try #require(report["classes"] as? [[String: Any]])
        #expect(classes[0]["AP50"] as? Double == report["AP50"] as? Double)
        #expect(classes[1]["AP"] is NSNull)
        let provenance = try #require(report["provenance"] as? [String: Any])
        #expect((provenance["gt"] as? [String: Any])?["sha256"] as? String == SHA256.digest(of: Self.truth))
    }

    /// Mistakes name images by their ids; the files are those of the ground truth.
    @Test func mistakesShowTheImages() throws {
        let folder = try folder()
        for (index, name) in ["a.jpg", "b.jpg", "c.jpg"].enumerated() { try folder.writeJPEG(index, "images/\(name)") }
        let evaluate = ["--gt", folder.file("gt.json"), "--results", folder.file("dt.json")]
        for options in [["--images", folder.file("images")], []] {
            let result = try Tool("lt-eval").run(
                ["detection"] + evaluate + ["--thumbnails", "--json", folder.file("report.json")] + options)
            #expect(result.status == 0, "\(result.error)")
            let mistakes = try #require(try report(folder.file("report.json"))["mistakes"] as? [[String: Any]])
            let wrong = try #require(mistakes.first { $0["image"] as? String == "image 13" })
            #expect((wrong["thumbnail"] as? String)?.hasPrefix("data:image/jpeg;base64,") == true)
            #expect(mistakes.allSatisfy { $0["thumbnail"] != nil })
        }
        let none = try Tool("lt-eval").run(["detection"] + evaluate + ["--images", folder.file("images")])
        #expect(none.status == 64)
        #expect(none.error.contains("--images is where --thumbnails finds pictures"))
    }

    @Test func strictReportsSayMinusOne() throws {
        let folder = try folder()
        let result = try run(
            "--gt", folder.file("gt.json"), "--results", folder.file("dt.json"), "--strict-reference", "--json",
            folder.file("report.json"))
        #expect(result.status == 0, "\(result.error)")
        #expect(try report(folder.file("report.json"))["APf"] as? Double == -1)
    }

    /// The store and the file that `--lvis-json` makes of it give the same numbers.
    @Test func storesGiveWhatTheirResultsFileGives() throws {
        let folder = try folder()
        let layer = DecisionLayer(
            task: .detection, labels: [.init(id: 1, name: "cup"), .init(id: 2, name: "jug")])
        let run = RunInfo(model: "m.onnx", modelDigest: SHA256.digest(of: "m"), settings: [:], columns: 2, layer: layer)
        let store = try PredictionStore.write(folder.file("preds.db"), run: run)
        let found = [
            "a.jpg": [Detection(category: 0, score: 0.9, box: Box(x1: 10.1, y1: 10, x2: 50.3, y2: 50))], "b.jpg": [],
            "c.jpg": [Detection(category: 0, score: 0.3, box: Box(x1: 1, y1: 1, x2: 31, y2: 31))],
        ]
        try store.write(
            found.keys.sorted().map {
                StoredImage(
                    path: "/images/\($0)", stamp: nil, digest: nil, width: 100, height: 80,
                    outcome: .detections(found[$0] ?? []))
            })
        try store.finish(complete: true)
        try PredictionStore.read(folder.file("preds.db")).export(
            as: LVISResults(ImageIDs(groundTruth: folder.file("gt.json"))), to: folder.file("exported.json"),
            decider: run.decider())
        var reports: [[String: Any]] = []
        for name in ["preds.db", "exported.json"] {
            let result = try self.run(
                "--gt", folder.file("gt.json"), "--results", folder.file(name), "--json", folder.file("report.json"))
            #expect(result.status == 0, "\(result.error)")
            reports.append(try report(folder.file("report.json")))
        }
        #expect(reports[0]["metrics"] as? NSDictionary == reports[1]["metrics"] as? NSDictionary)
        #expect(abs((reports[0]["AP50"] as? Double ?? 0) - 51.0 / 101) < 1e-12)
    }

    @Test func intervalsAndKindsOfErrors() throws {
        let folder = try folder()
        let arguments = [
            "--gt", folder.file("gt.json"), "--results", folder.file("dt.json"), "--bootstrap", "50", "--errors",
            "--json", folder.file("report.json"),
        ]
        let first = try Tool("lt-eval").run(["detection"] + arguments + ["--html", folder.file("report.html")])
        #expect(first.status == 0, "\(first.error)")
        #expect(first.output.contains("50 resamples, seed 0") && first.output.contains("lost to background"))
        #expect(try String(contentsOfFile: folder.file("report.html"), encoding: .utf8).hasPrefix("<!DOCTYPE html>"))
        // The same seed draws the same images.
        #expect(try Tool("lt-eval").run(["detection"] + arguments).output == first.output)
    }

    @Test func comparison() throws {
        let folder = try folder()
        try folder.write(Array("[]".utf8), "none.json")
        let arguments = ["compare", folder.file("none.json"), folder.file("dt.json"), "--gt", folder.file("gt.json")]
        let result = try Tool("lt-eval").run(arguments + ["--bootstrap", "40", "--json", folder.file("report.json")])
        #expect(result.status == 0, "\(result.error)")
        #expect(result.output.contains("difference") && result.output.contains("40 resamples"))
        #expect(try report(folder.file("report.json"))["schema"] as? Int == 1)
        let wrong = try Tool("lt-eval").run(arguments + ["--bootstrap", "0"])
        #expect(wrong.status != 0)
    }

    @Test func errorsSayWhatToDo() throws {
        let folder = try folder()
        let swapped = try run("--gt", folder.file("dt.json"), "--results", folder.file("gt.json"))
        #expect(swapped.status == 1)
        #expect(swapped.error.contains("hint:"))
        let given = try run("--gt", folder.file("gt.json"), "--results", folder.file("gt.json"))
        #expect(given.status == 1)
        #expect(given.error.contains("the file is an object"))
        let unknown = try run("--gt", folder.file("gt.json"), "--results", folder.file("dt.json"), "--protocol", "voc")
        #expect(unknown.status == 1)
        #expect(unknown.error.contains("lvis") && unknown.error.contains("coco"))
        let none = try run("--gt", folder.file("gt.json"), "--results", folder.file("none.json"))
        #expect(none.status == 1)
    }
}
