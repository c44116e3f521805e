// Intervals and comparisons against the plain way: draw images, write each drawn one as an image of its own, evaluate.

import Foundation
import LTCore
import LTEval
import Testing

/// A small federated data set and detections, all scores different.
private struct RandomSet {
    struct Thing {
        var image: Int
        var category: Int
        var box: [Double]
        var score = 0.0
    }
    let images = 25
    let categories = 6
    var objects: [Thing] = []
    var detections: [Thing] = []

    init(seed: UInt64, quality: Double = 0.1) {
        var random = SeededGenerator(seed: 40)
        for image in 0..<images {
            for _ in 0..<random.below(6) {
                let box = [
                    random.uniform() * 50, random.uniform() * 50, 5 + random.uniform() * 60, 5 + random.uniform() * 60,
                ]
                // Categories 0 and 1 are rare: some resamples draw none of their objects.
                let category = random.uniform() < 0.1 ? random.below(2) : 2 + random.below(4)
                objects.append(Thing(image: image, category: category, box: box))
            }
        }
        random = SeededGenerator(seed: seed)
        for object in objects {
            for _ in 0..<random.below(3) {
                let box = object.box.map { max(1, $0 + $0 * quality * random.normal()) }
                let category = random.uniform() < 0.2 ? random.below(categories) : object.category
                detections.append(Thing(image: object.image, category: category, box: box, score: random.uniform()))
            }
            detections.append(
                Thing(
                    image: object.image, category: random.below(categories), box: [1, 1, 9, 9], score: random.uniform())
            )
        }
    }

    /// Annotations and results in which each image occurs as often as its weight says.
    func json(_ weights: [Int32]) -> (truth: String, results: String) {
        var (imageTexts, objectTexts, detectionTexts): ([String], [String], [String]) = ([], [], [])
        for image in 0..<images {
            for copy in 0..<Int(weights[image]) {
                let id = image * 1000 + copy
                imageTexts.append(
                    "{\"id\": \(id), \"width\": 200, \"height\": 200, \"neg_category_ids\": [0, 1, 2, 3], "
                        + "\"not_exhaustive_category_ids\": [\(image % 5 == 0 ? "3" : "")]}")
                for object in objects where object.image == image {
                    objectTexts.append(
                        "{\"id\": \(objectTexts.count + 1), \"image_id\": \(id), \"category_id\": \(object.category), "
                            + "\"bbox\": \(object.box), \"area\": \(object.box[2] * object.box[3])}")
                }
                for found in detections where found.image == image {
                    detectionTexts.append(
                        "{\"image_id\": \(id), \"category_id\": \(found.category), \"bbox\": \(found.box), "
                            + "\"score\": \(found.score)}")
                }
            }
        }
        let names = (0..<categories).map {
            "{\"id\": \($0), \"name\": \"c\($0)\", \"frequency\": \"\(["r", "r", "c", "c", "f", "f"][$0])\"}"
        }
        let parts = [("images", imageTexts), ("categories", names), ("annotations", objectTexts)]
        let truth = parts.map { "\"\($0.0)\": [\($0.1.joined(separator: ","))]" }.joined(separator: ",")
        return ("{\(truth)}", "[\(detectionTexts.joined(separator: ","))]")
    }

    func evaluated(_ scratch: ScratchFolder, _ weights: [Int32]? = nil) throws -> Evaluated {
        let (truth, results) = json(weights ?? [Int32](repeating: 1, count: images))
        return try Evaluated(scratch.file("gt.json", truth), scratch.file("dt.json", results), .lvis)
    }
}

@Suite struct DetectionBootstrapTests {
    private let groups: [[Int]?] = [nil, [0, 1], [2, 3], [4, 5], [0], [5]]

    /// Type 7, as numpy.
    private func quantile(_ values: [Double], _ share: Double) -> Double {
        let sorted = values.sorted()
        let place = share * Double(sorted.count - 1)
        let low = Int(place.rounded(.down))
        return sorted[low] + (place - Double(low)) * (sorted[min(low + 1, sorted.count - 1)] - sorted[low])
    }

    @Test func resamplesAreEvaluationsOfDrawnImages() throws {
        let scratch = try ScratchFolder()
        let set = RandomSet(seed: 41)
        let evaluated = try set.evaluated(scratch)
        let matches = evaluated.matches
        let resamples = 25
        let bootstrap = try DetectionBootstrap(matches, resamples: resamples, seed: 9, threads: 2)
        let naive = try (0..<resamples).map { resample in
            try set.evaluated(
                scratch, DetectionBootstrap.weights(resample: resample, seed: 9, images: set.images)
            ).summary
        }
        var undefined = 0
        for group in groups {
            let own = bootstrap.averagePrecisions(categories: group)
            for (own, summary) in zip(own, naive) {
                let wanted = summary.averagePrecision(categories: group)
                if wanted == nil { undefined += 1 }
                #expect((own == nil) == (wanted == nil))
                if let own, let wanted { expectClose(own, wanted, 1e-12) }
            }
            let known = naive.compactMap { $0.averagePrecision(categories: group) }
            let interval = bootstrap.interval(categories: group, level: 0.9)
            guard 2 * known.count >= resamples else {
                #expect(interval == nil)
                continue
            }
            // Around the value itself.
            let value = try #require(evaluated.summary.averagePrecision(categories: group))
            let shift = value - known.reduce(0, +) / Double(known.count)
            expectClose(interval?.lower, quantile(known, 0.05) + shift)
            expectClose(interval?.upper, quantile(known, 0.95) + shift)
        }
        #expect(undefined > 0)
        // Neither threads nor the number of resamples change a resample.
        let more = try DetectionBootstrap(matches, resamples: 40, seed: 9, threads: 1)
        #expect(Array(more.averagePrecisions().prefix(resamples)) == bootstrap.averagePrecisions())
        let other = try DetectionBootstrap(matches, resamples: resamples, seed: 10)
        #expect(other.averagePrecisions() != bootstrap.averagePrecisions())
        #expect(throws: LTError.self) { try DetectionBootstrap(matches, resamples: 1) }
    }

    @Test func everyImageIsDrawnOnAverageOnce() {
        var sum = [Int32](repeating: 0, count: 50)
        for resample in 0..<400 {
            let weights = DetectionBootstrap.weights(resample: resample, seed: 3, images: 50)
            #expect(weights.reduce(0, +) == 50 && weights.allSatisfy { $0 >= 0 })
            for image in 0..<50 { sum[image] += weights[image] }
        }
        #expect(sum.allSatisfy { (300...500).contains($0) })
    }

    @Test func differencesArePaired() throws {
        let scratch = try ScratchFolder()
        let (worse, better) = (RandomSet(seed: 42, quality: 0.15), RandomSet(seed: 43, quality: 0.02))
        let first = try worse.evaluated(scratch)
        let second = try better.evaluated(scratch)
        let comparison = try DetectionComparison(
            first.matches, second.matches, first.truth, resamples: 50, seed: 4, threads: 2)
        let (one, two) = (
            try DetectionBootstrap(first.matches, resamples: 50, seed: 4),
            try DetectionBootstrap(second.matches, resamples: 50, seed: 4)
        )
        for group in groups {
            let difference = comparison.averagePrecision(categories: group)
            #expect(difference.first == first.summary.averagePrecision(categories: group))
            #expect(difference.second == second.summary.averagePrecision(categories: group))
            var gains: [Double] = []
            for (a, b) in zip(one.averagePrecisions(categories: group), two.averagePrecisions(categories: group)) {
                #expect((a == nil) == (b == nil))
                if let a, let b { gains.append(b - a) }
            }
            guard 2 * gains.count >= 50 else { continue }
            let shift = (difference.gain ?? 0) - gains.reduce(0, +) / Double(gains.count)
            expectClose(difference.interval?.lower, quantile(gains, 0.025) + shift)
            expectClose(difference.interval?.upper, quantile(gains, 0.975) + shift)
        }
        let total = comparison.averagePrecision()
        #expect(total.isClear && total.wins == 1 && (total.gain ?? 0) > 0)
        let same = try DetectionComparison(first.matches, first.matches, first.truth, resamples: 20)
        #expect(same.averagePrecision().gain == 0 && same.averagePrecision().wins == 0.5)
        #expect(same.averagePrecision().interval == Report.Interval(0, 0) && !same.averagePrecision().isClear)
        let fixed = try DetectionMatches(first.truth, first.results, rules: .lvisFixed)
        #expect(throws: LTError.self) { try DetectionComparison(first.matches, fixed, first.truth, resamples: 20) }
    }

    @Test func calibrationErrorIsThePlainSum() throws {
        let evaluated = try RandomSet(seed: 44).evaluated(ScratchFolder())
        let matches = evaluated.matches
        let reliability = DetectionReliability(matches)
        #expect(reliability.isDefined && reliability.iou == 0.75)
        func plain(_ categories: [Int]) -> Double? {
            let entries = categories.flatMap { matches.range(ofCategory: $0).map { matches[$0] } }
                .filter { $0.ignored & (1 << 5) == 0 }
            guard !entries.isEmpty else { return nil }
            var error = 0.0
            for bin in 0..<10 {
                let (low, high) = (Double(bin) / 10, Double(bin + 1) / 10)
                let own = entries.filter { $0.score <= high && ($0.score > low || (bin == 0 && $0.score == 0)) }
                guard !own.isEmpty else { continue }
                let hits = Double(own.count { $0.matched & (1 << 5) != 0 })
                error += abs(hits - own.reduce(0) { $0 + $1.score }) / Double(entries.count)
            }
            return error
        }
        let all = Array(evaluated.truth.categories.indices)
        expectClose(reliability.pooled(), try #require(plain(all)))
        expectClose(reliability.pooled(categories: [2, 3]), try #require(plain([2, 3])))
        let each = all.compactMap { plain([$0]) }
        expectClose(reliability.classwise(), each.reduce(0, +) / Double(each.count))
        #expect(reliability.pooled(categories: []) == nil && reliability.classwise(categories: []) == nil)
    }
}
