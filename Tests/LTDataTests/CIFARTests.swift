// CIFAR in its four versions, packed and unpacked (Fixtures/datasets): pixels, labels, names, held-out parts, damage.

import Foundation
import LTCore
import LTData
import LTImage
import Testing

/// Where the data sets written by Utilities/fixtures/datasets.py lie.
let dataFixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(
    "Fixtures/datasets"
).path

/// Whether an image has the pixels that the script gives image `number`.
private func isPattern(_ dataset: Dataset, _ position: Int, number: Int) throws -> Bool {
    let image = try dataset.samples[position].image()
    guard image.width == 32, image.height == 32, image.channels == 3 else { return false }
    return image.bytes.enumerated().allSatisfy { index, byte in
        let (channel, column, row) = (index % 3, index / 3 % 32, index / 96)
        return Int(byte) == (16 * number + 64 * channel + 2 * row + column) % 256
    }
}

@Suite struct CIFARTests {
    @Test(arguments: ["cifar-10-python.tar.gz", "cifar-10-binary.tar.gz"])
    func readsCIFAR10(_ archive: String) throws {
        let train = try Dataset.cifar(.cifar10, root: "\(dataFixtures)/\(archive)", split: .train)
        #expect(train.categories.map(\.name) == (0..<10).map { "class\($0)" })
        #expect(train.images.map(\.labels) == (0..<15).map { [$0 % 10] })
        for position in train.images.indices { #expect(try isPattern(train, position, number: position)) }
        let test = try Dataset.cifar(.cifar10, root: "\(dataFixtures)/\(archive)", split: .test)
        #expect(test.images.map(\.labels) == [[9], [0]])
        #expect(try isPattern(test, 1, number: 41))
        #expect(train.digest?.count == 64 && train.digest != test.digest)
    }

    @Test(arguments: ["cifar-100-python.tar.gz", "cifar-100-binary.tar.gz"])
    func readsCIFAR100(_ archive: String) throws {
        let train = try Dataset.cifar(.cifar100, root: "\(dataFixtures)/\(archive)", split: .train)
        #expect(train.categories.map(\.name) == ["apple", "bee", "café", "dog"])
        #expect(train.images.map(\.labels) == [0, 1, 2, 3, 0, 0, 1, 2, 0, 3, 2, 1, 0].map { [$0] })
        #expect(try isPattern(train, 12, number: 12))
    }

    @Test func findsFoldersAndArchives() throws {
        // The folder with the unpacked files, the folder above it, and one that holds only archives.
        for root in [dataFixtures + "/cifar-100-python", dataFixtures] {
            let test = try Dataset.cifar(.cifar100, root: root, split: .test)
            #expect(test.images.map(\.labels) == [[3], [2], [1]])
            #expect(try isPattern(test, 2, number: 22))
        }
        #expect(try Dataset.cifar(.cifar100, root: dataFixtures, split: .train).images.count == 13)
        #expect(try Dataset.cifar(.cifar10, root: dataFixtures, split: .test).images.count == 2)
        let folder = try TemporaryFolder()
        let none = #expect(throws: LTError.self) { try Dataset.cifar(.cifar10, root: folder.path, split: .train) }
        #expect(none?.code == .notFound && none?.hint?.contains("cifar-10-batches-py/data_batch_1") == true)
        let other = #expect(throws: LTError.self) {
            try Dataset.cifar(.cifar10, root: dataFixtures + "/cifar-100-python.tar.gz", split: .train)
        }
        #expect(other?.message.contains("holds none of the files") == true)
    }

    @Test func holdsOutTheLastOfEachClass() throws {
        let all = try Dataset.cifar(.cifar100, root: dataFixtures, split: .train)
        let (train, validation) = try all.holdingOut(lastOfEachClass: 1)
        #expect(validation.images.map(\.id) == [9, 10, 11, 12])
        #expect(train.images.map(\.id) == Array(0...8))
        #expect(try isPattern(validation, 1, number: 10))
        let error = #expect(throws: LTError.self) { try all.holdingOut(lastOfEachClass: 2) }
        #expect(error?.message == "class dog has 2 images, expected more than the 2 held out")
    }

    /// A folder of the binary version with `train.bin` changed.
    private func altered(_ records: [UInt8], names: String = "a\nb\n") throws -> LTError? {
        let folder = try TemporaryFolder()
        try folder.write("cifar-100-binary/fine_label_names.txt", names)
        try Data(records).write(to: URL(fileURLWithPath: folder.path + "/cifar-100-binary/train.bin"))
        do { _ = try Dataset.cifar(.cifar100, root: folder.path, split: .train) } catch {
            return error
        }
        return nil
    }

    @Test func saysWhatIsWrong() throws {
        let record = [UInt8](repeating: 0, count: 3074)
        #expect(try altered(record + record) == nil)
        #expect(try altered(Array(record.dropLast()))?.message.contains("3073 bytes, expected a whole number") == true)
        #expect(try altered([])?.message.contains("0 bytes") == true)
        let wrong = try altered(record + [0, 2] + record.dropFirst(2))
        #expect(wrong?.message == "image 1 has label 2, expected 0 to 1")
        #expect(wrong?.context.first == "file train.bin")
        let missing = try TemporaryFolder()
        try missing.write("data_batch_1", "x")
        let error = #expect(throws: LTError.self) { try Dataset.cifar(.cifar10, root: missing.path, split: .train) }
        #expect(error?.code == .io && error?.message.contains("batches.meta") == true)
    }

    @Test(arguments: [
        // Fewer labels than images; labels that are none; no data; an unknown global.
        ("{'data': D, 'fine_labels': [1]}", "1 labels for 2 images"),
        ("{'data': D, 'fine_labels': ['x', 'y']}", "expected a list of whole numbers"),
        ("{'data': D}", "'fine_labels' is not there"), ("{'fine_labels': [0, 0]}", "no 'data'"),
        ("{'data': 5, 'fine_labels': [0, 0]}", "expected a NumPy array"), ("os", "global 'os.system'"),
    ])
    func refusesOtherPickles(_ content: String, _ message: String) throws {
        let folder = try TemporaryFolder()
        try FileManager.default.copyItem(atPath: dataFixtures + "/cifar-100-python/meta", toPath: folder.path + "/meta")
        // Protocol 0 by hand: the array of two images, then the rest as the case says.
        let zeros = String(repeating: "\\x00", count: 2 * 3072)
        let array =
            "cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR(I1\n(I2\nI3072\nt"
            + "cnumpy\ndtype\n(S'u1'\nI0\nI1\ntR(I3\nS'|'\nNNNI-1\nI-1\nI0\ntbI00\nS'\(zeros)'\ntb"
        let labels = [
            "[1]": "(I1\nl", "['x', 'y']": "(S'x'\nS'y'\nl", "[0, 0]": "(I0\nI0\nl",
        ]
        var text = "(d"
        if content.contains("'data': D") { text += "S'data'\n\(array)s" }
        if content.contains("'data': 5") { text += "S'data'\nI5\ns" }
        for (list, code) in labels where content.contains("'fine_labels': \(list)") {
            text += "S'fine_labels'\n\(code)s"
        }
        try folder.write("train", content == "os" ? "cos\nsystem\n(S'true'\ntR." : text + ".")
        let error = #expect(throws: LTError.self) { try Dataset.cifar(.cifar100, root: folder.path, split: .train) }
        #expect(error?.description.contains(message) == true, "\(error?.description ?? "none")")
    }

    @Test(arguments: ["cifar-100-python.tar.gz", "cifar-10-binary.tar.gz"])
    func refusesDamagedArchives(_ name: String) throws {
        let whole = [UInt8](try Data(contentsOf: URL(fileURLWithPath: "\(dataFixtures)/\(name)")))
        let kind: CIFAR = name.contains("100") ? .cifar100 : .cifar10
        let folder = try TemporaryFolder()
        let path = folder.path + "/a.tar.gz"
        func isRefused(_ bytes: [UInt8]) throws -> Bool {
            try Data(bytes).write(to: URL(fileURLWithPath: path))
            do { _ = try Dataset.cifar(kind, root: path, split: .train) } catch { return true }
            return false
        }
        for length in stride(from: 0, to: whole.count, by: 97) {
            #expect(try isRefused(Array(whole.prefix(length))), "\(length) bytes")
        }
        #expect(try isRefused(Array(whole.dropLast())))
        var random = SeededGenerator(seed: 4)
        var refused = 0
        for _ in 0..<150 {
            var bytes = whole
            // Past the header, whose time stamp may be anything.
            bytes[10 + random.below(bytes.count - 10)] ^= UInt8(1 << random.below(8))
            if try isRefused(bytes) { refused += 1 }
        }
        #expect(refused == 150)
    }
}
