// COCO and LVIS files: fields, label rule, clear errors, damaged files.

import Foundation
import LTCore
import LTData
import Testing

func parseCOCO(_ bytes: [UInt8]) throws(LTError) -> Dataset {
    var result: Result<Dataset, LTError> = .failure(LTError(.malformed, "not read"))
    bytes.withUnsafeBytes { raw in
        do throws(LTError) { result = .success(try Dataset.coco(parsing: raw)) } catch { result = .failure(error) }
    }
    return try result.get()
}

private let sample = """
    {"info": {"x": [1, {"y": null}]},
     "annotations": [
       {"id": 11, "image_id": 5, "category_id": 9, "bbox": [1.5, 2, 10, 20], "area": 150.25, "iscrowd": 0,
        "segmentation": [[1.5, 2, 11.5, 2, 11.5, 22], [0, 0, 1, 0, 1, 1, 0, 1]]},
       {"id": 12, "image_id": 5, "category_id": 2, "bbox": [0, 0, 4, 4], "area": 16, "iscrowd": 1,
        "segmentation": {"size": [30, 40], "counts": [3, 5, 1192]}},
       {"id": 13, "image_id": 7, "category_id": 9, "bbox": [0, 0, 0.5, 4], "area": 2},
       {"id": 14, "image_id": 7, "category_id": 2, "bbox": [0, 0, 5, 4], "area": 20, "ignore": 1},
       {"id": 15, "image_id": 7, "category_id": 4, "bbox": [0, 0, 5, 4],
        "segmentation": {"size": [30, 40], "counts": "abc"}},
       {"id": 16, "image_id": 7, "category_id": 4, "bbox": [3, 0, 5, 4], "area": 20}
     ],
     "images": [
       {"id": 5, "file_name": "b.jpg", "width": 40, "height": 30, "neg_category_ids": [4], "not_exhaustive_category_ids": [9]},
       {"id": 7, "coco_url": "http://images.cocodataset.org/val2017/000000000007.jpg", "width": 40, "height": 30}
     ],
     "categories": [
       {"id": 9, "name": "nine", "image_count": 12, "frequency": "c"}, {"id": 2, "name": "two"}, {"id": 4, "name": "four"}
     ]}
    """

@Suite struct COCOTests {
    @Test func readsFields() throws {
        let data = try parseCOCO(Array(sample.utf8))
        #expect(data.categories.map(\.name) == ["two", "four", "nine"])
        #expect(data.categories[2] == Dataset.Category(id: 9, name: "nine", trainCount: 12, frequency: "c"))
        #expect(data.images.map(\.path) == ["b.jpg", "val2017/000000000007.jpg"])
        #expect(data.images[0].width == 40 && data.images[0].height == 30)
        #expect(data.images[0].negativeCategories == [1] && data.images[0].notExhaustiveCategories == [2])
        #expect(data.annotations.map(\.image) == [0, 0, 1, 1, 1, 1])
        #expect(data.annotations.map(\.category) == [2, 0, 2, 0, 1, 1])
        #expect(data.annotations[0].box == Dataset.Box(x: 1.5, y: 2, width: 10, height: 20))
        #expect(data.annotations[0].area == 150.25 && data.annotations[4].area == 20)
        #expect(data.annotations[0].segmentation == .polygons(0..<2))
        #expect(Array(data.polygons[0]) == [1.5, 2, 11.5, 2, 11.5, 22] && data.polygons[1].count == 8)
        #expect(data.annotations[1].segmentation == .runs([3, 5, 1192], width: 40, height: 30))
        #expect(data.annotations[4].segmentation == .compressedRuns("abc", width: 40, height: 30))
        #expect(data.annotations[1].isCrowd && data.annotations[3].ignore)
    }

    @Test func labelsFollowTheRule() throws {
        let data = try parseCOCO(Array(sample.utf8))
        // Crowds count; ignored and thinner than a pixel do not; two objects of a class are one label.
        #expect(data.images.map(\.labels) == [[0, 2], [1]])
        #expect(try data.labelMatrix() == [1, 0, 1, 0, 1, 0])
        #expect(data.imageCounts == [1, 1, 1])
        let error = #expect(throws: LTError.self) { try data.trainCounts() }
        #expect(error?.message.contains("two, four") == true)
    }

    @Test(arguments: [
        ("\"image_id\": 5, \"category_id\": 9", "\"image_id\": 5, \"category_id\": 3", "category 3"),
        ("\"image_id\": 5, \"category_id\": 9", "\"image_id\": 6, \"category_id\": 9", "image 6"),
        ("\"id\": 12", "\"id\": 11", "two annotations with id 11"),
        ("{\"id\": 7, \"coco", "{\"id\": 5, \"coco", "two images with id 5"),
        ("{\"id\": 4, \"name\"", "{\"id\": 2, \"name\"", "two categories with id 2"),
        ("\"neg_category_ids\": [4]", "\"neg_category_ids\": [44]", "category 44"),
        ("[0, 0, 0.5, 4]", "[0, 0, 0.5]", "bbox of 4 numbers"),
        ("[0, 0, 1, 0, 1, 1, 0, 1]", "[0, 0, 1]", "odd number"),
        ("\"id\": 11, \"image_id\": 5", "\"id\": \"x\", \"image_id\": 5", "at byte"),
        ("\"width\": 40", "\"width\": 0", "below 1"),
        ("[30, 40], \"counts\": [3", "[30, 40], \"counts\": [-3", "run below 0"),
        ("\"categories\"", "\"klasses\"", "no member \"categories\""),
        ("\"image_count\": 12", "\"image_count\": -1", "negative"),
    ])
    func saysWhatIsWrong(_ old: String, _ new: String, _ message: String) {
        #expect(sample.contains(old))
        let text = sample.replacingOccurrences(of: old, with: new)
        let error = #expect(throws: LTError.self) { try parseCOCO(Array(text.utf8)) }
        #expect(error?.message.contains(message) == true, "\(error?.description ?? "no error")")
    }

    @Test func survivesDamage() {
        let whole = Array(sample.utf8)
        for length in stride(from: 0, to: whole.count, by: 1) {
            #expect(throws: LTError.self) { try parseCOCO(Array(whole.prefix(length))) }
        }
        var random = SeededGenerator(seed: 3)
        for _ in 0..<5000 {
            var bytes = whole
            for _ in 0..<1 + random.below(4) { bytes[random.below(bytes.count)] = UInt8(random.below(256)) }
            guard let data = try? parseCOCO(bytes) else { continue }
            #expect(data.images.allSatisfy { $0.labels.allSatisfy(data.categories.indices.contains) })
        }
    }

    @Test func findsFilesAndFolders() throws {
        let folder = try TemporaryFolder()
        try folder.write("set/annotations/val.json", sample)
        try folder.write("set/val/b.jpg", "x")
        let data = try Dataset.coco(folder.path + "/set/annotations/val.json")
        #expect(data.imageFolder == folder.path + "/set/val")
        #expect(data.digest?.count == 64)
        let error = #expect(throws: LTError.self) { try data.requireFiles() }
        #expect(error?.message.hasPrefix("1 of 2 image files are missing: ") == true)
        #expect(throws: LTError.self) { try Dataset.coco(folder.path + "/none.json") }
        #expect(throws: LTError.self) { try Dataset.coco(folder.path) }
    }
}
