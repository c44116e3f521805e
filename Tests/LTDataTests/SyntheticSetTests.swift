// Synthetic sets: exact class counts, enough positives, the same bytes for the same seed, annotations that fit the pictures.

import Foundation
import LTCore
import LTData
import LTImage
import Testing

@Suite struct SyntheticSetTests {
    /// SHA-256 of each file below a folder.
    private func digests(_ folder: String) throws -> [String: String] {
        var digests: [String: String] = [:]
        for name in try FileManager.default.subpathsOfDirectory(atPath: folder) where name.contains(".") {
            digests[name] = try SHA256.digest(ofFile: folder + "/" + name)
        }
        return digests
    }

    /// The area of a polygon by the shoelace formula.
    private func area(_ polygon: ArraySlice<Double>) -> Double {
        let p = Array(polygon)
        var twice = 0.0
        for i in stride(from: 0, to: p.count, by: 2) {
            let j = (i + 2) % p.count
            twice += p[i] * p[j + 1] - p[j] * p[i + 1]
        }
        return abs(twice) / 2
    }

    /// What must hold for the annotations of a split, read back.
    private func check(_ data: Dataset, side: Int) throws {
        try data.requireFiles()
        var shown = [Set<Int>](repeating: [], count: data.images.count)
        for annotation in data.annotations {
            let image = data.images[annotation.image]
            let (width, height) = (Double(try #require(image.width)), Double(try #require(image.height)))
            let box = annotation.box
            #expect(box.x >= 0 && box.y >= 0 && box.width >= 1 && box.height >= 1)
            #expect(box.x + box.width <= width + 0.01 && box.y + box.height <= height + 0.01)
            guard case .polygons(let range) = annotation.segmentation else {
                Issue.record("annotation \(annotation.id) has no polygons")
                continue
            }
            let polygons = range.map { data.polygons[$0] }
            // Coordinates are rounded to hundredths: a polygon's area moves by less than that times its perimeter.
            let total = polygons.reduce(0) { $0 + area($1) }
            #expect(abs(total - annotation.area) <= 0.02 * (box.width + box.height) * Double(polygons.count + 1))
            #expect(annotation.area <= box.width * box.height + 0.1)
            for polygon in polygons {
                for (position, value) in polygon.enumerated() {
                    #expect(value >= 0 && value <= (position % 2 == 0 ? width : height))
                }
            }
            #expect(!annotation.isCrowd && !annotation.ignore)
            shown[annotation.image].insert(annotation.category)
        }
        #expect(data.images.map(\.labels) == shown.map { $0.sorted() })
        for image in data.images {
            #expect((1...5).contains(image.labels.count))
            #expect(image.negativeCategories == data.categories.indices.filter { !image.labels.contains($0) })
            let bytes = try [UInt8](Data(contentsOf: URL(fileURLWithPath: data.file(of: image))))
            let size = try LTImage.Image.size(of: bytes)
            #expect(size.width == image.width && size.height == image.height)
            #expect((side * 7 / 8...side * 5 / 4).contains(size.width))
            #expect((side * 7 / 8...side * 5 / 4).contains(size.height))
        }
    }

    @Test func demoHasItsCounts() throws {
        let folder = try TemporaryFolder()
        let splits = try SyntheticSet(family: .demo, side: 32).write(to: folder.path)
        #expect(splits.map(\.name) == ["train", "calibration", "test"])
        #expect(splits.map(\.images) == [1142, 400, 1000] && splits[0].labels == 2346)

        let train = try Dataset.coco(folder.path + "/annotations/train.json")
        #expect(train.imageCounts == SyntheticSet.trainingCounts)
        #expect(try train.trainCounts() == SyntheticSet.trainingCounts)
        #expect(train.categories.prefix(5).map(\.frequency) == ["r", "c", "r", "c", "f"])
        try check(train, side: 32)
        for (name, minimum) in [("calibration", 40), ("test", 100)] {
            let data = try Dataset.coco(folder.path + "/annotations/\(name).json")
            #expect((data.imageCounts.min() ?? 0) >= minimum)
            // Counts and frequencies are those of the training split, in every file.
            #expect(data.categories == train.categories)
            try check(data, side: 32)
        }
    }

    @Test func pretrainKindsAreOthersAndBalanced() throws {
        let folder = try TemporaryFolder()
        let splits = try SyntheticSet(family: .pretrain, seed: 1, side: 48, trainImages: 480).write(to: folder.path)
        #expect(splits.map(\.name) == ["train", "validation"] && splits[0].images == 480)
        #expect(splits[0].positives.lowerBound >= 10)
        let data = try Dataset.coco(folder.path + "/annotations/train.json")
        try check(data, side: 48)
        let demo = try TemporaryFolder()
        _ = try SyntheticSet(family: .demo, side: 32).write(to: demo.path)
        let others = try Dataset.coco(demo.path + "/annotations/test.json").categories.map(\.name)
        #expect(data.categories.count >= 40 && Set(data.categories.map(\.name)).isDisjoint(with: others))
        #expect(Set(data.categories.map(\.name)).count == data.categories.count)
    }

    @Test func sameSeedSameBytes() throws {
        func draw(_ seed: UInt64) throws -> [String: String] {
            let folder = try TemporaryFolder()
            _ = try SyntheticSet(family: .pretrain, seed: seed, side: 40, trainImages: 60).write(to: folder.path)
            return try digests(folder.path)
        }
        let first = try draw(4)
        #expect(first.count == 60 + 1000 + 2)
        #expect(try draw(4) == first)
        let other = try draw(5)
        #expect(first.allSatisfy { other[$0.key] != $0.value })
    }

    /// A set that was interrupted has pictures, perhaps half a one, and unfinished annotations: it is drawn again.
    @Test func interruptedSetIsDrawnAgain() throws {
        let folder = try TemporaryFolder()
        try folder.write("train/train-000001.jpg", "half a picture")
        try folder.write("annotations.part/train.json", "{")
        let set = SyntheticSet(family: .pretrain, side: 32, trainImages: 48)
        _ = try set.write(to: folder.path)
        let whole = try TemporaryFolder()
        _ = try set.write(to: whole.path)
        #expect(try digests(folder.path) == digests(whole.path))
        // A finished one stays as it is.
        let error = #expect(throws: LTError.self) { try set.write(to: folder.path) }
        #expect(error?.code == .conflict)
        #expect(try digests(folder.path) == digests(whole.path))
    }

    @Test(arguments: [
        SyntheticSet(family: .demo, side: 8), SyntheticSet(family: .demo, side: 100_000),
        SyntheticSet(family: .demo, trainImages: 100), SyntheticSet(family: .pretrain, trainImages: 0),
        SyntheticSet(family: .pretrain, trainImages: -1), SyntheticSet(family: .pretrain, trainImages: .max),
    ])
    func refusesWhatCannotBe(_ set: SyntheticSet) throws {
        let folder = try TemporaryFolder()
        let error = #expect(throws: LTError.self) { try set.write(to: folder.path) }
        #expect(error?.code == .invalidArgument)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
    }

    @Test func saysWhatCannotBeWritten() throws {
        let error = #expect(throws: LTError.self) {
            try SyntheticSet(family: .pretrain, side: 32, trainImages: 48).write(to: "/dev/null/set")
        }
        #expect(error?.code == .io)
        // A folder stands where the first picture goes.
        let folder = try TemporaryFolder()
        try folder.write("train/train-000001.jpg/x", "")
        let blocked = #expect(throws: LTError.self) {
            try SyntheticSet(family: .pretrain, side: 32, trainImages: 48).write(to: folder.path)
        }
        #expect(blocked?.code == .io)
        #expect(!FileManager.default.fileExists(atPath: folder.path + "/annotations/train.json"))
    }
}
