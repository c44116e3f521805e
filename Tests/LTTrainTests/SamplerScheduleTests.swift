// Samplers by their invariants (the official order is bound to CPython's random), schedules against reference rates.

import Foundation
import LTCore
import LTTrain
import Testing

@Suite struct SamplerTests {
    @Test func classAwareHasTheOfficialLengthAndStructure() throws {
        for entry in try Fixtures.cases("db_class_aware_sampler.json") {
            let hyper = try #require(entry["hyper"] as? [String: Int])
            let inputs = try #require(entry["inputs"] as? [String: [[Int]]])
            let lists = try #require(inputs["class_index_lists"])
            let count = (lists.joined().max() ?? 0) + 1
            let data = SamplerData(
                labels: (0..<count).map { image in lists.indices.filter { lists[$0].contains(image) } },
                classNames: lists.indices.map { "\($0)" })
            let perClass = try #require(hyper["num_samples_cls"])
            var sampler = try ClassAwareSampler(
                data, samplesPerClass: perClass, reduce: try #require(hyper["reduce"]), seed: 3)
            #expect(sampler.epochLength == (entry["outputs"] as? [String: Any])?["length"] as? Int)
            // Each class's turns go through its images once before any comes again.
            var seen = [[Int]](repeating: [], count: lists.count)
            var turns: [Int] = []
            for _ in 0..<lists.count * 40 {
                let drawn = (0..<perClass).map { _ in sampler.next() }
                let candidates = lists.indices.filter { Set(drawn).isSubset(of: lists[$0]) }
                #expect(!candidates.isEmpty)
                if candidates.count == 1 { seen[candidates[0]] += drawn }
                turns.append(candidates.count == 1 ? candidates[0] : -1)
            }
            // Within a cycle of classes none comes twice.
            for cycle in stride(from: 0, to: turns.count, by: lists.count) {
                let known = turns[cycle..<cycle + lists.count].filter { $0 >= 0 }
                #expect(Set(known).count == known.count)
            }
        }
    }

    @Test func classAwareDrawsEachImageOfAClassBeforeAnyComesAgain() throws {
        // Disjoint classes: the class of a draw is certain.
        let data = SamplerData(labels: (0..<22).map { [$0 < 2 ? 0 : $0 < 9 ? 1 : 2] }, classNames: ["a", "b", "c"])
        var sampler = try ClassAwareSampler(data, seed: 5)
        #expect(sampler.epochLength == 13 * 3 / 4)
        var drawn = [[Int]](repeating: [], count: 3)
        for _ in 0..<3 * 3 * 91 {
            let image = sampler.next()
            drawn[data.labels[image][0]].append(image)
        }
        for (list, size) in zip(drawn, [2, 7, 13]) {
            #expect(list.count == 3 * 91)
            for start in stride(from: 0, to: list.count - size + 1, by: size) {
                #expect(Set(list[start..<start + size]).count == size)
            }
        }
    }

    @Test func anEmptyClassIsNamed() {
        let data = SamplerData(labels: [[0], [0]], classNames: ["cat", "dog"])
        let error = #expect(throws: LTError.self) { try ClassAwareSampler(data, seed: 1) }
        #expect(error?.message.contains("'dog'") ?? false)
    }

    @Test func uniformDrawsEveryImageOncePerEpochInNewOrder() throws {
        var sampler = try UniformSampler(count: 50, seed: 9)
        let first = (0..<50).map { _ in sampler.next() }
        let second = (0..<50).map { _ in sampler.next() }
        #expect(first.sorted() == Array(0..<50) && second.sorted() == Array(0..<50) && first != second)
    }
}
