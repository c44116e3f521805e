// Large files: arrays shorter and longer than the blocks that are read at a time, in any order, with what looks like
// brackets inside strings.

import Foundation
import LTCore
import LTEval
import Testing

@Suite struct JSONStreamTests {
    @Test func shortArraysBeforeLongOnes() throws {
        let images = (1...50).map { "{\"id\": \($0), \"width\": 640, \"height\": 480, \"note\": \"]}\\\"]\"}" }
        let categories = ["{\"id\": 1, \"name\": \"[{\", \"frequency\": \"r\"}"]
        var objects: [String] = []
        for id in 0..<60_000 {
            objects.append(
                "{\"id\": \(id), \"image_id\": \(1 + id % 50), \"category_id\": 1, \"bbox\": [1, 2, 30.5, 4], "
                    + "\"area\": 122, \"segmentation\": [[1, 2, 31.5, 2, 31.5, 6, 1, 6]]}")
        }
        let parts = [("images", images), ("categories", categories), ("annotations", objects)]
        let scratch = try ScratchFolder()
        for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
            let text = order.map { "\"\(parts[$0].0)\": [" + parts[$0].1.joined(separator: ", ") + "]" }
            let file = try scratch.file("gt.json", "{\"info\": {}, " + text.joined(separator: ",\n") + "}")
            for threads in [1, 2] {
                var rules = DetectionProtocol.lvis
                rules.iouType = .segm
                let truth = try DetectionTruth.read(file, rules: rules, threads: threads)
                #expect(truth.images.count == 50 && truth.count == 60_000 && truth.masks.count == 60_000)
                #expect(truth.objectStarts.last == 60_000 && truth.ids[1] == 50)
            }
        }
    }
}
