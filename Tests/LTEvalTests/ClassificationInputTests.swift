// Reading arrays and joining with a data set: shapes, types, values out of range, class order, frequency counts.

import Foundation
import LTCore
import LTData
import LTDecision
import LTEval
import Testing

/// A folder that goes away with the value.
final class InputFolder {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("lt-input-\(UUID().uuidString)").path
    init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }
    deinit { try? FileManager.default.removeItem(atPath: path) }

    func npy<Element: TensorElement>(_ name: String, _ values: [Element], _ dims: [Int]) throws -> String {
        let file = "\(path)/\(name).npy"
        try Tensor(values, dims).writeNPY(to: file)
        return file
    }
    func text(_ name: String, _ text: String) throws -> String {
        try text.write(toFile: "\(path)/\(name)", atomically: true, encoding: .utf8)
        return "\(path)/\(name)"
    }
}

@Suite struct ClassificationInputTests {
    @Test func arraysGiveTheSameReportAsValues() throws {
        let folder = try InputFolder()
        let input = try multilabelFixture()
        let scores = try folder.npy("scores", input.scores, [800, 20])
        let labels = try folder.npy("labels", input.labels.map { Int64($0 ? 1 : 0) }, [800, 20])
        let counts = try folder.npy("counts", binary("cls_ml_traincount_20_i32.bin", Int32.self), [20])
        var read = try ClassificationInput(scoresFile: scores, labelsFile: labels)
        #expect(read.layer.task == .multilabel && read.layer.activation == .sigmoid)
        read.layer.trainCounts = try ClassificationInput.trainCounts(file: counts)
        let report = try read.report()
        expectClose(report.value("ranking", "mAP", column: "tail"), 0.35448870624089623)
        #expect(report.json["provenance"]?["evaluated_on"] == .string(input.digest))
        let doubles = try folder.npy("doubles", input.scores.map { Double($0) }, [800, 20])
        let bools = try folder.npy("bools", input.labels, [800, 20])
        let again = try ClassificationInput(scoresFile: doubles, labelsFile: bools)
        #expect(try again.report().value("ranking", "mAP") == report.value("ranking", "mAP"))
        #expect(try ClassificationInput.trainCounts(file: folder.text("counts.json", "[5, 1 , 7]")) == [5, 1, 7])
    }

    @Test func oneLabelPerImageIsMulticlass() throws {
        let folder = try InputFolder()
        let scores = try folder.npy("scores", [Float](arrayLiteral: 1, 0, 0, 3, 2, 1), [2, 3])
        let labels = try folder.npy("labels", [UInt8](arrayLiteral: 0, 2), [2])
        let read = try ClassificationInput(scoresFile: scores, labelsFile: labels)
        #expect(read.layer.task == .multiclass)
        #expect(try read.report().json["top1"]?["total"]?.double == 0.5)
        let layer = DecisionLayer(task: .multilabel, activation: .sigmoid)
        #expect(throws: LTError.self) { try ClassificationInput(scoresFile: scores, labelsFile: labels, layer: layer) }
    }

    @Test func badArraysAreNamed() throws {
        let folder = try InputFolder()
        let scores = try folder.npy("scores", [Float](arrayLiteral: 1, .nan, 3, 4), [2, 2])
        let labels = try folder.npy("labels", [UInt8](arrayLiteral: 0, 1, 0, 3), [2, 2])
        let flat = try folder.npy("flat", [Float](arrayLiteral: 1, 2), [2])
        let good = try folder.npy("good", [Float](arrayLiteral: 1, 2, 3, 4), [2, 2])
        let ones = try folder.npy("ones", [UInt8](arrayLiteral: 1, 1, 1, 1), [2, 2])
        func message(_ scores: String, _ labels: String) -> String {
            do {
                _ = try ClassificationInput(scoresFile: scores, labelsFile: labels)
                return ""
            } catch { return error.description }
        }
        #expect(message(scores, ones).contains("score of row 0, class 1 is nan"))
        #expect(message(scores, ones).contains("scores.npy"))
        #expect(message(good, labels).contains("label of row 1, class 1 is 3, expected 0 or 1"))
        #expect(message(flat, ones).contains("expected [images, classes]"))
        #expect(message(ones, ones).contains("expected floating point"))
        #expect(message(good, good).contains("expected integers"))
        #expect(message(good, flat).contains("expected integers"))
        #expect(
            message(good, try folder.npy("three", [UInt8](repeating: 0, count: 3), [3])).contains(
                "2 rows of scores, 3 of labels"))
        #expect(message(folder.path + "/none.npy", ones).contains("none.npy"))
        #expect(message(try folder.text("text.npy", "hello"), ones).contains("malformed"))
        for text in ["[1, 2", "{}", "[1.5]", "[\"a\"]", ""] {
            #expect(throws: LTError.self) { try ClassificationInput.trainCounts(file: folder.text("bad.json", text)) }
        }
    }

    private func dataset() -> Dataset {
        Dataset(
            source: "test.json", digest: "ab", imageFolder: "/images",
            categories: [
                .init(id: 1, name: "cat", trainCount: 150), .init(id: 2, name: "dog", trainCount: 30),
                .init(id: 3, name: "owl", trainCount: 4),
            ],
            images: [
                .init(id: 10, path: "a.jpg", labels: [0, 2]), .init(id: 11, path: "b.jpg", labels: [1]),
                .init(id: 12, path: "c.jpg", labels: [0]),
            ])
    }

    @Test func joinedScoresFollowTheModelsClassOrder() throws {
        // The model's columns: owl, cat, dog.
        let labels: [DecisionLayer.Label] = [
            .init(id: 3, name: "owl"), .init(id: 1, name: "cat"), .init(id: 2, name: "dog"),
        ]
        let predictions = [
            Matching.Prediction(path: "/images/c.jpg", scores: .success([-1, 1, -1])),
            Matching.Prediction(path: "/images/a.jpg", scores: .success([1, 1, -1])),
            Matching.Prediction(path: "/images/b.jpg", scores: .success([-1, -1, 1])),
        ]
        let layer = DecisionLayer(task: .multilabel, labels: labels, activation: .sigmoid)
        let input = try ClassificationInput(joining: predictions, columns: 3, with: dataset(), layer: layer)
        #expect(input.layer.trainCounts == [4, 150, 30])
        guard case .multilabel(let joined) = input.predictions else { throw LTError(.notFound, "multi-label input") }
        #expect(joined.scores == [1, 1, -1, -1, -1, 1, -1, 1, -1])
        #expect(joined.labels == [true, true, false, false, false, true, false, true, false])
        let report = try input.report()
        #expect(report.value("ranking", "mAP") == 1)
        #expect(report.value("at_0.5", "subset_accuracy") == 1)
        #expect(report.json["provenance"]?["data_digest"] == .string("sha256:ab"))
        let bare = try ClassificationInput(joining: predictions, columns: 3, with: dataset(), layer: DecisionLayer())
        #expect(bare.layer.labels?.map(\.name) == ["cat", "dog", "owl"])
        #expect(throws: LTError.self) {
            try ClassificationInput(joining: predictions, columns: 2, with: dataset(), layer: DecisionLayer())
        }
        let error = #expect(throws: LTError.self) {
            try ClassificationInput(
                joining: predictions, columns: 3, with: dataset(),
                layer: DecisionLayer(task: .multiclass, activation: .softmax))
        }
        #expect(error?.message == "image 'a.jpg' has 2 classes, expected 1")
    }

    @Test func skippedImagesAreCounted() throws {
        let predictions = [
            Matching.Prediction(path: "a.jpg", scores: .success([1, 1, -1])),
            Matching.Prediction(path: "b.jpg", scores: .failure(LTError(.malformed, "not an image"))),
        ]
        #expect(throws: LTError.self) {
            try ClassificationInput(joining: predictions, columns: 3, with: dataset(), layer: DecisionLayer())
        }
        let input = try ClassificationInput(
            joining: predictions, columns: 3, with: dataset(), layer: DecisionLayer(), skippingMissing: true)
        #expect(input.skipped == 2)
        #expect(try input.report().notes.first == "2 images of the data have no scores and are left out")
    }
}
