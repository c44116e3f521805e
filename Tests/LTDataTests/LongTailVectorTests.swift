// Class sizes and selected images against the published code's (vectors), NumPy's shuffle against NumPy.

import Foundation
import LTCore
import LTData
import Testing

/// Images of one class each, or of several.
func labelled(_ labels: [[Int]], classes: Int) -> Dataset {
    Dataset(
        source: "memory", imageFolder: "", categories: (0..<classes).map { .init(id: $0, name: "class \($0)") },
        images: labels.enumerated().map { .init(id: $0, path: "i\($0).jpg", labels: $1) })
}

@Suite struct LongTailVectorTests {
    @Test func numpyShuffle() throws {
        let data = try Data(contentsOf: Vectors.fixtures.appendingPathComponent("numpy_shuffle.json"))
        let root = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        let cases = try #require(root["cases"] as? [[String: Any]])
        #expect(cases.count == 3)
        for item in cases {
            var generator = MersenneTwister(seed: UInt32(try item.int("seed")))
            var bytes: [UInt8] = []
            var order: [Int32] = []
            for size in try item.ints("sizes") {
                order = Array(0..<Int32(size))
                generator.shuffle(&order)
                for value in order { withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) } }
            }
            let first = order.prefix(8).map { Int($0) }
            #expect(try first == item.ints("last"))
            #expect(try SHA256.digest(of: bytes) == item.text("sha256"))
        }
    }

    @Test func paretoSizes() throws {
        for item in try Vectors.cases("db_pareto.json") {
            let hyper = item.section("hyper")
            let profile = ImbalanceProfile.pareto(
                shape: try hyper.double("b"), largest: try hyper.int("max"), least: try hyper.int("min"),
                tail: try hyper.double("tail"))
            let sizes = profile.sizes(classes: try hyper.int("num_classes"), largest: 0)
            #expect(try sizes == item.section("outputs").ints("reference_sizes"), "\(hyper)")
        }
    }

    @Test func classDifficultyBalanced() throws {
        for item in try Vectors.cases("cdb_imbalance.json") {
            let name = try item.text("case")
            let (hyper, outputs) = (item.section("hyper"), item.section("outputs"))
            let classes = try hyper.int("class_num")
            let inputs = item.section("inputs")
            let given = (inputs["labels"] ?? inputs["targets"]) as? [Int]
            let labels =
                if let given { given } else { (0..<classes * (try hyper.int("per_class"))).map { $0 % classes } }
            let data = labelled(labels.map { [$0] }, classes: classes)
            let parts = try data.holdingOut(lastOfEachClass: try hyper.int("val_per_class"))
            let options = LongTail(.cdb(imbalance: try hyper.double("imbalance")), .first)
            let train = try parts.train.longTailed(options).images.map(\.id)
            // The published order of validation images is class by class.
            let heldOut = parts.validation.images.map(\.id).sorted { (labels[$0], $0) < (labels[$1], $1) }
            for key in outputs.keys {
                switch key {
                case "train_counts": #expect(try data.subset(train).imageCounts == outputs.ints(key), "\(name)")
                case "train_total": #expect(try train.count == outputs.int(key), "\(name)")
                case "val_total": #expect(try heldOut.count == outputs.int(key), "\(name)")
                case let key where key.contains("val") && key.contains("indices"):
                    #expect(try heldOut == outputs.ints(key), "\(name)")
                case let key where key.contains("indices"): #expect(try train == outputs.ints(key), "\(name)")
                case let key where key.contains("val") && (key.contains("labels") || key.contains("targets")):
                    let classes = heldOut.map { labels[$0] }
                    #expect(try classes == outputs.ints(key), "\(name)")
                case let key where key.contains("labels") || key.contains("targets"):
                    let classes = train.map { labels[$0] }
                    #expect(try classes == outputs.ints(key), "\(name)")
                default: Issue.record("case \(name) has an output '\(key)' that nothing reads")
                }
            }
        }
    }

    @Test func influenceBalanced() throws {
        for item in try Vectors.cases("ib_imbalance.json") {
            let name = try item.text("case")
            let (hyper, outputs) = (item.section("hyper"), item.section("outputs"))
            let factor = try hyper.double("imb_factor")
            let profile: ImbalanceProfile =
                switch try hyper.text("imb_type") {
                case "exp": .exponential(factor: factor)
                case "step": .step(factor: factor)
                default: .none
                }
            guard let targets = item.section("inputs")["targets"] as? [Int] else {
                let classes = try hyper.int("cls_num")
                let largest = Double(try hyper.int("total_images")) / Double(classes)
                let expected = try outputs.ints("img_num_per_cls")
                let sizes = profile.sizes(classes: classes, largest: largest)
                // An odd number of classes in two steps: the published code has no size for the last one.
                #expect(expected.count == classes || classes % 2 == 1 && expected.count == classes - 1, "\(name)")
                #expect(Array(sizes.prefix(expected.count)) == expected, "\(name)")
                continue
            }
            let classes = (targets.max() ?? 0) + 1
            let data = labelled(targets.map { [$0] }, classes: classes)
            let options = LongTail(profile, .shuffled(seed: UInt32(try hyper.int("rand_number"))))
            let chosen = try data.selected(options)
            let expected = try outputs.ints("selected_indices_in_order")
            // See above: ours goes on with the last class.
            #expect(chosen.count == expected.count || classes % 2 == 1 && profile == .step(factor: factor), "\(name)")
            #expect(Array(chosen.prefix(expected.count)) == expected, "\(name)")
            let kept = chosen.prefix(expected.count).map { targets[$0] }
            #expect(try kept == outputs.ints("targets"), "\(name)")
            let sizes = try outputs.ints("img_num")
            #expect(Array(data.subset(chosen).imageCounts.prefix(sizes.count)) == sizes, "\(name)")
        }
    }
}
