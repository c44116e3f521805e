// Recipes' data sections, one per format: keys, defaults, what they read, and what a wrong key says.

import Foundation
import LTCore
import LTData
import LTTrain
import Testing

@Suite struct DataFormatTests {
    private static let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("LTDataTests/Fixtures/datasets").path

    private func read(_ yaml: String) throws(LTError) -> Dataset {
        let text = yaml.replacingOccurrences(of: "DATA", with: Self.fixtures)
        return try DataSource(try RecipeSection(yaml: "{\(text)}")).read()
    }

    @Test(arguments: [
        ("format: cifar10, root: DATA/cifar-10-python.tar.gz", 15), ("format: cifar10, root: DATA, split: test", 2),
        ("format: cifar100, root: DATA", 13),
        ("format: cifar100, root: DATA, part: validation, validation_per_class: 1", 4),
        ("format: cifar100, root: DATA, part: train, validation_per_class: 1", 9),
        ("annotations: DATA/coco-mlt/instances.json, images: x", 6),
        ("format: coco, annotations: DATA/coco-mlt/instances.json, images: x", 6),
        ("format: lvis, annotations: DATA/coco-mlt/instances.json, images: x", 6),
        ("format: coco-mlt, lists: DATA/coco-mlt/longtail, annotations: DATA/coco-mlt/instances.json, images: x", 4),
        ("format: coco-mlt, annotations: DATA/coco-mlt/instances.json, images: x, split: test", 6),
        ("format: voc-mlt, lists: DATA/voc-mlt, root: DATA/VOCdevkit", 2),
        ("format: voc-mlt, lists: DATA/voc-mlt, root: DATA/VOCdevkit, split: test", 2),
        ("format: voc, root: DATA/VOCdevkit/VOC2012, set: trainval", 3),
    ])
    func reads(_ yaml: String, _ images: Int) throws {
        #expect(try read(yaml).images.count == images)
    }

    @Test func readsListsAndFolders() throws {
        let folder = Fixtures.temporary()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        for (name, text) in [
            ("list.txt", "train/a/1.jpg 0\nval/2.jpg 1\n"), ("names.txt", "x\ny\nz\n"),
            ("clips.txt", "A-B-C-1 9 2 9\n"), ("A-B-C/A-B-C-1/000000.jpg", "x"),
            ("train/n1/images/1.JPEG", "x"), ("train/n2/images/1.JPEG", "x"), ("val/n1/1.JPEG", "x"),
            ("val/n2/1.JPEG", "x"),
            (
                "inat.json",
                "{\"images\": [{\"id\": 1, \"file_name\": \"a.jpg\"}], \"categories\": [{\"id\": 0, \"name\": \"a\"}], "
                    + "\"annotations\": [{\"id\": 1, \"image_id\": 1, \"category_id\": 0}]}"
            ),
        ] {
            let url = URL(fileURLWithPath: "\(folder)/\(name)")
            try FileManager.default.createDirectory(
                at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(text.utf8).write(to: url)
        }
        let list = try read(
            "format: imagenet-lt, list: \(folder)/list.txt, root: /r, layout: ilsvrc, classes: \(folder)/names.txt")
        #expect(list.files == ["/r/ILSVRC2012_img_train/a/1.jpg", "/r/ILSVRC2012_img_val/2.jpg"])
        #expect(list.categories.map(\.name) == ["x", "y", "z"])
        #expect(try read("format: imagenet-lt, list: \(folder)/list.txt, root: /r").files[1] == "/r/val/2.jpg")
        #expect(try read("format: tiny-imagenet, root: \(folder)").images.count == 2)
        #expect(try read("format: tiny-imagenet, root: \(folder), split: val").images[0].path == "val/n1/1.JPEG")
        #expect(try read("format: folder, root: \(folder)/val").categories.map(\.name) == ["n1", "n2"])
        #expect(try read("format: inaturalist, annotations: \(folder)/inat.json, images: x").images[0].labels == [0])
        let clips = try read("format: egtea, list: \(folder)/clips.txt, root: \(folder), names: \(folder)/names.txt")
        #expect(clips.images[0].frames == ["000000.jpg"] && clips.categories[clips.images[0].labels[0]].name == "y")
    }

    /// Two sets of the same four categories; the other one shows the second and the fourth, and the first in a crowd too thin
    /// to count.
    @Test(arguments: ["coco", "lvis"]) func keepsTheClassesOfAnotherFile(_ format: String) throws {
        let folder = Fixtures.temporary()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        func write(_ name: String, _ objects: [(image: Int, category: Int, side: Double)], last: String = "d") throws {
            let annotations = objects.enumerated().map {
                #"{"id":\#($0),"image_id":\#($1.image),"category_id":\#($1.category),"bbox":[0,0,\#($1.side),9],"area":9}"#
            }
            let names = zip([1, 3, 5, 7], ["a", "b", "c", last])
            let text =
                #"{"images":[{"id":1,"file_name":"1.jpg","neg_category_ids":[1,7],"not_exhaustive_category_ids":[3,5]},"#
                + #"{"id":2,"file_name":"2.jpg"}],"categories":["#
                + names.map { #"{"id":\#($0),"name":"\#($1)","frequency":"f"}"# }.joined(separator: ",")
                + #"],"annotations":[\#(annotations.joined(separator: ","))]}"#
            try Data(text.utf8).write(to: URL(fileURLWithPath: "\(folder)/\(name)"))
        }
        try write("train.json", [(1, 1, 9), (1, 7, 9), (2, 5, 9), (1, 3, 9)])
        try write("val.json", [(1, 7, 9), (2, 3, 9), (2, 1, 0.5)])
        let keys = "format: \(format), annotations: \(folder)/train.json, images: x"
        let data = try read("\(keys), classes_of: \(folder)/val.json")
        #expect(data.categories.map(\.id) == [3, 7] && data.categories.map(\.name) == ["b", "d"])
        #expect(data.images.map(\.labels) == [[0, 1], []])
        #expect(data.images[0].negativeCategories == [1] && data.images[0].notExhaustiveCategories == [0])
        #expect(data.annotations.map(\.category) == [1, 0] && data.annotations.map(\.id) == [1, 3])
        #expect(try read(keys).categories.count == 4)

        try write("other.json", [(1, 7, 9)], last: "e")
        try write("none.json", [])
        for (name, words) in [
            ("other", "category 7 is 'e'"), ("none", "no category occurs"), ("missing", "missing.json"),
        ] {
            let error = #expect(throws: LTError.self) { try read("\(keys), classes_of: \(folder)/\(name).json") }
            #expect(error?.description.contains(words) == true, "\(error?.description ?? "none")")
        }
    }

    @Test(arguments: [
        ("format: cifar", "'cifar', expected one of coco, lvis, folder, cifar10"), ("format: cifar10", "no key 'root'"),
        ("format: cifar10, root: DATA, split: val", "'val', expected one of train, test"),
        ("format: cifar10, root: DATA, validation_per_class: 5", "only beside part"),
        ("format: cifar10, root: DATA, images: x", "unknown key 'images'"),
        ("format: voc-mlt, root: DATA/VOCdevkit", "no key 'lists'"),
        ("format: voc, root: DATA/VOCdevkit/VOC2012", "no key 'set'"),
        ("format: imagenet-lt, list: x, root: y, layout: z", "'z', expected one of plain, ilsvrc"),
        ("format: tiny-imagenet, root: x, split: test", "'test', expected one of train, val"),
    ])
    func namesTheKey(_ yaml: String, _ message: String) {
        let error = #expect(throws: LTError.self) { try read(yaml) }
        #expect(error?.message.contains(message) == true, "\(error?.description ?? "none")")
    }
}
