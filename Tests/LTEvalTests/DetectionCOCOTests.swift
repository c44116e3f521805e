// COCO's protocol against pycocotools 2.0.11 (Fixtures/coco_eval.json, made by Utilities/fixtures/coco_eval.py): its twelve
// numbers, and precision and recall cell by cell.

import Foundation
import LTCore
import LTEval
import Testing

@Suite struct DetectionCOCOTests {
    @Test(arguments: [DetectionProtocol.IoUType.bbox, .segm]) func numbersAreThoseOfCOCOsAPI(
        _ type: DetectionProtocol.IoUType
    ) throws {
        let cases = RawJSON(try Data(contentsOf: fixtures.appendingPathComponent("coco_eval.json"))).elements
        #expect(cases.count == 3)
        let scratch = try ScratchFolder()
        for (number, vector) in cases.enumerated() {
            var rules = DetectionProtocol.coco
            rules.iouType = type
            let outcome = try Evaluated(
                scratch.file("gt.json", try #require(vector["gt"]).text),
                scratch.file("dt.json", try #require(vector["dt"]).text), rules)
            let expected = try #require(vector[type.rawValue])
            for (key, value) in try #require(expected["results"]).members {
                expectClose(outcome.summary[key] ?? -1, value.double, 1e-12, "case \(number) \(key)")
            }
            #expect(outcome.summary.values.count == 12)
            let (K, A) = (outcome.truth.categories.count, rules.areas.count)
            var precision: [Double] = []
            for t in [0, 5] {
                for r in stride(from: 0, to: 101, by: 10) {
                    for k in 0..<K {
                        for a in 0..<A {
                            precision.append(outcome.curves.precision(category: k, area: a, threshold: t)?[r] ?? -1)
                        }
                    }
                }
            }
            #expect(precision == expected["precision"]?.doubles, "case \(number)")
            var recall: [Double] = []
            for t in 0..<10 {
                for k in 0..<K {
                    for a in 0..<A {
                        for m in 0..<3 {
                            recall.append(outcome.curves.recall(category: k, area: a, threshold: t, cap: m) ?? -1)
                        }
                    }
                }
            }
            #expect(recall == expected["recall"]?.doubles, "case \(number)")
        }
    }
}
