// A C host finds what lt-infer finds, in every bit: raw outputs, calibrated scores, decisions, boxes, masks.

import Foundation
import LTCore
import LTDecision
import LTPredictions
import Testing

@Suite struct AgreementTests {
    /// What the host prints of each image, by position.
    private func host(_ model: String, batch: Int, _ images: [String]) throws -> [String] {
        let result = try Host("scores").run([model, String(batch)] + images)
        try #require(result.status == 0, "\(result.error)")
        let lines = result.output.split(separator: "\n").map(String.init)
        try #require(lines.count == images.count)
        return lines
    }

    /// What lt-infer stores of each image, written as the host writes it.
    private func infer(_ model: String, batch: Int, _ images: [String], _ name: String) throws -> [String] {
        let store = try Scene.folder() + "/\(name)-\(batch).db"
        let result = try execute(
            Repository.products + "/lt-infer",
            ["run", model, "--out", store, "--batch", String(batch), "--threads", "2", "--quiet"] + images)
        try #require(result.status == 0 || result.status == 2, "\(result.error)")
        let read = try PredictionStore.read(store)
        let decider = try PredictionDecider(read.run.layer, classCount: read.run.columns)
        var lines: [String: String] = [:]
        func hex(_ value: Float) -> String {
            let digits = String(value.bitPattern, radix: 16)
            return String(repeating: "0", count: 8 - digits.count) + digits
        }
        try read.forEach { (image) throws(LTError) in
            guard let prediction = image.outcome.prediction else {
                lines[image.path] = "failed"
                return
            }
            let words: [String]
            switch try decider.decide(prediction) {
            case .classes(let classes):
                words = classes.map { "\(hex($0.raw)):\(hex($0.score)):\($0.isPositive ? 1 : 0)" }
            case .detections(let found):
                words = found.map { one in
                    let box = one.detection.box
                    let numbers = [one.detection.score, one.score].map(hex) + [one.isPositive ? "1" : "0"]
                    let corners = [box.x1, box.y1, box.x2, box.y2].map(hex)
                    let mask = one.detection.mask?.compressed ?? ""
                    return ([String(one.detection.category)] + numbers + corners + [mask]).joined(separator: ":")
                }
            }
            lines[image.path] = words.joined(separator: " ")
        }
        return try images.map { try #require(lines[$0], "\($0)") }
    }

    @Test(arguments: ["scores", "softmax", "detector"], [1, 16]) func bits(model: String, batch: Int) throws {
        if model == "detector" && batch > 1 { return }
        let path = try Scene.folder() + "/\(model).onnx"
        let images = try Scene.fixtureFiles() + ["picture.jpg", "junk.jpg"].map { try Scene.folder() + "/" + $0 }
        #expect(images.count > 45)
        // Batches are filled with images that can be read; all in one call for both.
        let found = try host(path, batch: batch == 1 ? 1 : 0, images)
        let expected = try infer(path, batch: batch == 1 ? 1 : images.count, images, model)
        var (equal, failed, scores) = (0, 0, Set<String>())
        for (index, (line, other)) in zip(found, expected).enumerated() {
            let words = line.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
            if words[1] != "LT_OK" {
                #expect(other == "failed", "\(images[index])")
                failed += 1
                continue
            }
            let own = words.count > 2 ? words[2] : ""
            #expect(own == other, "\(images[index])")
            equal += own == other ? 1 : 0
            scores.insert(own)
        }
        #expect(failed > 0 && equal == images.count - failed && scores.count > 15)
    }

    /// Memory that was not written before holds other bytes each time; nothing of it may be seen in what comes out.
    @Test(arguments: ["scores", "detector"]) func whatMemoryHeldDoesNotShow(model: String) throws {
        let arguments = [try Scene.folder() + "/\(model).onnx", "1"] + (try Scene.fixtureFiles())
        let outcomes = try ["0", "85", "170", "255"].map { pattern in
            try Host("scores").run(arguments, environment: ["MALLOC_PERTURB_": pattern])
        }
        for outcome in outcomes {
            #expect(outcome.status == 0 && outcome.output == outcomes[0].output && outcome.output.count > 1000)
        }
    }
}
