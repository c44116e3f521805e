// Samplers that give classes other weights than the data: how often they draw what, and that skipping is drawing.

import Foundation
import LTCore
import LTTrain
import Testing

@Suite struct BalancedSamplerTests {
    /// Classes of 1, 4, 25 and 100 images, one class without any, and ten images without a class.
    static let sizes = [1, 4, 25, 100, 0]
    static var data: SamplerData {
        let labels = zip(0..., sizes).flatMap { [[Int]](repeating: [$0], count: $1) }
        return SamplerData(
            labels: labels + [[Int]](repeating: [], count: 10), classNames: ["a", "b", "c", "d", "e"])
    }

    /// How often each class is drawn.
    static func shares(_ sampler: inout some Sampler, draws: Int, _ data: SamplerData = data) -> [Double] {
        var counts = [Double](repeating: 0, count: data.classNames.count)
        for _ in 0..<draws {
            let labels = data.labels[sampler.next()]
            #expect(!labels.isEmpty)
            for label in labels { counts[label] += 1 / Double(draws) }
        }
        return counts
    }

    static func agree(_ a: [Double], _ b: [Double], _ tolerance: Double = 0.015) -> Bool {
        a.count == b.count && zip(a, b).allSatisfy { abs($0 - $1) < tolerance }
    }

    static func normalised(_ weights: [Double]) -> [Double] {
        let sum = weights.reduce(0, +)
        return weights.map { $0 / sum }
    }

    @Test(arguments: [1, 0.5, 0, -1, 0.3]) func powersOfTheCounts(exponent: Double) throws {
        var sampler = try PowerSampler(Self.data, exponent: exponent, seed: 4)
        #expect(sampler.epochLength == 130)
        let expected = Self.normalised(Self.sizes.map { $0 == 0 ? 0 : pow(Double($0), exponent) })
        #expect(Self.agree(Self.shares(&sampler, draws: 20_000), expected))
    }

    @Test func namesArePowers() throws {
        var pairs: [(any Sampler, any Sampler)] = []
        pairs.append(
            (try ClassBalancedSampler(Self.data, seed: 6), try PowerSampler(Self.data, exponent: 0, seed: 6)))
        pairs.append(
            (try SquareRootSampler(Self.data, seed: 6), try PowerSampler(Self.data, exponent: 0.5, seed: 6)))
        for (named, power) in pairs {
            var (named, power) = (named, power)
            #expect(named.epochLength == power.epochLength)
            for _ in 0..<500 { #expect(named.next() == power.next()) }
        }
    }

    @Test func aClassGoesThroughItsImagesBeforeAnyComesAgain() throws {
        var sampler = try ClassBalancedSampler(Self.data, seed: 2)
        var drawn: [Int] = []
        while drawn.count < 75 {
            let image = sampler.next()
            if Self.data.labels[image] == [2] { drawn.append(image) }
        }
        for start in [0, 25, 50] { #expect(Set(drawn[start..<start + 25]).count == 25) }
        #expect(drawn[0..<25] != drawn[25..<50])
    }

    @Test func progressiveGoesFromTheDataToBalance() throws {
        let epochs = 5
        let (start, end) = (Self.normalised(Self.sizes.map(Double.init)), [0.25, 0.25, 0.25, 0.25, 0])
        var drawn = [[Double]](repeating: [], count: epochs)
        // Many short runs, since an epoch has 130 draws.
        for seed in 0..<150 {
            var sampler = try ProgressiveSampler(Self.data, epochs: epochs, seed: UInt64(seed))
            for epoch in 0..<epochs {
                let shares = Self.shares(&sampler, draws: sampler.epochLength)
                drawn[epoch] = drawn[epoch].isEmpty ? shares : zip(drawn[epoch], shares).map(+)
            }
            if seed == 0 {
                // The last mixture stays.
                _ = Self.shares(&sampler, draws: 130)
                #expect(Self.agree(Self.shares(&sampler, draws: 20_000), end))
            }
        }
        for epoch in 0..<epochs {
            let balance = Double(epoch) / 4
            let expected = zip(start, end).map { (1 - balance) * $0 + balance * $1 }
            #expect(Self.agree(drawn[epoch].map { $0 / 150 }, expected), "epoch \(epoch)")
        }
    }

    @Test func progressiveTakesItsLengthFromTheRun() throws {
        func shares(_ yaml: String, _ length: SamplerData.Length?) throws -> [Double] {
            var data = Self.data
            data.length = length
            var sampler = try ProgressiveSampler(try RecipeSection(yaml: yaml), data: data, seed: 1)
            sampler.skip(130 * 2)
            return Self.shares(&sampler, draws: 130)
        }
        // The third epoch is balanced in a run of three, not in one of thirty.
        let balanced = try shares("epochs: 3", .epochs(30))
        #expect(balanced[0] > 0.15)
        #expect(try shares("{}", .epochs(3)) == balanced && shares("{}", .draws(300)) == balanced)
        #expect(try shares("{}", .epochs(30))[0] < 0.1)
        let error = #expect(throws: LTError.self) { _ = try shares("{}", nil) }
        #expect(error?.message.contains("'epochs'") ?? false)
    }

    @Test func repeatFactorsEqualDetectron2() throws {
        for entry in try Fixtures.cases("eql_repeat_factor.json") {
            let threshold = flat((entry["hyper"] as? [String: Any])?["repeat_threshold"])[0]
            let inputs = try #require(entry["inputs"] as? [String: [[Int]]])
            let labels = try #require(inputs["image_categories"])
            let count = (labels.joined().max() ?? 0) + 1
            let data = SamplerData(labels: labels, classNames: (0..<count).map { "\($0)" })
            let expected = flat((entry["outputs"] as? [String: Any])?["repeat_factor_float32"])
            #expect(deviation(RepeatFactorSampler.factors(data, threshold: threshold), expected) < 1e-6)
        }
    }

    @Test func repeatFactorImagesComeAsOftenAsTheirFactorSays() throws {
        let data = SamplerData(
            labels: (0..<40).map { $0 == 0 ? [0] : $0 < 5 ? [1, 2] : $0 < 38 ? [2] : [] }, classNames: ["a", "b", "c"])
        let factors = RepeatFactorSampler.factors(data, threshold: 0.3)
        #expect(abs(factors[0] - (0.3 * 38).squareRoot()) < 1e-12 && factors[39] == 1)
        #expect(abs(factors[1] - (0.3 * 38 / 4).squareRoot()) < 1e-12 && factors[7] == 1)
        var sampler = try RepeatFactorSampler(data, threshold: 0.3, seed: 9)
        let total = factors.reduce(0, +)
        #expect(sampler.epochLength == Int(total.rounded()))
        let draws = 2000 * sampler.epochLength
        var counts = [Double](repeating: 0, count: 40)
        for _ in 0..<draws { counts[sampler.next()] += 1 }
        for (count, factor) in zip(counts, factors) {
            #expect(abs(count / Double(draws) * total - factor) < 0.03)
        }
    }

    @Test(arguments: [0.0, 0.9, 0.9999]) func resamplingFollowsEffectiveNumbers(beta: Double) throws {
        var sampler = try Resampling(Self.data, beta: beta, seed: 3)
        #expect(sampler.epochLength == 130)
        let weights = Self.sizes.map { $0 == 0 ? 0 : Double($0) * (1 - beta) / (1 - pow(beta, Double($0))) }
        #expect(Self.agree(Self.shares(&sampler, draws: 20_000), Self.normalised(weights)))
    }

    @Test func resamplingTakesTheRarestOfSeveralClasses() throws {
        let data = SamplerData(labels: [[0, 1], [1], [1], [1], []], classNames: ["rare", "common"])
        var sampler = try Resampling(data, beta: 0.999_999, seed: 1)
        #expect(sampler.epochLength == 4)
        var counts = [Double](repeating: 0, count: 5)
        for _ in 0..<20_000 { counts[sampler.next()] += 1 / 20_000 }
        // Weights 1 and three times 1/4.
        let expected = Self.normalised([4, 1, 1, 1, 0])
        #expect(Self.agree(counts, expected))
    }

    @Test func skippingIsDrawing() throws {
        let data = SamplerData(
            labels: (0..<60).map { $0 < 2 ? [0, 1] : $0 < 9 ? [1] : [2] }, classNames: ["a", "b", "c"],
            length: .epochs(4))
        for type in SamplerTable.all {
            let yaml = ["power": "exponent: 0.7", "repeat-factor": "threshold: 0.4"][type.name] ?? "{}"
            func make(seed: UInt64) throws -> any Sampler {
                try type.init(try RecipeSection(yaml: yaml), data: data, seed: seed)
            }
            var (drawn, skipped, other) = (try make(seed: 5), try make(seed: 5), try make(seed: 6))
            let whole = (0..<700).map { _ in drawn.next() }
            skipped.skip(0)
            skipped.skip(333)
            #expect((333..<700).map { _ in skipped.next() } == Array(whole[333...]), "\(type.name)")
            #expect((0..<700).map { _ in other.next() } != whole, "\(type.name)")
            #expect(whole.allSatisfy { data.labels.indices.contains($0) })
        }
    }

    @Test func dataWithoutClassesIsRefused() throws {
        let data = SamplerData(labels: [[], []], classNames: ["cat"], length: .epochs(1))
        for type in SamplerTable.all where !["uniform", "repeat-factor"].contains(type.name) {
            let yaml = type.name == "power" ? "exponent: 1" : "{}"
            let error = #expect(throws: LTError.self, "\(type.name)") {
                _ = try type.init(try RecipeSection(yaml: yaml), data: data, seed: 1)
            }
            #expect(error?.code == .invalidArgument)
        }
        let missing = #expect(throws: LTError.self) {
            _ = try PowerSampler(try RecipeSection(yaml: "{}"), data: Self.data, seed: 1)
        }
        #expect(missing?.message.contains("'exponent'") ?? false)
    }
}
