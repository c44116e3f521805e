// Detections are calibrated as classes are: scores against finding an object; objects without a detection are missed.

import LTCore
import LTDecision
import LTEval
import Testing

#if canImport(Glibc)
    import Glibc
#endif

@Suite struct DetectionCalibrationTests {
    /// 300 images; a detection of score p is right with probability p² in category 1 and with p in category 2; category 3 is
    /// rarely there. Every tenth object has no detection.
    private func problem(_ scratch: ScratchFolder) throws -> Evaluated {
        var random = SeededGenerator(seed: 50)
        var (images, objects, detections): ([String], [String], [String]) = ([], [], [])
        for image in 1...300 {
            images.append(
                "{\"id\": \(image), \"width\": 100, \"height\": 100, \"neg_category_ids\": [7, 8, 9], "
                    + "\"not_exhaustive_category_ids\": []}")
            for (category, power) in [(7, 2.0), (8, 1), (9, 3)] where category != 9 || random.uniform() < 0.1 {
                let box = "[\(category), 10, 20, 20]"
                let score = Float(random.uniform(0.05...0.95))
                let isThere = random.uniform() < pow(Double(score), power)
                let isFound = random.uniform() < 0.9
                if isThere {
                    objects.append(
                        "{\"id\": \(objects.count + 1), \"image_id\": \(image), \"category_id\": \(category), "
                            + "\"bbox\": \(box), \"area\": 400}")
                }
                if isFound {
                    detections.append(
                        "{\"image_id\": \(image), \"category_id\": \(category), \"bbox\": \(box), \"score\": \(score)}")
                }
            }
        }
        let categories = [(7, 200, "f"), (8, 90, "c"), (9, 5, "r")].map {
            "{\"id\": \($0.0), \"name\": \"c\($0.0)\", \"frequency\": \"\($0.2)\", \"image_count\": \($0.1)}"
        }
        let truth =
            "{\"images\": [\(images.joined(separator: ","))], \"categories\": [\(categories.joined(separator: ","))], "
            + "\"annotations\": [\(objects.joined(separator: ","))]}"
        return try Evaluated(
            scratch.file("gt.json", truth), scratch.file("dt.json", "[\(detections.joined(separator: ","))]"), .lvis)
    }

    // The model's own order of classes is another.
    private let layer = DecisionLayer(
        task: .detection, labels: [.init(id: 9, name: "c9"), .init(id: 7, name: "c7"), .init(id: 8, name: "c8")])

    @Test func eventsAreMatches() throws {
        let input = try problem(try ScratchFolder())
        let events = input.matches.events(threshold: 0)
        #expect(events.count == 3)
        for (category, own) in events.enumerated() {
            #expect(own.count == input.matches.range(ofCategory: category).count)
            #expect(own.hitCount + own.missed == input.matches.positives(ofCategory: category))
        }
        #expect(events[0].missed > 0)
        let some = input.matches.events(threshold: 0) { $0 < 150 }
        let rest = input.matches.events(threshold: 0) { $0 >= 150 }
        for category in 0..<3 {
            #expect(some[category].hitCount + rest[category].hitCount == events[category].hitCount)
            #expect(some[category].missed + rest[category].missed == events[category].missed)
        }
    }

    @Test(arguments: [CalibrationOptions.Method.platt, .beta, .isotonic, .temperature]) func fitsDecideAsFitted(
        method: CalibrationOptions.Method
    ) throws {
        let input = try problem(try ScratchFolder())
        let fit = try DetectionFit(
            layer, on: input.matches, input.truth, options: .init(method: method, shrinkage: 0), folds: 4,
            fittedOn: "sha256:0", model: "sha256:1")
        let calibration = try #require(fit.layer.calibration)
        let (before, after) = (try #require(calibration.eceBefore), try #require(calibration.eceAfter))
        #expect(after < before)
        if method != .temperature {
            #expect(after < 0.05)
            #expect(try #require(calibration.eceCrossFitted) < 0.1)
        }
        // Class 1 of the layer is category 7, the truth's first.
        let decider = try DetectionDecider(fit.layer)
        let events = input.matches.events(threshold: 0)[0]
        let scores = events.scores.map { decider.calibrated($0, 1) }
        let best = try #require(
            ThresholdFit.fit(BinaryEvents(scores: scores, hits: events.hits, missed: events.missed), .f1))
        #expect(decider.threshold(1) == best.threshold)
        let report = fit.report()
        #expect(report.value("after", "ECE") == after && report.value("before", "ECE") == before)
        #expect(report.columns == ["r", "c", "f", "total"])
        #expect(report.classes[1]["F1_at_threshold"]?.double == best.f1)
        #expect(report.json["ECE"]?["cross_fitted"]?["total"]?.double == calibration.eceCrossFitted)
        #expect(fit.layer.thresholds?.positives?[1] == events.hitCount + events.missed)
    }

    @Test func whatDoesNotFitIsNamed() throws {
        let input = try problem(try ScratchFolder())
        func error(_ layer: DecisionLayer, iou: Double = 0.5) -> String {
            let error = #expect(throws: LTError.self) {
                try DetectionFit(layer, on: input.matches, input.truth, options: .init(), iou: iou)
            }
            return error?.description ?? ""
        }
        #expect(error(DecisionLayer(task: .multilabel)).contains("task multilabel, expected detection"))
        #expect(error(DecisionLayer(task: .detection)).contains("lt.labels"))
        #expect(error(layer, iou: 0.3).contains("IoU 0.3, matched at 0.5"))
        var other = layer
        other.labels?[1].id = 77
        #expect(error(other).contains("no category of id 77"))
    }
}
