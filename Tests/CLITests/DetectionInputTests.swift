// What `lt-train run` says of detection data with something wrong in them: an error that names it, or a note and a rule; never a
// loss that is no number.

import Foundation
import LTCore
import LTImage
import Testing

@Suite struct DetectionInputTests {
    /// Three pictures of 40 × 30 pixels with two objects each, of categories 1 and 2 of three, all with masks.
    private struct Scene {
        let folder: TemporaryFolder
        var images: [[String: Any]] = []
        var objects: [[String: Any]] = []
        var categories: [[String: Any]] = [(1, "cup"), (2, "jug"), (3, "mug")].map {
            ["id": $0, "name": $1, "frequency": "f", "image_count": 3]
        }

        init() throws {
            folder = try TemporaryFolder()
            for id in 1...3 {
                try folder.writeJPEG(id, "images/\(id).jpg")
                images.append([
                    "id": id, "width": 40, "height": 30, "file_name": "\(id).jpg", "neg_category_ids": [Int](),
                    "not_exhaustive_category_ids": [Int](),
                ])
                for category in 1...2 { add(id, category, [3 * category, 4, 12, 14]) }
            }
        }

        mutating func add(_ image: Int, _ category: Int, _ box: [Double], mask: Bool = true, crowd: Bool = false) {
            let (x, y, w, h) = (box[0], box[1], box[2], box[3])
            var object: [String: Any] = [
                "id": objects.count + 1, "image_id": image, "category_id": category, "bbox": box, "area": w * h,
                "iscrowd": crowd ? 1 : 0,
            ]
            if mask { object["segmentation"] = [[x, y, x + w, y, x + w, y + h, x, y + h]] }
            objects.append(object)
        }
        mutating func add(_ image: Int, _ category: Int, _ box: [Int]) { add(image, category, box.map(Double.init)) }

        func write(_ name: String = "train.json") throws {
            let json: [String: Any] = ["images": images, "annotations": objects, "categories": categories]
            try folder.write([UInt8](try JSONSerialization.data(withJSONObject: json)), name)
        }

        /// Three steps on `train.json`.
        func run(_ overrides: String...) throws -> Tool.Result {
            let recipe = """
                train: {format: lvis, annotations: \(folder.file("train.json")), images: \(folder.file("images"))}
                network: {name: rcnn, depth: 18, width: 4, fpn_channels: 8, representation: 16,
                  anchors: {sizes: [8, 16, 32, 64, 128]}}
                detection: {rpn: {batch: 32}, proposals: {pre_nms: 60, post_nms: 30}, roi: {batch: 24}}
                freeze: {batch_norm: true}
                sampler: {name: uniform}
                loss: {name: softmax-ce}
                optimizer: {name: sgd, lr: 0.01}
                iterations: 3
                batch: 3
                input: {min_size: 32, max_size: 64}
                threads: 1
                """
            try folder.write([UInt8](recipe.utf8), "recipe.yaml")
            return try Tool("lt-train").run(
                ["run", folder.file("recipe.yaml"), "--out", folder.file("run")]
                    + overrides.flatMap { ["--set", $0] })
        }

        /// Expects an error before the first step.
        func expectError(_ words: [String], _ overrides: String...) throws {
            let result = try overrides.isEmpty ? run() : run(overrides.joined())
            #expect(result.status == 1 && !FileManager.default.fileExists(atPath: folder.file("run/log.csv")))
            for word in words { #expect(result.error.contains(word), "no '\(word)' in:\n\(result.error)") }
        }
    }

    @Test func wrongBoxesAreCutOrDroppedAndCounted() throws {
        var scene = try Scene()
        scene.add(1, 1, [-20, 10, 30, 500])
        scene.add(1, 2, [35.2, 2, 1e4, 8])
        scene.add(1, 2, [35.2, 2, 1e300, 8])
        scene.add(2, 1, [5, 5, 0, 9])
        scene.add(2, 2, [5, 5, 9, 1e-30])
        scene.add(2, 2, [400, 400, 9, 9])
        scene.add(3, 1, [0, 0, 40, 30], mask: true, crowd: true)
        // The last picture shows a crowd alone.
        scene.objects.removeAll { $0["image_id"] as? Int == 3 && $0["iscrowd"] as? Int == 0 }
        try scene.write()
        let result = try scene.run()
        #expect(result.status == 0, "\(result.error)")
        for note in [
            "2 boxes reach beyond their pictures: cut at the edges", "4 boxes have no area in their pictures: dropped",
            "1 pictures show background alone", "1 of 3 categories have no object: they stay, with a count of 0",
        ] { #expect(result.error.contains(note), "no '\(note)' in:\n\(result.error)") }
        let losses = try RunFolder.log(scene.folder.file("run"))
        #expect(losses.count == 3 && losses.allSatisfy { $0.isFinite && $0 < 100 }, "\(losses)")
    }

    @Test func missingFilesAreNamedAndCounted() throws {
        let scene = try Scene()
        try scene.write()
        try FileManager.default.removeItem(atPath: scene.folder.file("images/2.jpg"))
        try scene.expectError(["1 of 3 image files are missing", "images/2.jpg", "in train"])
        let split = "{format: lvis, annotations: \(scene.folder.file("train.json")), images: \(scene.folder.path)}"
        try scene.folder.writeJPEG(2, "images/2.jpg")
        try scene.expectError(["3 of 3 image files are missing", "validation split 'val'"], "validate={val: \(split)}")
    }

    @Test func nothingToLearnFrom() throws {
        var scene = try Scene()
        scene.objects = []
        try scene.write()
        try scene.expectError(["has no boxes, which a detector learns from"])
        scene.add(1, 1, [0, 0, 9, 9], mask: true, crowd: true)
        scene.add(2, 1, [90, 90, 9, 9], mask: true)
        for empty in ["background", "skip"] {
            try scene.write()
            try scene.expectError(
                ["has no object to learn from", "1 have no area", "1 are crowds"], "detection.empty=\(empty)")
        }
    }

    @Test func masksWhereTheyAreNeeded() throws {
        var scene = try Scene()
        let paste = "augment={jitter: {side: 48, factors: [0.8, 1.25]}, canvas: [48, 48], copy_paste: {}}"
        scene.add(1, 1, [10, 10, 8, 8], mask: false)
        try scene.write()
        for override in [paste, "network.mask=true"] {
            let result = try scene.run(override)
            #expect(result.status == 0 && result.error.contains("1 objects have no mask: dropped"), "\(result.error)")
            try FileManager.default.removeItem(atPath: scene.folder.file("run"))
        }
        for index in scene.objects.indices { scene.objects[index]["segmentation"] = nil }
        try scene.write()
        for override in [paste, "network.mask=true"] {
            try scene.expectError(["no object of", "has a mask", "leave out mask head and copy-paste"], override)
        }
    }

    /// LVIS v1 has other classes than v0.5.
    @Test func filesOfDifferentVersions() throws {
        var scene = try Scene()
        try scene.write()
        scene.categories[1]["name"] = "pitcher"
        try scene.write("val.json")
        let split =
            "{format: lvis, annotations: \(scene.folder.file("val.json")), images: \(scene.folder.file("images"))}"
        try scene.expectError(
            ["validation split 'val'", "'pitcher' (2), expected 'jug' (2)", "compared by id and name"],
            "validate={val: \(split)}")
    }

    /// A picture that is stored lying on its side, and one that was resized.
    @Test func filesOfOtherSizes() throws {
        let scene = try Scene()
        try scene.write()
        let jpeg = try Data(contentsOf: URL(fileURLWithPath: scene.folder.file("images/3.jpg")))
        // APP1 behind the start of the image: TIFF of one entry, orientation 6.
        let exif: [UInt8] =
            [0xFF, 0xE1, 0, 34] + Array("Exif\0\0".utf8)
            + [0x4D, 0x4D, 0, 42, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, 6, 0, 0, 0, 0, 0, 0]
        try scene.folder.write(Array(jpeg.prefix(2)) + exif + Array(jpeg.dropFirst(2)), "images/3.jpg")
        let turned = try scene.run()
        for word in ["images/3.jpg", "30×40 pixels when it is turned as its EXIF orientation says", "40×30", "upright"]
        {
            #expect(turned.status == 1 && turned.error.contains(word), "no '\(word)' in:\n\(turned.error)")
        }
        let other = try Image(width: 20, height: 15, channels: 3)
        try scene.folder.write(try other.encodedJPEG(quality: 90), "images/3.jpg")
        let resized = try scene.run()
        #expect(resized.error.contains("20×15 pixels, its annotation says 40×30"), "\(resized.error)")
    }
}
