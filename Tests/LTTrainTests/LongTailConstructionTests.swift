// `lt-train longtail` as a value: counts, files that are read back, nothing overwritten.

import Foundation
import LTCore
import LTData
import LTTrain
import Testing

@Suite struct LongTailConstructionTests {
    private let root = Fixtures.temporary()

    init() throws {
        for label in 0..<3 {
            try FileManager.default.createDirectory(atPath: "\(root)/data/c\(label)", withIntermediateDirectories: true)
            for image in 0..<30 {
                _ = FileManager.default.createFile(
                    atPath: "\(root)/data/c\(label)/\(label)-\(image).jpg", contents: nil)
            }
        }
    }

    private func lines(_ name: String) throws -> [String] {
        try String(contentsOfFile: "\(root)/out/\(name)", encoding: .utf8).split(separator: "\n").map(String.init)
    }

    @Test func countsAndFiles() throws {
        let settings = ["format=folder", "root=\(root)/data", "longtail.profile=exponential", "longtail.factor=0.1"]
        let construction = try LongTailConstruction(recipe: nil, settings: settings)
        #expect(construction.before.imageCounts == [30, 30, 30] && construction.after.imageCounts == [30, 9, 3])
        let text = construction.text()
        for line in ["images 90 42", "imbalance ratio 1.00 10.0", "middle classes (≥ 20, ≤ 99) 3 1", "c1 30 9 tail"] {
            #expect(squeezed(text).contains(line), "\(text)")
        }
        #expect(!construction.text(classes: false).contains("c1"))

        let files = try construction.write(to: "\(root)/out")
        #expect(
            files.map { URL(fileURLWithPath: $0).lastPathComponent } == ["img_id.txt", "indices.txt", "counts.json"])
        let positions = try lines("indices.txt").compactMap { Int($0) }
        #expect(positions.map { construction.before.images[$0].path } == construction.after.images.map(\.path))
        let json = try #require(
            try JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: "\(root)/out/counts.json")))
                as? [String: Any])
        let classes = try #require(json["classes"] as? [[String: Any]])
        #expect(
            classes.map { $0["after"] as? Int } == [30, 9, 3] && classes.map { $0["before"] as? Int } == [30, 30, 30])
        #expect((json["imbalance_ratio"] as? [String: Double]) == ["before": 1, "after": 10])

        // The list gives the same images in the same order.
        let again = try LongTailConstruction(
            recipe: nil, settings: Array(settings.prefix(2)) + ["longtail.ids=\(root)/out/img_id.txt"])
        #expect(again.after.images.map(\.path) == construction.after.images.map(\.path))

        let error = #expect(throws: LTError.self) { try construction.write(to: "\(root)/out") }
        #expect(error?.code == .conflict && error?.message.contains("img_id.txt is there already") == true)
        #expect(try lines("indices.txt").count == 42)
    }

    private func squeezed(_ text: String) -> String {
        text.split(whereSeparator: { $0 == " " || $0 == "\n" }).joined(separator: " ")
    }

    /// A recipe's section, changed from outside; its own rule of groups.
    @Test func takesRecipes() throws {
        let recipe = "\(root)/recipe.yaml"
        let yaml = """
            train: {format: folder, root: \(root)/data, longtail: {profile: step, factor: 0.5}}
            groups: imagenet-lt
            batch: 3
            """
        try Data(yaml.utf8).write(to: URL(fileURLWithPath: recipe))
        let plain = try LongTailConstruction(recipe: recipe, settings: [])
        #expect(plain.after.imageCounts == [30, 15, 15] && plain.groups.rule == "imagenet-lt")
        let changed = try LongTailConstruction(recipe: recipe, settings: ["longtail.factor=0.1"], groups: "lvis")
        #expect(changed.after.imageCounts == [30, 3, 3] && changed.groups.rule == "lvis")
    }

    /// Images with several classes: the files of COCO-MLT, read as that project's are.
    @Test func multiLabelFiles() throws {
        let images = (0..<60).map { "{\"id\": \($0 + 100), \"file_name\": \"\($0).jpg\"}" }
        var objects: [String] = []
        for image in 0..<60 {
            for category in image % 3 == 0 ? [2, 5, 9] : image % 3 == 1 ? [2, 5] : [2] {
                objects.append(
                    "{\"id\": \(objects.count), \"image_id\": \(image + 100), \"category_id\": \(category), \"bbox\": [0, 0, 3, 3]}"
                )
            }
        }
        let categories = [2, 5, 9].map { "{\"id\": \($0), \"name\": \"k\($0)\"}" }
        let text =
            "{\"images\": [\(images.joined(separator: ","))], \"categories\": [\(categories.joined(separator: ","))], "
            + "\"annotations\": [\(objects.joined(separator: ","))]}"
        try Data(text.utf8).write(to: URL(fileURLWithPath: "\(root)/set.json"))
        let construction = try LongTailConstruction(
            recipe: nil,
            settings: [
                "annotations=\(root)/set.json", "images=\(root)", "longtail.profile=pareto", "longtail.max=40",
                "longtail.shape=1", "longtail.tail=0.8",
            ])
        let counts = construction.after.imageCounts
        let files = try construction.write(to: "\(root)/out").map { URL(fileURLWithPath: $0).lastPathComponent }
        #expect(
            Set(files) == [
                "img_id.txt", "indices.txt", "counts.json", "class_freq.pkl", "class_split.pkl", "img_id.pkl",
            ])
        #expect(try lines("img_id.txt") == construction.after.images.map { "\($0.id)" })
        #expect(try lines("img_id.pkl") == lines("img_id.txt"))

        let frequencies = try Pickle.read(file: "\(root)/out/class_freq.pkl", allowing: NumPyArray.globals)
        func vector(_ value: PickleValue?) throws -> [Int] {
            try NumPyArray(try #require(value)).tensor().wholeNumbers()
        }
        #expect(try vector(frequencies["class_freq"]) == counts)
        let total = construction.after.images.count
        #expect(try vector(frequencies["neg_class_freq"]) == counts.map { total - $0 })
        let labels = try #require(frequencies["gt_labels"]?.elements)
        #expect(labels.count == total)
        for (image, label) in zip(construction.after.images, labels) {
            #expect(try vector(label) == (0..<3).map { image.labels.contains($0) ? 1 : 0 })
        }
        let together = try NumPyArray(try #require(frequencies["condition_prob"])).tensor()
        #expect(together.shape.dims == [3, 3])
        // Whoever has the third class has the others; the first is in every image.
        let shares = Array(together.elements(Double.self))
        #expect(
            Array(shares[6..<9]) == [1, 1, 1] && shares[0] == 1
                && abs(shares[1] - Double(counts[1]) / Double(counts[0])) < 1e-12)

        let split = try Pickle.read(file: "\(root)/out/class_split.pkl")
        for (name, range) in [("head", 100..<10_000), ("middle", 20..<100), ("tail", 0..<20)] {
            guard case .set(let members)? = split[name] else {
                Issue.record("no set \(name)")
                continue
            }
            #expect(members.compactMap(\.whole) == counts.indices.filter { range.contains(counts[$0]) })
        }
    }

    @Test func saysWhatIsWrong() {
        let none = #expect(throws: LTError.self) {
            try LongTailConstruction(recipe: nil, settings: ["format=folder", "root=\(root)/data"]).write(
                to: "\(root)/o")
        }
        #expect(none?.message.contains("nothing is selected") == true)
        let key = #expect(throws: LTError.self) {
            try LongTailConstruction(recipe: nil, settings: ["format=folder", "root=\(root)/data", "colour=red"])
        }
        #expect(key?.message.contains("unknown key 'train.colour'") == true)
        #expect(throws: LTError.self) { try LongTailConstruction(recipe: "\(root)/none.yaml", settings: []) }
        let rule = #expect(throws: LTError.self) {
            try LongTailConstruction(recipe: nil, settings: ["format=folder", "root=\(root)/data"], groups: "zipf")
        }
        #expect(rule?.code == .notFound)
    }
}
