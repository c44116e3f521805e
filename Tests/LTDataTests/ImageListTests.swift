// Lists and folders of ImageNet-LT, Tiny ImageNet, EGTEA: paths, labels, both layouts, errors by line, damage.

import Foundation
import LTCore
import LTData
import Testing

@Suite struct ImageListTests {
    @Test func readsImageNetLT() throws {
        let folder = try TemporaryFolder()
        try folder.write(
            "train.txt",
            "train/n01440764/n01440764_190.JPEG 0\ntrain/n01443537/a b.JPEG 2\r\n\nval/n01443537/ILSVRC2012_val_00000293.JPEG 1\n"
        )
        let plain = try Dataset.imageList(folder.path + "/train.txt", root: "/data")
        #expect(plain.images.map(\.labels) == [[0], [2], [1]] && plain.categories.map(\.name) == ["0", "1", "2"])
        #expect(plain.files[1] == "/data/train/n01443537/a b.JPEG" && plain.digest?.count == 64)
        let ilsvrc = try Dataset.imageList(
            folder.path + "/train.txt", root: "/data", layout: .ilsvrc, classes: ["tench", "goldfish", "shark", "ray"])
        #expect(ilsvrc.files[0] == "/data/ILSVRC2012_img_train/n01440764/n01440764_190.JPEG")
        #expect(ilsvrc.files[2] == "/data/ILSVRC2012_img_val/ILSVRC2012_val_00000293.JPEG")
        #expect(ilsvrc.categories.map(\.name) == ["tench", "goldfish", "shark", "ray"])
    }

    @Test(arguments: [
        ("a.jpg 0\nb.jpg\n", "expected a path and a label", 2), ("a.jpg x\n", "label 'x'", 1),
        ("a.jpg 0\n\nb.jpg -1\n", "label '-1'", 3),
        ("a.jpg 3\n", "label '3', expected a number from 0 to 2", 1),
        ("a.jpg 99999999999999999999\n", "label '9999", 1),
    ])
    func namesTheLine(_ text: String, _ message: String, _ line: Int) throws {
        let folder = try TemporaryFolder()
        try folder.write("list.txt", text)
        let error = #expect(throws: LTError.self) {
            try Dataset.imageList(folder.path + "/list.txt", root: "", classes: ["a", "b", "c"])
        }
        #expect(error?.message.contains(message) == true)
        #expect(error?.context == ["line \(line) of \(folder.path)/list.txt"])
    }

    @Test func refusesWhatIsNoList() throws {
        let folder = try TemporaryFolder()
        #expect(throws: LTError.self) { try Dataset.imageList(folder.path + "/none.txt", root: "") }
        try folder.write("empty.txt", "\n \n")
        let empty = #expect(throws: LTError.self) { try Dataset.imageList(folder.path + "/empty.txt", root: "") }
        #expect(empty?.message.contains("names no images") == true)
        try Data([0x61, 0xFF, 0x20, 0x30]).write(to: URL(fileURLWithPath: folder.path + "/binary"))
        let binary = #expect(throws: LTError.self) { try Dataset.imageList(folder.path + "/binary", root: "") }
        #expect(binary?.message.contains("not UTF-8") == true)
        try folder.write("names.txt", "a\nb\na\n")
        let twice = #expect(throws: LTError.self) { try Dataset.classNames(folder.path + "/names.txt") }
        #expect(twice?.description.contains("class 'a' is there twice\n  in line 3") == true)
        // A label decides how many classes there are; a list of one line must not make millions.
        try folder.write("large.txt", "a.jpg 1000000000\n")
        #expect(throws: LTError.self) { try Dataset.imageList(folder.path + "/large.txt", root: "") }
    }

    private func tiny() throws -> TemporaryFolder {
        let folder = try TemporaryFolder()
        for name in [
            "train/n02/images/n02_1.JPEG", "train/n02/n02_boxes.txt", "train/n01/images/n01_0.JPEG",
            "train/n01/images/n01_1.JPEG",
            "train/n03/images/n03_0.JPEG",
        ] {
            try folder.write(name, "x")
        }
        try folder.write("words.txt", "n00\tentity\nn01\tgoldfish, Carassius auratus\nn02\tcrane\nn03\tcrane\n")
        return folder
    }

    @Test func readsTinyImageNet() throws {
        let folder = try tiny()
        let train = try Dataset.tinyImageNet(folder.path, split: .train)
        #expect(train.categories.map(\.name) == ["goldfish, Carassius auratus", "crane (n02)", "crane (n03)"])
        #expect(train.images.map(\.labels) == [[0], [0], [1], [2]])
        #expect(train.images[2].path == "train/n02/images/n02_1.JPEG")
        // As published: one folder and a list.
        try folder.write(
            "val/val_annotations.txt",
            "val_0.JPEG\tn03\t0\t32\t44\t62\nval_1.JPEG\tn01\t1\t2\t3\t4\nval_2.JPEG\tn02\t1\t2\t3\t4\n")
        try folder.write("val/images/val_0.JPEG", "x")
        let flat = try Dataset.tinyImageNet(folder.path, split: .val)
        #expect(flat.images.map(\.path) == (0..<3).map { "val/images/val_\($0).JPEG" })
        #expect(flat.images.map(\.labels) == [[2], [0], [1]] && flat.categories == train.categories)
        // Rearranged: one folder per class, also with a folder images in it.
        for name in ["val/n01/val_1.JPEG", "val/n02/images/val_2.JPEG", "val/n03/val_0.JPEG"] {
            try folder.write(name, "x")
        }
        let rearranged = try Dataset.tinyImageNet(folder.path, split: .val)
        #expect(
            rearranged.images.map(\.path) == ["val/n01/val_1.JPEG", "val/n02/images/val_2.JPEG", "val/n03/val_0.JPEG"])
        #expect(rearranged.images.map(\.labels) == [[0], [1], [2]] && rearranged.categories == train.categories)
    }

    @Test func saysWhatIsWrongInTinyImageNet() throws {
        let folder = try tiny()
        #expect(throws: LTError.self) { try Dataset.tinyImageNet(folder.path, split: .val) }
        try folder.write("val/val_annotations.txt", "val_0.JPEG\tn03\nval_1.JPEG\tn99\n")
        let unknown = #expect(throws: LTError.self) { try Dataset.tinyImageNet(folder.path, split: .val) }
        #expect(unknown?.description.contains("class 'n99', expected one of n01, n02, n03\n  in line 2") == true)
        try folder.write("val/val_annotations.txt", "val_0.JPEG\tn03\n")
        let few = #expect(throws: LTError.self) { try Dataset.tinyImageNet(folder.path, split: .val) }
        #expect(few?.message.contains("2 of 3 classes have no image") == true)
        let nothing = try TemporaryFolder()
        #expect(throws: LTError.self) { try Dataset.tinyImageNet(nothing.path, split: .train) }
    }

    @Test func readsEGTEA() throws {
        let folder = try TemporaryFolder()
        let clips = ["OP01-R01-PastaSalad-1002316-1004005-F024051-F024101", "P26-R05-Cheeseburger-1-2-F1-F2"]
        for frame in 0..<3 { try folder.write("frames/OP01-R01-PastaSalad/\(clips[0])/00000\(frame).jpg", "x") }
        try folder.write("frames/P26-R05-Cheeseburger/\(clips[1])/000000.jpg", "x")
        try folder.write("split.txt", "\(clips[0]) 44 5 12 \n\(clips[1]) 1 19 2\n")
        let data = try Dataset.egtea(folder.path + "/split.txt", root: folder.path + "/frames")
        #expect(data.categories.count == 19 && data.categories[4].name == "verb 5")
        #expect(data.images.map(\.labels) == [[4], [18]])
        #expect(data.images[0].frames == ["000000.jpg", "000001.jpg", "000002.jpg"])
        #expect(data.samples.map(\.frameCount) == [3, 1])
        guard case .clip(let path, _) = data.samples[0] else {
            Issue.record("no clip")
            return
        }
        #expect(path == "\(folder.path)/frames/OP01-R01-PastaSalad/\(clips[0])")
        for (line, message) in [
            ("\(clips[0]) 44 0 12", "verb '0', expected a number from 1 to 19"), ("\(clips[0]) 44 20 12", "verb '20'"),
            ("\(clips[0]) 44 1", "3 fields"), ("a-b 1 1 1", "more than three parts"),
            ("a-b-c-d 1 1 1", "cannot list folder"),
            ("../../x-a-b-c 1 1 1", "more than three parts"),
        ] {
            try folder.write("bad.txt", "\(clips[1]) 1 19 2\n\(line)\n")
            let error = #expect(throws: LTError.self) {
                try Dataset.egtea(folder.path + "/bad.txt", root: folder.path + "/frames")
            }
            #expect(error?.message.contains(message) == true, "\(error?.description ?? "none")")
            #expect(error?.context.first?.contains("line 2 of") == true)
        }
        try FileManager.default.removeItem(atPath: "\(folder.path)/frames/P26-R05-Cheeseburger/\(clips[1])/000000.jpg")
        let empty = #expect(throws: LTError.self) {
            try Dataset.egtea(folder.path + "/split.txt", root: folder.path + "/frames")
        }
        #expect(empty?.message.contains("no frames") == true)
    }

    @Test func survivesDamage() throws {
        let folder = try tiny()
        let path = folder.path + "/val/val_annotations.txt"
        try folder.write("val/val_annotations.txt", "")
        let whole = Array("val_0.JPEG\tn03\t0\t32\nval_1.JPEG n01 1\nval_2.JPEG\tn02\t1\n".utf8)
        var random = SeededGenerator(seed: 8)
        for _ in 0..<400 {
            var bytes = whole
            for _ in 0..<1 + random.below(3) { bytes[random.below(bytes.count)] = UInt8(random.below(256)) }
            try Data(bytes).write(to: URL(fileURLWithPath: path))
            _ = try? Dataset.tinyImageNet(folder.path, split: .val)
            _ = try? Dataset.egtea(path, root: folder.path)
            guard let list = try? Dataset.imageList(path, root: "") else { continue }
            #expect(list.images.allSatisfy { $0.labels.allSatisfy(list.categories.indices.contains) })
        }
    }
}
