// Synthetic sets in the formats of real ones: read back by the readers, with the counts that were asked for, the same bytes for
// the same seed, nothing overwritten, classes that pictures tell apart.

import Foundation
import LTCore
import LTData
import LTDecision
import LTImage
import Testing

@Suite struct SyntheticDataTests {
    private let folder: TemporaryFolder
    private var root: String { folder.path }

    init() throws { folder = try TemporaryFolder() }

    private func write(_ data: SyntheticData) throws { _ = try data.write(to: root) }

    /// Every sample decodes to this size.
    private func checkImages(_ data: Dataset, side: ClosedRange<Int>) throws {
        for sample in data.samples {
            for frame in 0..<min(2, sample.frameCount) {
                let image = try sample.image(frame: frame)
                #expect(side.contains(image.width) && side.contains(image.height) && image.channels == 3)
            }
        }
    }

    @Test(arguments: [[], ["binary"], ["archive"], ["binary", "archive"]] as [[String]], [CIFAR.cifar10, .cifar100])
    func cifar(_ variants: [String], _ kind: CIFAR) throws {
        let data = SyntheticData(
            format: kind.rawValue, classes: 12, images: 20, testImages: 3, profile: .exponential(factor: 0.1),
            variants: Set(variants))
        let result = try data.write(to: root)
        let sizes = ImbalanceProfile.exponential(factor: 0.1).sizes(classes: 12, largest: 20)
        let train = try Dataset.cifar(kind, root: root + "/data", split: .train)
        #expect(train.imageCounts == sizes && train.isSingleLabel)
        #expect(Set(train.categories.map(\.name)).count == 12)
        let test = try Dataset.cifar(kind, root: root + "/data", split: .test)
        #expect(test.imageCounts == [Int](repeating: 3, count: 12))
        #expect(result.splits.map(\.images) == [sizes.reduce(0, +), 36])
        #expect(result.sections.map(\.name) == ["train", "test"])
        try checkImages(train, side: 32...32)
        // All four ways to write it hold the same pixels.
        let plain = try TemporaryFolder()
        _ = try SyntheticData(
            format: kind.rawValue, classes: 12, images: 20, testImages: 3, profile: .exponential(factor: 0.1)
        ).write(to: plain.path)
        let same = try Dataset.cifar(kind, root: plain.path + "/data", split: .train)
        #expect(same.archive?.pixels == train.archive?.pixels)
        #expect(same.images.map(\.labels) == train.images.map(\.labels))
    }

    /// Class means of nearest neighbours: pictures of a class are nearer to their class's mean than chance, and far from trivial.
    @Test func classesCanBeLearned() throws {
        try write(SyntheticData(format: "cifar10", images: 60, testImages: 20))
        let train = try Dataset.cifar(.cifar10, root: root + "/data", split: .train)
        let test = try Dataset.cifar(.cifar10, root: root + "/data", split: .test)
        // The strongest hues of a picture, as a histogram of its coloured pixels.
        func histogram(_ data: Dataset, _ index: Int) throws -> [Double] {
            let image = try data.samples[index].image()
            var bins = [Double](repeating: 0, count: 24)
            withExtendedLifetime(image) {
                for pixel in stride(from: 0, to: image.bytes.count, by: 3) {
                    let (r, g, b) = (Int(image.bytes[pixel]), Int(image.bytes[pixel + 1]), Int(image.bytes[pixel + 2]))
                    let (high, low) = (max(r, g, b), min(r, g, b))
                    guard high - low > 80 else { continue }
                    let turn: Double =
                        high == r
                        ? Double(g - b) / Double(high - low)
                        : high == g ? 2 + Double(b - r) / Double(high - low) : 4 + Double(r - g) / Double(high - low)
                    bins[(Int((turn + 6) * 4)) % 24] += 1
                }
            }
            let sum = max(1, bins.reduce(0, +))
            return bins.map { $0 / sum }
        }
        var means = [[Double]](repeating: [Double](repeating: 0, count: 24), count: 10)
        for index in train.images.indices {
            for (bin, value) in try histogram(train, index).enumerated() {
                means[train.images[index].labels[0]][bin] += value / 60
            }
        }
        var correct = 0
        for index in test.images.indices {
            let bins = try histogram(test, index)
            let distances = means.map { mean in zip(mean, bins).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) } }
            let nearest = distances.indices.min { distances[$0] < distances[$1] }
            if nearest == test.images[index].labels[0] { correct += 1 }
        }
        // Ten classes: chance is 20 of 200. Hue alone goes far, and is wrong for a tenth of the objects.
        #expect((80...190).contains(correct), "\(correct)")
    }

    @Test func moreClassesThanOutlines() throws {
        try write(SyntheticData(format: "cifar100", classes: 120, images: 2, testImages: 1))
        let data = try Dataset.cifar(.cifar100, root: root + "/data", split: .train)
        #expect(Set(data.categories.map(\.name)).count == 120 && data.imageCounts.allSatisfy { $0 == 2 })
    }

    @Test func voc() throws {
        try write(SyntheticData(format: "voc", images: 4, testImages: 2, side: 64))
        for (year, set, count) in [
            ("VOC2012", "train", 80), ("VOC2012", "val", 40), ("VOC2012", "trainval", 120), ("VOC2007", "test", 40),
        ] {
            let data = try Dataset.voc("\(root)/data/VOCdevkit/\(year)", set: set)
            #expect(data.images.count == count && data.imageCounts.allSatisfy { $0 >= count / 20 })
            try data.requireFiles()
            for annotation in data.annotations {
                let image = data.images[annotation.image]
                #expect(annotation.box.x >= 0 && annotation.box.x + annotation.box.width <= Double(image.width ?? 0))
                #expect(annotation.box.y >= 0 && annotation.box.y + annotation.box.height <= Double(image.height ?? 0))
            }
            try checkImages(data, side: 50...90)
        }
    }

    @Test func vocMLT() throws {
        try write(
            SyntheticData(
                format: "voc-mlt", images: 30, testImages: 2, side: 64,
                profile: .pareto(shape: 6, largest: 60, least: 3, tail: 0.99)))
        let lists = "\(root)/appendix/VOCdevkit/longtail2012"
        let train = try Dataset.vocMLT(lists: lists, root: "\(root)/data/VOCdevkit", split: .train)
        #expect(try train.trainCounts() == train.imageCounts)
        let counts = train.imageCounts.sorted(by: >)
        #expect(counts[0] >= 3 * counts[19] && counts[19] > 0, "\(counts)")
        try train.requireFiles()
        let test = try Dataset.vocMLT(lists: lists, root: "\(root)/data/VOCdevkit", split: .test)
        #expect(test.images.count == 40)
        let groups = try #require(try MLTLists(lists).groups)
        #expect(groups.values.flatMap { $0 }.sorted() == Array(0..<20))
        let terse = try TerseLabels("\(root)/appendix/VOCdevkit/terse_gt_2012.pkl")
        #expect(terse.images.count == 640 && terse.classCount == 20 && terse.testLabels == nil)
        let labels = Dictionary(uniqueKeysWithValues: zip(terse.images, terse.labels))
        for (name, image) in zip(train.names(.stems), train.images) { #expect(labels[name] == image.labels) }
    }

    @Test func coco() throws {
        try write(
            SyntheticData(
                format: "coco", classes: 14, images: 10, testImages: 2, side: 64, profile: .exponential(factor: 0.2)))
        for (name, count) in [
            ("train", ImbalanceProfile.exponential(factor: 0.2).sizes(classes: 14, largest: 10).reduce(0, +)),
            ("val", 28),
        ] {
            let data = try Dataset.coco(
                "\(root)/data/coco/annotations/instances_\(name)2017.json", imageFolder: "\(root)/data/coco/\(name)2017"
            )
            #expect(data.images.count == count && data.imageCounts.allSatisfy { $0 > 0 })
            #expect(data.categories.map(\.id).suffix(3) == [13, 14, 15])
            try data.requireFiles()
            let crowds = data.annotations.filter(\.isCrowd)
            #expect(crowds.count == data.annotations.count / 50)
            for crowd in crowds {
                guard case .runs(let runs, let width, let height) = crowd.segmentation else {
                    Issue.record("a crowd without run lengths")
                    continue
                }
                let mask = try RunLengthMask(width: width, height: height, runs: runs)
                #expect(Double(mask.area) == crowd.area && width == data.images[crowd.image].width)
            }
        }
    }

    @Test func cocoMLT() throws {
        try write(SyntheticData(format: "coco-mlt", classes: 12, images: 30, testImages: 2, side: 64))
        let (lists, data) = ("\(root)/appendix/coco/longtail2017", "\(root)/data/coco")
        let train = try Dataset.cocoMLT(
            lists: lists, annotations: "\(data)/annotations/instances_train2017.json", imageFolder: "\(data)/train2017",
            split: .train)
        #expect(try train.trainCounts() == train.imageCounts)
        #expect((train.imageCounts.max() ?? 0) >= 5 * (train.imageCounts.min() ?? 0))
        #expect(train.categories.allSatisfy { !$0.name.contains(" ") })
        try train.requireFiles()
        let test = try Dataset.cocoMLT(
            lists: lists, annotations: "\(data)/annotations/instances_val2017.json", imageFolder: "\(data)/val2017",
            split: .test)
        let terse = try TerseLabels("\(root)/appendix/coco/terse_gt_2017.pkl")
        #expect(terse.testLabels == test.images.map(\.labels) && terse.images.count == 360)
    }

    @Test(arguments: [[], ["v0.5"], ["rle"], ["v0.5", "rle"]] as [[String]])
    func lvis(_ variants: [String]) throws {
        try write(SyntheticData(format: "lvis", images: 110, testImages: 2, side: 48, variants: Set(variants)))
        let version = variants.contains("v0.5") ? "v0.5" : "v1"
        let place = "\(root)/data/lvis_\(version)"
        func read(_ name: String) throws -> Dataset {
            try Dataset.lvis(
                "\(place)/annotations/lvis_\(version)_\(name).json",
                imageFolder: version == "v1" ? place : "\(place)/\(name)2017")
        }
        let train = try read("train")
        #expect(try train.trainCounts() == train.imageCounts)
        #expect(Set(train.categories.compactMap(\.frequency)) == ["r", "c", "f"])
        for category in train.categories {
            #expect(category.frequency == FrequencyGroups.lvis.name(ofCount: category.trainCount ?? -1))
        }
        let validation = try read("val")
        #expect(validation.categories == train.categories)
        for data in [train, validation] {
            try data.requireFiles()
            for image in data.images { #expect(Set(image.negativeCategories).isDisjoint(with: image.labels)) }
            #expect(data.images.contains { !$0.notExhaustiveCategories.isEmpty })
            for image in data.images { #expect(Set(image.notExhaustiveCategories).isSubset(of: image.labels)) }
            for annotation in data.annotations {
                switch annotation.segmentation {
                case .polygons: #expect(!variants.contains("rle"))
                case .compressedRuns(let text, let width, let height):
                    #expect(variants.contains("rle"))
                    let mask = try RunLengthMask(width: width, height: height, compressed: text)
                    #expect(Double(mask.area) == annotation.area)
                default: Issue.record("an annotation without a mask")
                }
            }
        }
    }

    @Test(arguments: [[], ["val-folders"]] as [[String]])
    func tinyImageNet(_ variants: [String]) throws {
        try write(
            SyntheticData(
                format: "tiny-imagenet", classes: 6, images: 5, testImages: 2, profile: .step(factor: 0.4),
                variants: Set(variants)))
        let place = "\(root)/data/tiny-imagenet-200"
        let train = try Dataset.tinyImageNet(place, split: .train)
        let validation = try Dataset.tinyImageNet(place, split: .val)
        #expect(train.imageCounts == [5, 5, 5, 2, 2, 2] && validation.imageCounts == [2, 2, 2, 2, 2, 2])
        #expect(Set(train.categories.map(\.name)).count == 6 && train.categories == validation.categories)
        for data in [train, validation] {
            try data.requireFiles()
            try checkImages(data, side: 64...64)
        }
    }

    @Test func imageNetLT() throws {
        try write(SyntheticData(format: "imagenet-lt", classes: 6, images: 30, testImages: 2, side: 48))
        let sizes = ImbalanceProfile.exponential(factor: 0.04).sizes(classes: 6, largest: 30)
        var seen: Set<String> = []
        for (name, counts) in [("train", sizes), ("val", [2, 2, 2, 2, 2, 2]), ("test", [2, 2, 2, 2, 2, 2])] {
            let data = try Dataset.imageList(
                "\(root)/data/ImageNet_LT/ImageNet_LT_\(name).txt", root: "\(root)/data/imagenet")
            #expect(data.imageCounts == counts)
            try data.requireFiles()
            try checkImages(data, side: 48...48)
            #expect(seen.isDisjoint(with: data.images.map(\.path)))
            seen.formUnion(data.images.map(\.path))
        }
    }

    @Test func iNaturalist() throws {
        try write(
            SyntheticData(
                format: "inaturalist", classes: 6, images: 8, testImages: 2, side: 48, profile: .step(factor: 0.5)))
        for (name, counts) in [("train", [8, 8, 8, 4, 4, 4]), ("val", [2, 2, 2, 2, 2, 2])] {
            let data = try Dataset.iNaturalist(
                "\(root)/data/inaturalist/\(name)2018.json", imageFolder: "\(root)/data/inaturalist")
            #expect(data.imageCounts == counts)
            try data.requireFiles()
            try checkImages(data, side: 48...48)
        }
    }

    @Test func egtea() throws {
        try write(SyntheticData(format: "egtea", images: 3, testImages: 1, side: 48, profile: ImbalanceProfile.none))
        for (name, count) in [("train", 3), ("val", 1), ("test", 1)] {
            let data = try Dataset.egtea("\(root)/data/egtea/\(name)_split.txt", root: "\(root)/data/egtea")
            #expect(data.imageCounts == [Int](repeating: count, count: 19))
            #expect(data.images.allSatisfy { (11...20).contains($0.frames?.count ?? 0) })
            try checkImages(data, side: 42...42)
        }
    }

    @Test func imageFolders() throws {
        try write(
            SyntheticData(format: "folder", classes: 5, images: 8, testImages: 2, side: 48, profile: .step(factor: 0.5))
        )
        let train = try Dataset.imageFolder("\(root)/data/synthetic/train")
        #expect(train.imageCounts.sorted() == [4, 4, 4, 8, 8])
        for split in ["val", "test"] {
            let data = try Dataset.imageFolder("\(root)/data/synthetic/\(split)")
            #expect(data.imageCounts == [2, 2, 2, 2, 2] && data.categories.map(\.name) == train.categories.map(\.name))
            try checkImages(data, side: 48...48)
        }
    }

    @Test(arguments: [
        "cifar10", "tiny-imagenet", "imagenet-lt", "inaturalist", "egtea", "folder", "voc-mlt", "coco-mlt", "lvis",
    ])
    func sameSeedSameBytes(_ format: String) throws {
        func draw(_ seed: UInt64) throws -> [String: String] {
            let place = try TemporaryFolder()
            let data = SyntheticData(
                format: format, classes: ["egtea", "voc-mlt"].contains(format) ? nil : 4,
                images: format == "lvis" ? 40 : 12, testImages: 1,
                side: format == "cifar10" ? 32 : 40, profile: .exponential(factor: 0.3), seed: seed)
            let result = try data.write(to: place.path)
            // What was promised, and nothing besides.
            #expect(!result.sections.isEmpty)
            let names = try FileManager.default.contentsOfDirectory(atPath: place.path)
            #expect(Set(names).isSubset(of: ["data", "appendix"]))
            var digests: [String: String] = [:]
            for name in try FileManager.default.subpathsOfDirectory(atPath: place.path) {
                var isFolder: ObjCBool = false
                _ = FileManager.default.fileExists(atPath: "\(place.path)/\(name)", isDirectory: &isFolder)
                if !isFolder.boolValue { digests[name] = try SHA256.digest(ofFile: "\(place.path)/\(name)") }
            }
            return digests
        }
        let first = try draw(3)
        #expect(try draw(3) == first)
        #expect(try draw(4) != first)
    }

    @Test func overwritesNothing() throws {
        let data = SyntheticData(format: "cifar10", classes: 2, images: 2, testImages: 1)
        try write(data)
        let before = try SHA256.digest(ofFile: "\(root)/data/cifar-10-batches-py/test_batch")
        var other = data
        other.seed = 1
        let error = #expect(throws: LTError.self) { try other.write(to: root) }
        #expect(error?.code == .conflict && error?.message.contains("cifar-10-batches-py is there already") == true)
        #expect(try SHA256.digest(ofFile: "\(root)/data/cifar-10-batches-py/test_batch") == before)
        // Another format beside it is welcome; what an interrupted run left is removed.
        try folder.write(".lt-synth.part/data/half", "x")
        other.format = "folder"
        try write(other)
        #expect(!FileManager.default.fileExists(atPath: "\(root)/.lt-synth.part"))
    }

    @Test(arguments: [
        (SyntheticData(format: "mnist"), "expected one of"),
        (SyntheticData(format: "voc", classes: 5), "this format has 20"),
        (SyntheticData(format: "cifar10", classes: 257), "2 … 256"),
        (SyntheticData(format: "cifar10", side: 64), "this format has 32"),
        (SyntheticData(format: "folder", images: 0), "0 images"),
        (SyntheticData(format: "folder", testImages: 0), "0 test images"),
        (SyntheticData(format: "folder", images: 10, profile: .exponential(factor: 0.001)), "without images"),
        (SyntheticData(format: "folder", profile: .exponential(factor: 2)), "factor 2.0"),
        (SyntheticData(format: "folder", variants: ["x"]), "has none"),
        (SyntheticData(format: "lvis", variants: ["v2"]), "expected v0.5, rle"),
        (SyntheticData(format: "folder", classes: 10_000, images: 1_000_000), "10000 classes of 1000000"),
    ])
    func refuses(_ data: SyntheticData, _ message: String) throws {
        let error = #expect(throws: LTError.self) { try data.write(to: root) }
        #expect(error?.message.contains(message) == true, "\(error?.description ?? "")")
        #expect(try FileManager.default.contentsOfDirectory(atPath: root).isEmpty)
    }

    @Test(arguments: [
        ("none", ImbalanceProfile.none), ("exponential:0.02", .exponential(factor: 0.02)),
        ("cdb:100", .cdb(imbalance: 100)),
        ("step:0.1", .step(factor: 0.1)), ("pareto:800", .vocMLT),
    ])
    func profilesAsText(_ text: String, _ profile: ImbalanceProfile) throws {
        #expect(try ImbalanceProfile(parsing: text) == profile)
    }

    @Test(arguments: [
        "", "exponential", "exponential:", "exponential:0", "exponential:x", "cdb:0", "pareto:1e300", "none:1",
        "step:nan", "zipf:1",
    ])
    func badProfiles(_ text: String) { #expect(throws: LTError.self) { try ImbalanceProfile(parsing: text) } }
}
