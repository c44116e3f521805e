// The evaluation against a plain one, written from the rules of docs/metrics.md, on seeded small sets with equal scores, equal
// overlaps, ignored objects, open categories and more detections than count; and its independence of threads and order.

import Foundation
import LTCore
import LTEval
import Testing

/// A small set of images.
private struct SmallSet {
    struct Object { var id, image, category: Int; var box: [Double]; var area: Double; var ignore: Bool }
    struct Found { var image, category: Int; var box: [Double]; var score: Double }
    var images: [Int]
    var negatives: [Int: [Int]] = [:]
    var open: [Int: [Int]] = [:]
    var categories: [(id: Int, frequency: String)]
    var objects: [Object] = []
    var found: [Found] = []

    init(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        images = (0..<5).map { [40, 7, 19, 3, 22][$0] }
        categories = [(5, "r"), (2, "c"), (9, "f"), (4, "f")]
        func box() -> [Double] {
            [
                Double(random.below(6) * 4), Double(random.below(6) * 4), Double(4 * (1 + random.below(24))),
                Double(4 * (1 + random.below(24))),
            ]
        }
        for image in images {
            negatives[image] = categories.map(\.id).filter { _ in random.below(3) == 0 }
            open[image] = categories.map(\.id).filter { _ in random.below(4) == 0 }
            for category in categories where random.below(2) == 0 {
                for _ in 0..<1 + random.below(4) {
                    let area = [0, 500, 1024, 3000, 9216, 20_000][random.below(6)]
                    objects.append(
                        Object(
                            id: objects.count + 1, image: image, category: category.id, box: box(), area: Double(area),
                            ignore: random.below(8) == 0))
                }
            }
            for _ in 0..<random.below(16) {
                let near = objects.filter { $0.image == image }
                let copies = !near.isEmpty && random.below(3) > 0
                let source = copies ? near[random.below(near.count)] : nil
                var place = source?.box ?? box()
                if random.below(2) == 0 { place[2] += Double(random.below(3) * 2 - 2) }
                found.append(
                    Found(
                        image: image, category: source?.category ?? categories[random.below(4)].id, box: place,
                        score: Double(random.below(6)) / 4))
            }
        }
        found = random.shuffled(found)
    }

    var truthJSON: String {
        let images = images.map {
            "{\"id\":\($0),\"width\":200,\"height\":200,\"neg_category_ids\":\(negatives[$0] ?? []),"
                + "\"not_exhaustive_category_ids\":\(open[$0] ?? [])}"
        }
        let categories = categories.map { "{\"id\":\($0.id),\"name\":\"c\",\"frequency\":\"\($0.frequency)\"}" }
        let objects = objects.map {
            "{\"id\":\($0.id),\"image_id\":\($0.image),\"category_id\":\($0.category),\"bbox\":\($0.box),\"area\":\($0.area),"
                + "\"ignore\":\($0.ignore ? 1 : 0)}"
        }
        return "{\"images\":[\(images.joined(separator: ","))],\"annotations\":[\(objects.joined(separator: ","))],"
            + "\"categories\":[\(categories.joined(separator: ","))]}"
    }

    var resultsJSON: String {
        "["
            + found.map {
                "{\"image_id\":\($0.image),\"category_id\":\($0.category),\"bbox\":\($0.box),\"score\":\($0.score)}"
            }.joined(separator: ",\n") + "]"
    }
}

/// Precision at the recall thresholds and recall, one category at a time, without any haste.
private struct PlainEvaluation {
    let set: SmallSet
    let limit: Int

    func iou(_ a: [Double], _ b: [Double]) -> Double {
        let w = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
        let h = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
        return w <= 0 || h <= 0 ? 0 : w * h / (a[2] * a[3] + b[2] * b[3] - w * h)
    }

    /// Indices by score descending, earlier ones first where equal.
    func ranked(_ indices: [Int]) -> [Int] {
        indices.sorted { (-set.found[$0].score, $0) < (-set.found[$1].score, $1) }
    }

    func curve(category: Int, area: DetectionProtocol.AreaRange, threshold: Double) -> (
        precision: [Double], recall: Double
    )? {
        var events: [(score: Double, hit: Bool)] = []
        var positives = 0
        for image in set.images.sorted() {
            let here = set.found.indices.filter { set.found[$0].image == image }
            let counted = here.count > limit ? Array(ranked(here)[..<limit]) : here
            let objects = set.objects.filter { $0.image == image && $0.area > 0 }
            let mine = objects.filter { $0.category == category }
            let isKnown = !mine.isEmpty || set.negatives[image]?.contains(category) == true
            let isOpen = set.open[image]?.contains(category) == true
            func isIgnored(_ object: SmallSet.Object) -> Bool {
                object.ignore || object.area < area.lower || object.area > area.upper
            }
            positives += mine.count { !isIgnored($0) }
            var free = [Bool](repeating: true, count: mine.count)
            for index in ranked(counted.filter { set.found[$0].category == category }) where isKnown {
                let detection = set.found[index]
                let size = detection.box[2] * detection.box[3]
                guard size > 0 else { continue }
                var best: Int?
                for wantsIgnored in [false, true] where best == nil {
                    var greatest = min(threshold, 1 - 1e-10)
                    for (place, object) in mine.enumerated() where free[place] && isIgnored(object) == wantsIgnored {
                        let overlap = iou(detection.box, object.box)
                        if overlap >= greatest { (greatest, best) = (overlap, place) }
                    }
                }
                if let best {
                    free[best] = false
                    if !isIgnored(mine[best]) { events.append((detection.score, true)) }
                } else if !isOpen, size >= area.lower, size <= area.upper {
                    events.append((detection.score, false))
                }
            }
        }
        guard positives > 0 else { return nil }
        let order = events.indices.sorted { (-events[$0].score, $0) < (-events[$1].score, $1) }
        var (tp, fp) = (0.0, 0.0)
        var points: [(recall: Double, precision: Double)] = []
        for index in order {
            if events[index].hit { tp += 1 } else { fp += 1 }
            points.append((tp / Double(positives), tp / (fp + tp + 0x1p-52)))
        }
        let precision = DetectionProtocol.recallGrid.map { wanted in
            points.filter { $0.recall >= wanted }.map(\.precision).max() ?? 0
        }
        return (precision, tp / Double(positives))
    }
}

@Suite struct DetectionPropertyTests {
    @Test func everyCellIsThatOfThePlainEvaluation() throws {
        let scratch = try ScratchFolder()
        var cells = 0
        for seed in 0..<30 {
            let set = SmallSet(seed: UInt64(seed))
            for limit in [300, 6] {
                var rules = DetectionProtocol.lvis
                rules.cap = .perImage(limit)
                let outcome = try Evaluated(
                    scratch.file("gt.json", set.truthJSON), scratch.file("dt.json", set.resultsJSON), rules)
                let plain = PlainEvaluation(set: set, limit: limit)
                for (k, category) in outcome.truth.categories.enumerated() {
                    for (a, area) in rules.areas.enumerated() {
                        for t in [0, 3, 5, 8, 9] {
                            let expected = plain.curve(
                                category: category.id, area: area, threshold: rules.iouThresholds[t])
                            let place =
                                "seed \(seed), limit \(limit), category \(category.id), area \(a), threshold \(t)"
                            #expect(
                                outcome.curves.precision(category: k, area: a, threshold: t) == expected?.precision,
                                "\(place)")
                            #expect(
                                outcome.curves.recall(category: k, area: a, threshold: t) == expected?.recall,
                                "\(place)")
                            cells += 1
                        }
                    }
                }
            }
        }
        #expect(cells == 30 * 2 * 4 * 4 * 5)
    }

    @Test func threadsAndWeightsOfOneChangeNothing() throws {
        let scratch = try ScratchFolder()
        let set = SmallSet(seed: 99)
        let files = (try scratch.file("gt.json", set.truthJSON), try scratch.file("dt.json", set.resultsJSON))
        let one = try Evaluated(files.0, files.1, .lvis, threads: 1)
        let many = try Evaluated(files.0, files.1, .lvis, threads: 7)
        #expect(one.referenceCells == many.referenceCells)
        #expect(one.summary.values == many.summary.values)
        let weighted = try DetectionSummary(
            one.matches, one.truth, weights: [Int32](repeating: 1, count: one.truth.images.count), threads: 3)
        #expect(weighted.values == one.summary.values)
        // Every image twice: the same recall, and the same precision at its ends.
        let doubled = try DetectionSummary(
            one.matches, one.truth, weights: [Int32](repeating: 2, count: one.truth.images.count), threads: 3)
        expectClose(doubled.averageRecall(), one.summary.averageRecall() ?? .nan)
    }
}
