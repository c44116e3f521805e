// ImageFolder: classes by folder, order by name, clear errors.

import Foundation
import LTCore
import LTData
import Testing

/// A folder that goes with the test.
final class TemporaryFolder {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "longtail-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func write(_ name: String, _ text: String) throws {
        let url = URL(fileURLWithPath: path + "/" + name)
        try FileManager.default.createDirectory(
            at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: url)
    }
}

@Suite struct ImageFolderTests {
    @Test func readsClassesInOrder() throws {
        let folder = try TemporaryFolder()
        for name in [
            "b/2.JPG", "b/1.png", "a/deep/x.jpeg", "a/w.webp", "a/notes.txt", "B/z.jpg", "b/.hidden.jpg", "readme",
        ] {
            try folder.write(name, "x")
        }
        let data = try Dataset.imageFolder(folder.path)
        #expect(data.categories.map(\.name) == ["B", "a", "b"])
        #expect(data.images.map(\.path) == ["B/z.jpg", "a/deep/x.jpeg", "a/w.webp", "b/1.png", "b/2.JPG"])
        #expect(data.images.map(\.labels) == [[0], [1], [1], [2], [2]])
        try data.requireFiles()
    }

    @Test func saysWhatIsWrong() throws {
        let folder = try TemporaryFolder()
        let flat = #expect(throws: LTError.self) { try Dataset.imageFolder(folder.path) }
        #expect(flat?.message.contains("one for each class") == true)
        #expect(throws: LTError.self) { try Dataset.imageFolder(folder.path + "/none") }
        try folder.write("full/1.jpg", "x")
        try folder.write("empty/readme.txt", "x")
        let empty = #expect(throws: LTError.self) { try Dataset.imageFolder(folder.path) }
        #expect(empty?.message == "1 of 2 classes have no image: empty")
    }
}
