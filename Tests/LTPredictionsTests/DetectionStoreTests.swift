// Detections in the store: what is written comes back, older stores go on, exports are what their readers expect.

import Foundation
import LTCore
import LTDecision
import LTPredictions
import Testing

private func detectorRun(labels: Bool = true, thresholds: [Float?]? = nil) -> RunInfo {
    var layer = DecisionLayer(task: .detection)
    if labels { layer.labels = [.init(id: 7, name: "cat"), .init(id: 9, name: "dog, \"wet\"")] }
    layer.thresholds = thresholds.map { Thresholds(objective: "f1", values: $0) }
    return RunInfo(
        model: "d.onnx", modelDigest: SHA256.digest(of: "d"), settings: [:], columns: labels ? 2 : 0, layer: layer)
}

private func found(_ path: String, _ detections: [Detection], width: Int = 6, height: Int = 4) -> StoredImage {
    StoredImage(
        path: path, stamp: FileStamp(size: 1, modified: 2), digest: SHA256.digest(of: path), width: width,
        height: height, outcome: .detections(detections))
}

private func scene() throws -> [StoredImage] {
    let mask = try RunLengthMask(width: 6, height: 4, runs: [5, 2, 2, 3, 12])
    return [
        found(
            "x/000000397133.jpg",
            [
                Detection(category: 1, score: 0.9, box: Box(x1: 0.5, y1: 1, x2: 3.25, y2: 4), mask: mask),
                Detection(category: 0, score: 0.1, box: Box(x1: 0, y1: 0, x2: 6, y2: 4)),
            ]),
        broken("x/000000000012.jpg"),
        found("x/000000000005.jpg", []),
        found("x/7.jpg", [Detection(category: 0, score: 0x1p-20, box: Box(x1: 1, y1: 1, x2: 1.1, y2: 2))]),
    ]
}

@Suite struct DetectionStoreTests {
    private func store(_ folder: TemporaryFolder, _ images: [StoredImage], _ run: RunInfo) throws -> PredictionStore {
        let store = try PredictionStore.write(folder.file("d.db"), run: run)
        try store.write(images)
        return store
    }

    private func exported(
        _ format: any PredictionFormat, _ images: [StoredImage], _ run: RunInfo = detectorRun()
    ) throws -> String {
        let folder = try TemporaryFolder()
        let store = try store(folder, images, run)
        try store.export(as: format, to: folder.file("out"), decider: try store.run.decider())
        try store.finish(complete: true)
        return try String(contentsOfFile: folder.file("out"), encoding: .utf8)
    }

    @Test func detectionsComeBack() throws {
        let folder = try TemporaryFolder()
        let images = try scene()
        try store(folder, images, detectorRun()).finish(complete: true)
        let read = try PredictionStore.read(folder.file("d.db"))
        #expect(read.run == detectorRun() && read.run.holdsDetections)
        #expect(try contents(read) == images)
        // An image that is done again keeps nothing of before.
        let again = try PredictionStore.write(folder.file("d.db"), run: detectorRun())
        try again.write([found("x/000000397133.jpg", []), broken("x/7.jpg")])
        try again.finish(complete: true)
        let rows = try contents(try PredictionStore.read(folder.file("d.db")))
        #expect(rows.map(\.path) == images.map(\.path))
        #expect(rows[0].outcome == .detections([]) && rows[3] == broken("x/7.jpg"))
    }

    @Test func whatDoesNotFitTheRunIsRefused() throws {
        let folder = try TemporaryFolder()
        let detections = try store(folder, [], detectorRun())
        #expect(code { try detections.write([image("a", [1, 2])]) } == .shapeMismatch)
        let mask = try RunLengthMask(width: 4, height: 6, runs: [24])
        let box = Box(x1: 0, y1: 0, x2: 1, y2: 1)
        let turned = found("a", [Detection(category: 0, score: 1, box: box, mask: mask)])
        #expect(code { try detections.write([turned]) } == .shapeMismatch)
        try detections.finish(complete: true)
        let scores = try PredictionStore.write(folder.file("s.db"), run: makeRun())
        #expect(code { try scores.write([found("a", [])]) } == .shapeMismatch)
        #expect(try contents(scores).isEmpty)
        let decider = try scores.run.decider()
        #expect(
            code { try scores.export(as: LVISResults(), to: folder.file("x"), decider: decider) } == .invalidArgument)
        try scores.finish(complete: true)
    }

    @Test func storesOfVersion1AreReadAndGoOn() throws {
        let folder = try TemporaryFolder()
        let fixture = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("Fixtures/version1.db")
        try Data(contentsOf: fixture).write(to: URL(fileURLWithPath: folder.file("p.db")))
        #expect(try contents(try PredictionStore.read(folder.file("p.db"))) == [image("a", [1, 2]), broken("b")])
        for _ in 0..<2 {
            let store = try PredictionStore.write(folder.file("p.db"), run: makeRun())
            #expect(try store.hasPrediction(path: "a", stamp: FileStamp(size: 10, modified: 20)) == true)
            try store.write([image("c", [3, 4])])
            try store.finish(complete: true)
        }
        let rows = try contents(try PredictionStore.read(folder.file("p.db")))
        #expect(rows == [image("a", [1, 2]), broken("b"), image("c", [3, 4])])
    }

    @Test func jsonLinesAndCSVHoldTheDecisions() throws {
        let lines = try exported(JSONLines(), try scene()).split(separator: "\n")
        let rows = try lines.map { line in
            try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
        }
        let decisions = try #require(rows[0]["decisions"] as? [[String: Any]])
        #expect(decisions.map { $0["id"] as? Int } == [9, 7] && decisions[0]["box"] as? [Double] == [0.5, 1, 3.25, 4])
        let mask = try #require(decisions[0]["segmentation"] as? [String: Any])
        #expect(mask["size"] as? [Int] == [4, 6] && mask["counts"] as? String == "5221:")
        #expect(decisions[1]["segmentation"] == nil && rows[1]["error"] as? String == "malformed: no image")
        #expect((rows[2]["decisions"] as? [Any])?.isEmpty == true && rows[0]["scores"] == nil)
        let picky = try exported(JSONLines(), try scene(), detectorRun(thresholds: [0.5, 0.5]))
        #expect(picky.split(separator: "\n")[0].components(separatedBy: "\"id\"").count == 2)

        let csv = try exported(CSV(), try scene())
        let expected = [
            "image,id,name,score,x1,y1,x2,y2,error",
            "x/000000397133.jpg,9,\"dog, \"\"wet\"\"\",0.9,0.5,1.0,3.25,4.0,",
            "x/000000397133.jpg,7,cat,0.1,0.0,0.0,6.0,4.0,", "x/000000000012.jpg,,,,,,,,malformed: no image",
            "x/000000000005.jpg,,,,,,,,", "x/7.jpg,7,cat,9.536743e-07,1.0,1.0,1.1,2.0,", "",
        ]
        #expect(csv == expected.joined(separator: "\r\n"))
    }

    private func results(_ ids: ImageIDs, _ images: [StoredImage], _ run: RunInfo = detectorRun()) throws -> [[String:
        Any]]
    {
        let text = try exported(LVISResults(ids), images, run)
        return try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [[String: Any]])
    }

    @Test func lvisResultsHoldEveryDetection() throws {
        let rows = try results(.automatic, try scene(), detectorRun(thresholds: [0.5, 0.5]))
        #expect(rows.map { $0["image_id"] as? Int } == [397133, 397133, 7])
        #expect(rows.map { $0["category_id"] as? Int } == [9, 7, 7])
        #expect(rows[0]["bbox"] as? [Double] == [0.5, 1, 2.75, 3])
        #expect((rows[0]["segmentation"] as? [String: Any])?["counts"] as? String == "5221:")
        #expect(try results(.automatic, []).isEmpty && results(.automatic, [broken("a.jpg")]).isEmpty)
        let bare = try results(
            .automatic, [found("3.jpg", [Detection(category: 17, score: 1, box: Box(x1: 0, y1: 0, x2: 1, y2: 1))])],
            detectorRun(labels: false))
        #expect(bare[0]["category_id"] as? Int == 17)
    }

    @Test func imageIDsComeFromTheTruthOrTheNamesOrThePositions() throws {
        let one = [Detection(category: 0, score: 1, box: Box(x1: 0, y1: 0, x2: 1, y2: 1))]
        func ids(_ ids: ImageIDs, _ paths: [String]) throws -> [Int?] {
            try results(ids, paths.map { found($0, one) }).map { $0["image_id"] as? Int }
        }
        #expect(try ids(.automatic, ["a/0012.jpg", "b/7.png"]) == [12, 7])
        #expect(try ids(.automatic, ["a/7.jpg", "b/7.png"]) == [1, 2])
        #expect(try ids(.automatic, ["cat.jpg", "7.png", ".jpg", "99999999999999999999.jpg"]) == [1, 2, 3, 4])
        let folder = try TemporaryFolder()
        let truth = """
            {"info": {}, "annotations": [{"id": 1}], "images": [
              {"id": 40, "file_name": "b/7.png", "width": 3}, {"id": 41, "file_name": null,
               "coco_url": "http://images.cocodataset.org/val2017/000000000007.jpg"}]}
            """
        try truth.write(toFile: folder.file("gt.json"), atomically: true, encoding: .utf8)
        let known = try ImageIDs(groundTruth: folder.file("gt.json"))
        #expect(try ids(known, ["/data/val2017/000000000007.jpg", "/data/b/7.png"]) == [41, 40])
        #expect(code { _ = try ids(known, ["/data/c/7.png"]) } == .notFound)
        for (text, expected) in [
            ("{}", LTError.Code.malformed), ("[]", .malformed), ("{\"images\":[{\"id\":1}]}", .malformed),
        ] {
            try text.write(toFile: folder.file("bad.json"), atomically: true, encoding: .utf8)
            #expect(code { _ = try ImageIDs(groundTruth: folder.file("bad.json")) } == expected)
        }
        #expect(code { _ = try ImageIDs(groundTruth: folder.file("none.json")) } == .io)
    }

    @Test func damagedStoresNeverTrap() throws {
        let folder = try TemporaryFolder()
        let images = try scene()
        let many = (0..<40).flatMap { number in
            images.map { image in
                var image = image
                image.path = "\(number)/\(image.path)"
                return image
            }
        }
        try store(folder, many, detectorRun()).finish(complete: true)
        let whole = try Data(contentsOf: URL(fileURLWithPath: folder.file("d.db")))
        var generator = SeededGenerator(seed: 8)
        for _ in 0..<300 {
            var bytes = whole
            for _ in 0..<12 { bytes[generator.below(bytes.count)] = UInt8(generator.below(256)) }
            try bytes.write(to: URL(fileURLWithPath: folder.file("e.db")))
            do { _ = try contents(try PredictionStore.read(folder.file("e.db"))) } catch { #expect(error is LTError) }
        }
    }
}
