// Thresholds against scikit-learn, a search through all of them, and what they promise.

import LTCore
import LTDecision
import LTEval
import Testing

@Suite struct ThresholdTests {
    @Test func f1ThresholdsAreTheReferences() throws {
        let expected = try Fixture(file: "cls.json")["multilabel"]["best_f1"].array
        for (index, best) in expected.enumerated() {
            let fitted = ThresholdFit.fit(try fixtureEvents(index), .f1)
            if best["threshold"].isNull {
                #expect(fitted == nil)
            } else {
                #expect(fitted?.threshold == Float(best["threshold"].double))
                #expect(fitted?.truePositives == best["tp"].int)
                #expect(fitted?.predicted == best["pred"].int)
                expectClose(fitted?.f1, best["f1"].double)
            }
        }
    }

    @Test func otherObjectivesAreTheReferences() throws {
        for entry in try Fixture(file: "calibration.json")["thresholds"].array {
            let events = try fixtureEvents(entry["class"].int)
            guard entry["cost=1:3"].value != nil else {
                #expect(ThresholdFit.fit(events, .recall(0.8)) == nil)
                continue
            }
            let precise = try #require(ThresholdFit.fit(events, .precision(0.7)))
            if entry["precision=0.7"].isNull {
                #expect(!precise.isMet)
            } else {
                #expect(precise.isMet && precise.threshold == Float(entry["precision=0.7"].double))
            }
            let recalled = try #require(ThresholdFit.fit(events, .recall(0.8)))
            #expect(recalled.isMet && recalled.threshold == Float(entry["recall=0.8"].double))
            let objective = ThresholdObjective.cost(falsePositive: 1, falseNegative: 3)
            let cheap = try #require(ThresholdFit.fit(events, objective))
            let cost = cheap.predicted - cheap.truePositives + 3 * (cheap.positives - cheap.truePositives)
            // The reference does not try to predict nothing.
            if cheap.predicted > 0 {
                #expect(cheap.threshold == Float(entry["cost=1:3"][0].double) && cost == entry["cost=1:3"][1].int)
            } else {
                #expect(cost <= entry["cost=1:3"][1].int)
            }
        }
    }

    /// Against every distinct score, with ties and positives that have no score.
    @Test(arguments: ["f1", "precision=0.6", "recall=0.7", "cost=2:1"]) func noThresholdIsBetter(_ name: String) throws
    {
        let objective = try ThresholdObjective(name)
        #expect(objective.name == name)
        var random = SeededGenerator(seed: 21)
        for _ in 0..<300 {
            let input = try randomPredictions(&random, rows: 1 + random.below(30), classes: 1, levels: 2)
            let events = BinaryEvents(scores: input.scores, hits: input.labels, missed: random.below(3))
            let positives = events.hitCount + events.missed
            guard let fitted = ThresholdFit.fit(events, objective) else {
                #expect(events.hitCount == 0)
                continue
            }
            func judge(_ t: Float) -> (Bool, Double) {
                let predicted = events.scores.indices.filter { events.scores[$0] >= t }
                let hits = predicted.count { events.hits[$0] }
                let precision = Double(hits) / Double(max(predicted.count, 1))
                let recall = Double(hits) / Double(positives)
                switch objective {
                case .f1: return (true, 2 * Double(hits) / Double(predicted.count + positives))
                case .precision(let least): return precision >= least ? (true, recall) : (false, precision)
                case .recall(let least): return recall >= least ? (true, precision) : (false, recall)
                case .cost(let positive, let negative):
                    return (true, -Double(predicted.count - hits) * positive - Double(positives - hits) * negative)
                case .off: return (true, 0)
                }
            }
            let own = judge(fitted.threshold)
            #expect(own.0 == fitted.isMet)
            #expect(fitted.positives == positives)
            for t in Set(events.scores) {
                let other = judge(t)
                if own.0 != other.0 {
                    #expect(own.0)
                } else {
                    #expect(other.1 < own.1 || (other.1 == own.1 && t <= fitted.threshold))
                }
            }
        }
    }

    @Test func objectivesAreReadStrictly() throws {
        for text in [
            "", "f2", "precision", "precision=", "precision=1.5", "precision=0", "recall=nan", "cost=1", "cost=1:0",
            "cost=1:2:3", "cost=-1:2", "f1=3",
        ] {
            let error = #expect(throws: LTError.self) { try ThresholdObjective(text) }
            #expect(error?.code == .invalidArgument)
        }
        #expect(try ThresholdObjective("none") == .off)
        #expect(try ThresholdObjective("cost=1:5") == .cost(falsePositive: 1, falseNegative: 5))
    }

    /// Few positives lean on the group's threshold, none have it; intervals narrow with positives.
    @Test func fewPositivesLeanAndSaySo() throws {
        var random = SeededGenerator(seed: 30)
        let classes = [0.5, 0.1, 0.01, 0].map { rate -> BinaryEvents in
            let hits = (0..<400).map { _ in random.uniform() < rate }
            return BinaryEvents(
                scores: hits.map { Decider.sigmoid(Float(random.normal() + ($0 ? 1.5 : -0.5))) }, hits: hits)
        }
        let fitted = try #require(Thresholds.fit(classes, .f1, Shrinkage(groups: [[0, 1], [2, 3]])))
        let alone = try #require(Thresholds.fit(classes, .f1, Shrinkage(positives: 0)))
        #expect(alone.values[3] == nil && alone.intervals?[3] == nil)
        #expect(alone.values[0] == ThresholdFit.fit(classes[0], .f1)?.threshold)
        let values = fitted.values.compactMap { $0 }
        #expect(values.count == 4)
        let intervals = try #require(fitted.intervals)
        for index in 0..<3 {
            let interval = try #require(intervals[index])
            #expect(interval[0] <= values[index] + 0.1 && values[index] - 0.1 <= interval[1])
        }
        #expect(fitted.positives?[3] == 0 && intervals[3] == nil)
        // The last has its group's threshold, which leans on everything's.
        #expect(values[3] > 0 && values[3] < 1)
        #expect(Thresholds.fit(classes, .f1, Shrinkage(groups: [[0, 1], [2, 3]])) == fitted)
        #expect(Thresholds.fit(classes, .off, Shrinkage()) == nil)
        func width(_ positives: Int) throws -> Float {
            var random = SeededGenerator(seed: 31)
            let hits = (0..<20 * positives).map { $0 < positives }
            let events = BinaryEvents(
                scores: hits.map { Decider.sigmoid(Float(random.normal() + ($0 ? 2 : 0))) }, hits: hits)
            let range = try #require(Thresholds.fit([events], .recall(0.5), Shrinkage(positives: 0))?.intervals?[0])
            return range[1] - range[0]
        }
        #expect(try width(1000) < width(10) / 2)
    }

    @Test func demandsThatCannotBeMetAreNamed() throws {
        // A wrong one above every right one.
        let events = BinaryEvents(scores: [0.9, 0.8, 0.7, 0.1], hits: [false, true, false, true])
        let fitted = try #require(Thresholds.fit([events, events], .precision(0.9), Shrinkage(positives: 0)))
        #expect(fitted.unmet == [0, 1])
        // The greatest precision, 1/2 at 0.8 and at 0.1: the highest.
        #expect(fitted.values == [0.8, 0.8])
        let found = BinaryEvents(scores: [0.9, 0.8], hits: [true, true], missed: 8)
        #expect(Thresholds.fit([found], .recall(0.5), Shrinkage(positives: 0))?.unmet == [0])
        #expect(Thresholds.fit([found], .recall(0.5), Shrinkage(positives: 0))?.values == [0.8])
        #expect(Thresholds.fit([found], .precision(0.5), Shrinkage(positives: 0))?.unmet == nil)
        // Nothing is cheaper than anything: above the greatest score.
        let dear = ThresholdFit.fit(events, .cost(falsePositive: 10, falseNegative: 1))
        #expect(dear?.threshold == Float(0.9).nextUp && dear?.predicted == 0)
    }
}
