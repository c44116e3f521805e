// COCO-MLT and the list files (Fixtures/datasets/coco-mlt): order, names, small images, contradictions, unsafe pickles.

import Foundation
import LTCore
import LTData
import Testing

@Suite struct MLTTests {
    private let folder = dataFixtures + "/coco-mlt"

    @Test func readsCOCOMLT() throws {
        let train = try Dataset.cocoMLT(
            lists: folder + "/longtail", annotations: folder + "/instances.json", imageFolder: "/images", split: .train)
        #expect(train.categories.map(\.name) == ["person", "traffic_light", "stop_sign"])
        // The list's order; image 30 is 31 pixels high and left out.
        #expect(train.images.map(\.id) == [34, 25, 9, 36])
        #expect(train.images.map(\.labels) == [[2], [0], [0, 1], [0]])
        #expect(train.categories.map(\.trainCount) == [3, 1, 2])
        #expect(train.files[0] == "/images/000000000034.jpg")
        let test = try Dataset.cocoMLT(lists: nil, annotations: folder + "/instances.json", split: .test)
        #expect(test.images.map(\.id) == [9, 25, 30, 34, 36, 42] && test.categories[0].trainCount == nil)
        let known = try Dataset.cocoMLT(
            lists: folder + "/longtail", annotations: folder + "/instances.json", split: .test)
        #expect(known.categories == train.categories)
    }

    @Test func readsLists() throws {
        let lists = try MLTLists(folder + "/longtail")
        #expect(lists.images == ["34", "25", "9", "30", "36"])
        #expect(lists.frequency?.positives == [3, 1, 2] && lists.frequency?.negatives == [2, 4, 3])
        let condition = try #require(lists.frequency?.condition)
        #expect(condition.count == 9 && condition[0] == 1 && abs(condition[1] - 1.0 / 3) < 1e-15 && condition[3] == 1)
        #expect(lists.groups == ["head": [], "middle": [], "tail": [0, 1, 2]])
    }

    @Test func readsTerseLabels() throws {
        let terse = try TerseLabels(folder + "/terse_gt_2017.pkl")
        #expect(terse.images == ["9", "25", "30", "34", "36", "42"] && terse.classCount == 3)
        #expect(terse.labels == [[0, 1], [0], [2], [2], [0], []] && terse.testLabels == [[1, 2]])
        let error = #expect(throws: LTError.self) { try TerseLabels(folder + "/longtail/class_freq.pkl") }
        #expect(error?.message.contains("'idx2img_id' is not there") == true)
    }

    /// The lists that a long-tailed part of our own is written as.
    @Test func readsWhatIsWritten() throws {
        let all = try Dataset.coco(folder + "/instances.json")
        let part = all.subset([4, 0, 3])
        let written = try TemporaryFolder()
        try written.write("img_id.txt", part.names(.numbers).joined(separator: "\n") + "\n")
        for (name, bytes) in [
            ("class_freq.pkl", part.classFrequencyPickle), ("class_split.pkl", part.classSplitPickle),
            ("terse.pkl", all.tersePickle(.numbers, test: part)),
        ] {
            try Data(bytes).write(to: URL(fileURLWithPath: "\(written.path)/\(name)"))
        }
        let read = try Dataset.cocoMLT(lists: written.path, annotations: folder + "/instances.json", split: .train)
        #expect(read.images == part.images && read.categories.map(\.trainCount) == part.imageCounts)
        let terse = try TerseLabels(written.path + "/terse.pkl")
        #expect(terse.images == all.names(.numbers) && terse.labels == all.images.map(\.labels))
        #expect(terse.testLabels == part.images.map(\.labels))
    }

    private func train(_ folder: TemporaryFolder) throws -> LTError? {
        #expect(throws: LTError.self) {
            try Dataset.cocoMLT(
                lists: folder.path + "/coco-mlt/longtail", annotations: folder.path + "/coco-mlt/instances.json",
                split: .train)
        }
    }

    @Test func saysWhatDiffers() throws {
        let folder = try TemporaryFolder(copying: "coco-mlt")
        let list = "coco-mlt/longtail/img_id.pkl"
        try folder.replace("25\n", by: "42\n", in: list)
        let counts = try train(folder)
        #expect(
            counts?.code == .conflict
                && counts?.message.contains("counts 3 images of class 'person', the annotations 2") == true)
        try folder.replace("42\n", by: "77\n", in: list)
        let unknown = try train(folder)
        #expect(unknown?.code == .notFound && unknown?.message.contains("77") == true)
        try folder.replace("77\n", by: "", in: list)
        let shorter = try train(folder)
        #expect(shorter?.message.contains("counts 3 images with class 0 and 2 without, the list has 4") == true)
        try folder.replace("34\n", by: "36\n25\n", in: list)
        #expect(try train(folder)?.message.contains("twice") == true)
        try FileManager.default.removeItem(atPath: "\(folder.path)/\(list)")
        #expect(try train(folder)?.message.contains("no file img_id.txt or img_id.pkl") == true)
    }

    @Test(arguments: [
        ("class_freq.pkl", "cos\nsystem\n(S'true'\ntR.", "global 'os.system'"),
        ("class_freq.pkl", "(dS'class_freq'\n(I3\nI1\nI2\nls.", "'neg_class_freq'"),
        (
            "class_freq.pkl", "(dS'class_freq'\n(I3\nI1\nlsS'neg_class_freq'\n(I2\nI4\nI3\nls.",
            "of 2 classes, neg_class_freq of 3"
        ),
        (
            "class_freq.pkl", "(dS'class_freq'\n(I9223372036854775807\nlsS'neg_class_freq'\n(I1\nls.",
            "the list has 5 images"
        ),
        ("class_freq.pkl", "(dS'class_freq'\n(I-1\nlsS'neg_class_freq'\n(I6\nls.", "count from 0 on"),
        ("class_freq.pkl", "(dS'class_freq'\n(I3\nI1\nlsS'neg_class_freq'\n(I2\nI4\nls.", "each of 0 to 1 once"),
        ("class_split.pkl", "(dS'tail'\n(I0\nI1\nls.", "2 classes in its groups"),
        (
            "class_split.pkl", "(dS'tail'\n(I0\nI1\nlsS'head'\n(I2\nls.",
            "class 2 of 2 images in 'head', expected 'tail'"
        ),
        ("class_split.pkl", "(lp0\n.", "a dict of groups"),
        ("img_id.pkl", "\u{80}\u{2}}.", "a list of image names"), ("img_id.pkl", "\n\n", "names no images"),
    ])
    func refusesOtherLists(_ file: String, _ content: String, _ message: String) throws {
        let folder = try TemporaryFolder(copying: "coco-mlt")
        let bytes = content.unicodeScalars.map { UInt8($0.value) }
        try Data(bytes).write(to: URL(fileURLWithPath: "\(folder.path)/coco-mlt/longtail/\(file)"))
        let error = try train(folder)
        #expect(error?.description.contains(message) == true, "\(error?.description ?? "none")")
    }

    @Test func survivesDamage() throws {
        let folder = try TemporaryFolder(copying: "coco-mlt")
        var random = SeededGenerator(seed: 9)
        for name in ["img_id.pkl", "class_freq.pkl", "class_split.pkl"] {
            let url = URL(fileURLWithPath: "\(folder.path)/coco-mlt/longtail/\(name)")
            let whole = [UInt8](try Data(contentsOf: url))
            for _ in 0..<200 {
                var bytes = whole
                for _ in 0..<1 + random.below(3) { bytes[random.below(bytes.count)] = UInt8(random.below(256)) }
                try Data(bytes).write(to: url)
                _ = try? MLTLists(folder.path + "/coco-mlt/longtail")
            }
            try Data(whole).write(to: url)
        }
        #expect(try MLTLists(folder.path + "/coco-mlt/longtail").images.count == 5)
    }
}
