// Long-tailed parts of sets: what is kept of images, annotations, counts; the procedure for several classes; lists; errors.

import LTCore
import LTData
import LTDecision
import LTImage
import Testing

@Suite struct LongTailTests {
    /// 20 classes of very different sizes; images of the rare ones mostly show the frequent ones too.
    private func crowded(seed: UInt64 = 5) -> Dataset {
        var generator = SeededGenerator(seed: seed)
        let labels = (0..<6000).map { image in
            var shown: Set<Int> = [image % 20]
            while generator.uniform() < 0.45 {
                shown.insert(min(19, Int(-6 * (1 - generator.uniform()).squareRoot() + 6)))
            }
            return shown.sorted()
        }
        return labelled(labels, classes: 20)
    }

    @Test func keepsOrderCountsAndAnnotations() throws {
        let categories = (0..<4).map {
            "{\"id\": \($0), \"name\": \"c\($0)\"\($0 == 0 ? ", \"frequency\": \"f\"" : "")}"
        }
        let images = (0..<40).map { "{\"id\": \($0), \"file_name\": \"\($0).jpg\"}" }
        let objects = (0..<40).map {
            "{\"id\": \($0), \"image_id\": \($0), \"category_id\": \($0 % 4), \"bbox\": [0, 0, 2, 2]}"
        }
        let text = """
            {"categories": [\(categories.joined(separator: ","))], "images": [\(images.joined(separator: ","))],
             "annotations": [\(objects.joined(separator: ","))]}
            """
        var data = try parseCOCO(Array(text.utf8))
        data.archive = try PixelArchive(width: 1, height: 1, pixels: (0..<120).map { UInt8($0 / 3) })
        let options = LongTail(.cdb(imbalance: 4), .first)
        let train = try data.longTailed(options)
        #expect(train.imageCounts == [10, 6, 3, 2] && train.categories.map(\.trainCount) == [10, 6, 3, 2])
        #expect(train.categories.map(\.frequency) == ["r", nil, nil, nil])
        #expect(train.images.map(\.id) == [0, 4, 8, 12, 16, 20, 24, 28, 32, 36, 1, 5, 9, 13, 17, 21, 2, 6, 10, 3, 7])
        #expect(train.annotations.allSatisfy { train.images[$0.image].id == $0.id } && train.annotations.count == 21)
        // Pixels stay with their images.
        for (sample, image) in zip(train.samples, train.images) {
            let picture = try sample.image()
            #expect(picture.bytes[0] == UInt8(image.id))
        }
        // Of a part of a part too.
        let last = train.subset([20, 2])
        let pictures = try last.samples.map { try $0.image() }
        #expect(pictures.map { $0.bytes[0] } == [7, 8])
    }

    @Test func shuffledIsOneStreamOverClasses() throws {
        let data = labelled((0..<600).map { [$0 % 3] }, classes: 3)
        let balanced = try data.selected(LongTail(.none, .shuffled(seed: 4)))
        #expect(balanced.count == 600 && Set(balanced).count == 600)
        // The first n of the same orders.
        let tailed = try data.selected(LongTail(.exponential(factor: 0.01), .shuffled(seed: 4)))
        let orders = (0..<3).map { label in balanced.filter { $0 % 3 == label } }
        #expect(tailed == Array(orders[0].prefix(200) + orders[1].prefix(20) + orders[2].prefix(2)))
        #expect(try data.selected(LongTail(.none, .shuffled(seed: 5))) != balanced)
    }

    @Test func oddStepKeepsEveryClass() {
        #expect(ImbalanceProfile.step(factor: 0.1).sizes(classes: 5, largest: 100) == [100, 100, 10, 10, 10])
        #expect(ImbalanceProfile.step(factor: 0.1).sizes(classes: 1, largest: 100) == [100])
        #expect(ImbalanceProfile.exponential(factor: 0.1).sizes(classes: 1, largest: 100) == [100])
        #expect(ImbalanceProfile.vocMLT.sizes(classes: 0, largest: 1).isEmpty)
    }

    @Test func paretoReachesItsSizes() throws {
        let data = crowded()
        let profile = ImbalanceProfile.pareto(shape: 6, largest: 400, least: 1, tail: 0.99)
        let chosen = try data.selected(LongTail(profile, .cooccurring(seed: 1)))
        #expect(Set(chosen).count == chosen.count)
        let part = data.subset(chosen)
        let counts = part.imageCounts.sorted(by: >)
        let wanted = profile.sizes(classes: 20, largest: 0)
        // Other classes' images come along and go along: counts lie around the wanted ones.
        #expect(zip(counts, wanted).allSatisfy { abs($0 - $1) <= 1 + 3 * $1 / 10 }, "\(counts) \(wanted)")
        #expect(counts[0] > 100 && counts[19] < 20)
        // The same seed, the same images; another seed, others in like numbers.
        #expect(try data.selected(LongTail(profile, .cooccurring(seed: 1))) == chosen)
        let other = try data.selected(LongTail(profile, .cooccurring(seed: 2)))
        #expect(other != chosen && abs(other.count - chosen.count) < chosen.count / 5)
    }

    /// Images of one class keep no company: every class has exactly its size, or all that there are.
    @Test func paretoOfSingleLabels() throws {
        let data = labelled((0..<1000).map { [$0 % 10] }, classes: 10)
        let profile = ImbalanceProfile.pareto(shape: 2, largest: 150, least: 3, tail: 0.99)
        let counts = try data.longTailed(LongTail(profile, .cooccurring(seed: 0))).imageCounts
        #expect(counts == profile.sizes(classes: 10, largest: 0).map { min(100, $0) })
    }

    /// Removing happens too: every image of class 1 has class 0, of which less is wanted by then.
    @Test func paretoRemoves() throws {
        let data = labelled((0..<100).map { $0 < 60 ? [0, 1] : [0] }, classes: 2)
        let profile = ImbalanceProfile.pareto(shape: 1, largest: 90, least: 5, tail: 0.5)
        #expect(profile.sizes(classes: 2, largest: 0) == [90, 26])
        let part = try data.longTailed(LongTail(profile, .cooccurring(seed: 3)))
        #expect(part.imageCounts[1] == 26 && (56...66).contains(part.imageCounts[0]))
    }

    @Test func listsByPathStemOrNumber() throws {
        var data = labelled([[0], [1], [0], [1]], classes: 2)
        for (index, id) in [900, 7, 12, 30].enumerated() {
            data.images[index].id = id
            data.images[index].path = "VOC/2008_00000\(index).jpg"
        }
        func chosen(_ names: [String]) throws -> [Int] {
            try data.selected(LongTail(.none, .listed(names)))
        }
        #expect(try chosen(["VOC/2008_000003.jpg", "VOC/2008_000000.jpg"]) == [3, 0])
        #expect(try chosen(["2008_000002", "2008_000001"]) == [2, 1])
        #expect(try chosen(["30", "000000000007"]) == [3, 1])
        #expect(try data.longTailed(LongTail(.none, .listed(["7", "30"]))).imageCounts == [0, 2])
        let missing = #expect(throws: LTError.self) { try chosen(["30", "31", "32"]) }
        #expect(missing?.message == "2 of 3 names of the list are not in the set: 31, 32")
        let twice = #expect(throws: LTError.self) { try chosen(["30", "030"]) }
        #expect(twice?.message == "the list names 030 twice")
        #expect(throws: LTError.self) { try chosen([]) }
        // In an archive the number is the name.
        data.archive = try PixelArchive(width: 1, height: 1, pixels: [UInt8](repeating: 0, count: 12))
        #expect(try chosen(["12"]) == [2])
    }

    @Test(arguments: [
        (LongTail(.exponential(factor: 0), .first), "factor 0.0"),
        (LongTail(.step(factor: 1.5), .first), "factor 1.5"),
        (LongTail(.pareto(shape: 0, largest: 9, least: 1, tail: 0.9), .cooccurring(seed: 0)), "Pareto shape"),
        (LongTail(.pareto(shape: 1, largest: 9, least: 1, tail: 1), .cooccurring(seed: 0)), "Pareto tail"),
        (LongTail(.pareto(shape: 1, largest: 9, least: 10, tail: 0.9), .cooccurring(seed: 0)), "Pareto sizes"),
        (LongTail(.exponential(factor: 0.001), .first), "without images: class 1"),
    ])
    func saysWhatCannotBe(_ options: LongTail, _ message: String) {
        let data = labelled((0..<12).map { [$0 % 2] }, classes: 2)
        let error = #expect(throws: LTError.self) { try data.longTailed(options) }
        #expect(error?.message.contains(message) == true, "\(error?.description ?? "")")
    }

    @Test func singleLabelRulesWantSingleLabels() {
        let data = labelled([[0], [0, 1], [1]], classes: 2)
        for selection in [LongTail.Selection.first, .shuffled(seed: 0)] {
            let error = #expect(throws: LTError.self) { try data.longTailed(LongTail(.none, selection)) }
            #expect(error?.message.contains("image 1 has 2 classes") == true)
        }
    }
}
