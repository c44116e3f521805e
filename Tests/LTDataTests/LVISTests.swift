// LVIS v0.5 and v1 (where images lie, frequencies, lists of categories) and iNaturalist 2018 (labels without boxes).

import Foundation
import LTCore
import LTData
import Testing

@Suite struct LVISTests {
    /// v0.5 names files by COCO 2014's names, v1 by URL alone.
    private func json(_ image: String) -> String {
        """
        {"info": {"version": "x"}, "images": [
           {"id": 391895, "width": 640, "height": 360, \(image) "neg_category_ids": [3, 1], "not_exhaustive_category_ids": [2]}],
         "annotations": [{"id": 1, "image_id": 391895, "category_id": 2, "bbox": [1, 2, 30, 40], "area": 600.5,
           "segmentation": [[1, 2, 31, 2, 31, 42]]}],
         "categories": [
           {"id": 1, "name": "acorn", "synset": "acorn.n.01", "frequency": "r", "image_count": 4, "instance_count": 5},
           {"id": 2, "name": "aerosol_can", "frequency": "c", "image_count": 64, "instance_count": 109},
           {"id": 3, "name": "air_conditioner", "frequency": "f", "image_count": 364, "instance_count": 429}]}
        """
    }
    private let old = "\"file_name\": \"COCO_train2014_000000391895.jpg\","
    private let url = "\"coco_url\": \"http://images.cocodataset.org/train2017/000000391895.jpg\","

    @Test func readsCategoriesAndLists() throws {
        let folder = try TemporaryFolder()
        try folder.write("lvis.json", json(url))
        let data = try Dataset.lvis(folder.path + "/lvis.json", imageFolder: "/coco")
        #expect(data.categories.map(\.frequency) == ["r", "c", "f"])
        #expect(try data.trainCounts() == [4, 64, 364])
        #expect(data.images[0].negativeCategories == [2, 0] && data.images[0].notExhaustiveCategories == [1])
        #expect(data.images[0].labels == [1] && data.annotations[0].area == 600.5)
        #expect(data.files == ["/coco/train2017/000000391895.jpg"])
        try folder.write("bad.json", json(url).replacingOccurrences(of: "\"f\"", with: "\"x\""))
        let error = #expect(throws: LTError.self) { try Dataset.lvis(folder.path + "/bad.json") }
        #expect(error?.message == "category 3 has frequency 'x', expected r, c or f")
    }

    @Test func findsImages() throws {
        for (image, stored, expected) in [
            (url, "train2017/000000391895.jpg", "train2017/000000391895.jpg"),
            (url, "000000391895.jpg", "000000391895.jpg"),
            (old, "000000391895.jpg", "000000391895.jpg"),
            (old + url, "train2017/000000391895.jpg", "train2017/000000391895.jpg"),
            (old, "COCO_train2014_000000391895.jpg", "COCO_train2014_000000391895.jpg"), (old, "", "000000391895.jpg"),
        ] {
            let folder = try TemporaryFolder()
            try folder.write("lvis.json", json(image))
            if !stored.isEmpty { try folder.write("images/\(stored)", "x") }
            let data = try Dataset.lvis(folder.path + "/lvis.json", imageFolder: folder.path + "/images")
            #expect(data.images[0].path == expected)
            if !stored.isEmpty { try data.requireFiles() }
        }
    }

    private let naturalist = """
        {"info": {}, "images": [
           {"id": 10, "file_name": "train_val2018/Plantae/7477/a.jpg", "license": 3, "rights_holder": "x", "width": 800, "height": 600},
           {"id": 11, "file_name": "train_val2018/Aves/3000/b.jpg", "width": 800, "height": 600}],
         "licenses": [], "annotations": [
           {"id": 10, "image_id": 10, "category_id": 7}, {"id": 11, "image_id": 11, "category_id": 3}],
         "categories": [{"id": 7, "name": "Abies alba", "supercategory": "Plantae"}, {"id": 3, "name": "Pica pica"}]}
        """

    @Test func readsINaturalist() throws {
        let folder = try TemporaryFolder()
        try folder.write("train2018.json", naturalist)
        let data = try Dataset.iNaturalist(folder.path + "/train2018.json", imageFolder: "/inat")
        #expect(data.categories.map(\.name) == ["Pica pica", "Abies alba"])
        #expect(data.images.map(\.labels) == [[1], [0]] && data.annotations.isEmpty && data.isSingleLabel)
        #expect(data.files[0] == "/inat/train_val2018/Plantae/7477/a.jpg")
        // Without being told the format.
        #expect(try Dataset.read(folder.path + "/train2018.json").images.map(\.labels) == [[1], [0]])
    }

    @Test(arguments: [
        ("\"image_id\": 11, \"category_id\": 3", "\"image_id\": 11, \"category_id\": 4", "image 11 to category 4"),
        ("\"image_id\": 11, \"category_id\": 3", "\"image_id\": 10, \"category_id\": 3", "image 10 has 2 categories"),
        (
            "\"category_id\": 7", "\"category_id\": 7, \"bbox\": [1, 2, 3, 4]",
            "annotation 11 has no bbox, others have one"
        ),
        ("\"category_id\": 7", "\"category_id\": 7, \"bbox\": [1, 2, 3]", "bbox of 4 numbers"),
    ])
    func saysWhatIsWrong(_ old: String, _ new: String, _ message: String) throws {
        let folder = try TemporaryFolder()
        #expect(naturalist.contains(old))
        try folder.write("train2018.json", naturalist.replacingOccurrences(of: old, with: new))
        let error = #expect(throws: LTError.self) { try Dataset.iNaturalist(folder.path + "/train2018.json") }
        #expect(error?.message.contains(message) == true, "\(error?.description ?? "none")")
    }
}
