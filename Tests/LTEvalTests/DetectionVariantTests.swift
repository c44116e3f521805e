// Fixed AP, AP-pool, other limits and boundary AP against the tools of their papers (Fixtures/eval/variants.json).
// A case whose ground truth is not in the folder (the medium set has 180 MB) is named, not run.

import Foundation
import LTCore
import LTEval
import Testing

@Suite struct DetectionVariantTests {
    /// Runs a case of variants.json: "small_bbox_fixedAP_k100", "small_boundary_d0.02", …; nil without its data.
    private func evaluated(_ name: String) throws -> Evaluated? {
        let parts = name.split(separator: "_").map(String.init)
        let isBoundary = parts[1] == "boundary"
        var rules = isBoundary ? DetectionProtocol.lvisBoundary : .lvis
        if let limit = parts.last(where: { $0.hasPrefix("k") }).flatMap({ Int($0.dropFirst()) }) {
            rules = .lvisFixed
            rules.cap = .perCategory(limit)
        } else if let limit = parts.last.flatMap({ $0.hasPrefix("maxdets") ? Int($0.dropFirst(7)) : nil }) {
            rules.cap = .perImage(limit)
        }
        let data = DetectionVectorTests.folder.appendingPathComponent("data")
        let truth = data.appendingPathComponent("\(parts[0])_gt.json").path
        guard FileManager.default.fileExists(atPath: truth) else { return nil }
        let scratch = try ScratchFolder()
        return try Evaluated(
            truth, DetectionVectorTests.results(parts[0], isBoundary ? .segm : .bbox, scratch), rules)
    }

    @Test func variantsAreTheReferences() throws {
        var run = 0
        var skipped: [String] = []
        for (name, wanted) in try DetectionVectorTests.json("variants.json").members {
            guard let outcome = try evaluated(name) else {
                skipped.append(name)
                continue
            }
            run += 1
            if name.contains("APpool") {
                for (group, values) in wanted.members {
                    let categories = outcome.truth.categories.indices.filter {
                        group == "all" || outcome.truth.categories[$0].frequency == group
                    }
                    let pooled = PooledPrecision(outcome.matches, categories: categories)
                    for (key, value) in values.members {
                        let own: Double? =
                            switch key {
                            case "AP": pooled.averagePrecision
                            case "AP50": pooled.atThresholds[0]
                            case "AP75": pooled.atThresholds[5]
                            default: pooled.averageRecall
                            }
                        expectClose(own, value.double, 1e-12, "\(name) \(group) \(key)")
                    }
                }
                continue
            }
            for (key, value) in wanted.members {
                // Fixed AP's list has no number behind AR.
                let own = outcome.summary.values.first { $0.name.prefix { $0 != "@" } == key || $0.name == key }
                expectClose(own?.value ?? -1, value.double, 1e-12, "\(name) \(key)")
            }
        }
        #expect(run > 0)
        print("variants.json: \(run) cases; without their data in the folder: \(skipped.joined(separator: ", "))")
    }
}
