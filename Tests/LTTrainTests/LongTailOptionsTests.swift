// The `longtail` part of a recipe's data section: what it selects, and what it refuses.

import Foundation
import LTCore
import LTData
import LTTrain
import Testing

@Suite struct LongTailOptionsTests {
    /// 4 classes of 30 images, one colour in no file: only names matter here.
    private let root: String

    init() throws {
        root = Fixtures.temporary()
        for label in 0..<4 {
            let folder = "\(root)/class\(label)"
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            for image in 0..<30 {
                _ = FileManager.default.createFile(
                    atPath: folder + String(format: "/%d-%02d.jpg", label, image), contents: nil)
            }
        }
    }

    private func read(_ longTail: String) throws(LTError) -> Dataset {
        try DataSource(try RecipeSection(yaml: "{format: folder, root: \(root), longtail: {\(longTail)}}")).read()
    }

    @Test(arguments: [
        ("profile: exponential, factor: 0.1", [30, 13, 6, 3]),
        ("profile: exponential, imbalance: 10, seed: 3", [30, 13, 6, 3]),
        ("profile: step, factor: 0.2", [30, 30, 6, 6]),
        ("profile: none", [30, 30, 30, 30]),
        ("profile: cdb, imbalance: 5", [30, 17, 10, 6]),
        ("profile: pareto, max: 20, min: 2, shape: 1, tail: 0.9", [20, 3, 2, 2]),
    ])
    func selects(_ options: String, _ counts: [Int]) throws {
        #expect(try read(options).imageCounts == counts)
    }

    /// CDB's images: those that are not for validation, then the first of each class.
    @Test func comesAfterTheValidationImages() throws {
        func counts(_ rest: String) throws -> [Int] {
            try DataSource(try RecipeSection(yaml: "{format: folder, root: \(root), \(rest)}")).read().imageCounts
        }
        #expect(try counts("part: train, longtail: {profile: cdb, imbalance: 5}") == [5, 2, 1, 1])
        #expect(
            try counts("part: train, validation_per_class: 5, longtail: {profile: cdb, factor: 0.2}") == [25, 14, 8, 5])
        #expect(try counts("part: validation") == [25, 25, 25, 25])
        #expect(throws: LTError.self) { try counts("validation_per_class: 5") }
        #expect(throws: LTError.self) { try counts("part: train, validation_per_class: 30") }
    }

    @Test func followsTheSeed() throws {
        let first = try read("profile: exponential, factor: 0.1").images.map(\.path)
        #expect(try read("profile: exponential, factor: 0.1, seed: 0").images.map(\.path) == first)
        #expect(try read("profile: exponential, factor: 0.1, seed: 1").images.map(\.path) != first)
    }

    @Test func readsLists() throws {
        let list = root + "/list.txt"
        try Data("class2/2-07.jpg\r\n\nclass0/0-11.jpg\n".utf8).write(to: URL(fileURLWithPath: list))
        let data = try read("ids: \(list)")
        #expect(data.images.map(\.path) == ["class2/2-07.jpg", "class0/0-11.jpg"])
        #expect(data.categories.map(\.trainCount) == [1, 0, 1, 0])
        try Data([0x41, 0xFF, 0x0A]).write(to: URL(fileURLWithPath: list))
        let error = #expect(throws: LTError.self) { try read("ids: \(list)") }
        #expect(error?.message.contains("not UTF-8") == true)
        #expect(throws: LTError.self) { try read("ids: \(root)/none.txt") }
    }

    @Test(arguments: [
        ("profile: zipf", "expected one of"), ("factor: 0.1", "neither 'profile' nor 'ids'"),
        ("profile: step", "either 'factor' or 'imbalance'"),
        ("profile: step, factor: 0.1, imbalance: 10", "either 'factor' or 'imbalance'"),
        ("profile: step, factor: 0", "longtail.factor"), ("profile: step, factor: .nan", "longtail.factor"),
        ("profile: none, factor: 0.1", "unknown key 'longtail.factor'"),
        ("profile: pareto", "no key 'max'"), ("profile: pareto, max: 5, min: 6", "Pareto sizes"),
        ("profile: exponential, factor: 0.1, seed: -1", "longtail.seed"),
        ("profile: exponential, factor: 0.1, seed: 4294967296", "longtail.seed"),
        ("profile: exponential, factor: 0.001", "without images"),
        ("profile: none, ids: x", "both 'profile' and 'ids'"),
    ])
    func refuses(_ options: String, _ message: String) {
        let error = #expect(throws: LTError.self) { try read(options) }
        #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
    }
}
