// lt-eval as a user runs it: a store and its data in, report and calibrated model out; exit codes and error texts.

import Foundation
import LTCore
import LTDecision
import LTGraph
import LTPredictions
import Testing

/// A folder with a model, two stores predicted by it and their annotation files.
private final class EvalFolder {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("lt-eval-test-\(UUID().uuidString)").path
    static let classes = 4

    init() throws {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        try writeModel("model.onnx", scale: 1)
        try writeModel("other.onnx", scale: 2)
        for (name, seed) in [("calibration", 1), ("test", 2)] {
            var random = SeededGenerator(seed: UInt64(seed))
            let labels = (0..<300).map { _ in (0..<Self.classes).map { random.uniform() < 0.4 / Double($0 + 1) } }
            // Scores that are too high by 2: thresholds and offsets repair that.
            let scores = labels.map { $0.map { Float(random.normal() + ($0 ? 3 : 0) + 1) } }
            try writeStore("\(name).db", name, scores)
            try writeData("\(name).json", labels)
        }
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    private func writeModel(_ name: String, scale: Float) throws {
        var builder = GraphBuilder(name: "linear")
        let input = builder.input("x", .float32, ["N", .fixed(Self.classes)])
        let factor = builder.initializer("scale", try Tensor([scale], [1]))
        builder.output(builder.node("Mul", [input, factor], name: "y"), .float32, ["N", .fixed(Self.classes)])
        var graph = builder.graph
        try DecisionLayer(
            task: .multilabel, labels: (0..<Self.classes).map { .init(id: $0 + 1, name: "kind \($0)") },
            trainCounts: [400, 120, 30, 5], groups: .db, activation: .sigmoid
        ).write(into: &graph)
        try graph.write(to: "\(path)/\(name)")
    }

    private func writeStore(_ name: String, _ folder: String, _ scores: [[Float]]) throws {
        let model = "\(path)/model.onnx"
        let run = RunInfo(
            model: model, modelDigest: try SHA256.digest(ofFile: model), settings: [:], columns: Self.classes,
            layer: try DecisionLayer(reading: Graph.read(path: model)))
        let store = try PredictionStore.write("\(path)/\(name)", run: run)
        try store.write(
            scores.enumerated().map {
                StoredImage(
                    path: "/images/\(folder)/\($0.offset).jpg", stamp: nil, digest: nil, outcome: .scores($0.element))
            })
        try store.finish(complete: true)
    }

    private func writeData(_ name: String, _ labels: [[Bool]]) throws {
        var annotations: [[String: Any]] = []
        for (image, row) in labels.enumerated() {
            for (index, isThere) in row.enumerated() where isThere {
                annotations.append([
                    "id": annotations.count + 1, "image_id": image + 1, "category_id": index + 1,
                    "bbox": [0, 0, 10, 10],
                    "area": 100,
                ])
            }
        }
        let json: [String: Any] = [
            "images": labels.indices.map { ["id": $0 + 1, "file_name": "\($0).jpg", "width": 64, "height": 64] },
            "categories": (0..<Self.classes).map { ["id": $0 + 1, "name": "kind \($0)"] }, "annotations": annotations,
        ]
        try JSONSerialization.data(withJSONObject: json).write(to: URL(fileURLWithPath: "\(path)/\(name)"))
    }

    /// Runs lt-eval; arguments that name files without a folder mean those of this one.
    func run(_ arguments: String...) throws -> Tool.Result { try run(arguments) }

    func run(_ arguments: [String]) throws -> Tool.Result {
        let suffixes = [".db", ".json", ".jsonl", ".onnx", ".npy", ".csv", ".html"]
        return try Tool("lt-eval").run(
            arguments.map { argument in
                argument.hasPrefix("/") || !suffixes.contains { argument.hasSuffix($0) }
                    ? argument : "\(path)/\(argument)"
            })
    }

    func json(_ name: String) throws -> [String: Any] {
        let data = try Data(contentsOf: URL(fileURLWithPath: "\(path)/\(name)"))
        return try JSONSerialization.jsonObject(with: data) as? [String: Any] ?? [:]
    }
}

private func number(_ json: [String: Any], _ path: String...) -> Double {
    var value: Any? = json
    for key in path { value = (value as? [String: Any])?[key] }
    return (value as? NSNumber)?.doubleValue ?? .nan
}

private func expectClose(_ a: Double, _ b: Double, sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(abs(a - b) < 1e-12, "\(a), expected \(b)", sourceLocation: sourceLocation)
}

@Suite struct EvalCommandTests {
    @Test func calibrateThenEvaluate() throws {
        let folder = try EvalFolder()
        let before = try folder.run(
            "classification", "--predictions", "test.db", "--data", "test.json", "--json", "before.json")
        #expect(before.status == 0, "\(before.error)")
        #expect(before.output.hasPrefix("300 images, 4 classes (db: 2 head, 1 middle, 1 tail)"))
        #expect(before.output.contains("no fitted thresholds"))

        let fit = try folder.run(
            "calibrate", "model.onnx", "--predictions", "calibration.db", "--data", "calibration.json", "--method",
            "platt",
            "--thresholds", "f1", "--out", "new.onnx")
        #expect(fit.status == 0, "\(fit.error)")
        #expect(fit.output.contains("fitted on these very predictions"))
        let layer = try DecisionLayer(reading: Graph.read(path: folder.path + "/new.onnx"))
        #expect(layer.thresholds?.values.count == 4)
        #expect(try layer.calibration?.model == "sha256:" + SHA256.digest(ofFile: folder.path + "/model.onnx"))

        // The store of model.onnx serves for new.onnx: same network, another decision layer.
        let after = try folder.run(
            "classification", "--predictions", "test.db", "--data", "test.json", "--model", "new.onnx", "--json",
            "after.json")
        #expect(after.status == 0, "\(after.error)")
        #expect(!after.output.contains("optimistic"))
        let (old, new) = (try folder.json("before.json"), try folder.json("after.json"))
        #expect(number(new, "mAP", "total") == number(old, "mAP", "total"))
        #expect(
            number(new, "F1", "at_thresholds", "macro", "total") > number(old, "F1", "at_0.5", "macro", "total") + 0.05)
        #expect(number(new, "ECE", "after", "total") < number(old, "ECE", "before", "total") / 2)
        for key in ["mAP", "F1", "ECE", "metrics", "classes", "notes", "provenance"] { #expect(new[key] != nil) }
        let again = try folder.run(
            "classification", "--predictions", "test.db", "--data", "test.json", "--model", "new.onnx", "--json",
            "again.json")
        #expect(again.output == after.output)
        let reports = try ["after.json", "again.json"].map {
            try Data(contentsOf: URL(fileURLWithPath: folder.path + "/" + $0))
        }
        #expect(reports[0] == reports[1])
    }

    /// Every method and objective, into the file and into the graph; honest numbers beside those of the fit.
    @Test func calibrateInEveryWay() throws {
        let folder = try EvalFolder()
        let ways = [
            ["temperature", "f1"], ["temperature-shared", "none"], ["platt", "precision=0.9"], ["beta", "recall=0.8"],
            ["isotonic", "cost=1:5"],
        ]
        for way in ways {
            let fit = try folder.run(
                "calibrate", "model.onnx", "--predictions", "calibration.db", "--data", "calibration.json", "--method",
                way[0], "--thresholds", way[1], "--into-graph", "--out", "new.onnx", "--json", "fit.json")
            #expect(fit.status == 0, "\(fit.error)")
            #expect(fit.output.contains("ECE cross-fitted"))
            let graph = try Graph.read(path: folder.path + "/new.onnx")
            #expect(graph.outputs.map(\.name) == ["y", "scores", "decisions"])
            let layer = try DecisionLayer(reading: graph)
            #expect(layer.outputs?.raw == "y" && layer.calibration?.eceCrossFitted != nil)
            #expect(layer.thresholds?.objective == (way[1] == "none" ? nil : way[1]))
            let json = try folder.json("fit.json")
            let crossed = try #require(layer.calibration?.eceCrossFitted)
            #expect(abs(number(json, "ECE", "cross_fitted", "total") - crossed) < 1e-12)
            let after = try folder.run(
                "classification", "--predictions", "test.db", "--data", "test.json", "--model", "new.onnx", "--json",
                "after.json")
            #expect(after.status == 0, "\(after.error)")
            // A temperature cannot take back an offset.
            if !way[0].hasPrefix("temperature") {
                #expect(number(try folder.json("after.json"), "ECE", "after", "total") < 0.05)
            }
            // A file with nodes is calibrated anew without them, from the same store.
            let again = try folder.run(
                "calibrate", "new.onnx", "--predictions", "calibration.db", "--data", "calibration.json", "--folds",
                "0",
                "--out", "again.onnx")
            #expect(again.status == 0, "\(again.error)")
            #expect(!again.output.contains("cross-fitted"))
            #expect(try Graph.read(path: folder.path + "/again.onnx").outputs.map(\.name) == ["y"])
        }
        for (flag, value) in [
            ("--thresholds", "precision=2"), ("--method", "magic"), ("--shrinkage", "-1"), ("--folds", "1"),
        ] {
            let usage = try folder.run(
                "calibrate", "model.onnx", "--predictions", "calibration.db", "--data", "calibration.json", flag, value,
                "--out", "new.onnx")
            #expect(usage.status == 64)
            #expect(usage.error.contains(flag))
        }
        let vector = try folder.run(
            "calibrate", "model.onnx", "--predictions", "calibration.db", "--data", "calibration.json", "--method",
            "vector", "--out", "new.onnx")
        #expect(vector.status == 1 && vector.error.contains("vector scaling is for multi-class models"))
    }

    @Test func reportsAsPages() throws {
        let folder = try EvalFolder()
        for name in ["a", "b"] {
            let result = try folder.run(
                "classification", "--predictions", "test.db", "--data", "test.json", "--json", "\(name).json", "--html",
                "\(name).html")
            #expect(result.status == 0, "\(result.error)")
        }
        let page = try String(contentsOfFile: folder.path + "/a.html", encoding: .utf8)
        #expect(page.hasPrefix("<!DOCTYPE html>") && page.contains("kind 3"))
        let both = try folder.run("report", "a.json", "b.json", "--html", "both.html")
        #expect(both.status == 0, "\(both.error)")
        #expect(both.output.contains("mAP, total") && both.output.contains("(+0.00)"))
        #expect(FileManager.default.fileExists(atPath: folder.path + "/both.html"))
        let other = try folder.run("report", "test.json")
        #expect(other.status == 1)
        #expect(other.error.contains("no report of schema 1") && other.error.contains("test.json"))
        #expect(try folder.run("report").status == 64)
    }

    /// A detector: scores against finding objects, from its store and COCO annotations.
    @Test func detectorsAreCalibrated() throws {
        let folder = try EvalFolder()
        var builder = GraphBuilder(name: "detector")
        let input = builder.input("x", .float32, ["N", 4])
        builder.output(builder.node("Identity", [input], name: "boxes"), .float32, ["N", 4])
        var graph = builder.graph
        let layer = DecisionLayer(task: .detection, labels: [.init(id: 1, name: "a"), .init(id: 2, name: "b")])
        try layer.write(into: &graph)
        let model = folder.path + "/detector.onnx"
        try graph.write(to: model)
        let store = try PredictionStore.write(
            folder.path + "/found.db",
            run: RunInfo(
                model: model, modelDigest: try SHA256.digest(ofFile: model), settings: [:], columns: 2, layer: layer))
        var random = SeededGenerator(seed: 60)
        var objects: [[String: Any]] = []
        for image in 0..<200 {
            var found: [Detection] = []
            for category in 0..<2 {
                let score = Float(random.uniform(0.05...0.95))
                found.append(
                    Detection(category: category, score: score, box: Box(x1: 10, y1: 10, x2: 40, y2: 30)))
                guard random.uniform() < Double(score * score) else { continue }
                objects.append([
                    "id": objects.count + 1, "image_id": image + 1, "category_id": category + 1,
                    "bbox": [10, 10, 30, 20], "area": 600, "iscrowd": 0,
                ])
            }
            found.sort { $0.score > $1.score }
            try store.write([
                StoredImage(path: "/images/\(image).jpg", stamp: nil, digest: nil, outcome: .detections(found))
            ])
        }
        try store.finish(complete: true)
        let json: [String: Any] = [
            "images": (0..<200).map { ["id": $0 + 1, "file_name": "\($0).jpg", "width": 64, "height": 64] },
            "categories": [["id": 1, "name": "a"], ["id": 2, "name": "b"]], "annotations": objects,
        ]
        try JSONSerialization.data(withJSONObject: json).write(to: URL(fileURLWithPath: folder.path + "/gt.json"))
        let fit = try folder.run(
            "calibrate", "detector.onnx", "--predictions", "found.db", "--data", "gt.json", "--protocol", "coco",
            "--method", "platt", "--thresholds", "precision=0.6", "--out", "new.onnx", "--json", "fit.json")
        #expect(fit.status == 0, "\(fit.error)")
        let fitted = try DecisionLayer(reading: Graph.read(path: folder.path + "/new.onnx"))
        #expect(fitted.thresholds?.objective == "precision=0.6" && fitted.thresholds?.values.count == 2)
        let report = try folder.json("fit.json")
        #expect(number(report, "ECE", "before", "total") > 0.1)
        #expect(number(report, "ECE", "after", "total") < 0.06)
        #expect(number(report, "ECE", "cross_fitted", "total") < 0.08)
        let nodes = try folder.run(
            "calibrate", "detector.onnx", "--predictions", "found.db", "--data", "gt.json", "--protocol", "coco",
            "--into-graph", "--out", "new.onnx")
        #expect(nodes.status == 1 && nodes.error.contains("a detector's calibration as nodes"))
    }

    @Test func errorsNameWhatIsWrong() throws {
        let folder = try EvalFolder()
        let other = try folder.run(
            "classification", "--predictions", "test.db", "--data", "test.json", "--model", "other.onnx")
        #expect(other.status == 1)
        #expect(other.error.hasPrefix("lt-eval: conflict: predicted by model sha256:"))
        #expect(other.error.contains("in prediction store \(folder.path)/test.db"))
        #expect(other.error.contains("hint: predict with this model"))
        let missing = try folder.run("classification", "--predictions", "none.db", "--data", "test.json")
        #expect(missing.status == 1)
        #expect(missing.error.contains("none.db"))
        let wrongData = try folder.run("classification", "--predictions", "test.db", "--data", "none.json")
        #expect(wrongData.status == 1)
        #expect(wrongData.error.contains("none.json"))
        for command in ["classification", "calibrate", "model"] {
            let usage = try folder.run(command, "--json", "x.json")
            #expect(usage.status == 64)
        }
        let unwritable = try folder.run(
            "classification", "--predictions", "test.db", "--data", "test.json", "--json", "/none/report.json")
        #expect(unwritable.status == 1)
        #expect(unwritable.error.contains("/none/report.json"))
    }

    /// The same predictions as arrays, and as CSV with labels in JSON Lines.
    @Test func filesOfEveryKind() throws {
        let folder = try EvalFolder()
        var random = SeededGenerator(seed: 9)
        let labels = (0..<120).map { _ in (0..<4).map { _ in random.uniform() < 0.3 } }
        let scores = labels.map { $0.map { Float(random.normal()) + ($0 ? 1.5 : -1) } }
        func write(_ name: String, _ text: String) throws {
            try text.write(toFile: "\(folder.path)/\(name)", atomically: true, encoding: .utf8)
        }
        let names = ["ant", "bee", "cat", "dog"]
        try Tensor(scores.flatMap { $0 }, [120, 4]).writeNPY(to: folder.path + "/s.npy")
        try Tensor(labels.flatMap { $0 }, [120, 4]).writeNPY(to: folder.path + "/l.npy")
        try write(
            "s.csv",
            "id,\(names.joined(separator: ","))\n"
                + scores.enumerated().map { "i\($0)," + $1.map { "\($0)" }.joined(separator: ",") + "\n" }.joined())
        // The labels in another order of rows, as lists of names.
        try write(
            "l.jsonl",
            labels.enumerated().reversed().map { row, own in
                let list = zip(names, own).filter(\.1).map { "\"\($0.0)\"" }.joined(separator: ",")
                return "{\"id\":\"i\(row)\",\"labels\":[\(list)]}\n"
            }.joined())
        try write("counts.json", "[600, 601, 100, 5]")
        let arrays = try folder.run(
            "classification", "--scores", "s.npy", "--labels", "l.npy", "--train-counts", "counts.json", "--json",
            "a.json")
        #expect(arrays.status == 0, "\(arrays.error)")
        #expect(arrays.output.contains("120 images, 4 classes (db: 3 head, 0 middle, 1 tail)"))
        #expect(arrays.output.contains("1 classes have exactly 100 training images: 'head' by the rule 'db'"))
        let texts = try folder.run(
            "classification", "--scores", "s.csv", "--labels", "l.jsonl", "--train-counts", "counts.json", "--groups",
            "egtea", "--classes", "--json", "b.json")
        #expect(texts.status == 0, "\(texts.error)")
        #expect(texts.output.contains("(egtea: 1 majority, 2 minority)"))
        #expect(texts.output.contains("1 classes are in no group of the rule 'egtea'"))
        let rows = texts.output.split(separator: "\n").filter { line in names.contains { line.contains("  \($0)  ") } }
        #expect(rows.count == 4)
        let (a, b) = (try folder.json("a.json"), try folder.json("b.json"))
        #expect(number(a, "mAP", "total") == number(b, "mAP", "total"))
        #expect(number(a, "ECE", "before", "total") == number(b, "ECE", "before", "total"))
        #expect(number(a, "mAP", "total") > 0.5)
        let some = try folder.run(
            "classification", "--scores", "s.npy", "--labels", "l.npy", "--metrics", "mAP,LRAP", "--json", "c.json")
        #expect(some.status == 0, "\(some.error)")
        #expect(some.output.contains("label ranking AP") && !some.output.contains("ECE"))
        #expect(number(try folder.json("c.json"), "mAP", "total") == number(a, "mAP", "total"))
        let wrong = try folder.run(
            "classification", "--scores", "s.npy", "--labels", "l.npy", "--metrics", "mAPP")
        #expect(wrong.status == 1)
        #expect(wrong.error.contains("notFound: no metric 'mAPP', expected some of mAP, mAP_micro"))
    }

    @Test func oneClassPerImage() throws {
        let folder = try EvalFolder()
        let text = "image,cat,dog,owl\na.jpg,3,1,0\nb.jpg,0,2,1\nc.jpg,1,2,0\nd.jpg,0,0,0.5\n"
        try text.write(toFile: folder.path + "/s.csv", atomically: true, encoding: .utf8)
        try "image,label\na.jpg,cat\nb.jpg,dog\nc.jpg,cat\nd.jpg,-1\n".write(
            toFile: folder.path + "/l.csv", atomically: true, encoding: .utf8)
        let refused = try folder.run("classification", "--scores", "s.csv", "--labels", "l.csv")
        #expect(refused.status == 1)
        #expect(refused.error.contains("label of row 3 is -1") && refused.error.contains("hint: --open-set"))
        let open = try folder.run(
            "classification", "--scores", "s.csv", "--labels", "l.csv", "--open-set", "0.5", "--top-k", "2", "--all",
            "--json", "r.json")
        #expect(open.status == 0, "\(open.error)")
        for words in ["top-2 accuracy", "open-set F-measure", "Matthews correlation", "1 images are of no known class"]
        {
            #expect(open.output.contains(words), "\(words)")
        }
        let report = try folder.json("r.json")
        expectClose(number(report, "top1", "total"), 2.0 / 3)
        expectClose(number(report, "top2", "total"), 1)
        expectClose(number(report, "accuracy", "total"), 0.75)
        for arguments in [["--top-k", "0"], ["--open-set", "2"], ["--data", "x.json"]] {
            let usage = try folder.run(["classification", "--scores", "s.csv", "--labels", "l.csv"] + arguments)
            #expect(usage.status == 64)
        }
        let damaged = "image,cat,dog,owl\na.jpg,3,1\n"
        try damaged.write(toFile: folder.path + "/s.csv", atomically: true, encoding: .utf8)
        let malformed = try folder.run("classification", "--scores", "s.csv", "--labels", "l.csv")
        #expect(malformed.status == 1)
        #expect(malformed.error.contains("malformed: 3 columns, expected 4\n  in line 2\n  in scores"))
    }

    @Test func classifiersAreCompared() throws {
        let folder = try EvalFolder()
        func write(_ name: String, _ text: String) throws {
            try text.write(toFile: "\(folder.path)/\(name)", atomically: true, encoding: .utf8)
        }
        let rows = (0..<40).map { "\($0 % 2 == 0 ? "3,1,0" : "0,2,1")" }
        func table(_ rows: [String]) -> String {
            "image,cat,dog,owl\n" + rows.enumerated().map { "\($0).jpg,\($1)\n" }.joined()
        }
        try write("a.csv", table(rows))
        // One image of forty goes wrong, by 1.5.
        try write("b.csv", table(["1.5,1.75,0"] + rows.dropFirst()))
        try write("l.csv", "image,label\n" + rows.indices.map { "\($0).jpg,\($0 % 2 == 0 ? "cat" : "dog")\n" }.joined())
        let arguments = ["--labels", "l.csv", "--bootstrap", "50", "--json", "c.json"]
        let result = try folder.run(["compare", "a.csv", "b.csv"] + arguments)
        #expect(result.status == 0, "\(result.error)")
        #expect(result.output.contains("50 resamples, seed 0") && result.output.contains("first class changed"))
        let json = try folder.json("c.json")
        expectClose(number(json, "top1", "first", "total"), 1)
        expectClose(number(json, "top1", "second", "total"), 39.0 / 40)
        expectClose(number(json, "top1", "difference", "total"), -1.0 / 40)
        expectClose(number(json, "agreement", "changed", "total"), 1.0 / 40)
        expectClose(number(json, "agreement", "raw_difference", "total"), 1.5)
        // The same draws again; of one with itself nothing changes.
        #expect(try folder.run(["compare", "a.csv", "b.csv"] + arguments).output == result.output)
        let same = try folder.run(
            ["compare", "a.csv", "a.csv", "--metrics", "top1"] + arguments + ["--html", "c.html"])
        #expect(same.status == 0, "\(same.error)")
        #expect(!same.output.replacingOccurrences(of: folder.path, with: "").contains("F1"))
        expectClose(number(try folder.json("c.json"), "agreement", "score_difference", "total"), 0)
        let other = try folder.run(["compare", "a.csv", "b.csv", "--labels", "l.csv", "--gt", "x.json"])
        #expect(other.status == 64)
        try write("short.csv", table(Array(rows.dropLast())))
        let short = try folder.run(["compare", "a.csv", "short.csv", "--labels", "l.csv"])
        #expect(short.status == 1)
        #expect(short.error.contains("short.csv"))
    }

    @Test func imagesWithoutScoresAreNotForgotten() throws {
        let folder = try EvalFolder()
        let run = try PredictionStore.read(folder.path + "/test.db").run
        let store = try PredictionStore.write(folder.path + "/test.db", run: run)
        try store.write([
            StoredImage(path: "/images/test/7.jpg", stamp: nil, digest: nil, outcome: .failed("truncated JPEG"))
        ])
        try store.finish(complete: true)
        let refused = try folder.run("classification", "--predictions", "test.db", "--data", "test.json")
        #expect(refused.status == 1)
        #expect(refused.error.contains("1 of the data's 300 images have no scores: 7.jpg (truncated JPEG)"))
        let skipped = try folder.run(
            "classification", "--predictions", "test.db", "--data", "test.json", "--skip-missing")
        #expect(skipped.status == 2)
        #expect(skipped.output.contains("299 images"))
        #expect(skipped.output.contains("1 images of the data have no scores and are left out"))
    }
}
