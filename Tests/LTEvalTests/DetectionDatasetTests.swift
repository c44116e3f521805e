// Ground truth and results that come from memory give what files of the same give.

import Foundation
import LTCore
import LTData
import LTDecision
import LTEval
import Testing

@Suite struct DetectionDatasetTests {
    /// Two images out of order, boxes with polygons, run lengths and none, a crowd.
    private func annotations(_ generator: inout SeededGenerator) throws -> (json: Data, images: [Int]) {
        let ids = [7, 3, 9, 5]
        var objects: [[String: Any]] = []
        for number in 1...24 {
            let (x, y) = (Double(generator.below(40)), Double(generator.below(30)))
            let (w, h) = (Double(4 + generator.below(20)), Double(4 + generator.below(20)))
            var object: [String: Any] = [
                "id": number, "image_id": ids[generator.below(4)], "category_id": 1 + generator.below(3),
                "bbox": [x, y, w, h], "area": w * h, "iscrowd": number % 9 == 0 ? 1 : 0,
            ]
            object["segmentation"] =
                number % 3 == 0
                ? ["size": [60, 80], "counts": [60 * Int(x) + Int(y), 4, 4800 - 60 * Int(x) - Int(y) - 4]]
                    as [String: Any]
                : [[x, y, x + w, y, x + w, y + h, x, y + h]] as [[Double]]
            objects.append(object)
        }
        let root: [String: Any] = [
            "images": ids.map {
                [
                    "id": $0, "width": 80, "height": 60, "file_name": "\($0).jpg", "neg_category_ids": [2],
                    "not_exhaustive_category_ids": $0 == 3 ? [1] : [],
                ] as [String: Any]
            },
            "categories": [(1, "a", "r"), (2, "b", "c"), (3, "c", "f")].map {
                ["id": $0.0, "name": $0.1, "frequency": $0.2, "image_count": 5] as [String: Any]
            },
            "annotations": objects,
        ]
        return (try JSONSerialization.data(withJSONObject: root, options: .sortedKeys), ids)
    }

    @Test(arguments: [DetectionProtocol.lvis, .coco], [DetectionProtocol.IoUType.bbox, .segm])
    func memoryIsAsGoodAsFiles(_ named: DetectionProtocol, _ overlap: DetectionProtocol.IoUType) throws {
        var rules = named
        rules.iouType = overlap
        let folder = FileManager.default.temporaryDirectory.path + "/lt-truth-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        var generator = SeededGenerator(seed: 4)
        let (json, ids) = try annotations(&generator)
        try json.write(to: URL(fileURLWithPath: folder + "/gt.json"))
        let read = try DetectionTruth.read(folder + "/gt.json", rules: rules, threads: 1)
        let dataset = try Dataset.coco(folder + "/gt.json", imageFolder: folder)
        let own = try DetectionTruth(dataset, rules: rules)
        #expect(own.images == read.images && own.categories == read.categories && own.ids == read.ids)
        #expect(own.boxes == read.boxes && own.areas == read.areas && own.isCrowd == read.isCrowd)
        #expect(own.negatives == read.negatives && own.notExhaustive == read.notExhaustive)
        #expect(own.digest == read.digest)
        #expect(DetectionTruth.order(dataset).map { dataset.images[$0].id } == ids.sorted())

        // Detections near the objects, with masks.
        var results = DetectionResults()
        var lines: [[String: Any]] = []
        for (position, image) in own.images.enumerated() {
            var found: [Detection] = []
            for object in own.objectStarts[position]..<own.objectStarts[position + 1] {
                let box = own.boxes[4 * object..<4 * object + 4].map { Float($0) }
                let (x, y) = (box[0] + Float(generator.below(4)), box[1])
                let score = Float(1 + generator.below(63)) / 64
                var pixels = [UInt8](repeating: 0, count: 80 * 60)
                for row in Int(y)..<min(60, Int(y + box[3])) {
                    for column in Int(x)..<min(80, Int(x + box[2])) { pixels[row * 80 + column] = 1 }
                }
                let mask = try pixels.withUnsafeBufferPointer { try RunLengthMask(width: 80, height: 60, pixels: $0) }
                let category = Int(own.objectCategories[object])
                found.append(
                    Detection(
                        category: category, score: score, box: Box(x1: x, y1: y, x2: x + box[2], y2: y + box[3]),
                        mask: mask))
                lines.append([
                    "image_id": image.id, "category_id": category + 1, "score": Double(score),
                    "bbox": [x, y, box[2], box[3]].map(Double.init),
                    "segmentation": ["size": [60, 80], "counts": mask.compressed] as [String: Any],
                ])
            }
            try results.append(found, image: position, rules: rules)
        }
        try JSONSerialization.data(withJSONObject: lines).write(to: URL(fileURLWithPath: folder + "/dt.json"))
        let file = try DetectionResults.read(folder + "/dt.json", truth: read, rules: rules, threads: 1)
        let first = try DetectionEvaluation(results, own, rules: rules, threads: 1).report()
        let second = try DetectionEvaluation(file, read, rules: rules, threads: 1).report()
        #expect(first.text == second.text)
        let precision = try #require(first.value("detection", "AP"))
        #expect(precision > 0.05 && precision < 1)
    }

    @Test func imagesWithoutSizeAreRefused() throws {
        var image = Dataset.Image(id: 1, path: "a.jpg", labels: [])
        image.width = 4
        let dataset = Dataset(source: "memory", imageFolder: ".", categories: [], images: [image])
        #expect(throws: LTError.self) { try DetectionTruth(dataset, rules: .coco) }
    }
}
