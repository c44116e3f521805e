// Multi-label metrics against scikit-learn 1.9 and DistributionBalancedLoss, and against naive evaluators.

import LTCore
import LTDecision
import LTEval
import Testing

@Suite struct MultilabelMetricTests {
    @Test func rankingMetricsAreTheReferences() throws {
        let expected = try Fixture(file: "cls.json")["multilabel"]
        let input = try multilabelFixture()
        expectClose(input.classAveragePrecision, expected["AP_per_class"].doubles)
        expectClose(Metric.mAP.value(input.ranking), expected["mAP_macro"].double)
        expectClose(Metric.mAPMicro.value(input.ranking), expected["mAP_micro"].double)
        expectClose(Metric.mAPWeighted.value(input.ranking), expected["mAP_weighted"].double)
        expectClose(Metric.mAPSamples.value(input.ranking), expected["mAP_samples"].double)
        expectClose(Metric.coverage.value(input.ranking), expected["coverage_error"].double)
        expectClose(Metric.labelRankingAP.value(input.ranking), expected["lrap"].double)
        expectClose(Metric.rankingLoss.value(input.ranking), expected["ranking_loss"].double)
        for index in 0..<20 {
            let (scores, labels) = (input.scores(ofClass: index), input.labels(ofClass: index))
            let auc = expected["roc_auc_per_class_valid"][String(index)]
            if auc.value == nil {
                #expect(rocAUC(scores: scores, labels: labels) == nil)
            } else {
                expectClose(rocAUC(scores: scores, labels: labels), auc.double)
            }
            let positives = labels.contains(true)
            let elevenPoint = vocAveragePrecision11(scores: scores, labels: labels)
            let interpolated = vocAveragePrecision(scores: scores, labels: labels)
            if positives {
                expectClose(elevenPoint, expected["AP_voc07_11pt"][index].double, 1e-12, "VOC07 class \(index)")
                expectClose(
                    interpolated, expected["AP_interpolated_stable_ties"][index].double, 1e-12, "VOC10 \(index)")
            } else {
                #expect(elevenPoint == nil && interpolated == nil)
            }
        }
    }

    @Test func decisionMetricsAreTheReferences() throws {
        let expected = try Fixture(file: "cls.json")["multilabel"]
        let input = try multilabelFixture().decisions { $1 > 0 }
        expectClose(Metric.overallPrecision.value(input), expected["micro"]["p"].double)
        expectClose(Metric.overallRecall.value(input), expected["micro"]["r"].double)
        expectClose(Metric.microF1.value(input), expected["micro"]["f"].double)
        expectClose(Metric.classPrecision.value(input), expected["macro"]["p"].double)
        expectClose(Metric.classRecall.value(input), expected["macro"]["r"].double)
        expectClose(Metric.macroF1.value(input), expected["macro"]["f"].double)
        expectClose(Metric.samplesF1.value(input), expected["samples"]["f"].double)
        expectClose(Metric.classF1Harmonic.value(input), expected["CF1_from_mean_CP_CR"].double)
        expectClose(Metric.hammingLoss.value(input), expected["hamming_loss"].double)
        expectClose(Metric.subsetAccuracy.value(input), expected["subset_accuracy"].double)
        let counts = input.classCounts
        expectClose(counts.map(\.precision), expected["per_class"]["p"].doubles)
        expectClose(counts.map(\.recall), expected["per_class"]["r"].doubles)
        expectClose(counts.map(\.f1), expected["per_class"]["f"].doubles)
    }

    @Test func frequencyGroupsAreTheReferences() throws {
        let expected = try Fixture(file: "cls.json")["multilabel"]
        let input = try multilabelFixture()
        let counts = try binary("cls_ml_traincount_20_i32.bin", Int32.self).map { Int($0) }
        for member in FrequencyGroups.db.members(counts) {
            let group = expected["groups"][member.name]
            #expect(member.classes == group["classes"].array.map(\.int))
            let part = input.selecting(classes: member.classes)
            expectClose(Metric.mAP.value(part.ranking), group["mAP"].double)
            let decisions = part.decisions { $1 > 0 }
            expectClose(Metric.microF1.value(decisions), group["micro_f1"].double)
            expectClose(Metric.macroF1.value(decisions), group["macro_f1"].double)
            expectClose(Metric.labelAccuracy.value(decisions), group["acc"].double)
        }
    }

    /// DistributionBalancedLoss' own numbers, ties and a class without positives among them.
    @Test func distributionBalancedLossNumbers() throws {
        let cases = try Fixture(file: "db_metrics.json")["cases"].array
        #expect(cases.count == 6)
        for test in cases {
            let rows = test["inputs"]["scores"].array.map(\.doubles)
            let input = try MultilabelPredictions(
                scores: rows.flatMap { $0.map { Float($0) } },
                labels: test["inputs"]["labels"].array.flatMap { $0.array.map(\.int) }, classCount: rows[0].count)
            let outputs = test["outputs"]
            let decisions = input.decisions { $1 > 0 }
            expectClose(input.classAveragePrecision, outputs["AP"].doubles)
            expectClose(decisions.classAccuracy, outputs["per_class_accuracy"].doubles)
            func compare(_ part: MultilabelPredictions, _ expected: Fixture) {
                let decisions = part.decisions { $1 > 0 }
                expectClose(Metric.mAP.value(part.ranking), expected["mAP"].double)
                expectClose(Metric.microF1.value(decisions), expected["micro_f1"].double)
                expectClose(Metric.macroF1.value(decisions), expected["macro_f1"].double)
                expectClose(Metric.labelAccuracy.value(decisions), expected["accuracy"].double)
            }
            compare(input, outputs)
            for split in outputs["by_split"].keys {
                let classes = test["inputs"]["class_split"][split].array.map(\.int)
                compare(input.selecting(classes: classes), outputs["by_split"][split])
            }
        }
    }

    /// The definitions again, quadratic and without sorting, on random data with and without ties.
    @Test(arguments: [nil, 1, 3] as [Int?]) func naiveEvaluatorsAgree(levels: Int?) throws {
        var random = SeededGenerator(seed: UInt64(41 + (levels ?? 0)))
        for round in 0..<20 {
            let input = try randomPredictions(
                &random, rows: 1 + random.below(40), classes: 1 + random.below(8), levels: levels,
                prevalence: [0, 0.05, 0.5, 1][round % 4])
            for index in 0..<input.classCount {
                let (scores, labels) = (input.scores(ofClass: index), input.labels(ofClass: index))
                let positives = labels.count { $0 }
                // Each positive contributes the precision among items scoring at least as high.
                var area = 0.0
                for (score, label) in zip(scores, labels) where label {
                    let seen = scores.indices.filter { scores[$0] >= score }
                    area += Double(seen.count { labels[$0] }) / Double(seen.count)
                }
                expectClose(
                    averagePrecision(scores: scores, labels: labels), positives == 0 ? 0 : area / Double(positives),
                    1e-12)
                var won = 0.0
                for (a, isPositive) in zip(scores, labels) where isPositive {
                    for (b, other) in zip(scores, labels) where !other { won += a > b ? 1 : a == b ? 0.5 : 0 }
                }
                let pairs = positives * (labels.count - positives)
                let auc = rocAUC(scores: scores, labels: labels)
                if pairs == 0 { #expect(auc == nil) } else { expectClose(auc, won / Double(pairs)) }
            }
            var (ranked, lost, covered) = (0.0, 0.0, 0.0)
            for row in 0..<input.rowCount {
                let range = row * input.classCount..<(row + 1) * input.classCount
                let (scores, labels) = (Array(input.scores[range]), Array(input.labels[range]))
                let own = scores.indices.filter { labels[$0] }
                let others = scores.indices.filter { !labels[$0] }
                let rank = { (index: Int) in scores.count { $0 >= scores[index] } }
                covered += Double(own.map(rank).max() ?? 0)
                if own.isEmpty || others.isEmpty {
                    ranked += 1
                    continue
                }
                ranked +=
                    own.reduce(0.0) { sum, index in
                        sum + Double(own.count { scores[$0] >= scores[index] }) / Double(rank(index))
                    } / Double(own.count)
                let wrong = own.reduce(0) { sum, index in sum + others.count { scores[$0] >= scores[index] } }
                lost += Double(wrong) / Double(own.count * others.count)
            }
            let rows = Double(input.rowCount)
            expectClose(Metric.labelRankingAP.value(input.ranking), ranked / rows)
            expectClose(Metric.rankingLoss.value(input.ranking), lost / rows)
            expectClose(Metric.coverage.value(input.ranking), covered / rows)
        }
    }

    /// Values do not depend on the order of images, nor on the sign of a zero.
    @Test func orderOfImagesDoesNotMatter() throws {
        var random = SeededGenerator(seed: 8)
        let input = try randomPredictions(&random, rows: 60, classes: 5, levels: 1)
        let order = random.shuffled(Array(0..<60))
        let shuffled = try MultilabelPredictions(
            scores: order.flatMap { row in input.scores[row * 5..<row * 5 + 5].map { $0 == 0 ? -0.0 : $0 } },
            labels: order.flatMap { row in input.labels[row * 5..<row * 5 + 5].map { $0 ? 1 : 0 } }, classCount: 5)
        for metric in MetricTable.multilabelRanking where !metric.name.hasPrefix("mAP_voc") {
            expectClose(metric.value(shuffled.ranking), try #require(metric.value(input.ranking)), 1e-13, metric.name)
        }
        let equal = try MultilabelPredictions(scores: [2, 2, 2, 2], labels: [0, 1, 0, 0], classCount: 1)
        #expect(Metric.mAP.value(equal.ranking) == 0.25)
    }

    @Test func badValuesAreNamed() {
        func message(_ scores: [Float], _ labels: [Int], _ classes: Int = 2) -> String {
            do {
                _ = try MultilabelPredictions(scores: scores, labels: labels, classCount: classes)
                return ""
            } catch { return error.message }
        }
        #expect(message([1, 2, .nan, 4], [0, 1, 0, 1]) == "score of row 1, class 0 is nan, expected a finite number")
        #expect(message([1, 2, 3, .infinity], [0, 1, 0, 1]).contains("row 1, class 1 is inf"))
        #expect(message([1, 2, 3, 4], [0, 2, 0, 1]) == "label of row 0, class 1 is 2, expected 0 or 1")
        #expect(message([1, 2, 3, 4], [0, -1, 0, 1]).contains("is -1"))
        #expect(message([1, 2, 3], [0, 1, 0]).contains("3 scores, expected whole rows of 2"))
        #expect(message([1, 2], [0]).contains("1 labels for 2 scores"))
        #expect(message([], []).contains("0 scores"))
        #expect(message([1], [1], 0).contains("expected whole rows of 0"))
    }
}
