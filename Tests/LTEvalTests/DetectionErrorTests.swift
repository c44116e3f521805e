// Kinds of errors against TIDE (Fixtures/detection_errors.json, made by Utilities/fixtures/detection_errors.py), and on federated
// data, where only pairs of image and category that the annotation speaks of count.

import Foundation
import LTCore
import LTEval
import Testing

@Suite struct DetectionErrorTests {
    @Test func gainsAreTIDEs() throws {
        let fixture = RawJSON(try Data(contentsOf: fixtures.appendingPathComponent("detection_errors.json")))
        let scratch = try ScratchFolder()
        var rules = DetectionProtocol.coco
        rules.cap = .unlimited
        // TIDE's recall grid is k / 100; COCO's k · 0.01 differs from it in ten places.
        rules.recallThresholds = (0...100).map { Double($0) / 100 }
        let evaluated = try Evaluated(
            scratch.file("gt.json", try #require(fixture["gt"]).text),
            scratch.file("dt.json", try #require(fixture["dt"]).text), rules)
        let errors = try DetectionErrors(evaluated.matches, evaluated.truth, evaluated.results, threads: 2)
        let expected = try #require(fixture["expected"])
        expectClose(evaluated.summary.averagePrecision(threshold: 0), try #require(expected["AP50"]).double / 100, 1e-9)
        #expect(try #require(expected["count"]).members.count == 6)
        for kind in DetectionErrors.Kind.allCases {
            let gain = try #require(expected["gain"]?[kind.name])
            // In percent.
            expectClose(errors.gain(kind), gain.double / 100, 1e-9, kind.name)
            guard let count = expected["count"]?[kind.name] else { continue }
            #expect(errors.count(kind) == Int(count.double), "\(kind.name)")
        }
    }

    @Test(arguments: [DetectionProtocol.IoUType.bbox, .segm]) func errorsAddUp(_ type: DetectionProtocol.IoUType) throws
    {
        var rules = DetectionProtocol.lvis
        rules.iouType = type
        let data = fixtures.appendingPathComponent("eval/data/").path
        let evaluated = try Evaluated("\(data)/tiny_gt.json", "\(data)/tiny_dt_\(type.rawValue).json", rules)
        let (matches, truth) = (evaluated.matches, evaluated.truth)
        let errors = try DetectionErrors(matches, truth, evaluated.results)
        let one = try DetectionErrors(matches, truth, evaluated.results, threads: 1)
        #expect(errors.counts == one.counts && errors.averagePrecisions == one.averagePrecisions)
        #expect(errors.foreground == 0.5 && errors.background == 0.1)
        for category in truth.categories.indices {
            let entries = matches.range(ofCategory: category).map { matches[$0] }
            let wrong = entries.count { ($0.matched | $0.ignored) & 1 == 0 }
            let kinds: [DetectionErrors.Kind] = [.classification, .localisation, .both, .duplicate, .background]
            #expect(kinds.reduce(0) { $0 + errors.count($1, categories: [category]) } == wrong)
            #expect(errors.count(.falsePositive, categories: [category]) == wrong)
            let found = entries.count { $0.matched & ~$0.ignored & 1 == 1 }
            #expect(
                errors.count(.falseNegative, categories: [category]) == matches.positives(ofCategory: category) - found)
            #expect(
                errors.count(.missed, categories: [category]) <= errors.count(.falseNegative, categories: [category]))
            if let own = errors.averagePrecisions[category] {
                expectClose(evaluated.summary.averagePrecision(categories: [category], threshold: 0), own)
            } else {
                #expect(errors.gain(.missed, categories: [category]) == nil)
            }
        }
        for kind in DetectionErrors.Kind.allCases where kind != .classification {
            #expect(try #require(errors.gain(kind)) >= 0, "\(kind.name)")
        }
        #expect(try #require(errors.gain(.falsePositive)) > 0 && errors.count(.background) > 0)
    }
}
