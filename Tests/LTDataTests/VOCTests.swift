// VOC folders and VOC-MLT (Fixtures/datasets/VOCdevkit, voc-mlt): labels, boxes, lists, clear errors.

import Foundation
import LTCore
import LTData
import Testing

extension TemporaryFolder {
    /// A copy of fixtures, to change.
    convenience init(copying name: String) throws {
        try self.init()
        try FileManager.default.copyItem(atPath: "\(dataFixtures)/\(name)", toPath: "\(path)/\(name)")
    }

    /// Changes a text file; the old text must be there.
    func replace(_ old: String, by new: String, in name: String) throws {
        let url = URL(fileURLWithPath: "\(path)/\(name)")
        let text = try String(contentsOf: url, encoding: .utf8)
        #expect(text.contains(old))
        try Data(text.replacingOccurrences(of: old, with: new).utf8).write(to: url)
    }
}

@Suite struct VOCTests {
    private let root = dataFixtures + "/VOCdevkit/VOC2012"

    @Test func readsObjects() throws {
        let data = try Dataset.voc(root, set: "trainval")
        #expect(
            data.categories.map(\.name) == VOC.classes && VOC.classes.count == 20 && VOC.classes == VOC.classes.sorted()
        )
        #expect(
            data.images.map(\.path) == ["2008_000023", "2009_000005", "2010_000001"].map { "JPEGImages/\($0).jpg" })
        // Dog is difficult and counts; the person's head is a part and does not; two persons are one label.
        #expect(data.images.map(\.labels) == [[11, 14], [14], [0]])
        #expect(data.images[0].width == 500 && data.images[0].height == 375 && data.images[0].split == "trainval")
        #expect(
            data.annotations.map(\.image) == [0, 0, 1, 1, 2] && data.annotations.map(\.category) == [14, 11, 14, 14, 0])
        #expect(data.annotations.map(\.ignore) == [false, true, false, false, false])
        #expect(data.annotations[0].box == Dataset.Box(x: 47, y: 239, width: 148, height: 132))
        #expect(data.annotations[0].area == 148 * 132)
        #expect(abs(data.annotations[2].box.x - 44.7) < 1e-6)
        #expect(try Dataset.voc(root, set: "dog_val").images.count == 2)
        #expect(data.file(of: data.images[0]) == root + "/JPEGImages/2008_000023.jpg")
    }

    @Test(arguments: [
        ("<name>dog</name>", "<name>wolf</name>", "object of class 'wolf'"), ("<xmin>48</xmin>", "", "without a box"),
        ("<xmax>195</xmax>", "<xmax>4</xmax>", "xmin ≤ xmax"),
        ("<width>500</width>", "<width>-5</width>", "image size"),
        ("<name>dog</name>", "", "without a name"), ("</annotation>", "", "ends inside"),
        ("<difficult>0", "<difficult>x", "'x' where a number"),
    ])
    func namesTheFile(_ old: String, _ new: String, _ message: String) throws {
        let folder = try TemporaryFolder(copying: "VOCdevkit")
        try folder.replace(old, by: new, in: "VOCdevkit/VOC2012/Annotations/2008_000023.xml")
        let error = #expect(throws: LTError.self) {
            try Dataset.voc(folder.path + "/VOCdevkit/VOC2012", set: "trainval")
        }
        #expect(error?.message.contains(message) == true, "\(error?.description ?? "none")")
        #expect(error?.context.last?.hasSuffix("2008_000023.xml") == true)
    }

    @Test func namesMissingFiles() throws {
        let set = #expect(throws: LTError.self) { try Dataset.voc(root, set: "val") }
        #expect(set?.code == .io && set?.message.contains("ImageSets/Main/val.txt") == true)
        let year = #expect(throws: LTError.self) { try Dataset.voc(dataFixtures + "/VOCdevkit", set: "val") }
        #expect(year?.hint?.contains("VOC2012") == true)
        let folder = try TemporaryFolder(copying: "VOCdevkit")
        let list = "VOCdevkit/VOC2012/ImageSets/Main/trainval.txt"
        try folder.replace("2010_000001", by: "2010_999999", in: list)
        let missing = #expect(throws: LTError.self) {
            try Dataset.voc(folder.path + "/VOCdevkit/VOC2012", set: "trainval")
        }
        #expect(missing?.message.contains("2010_999999.xml") == true)
        try folder.replace("2010_999999", by: "../../../x", in: list)
        #expect(throws: LTError.self) { try Dataset.voc(folder.path + "/VOCdevkit/VOC2012", set: "trainval") }
        try folder.replace("../../../x", by: "2008_000023", in: list)
        let twice = #expect(throws: LTError.self) {
            try Dataset.voc(folder.path + "/VOCdevkit/VOC2012", set: "trainval")
        }
        #expect(twice?.message.contains("twice") == true)
    }

    @Test func readsVOCMLT() throws {
        let devkit = dataFixtures + "/VOCdevkit"
        let train = try Dataset.vocMLT(lists: dataFixtures + "/voc-mlt", root: devkit, split: .train)
        // In the list's order; 2008_000041 is 31 pixels wide and left out, and still in the counts.
        #expect(train.images.map(\.path) == ["JPEGImages/2009_000005.jpg", "JPEGImages/2008_000023.jpg"])
        #expect(train.images.map(\.labels) == [[14], [11, 14]])
        #expect(train.categories[14].trainCount == 2 && train.categories[19].trainCount == 1)
        #expect(train.categories[0].trainCount == 0)
        let test = try Dataset.vocMLT(lists: dataFixtures + "/voc-mlt", root: devkit, split: .test)
        #expect(test.images.map(\.labels) == [[11, 14], [18]] && test.categories == train.categories)
        #expect(test.file(of: test.images[0]) == devkit + "/VOC2007/JPEGImages/000001.jpg")
        // The list alone: counts are those that are read.
        let alone = try Dataset.vocMLT(lists: dataFixtures + "/voc-mlt/img_id.txt", root: devkit, split: .train)
        #expect(alone.images.count == 2 && alone.categories[14].trainCount == 2)
    }

    @Test func countsMustAgree() throws {
        let folder = try TemporaryFolder(copying: "VOCdevkit")
        try folder.replace(
            "<name>dog</name>", by: "<name>cat</name>", in: "VOCdevkit/VOC2012/Annotations/2008_000023.xml")
        let error = #expect(throws: LTError.self) {
            try Dataset.vocMLT(lists: dataFixtures + "/voc-mlt", root: folder.path + "/VOCdevkit", split: .train)
        }
        #expect(error?.code == .conflict)
        #expect(
            error?.message == "class_freq.pkl counts 0 images of class 'cat', the annotations 1; 2 of 20 classes differ"
        )
    }
}
