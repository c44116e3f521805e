// Every number of cls.json (scikit-learn and NumPy in float64) against ours, from the committed copy or from the folder that
// LT_EVAL_VECTORS names; a number that no test reads fails. classification.json: scikit-learn on column subsets, weighted
// averages, confusions, open sets (Utilities/fixtures/classification.py).

import Foundation
import LTCore
import LTDecision
import LTEval
import Testing

/// The numbers of a JSON file by path; arrays are one each.
private final class Leaves {
    private var leaves: [String: Any] = [:]
    private(set) var unread: Set<String> = []
    let count: Int

    init(_ fixture: Fixture) {
        func walk(_ value: Any?, _ path: String) -> [(String, Any)] {
            guard let object = value as? [String: Any] else { return [(path, value ?? NSNull())] }
            return object.flatMap { walk($0.value, path.isEmpty ? $0.key : "\(path).\($0.key)") }
        }
        for (path, value) in walk(fixture.value, "") { leaves[path] = value }
        unread = Set(leaves.keys)
        count = leaves.count
    }

    subscript(_ path: String) -> Fixture {
        unread.remove(path)
        return Fixture(leaves[path])
    }

    /// Paths that another suite reads.
    func leave(_ prefixes: String...) {
        unread = unread.filter { path in !prefixes.contains { path.hasPrefix($0) } }
    }
}

/// The vectors' folder: arrays lie in data/ there, flat among the committed fixtures.
private struct Vectors {
    let folder: URL
    let arrays: URL

    init() {
        if let path = ProcessInfo.processInfo.environment["LT_EVAL_VECTORS"] {
            folder = URL(fileURLWithPath: path)
            arrays = folder.appendingPathComponent("data")
        } else {
            (folder, arrays) = (fixtures, fixtures)
        }
    }

    func leaves() throws -> Leaves {
        let data = try Data(contentsOf: folder.appendingPathComponent("cls.json"))
        return Leaves(Fixture(try JSONSerialization.jsonObject(with: data)))
    }

    func array<Element>(_ file: String, _: Element.Type) throws -> [Element] {
        let data = try Data(contentsOf: arrays.appendingPathComponent(file))
        return data.withUnsafeBytes { bytes in
            (0..<bytes.count / MemoryLayout<Element>.stride).map {
                bytes.loadUnaligned(fromByteOffset: $0 * MemoryLayout<Element>.stride, as: Element.self)
            }
        }
    }
}

@Suite struct ClassificationVectorTests {
    @Test func everyNumberIsTheReferences() throws {
        let vectors = Vectors()
        let leaves = try vectors.leaves()
        try checkMultilabel(vectors, leaves)
        try checkMulticlass(vectors, leaves)
        // Fits and thresholds: CalibrationTests.
        leaves.leave(
            "binary_calibration.", "multilabel.best_f1", "multiclass.temperature_fit_first_half", "multiclass.nll_fit_",
            "multiclass.nll_heldout_after", "multiclass.ece15_heldout_after")
        #expect(leaves.unread.isEmpty, "no test reads \(leaves.unread.sorted())")
        print("\(leaves.count) numbers and lists of classification")
    }

    private func checkMultilabel(_ vectors: Vectors, _ leaves: Leaves) throws {
        let input = try MultilabelPredictions(
            scores: vectors.array("cls_ml_scores_800x20_f32.bin", Float.self),
            labels: vectors.array("cls_ml_labels_800x20_u8.bin", UInt8.self), classCount: 20)
        #expect(leaves["multilabel.N"].int == input.rowCount && leaves["multilabel.C"].int == input.classCount)
        let counts = try vectors.array("cls_ml_traincount_20_i32.bin", Int32.self).map { Int($0) }
        #expect(leaves["multilabel.train_count"].array.map(\.int) == counts)
        #expect(leaves["multilabel.decision_rule"].value as? String == "logit > 0 (strict)")
        let members = FrequencyGroups.db.members(counts)
        let (groups, ranking) = input.rankings(ofGroups: members.map(\.classes))
        let (partDecisions, decisions) = input.decisions(ofGroups: members.map(\.classes)) { $1 > 0 }
        expectClose(ranking.classes.map(\.averagePrecision), leaves["multilabel.AP_per_class"].doubles)
        let rankingNames: [(String, Metric<MultilabelRanking>)] = [
            ("mAP_macro", .mAP), ("mAP_micro", .mAPMicro), ("mAP_weighted", .mAPWeighted), ("mAP_samples", .mAPSamples),
            ("coverage_error", .coverage), ("lrap", .labelRankingAP), ("ranking_loss", .rankingLoss),
        ]
        for (name, metric) in rankingNames {
            expectClose(metric.value(ranking), leaves["multilabel.\(name)"].double, 1e-12, name)
        }
        let decisionNames: [(String, Metric<MultilabelDecisions>)] = [
            ("micro.p", .overallPrecision), ("micro.r", .overallRecall), ("micro.f", .microF1),
            ("macro.p", .classPrecision), ("macro.r", .classRecall), ("macro.f", .macroF1),
            ("samples.p", .samplesPrecision), ("samples.r", .samplesRecall), ("samples.f", .samplesF1),
            ("CF1_from_mean_CP_CR", .classF1Harmonic), ("hamming_loss", .hammingLoss),
            ("subset_accuracy", .subsetAccuracy),
        ]
        for (name, metric) in decisionNames {
            expectClose(metric.value(decisions), leaves["multilabel.\(name)"].double, 1e-12, name)
        }
        expectClose(decisions.classCounts.map(\.precision), leaves["multilabel.per_class.p"].doubles)
        expectClose(decisions.classCounts.map(\.recall), leaves["multilabel.per_class.r"].doubles)
        expectClose(decisions.classCounts.map(\.f1), leaves["multilabel.per_class.f"].doubles)
        for (index, own) in ranking.classes.enumerated() {
            let area = leaves["multilabel.roc_auc_per_class_valid.\(index)"]
            if area.value == nil { #expect(own.rocAUC == nil) } else { expectClose(own.rocAUC, area.double) }
            // The reference has 0 where there is no positive.
            expectClose(own.vocAveragePrecision11 ?? 0, leaves["multilabel.AP_voc07_11pt"][index].double)
            expectClose(own.vocAveragePrecision ?? 0, leaves["multilabel.AP_interpolated_stable_ties"][index].double)
        }
        for (position, member) in members.enumerated() {
            let place = "multilabel.groups.\(member.name)"
            #expect(leaves["\(place).classes"].array.map(\.int) == member.classes)
            expectClose(Metric.mAP.value(groups[position]), leaves["\(place).mAP"].double)
            expectClose(Metric.microF1.value(partDecisions[position]), leaves["\(place).micro_f1"].double)
            expectClose(Metric.macroF1.value(partDecisions[position]), leaves["\(place).macro_f1"].double)
            expectClose(Metric.labelAccuracy.value(partDecisions[position]), leaves["\(place).acc"].double)
        }
    }

    private func checkMulticlass(_ vectors: Vectors, _ leaves: Leaves) throws {
        let predictions = try MulticlassPredictions(
            logits: vectors.array("cls_mc_logits_4000x50_f32.bin", Float.self),
            labels: vectors.array("cls_mc_labels_4000_i32.bin", Int32.self).map { Int($0) }, classCount: 50)
        let input = predictions.summary()
        func expect(_ value: Double?, _ name: String) {
            expectClose(value, leaves["multiclass.\(name)"].double, 1e-12, name)
        }
        #expect(leaves["multiclass.N"].int == input.rowCount && leaves["multiclass.C"].int == input.classCounts.count)
        #expect(leaves["multiclass.top1_rank_rule"].value as? String == "argmax, lowest index on ties")
        let counts = try vectors.array("cls_mc_traincount_50_i32.bin", Int32.self).map { Int($0) }
        #expect(leaves["multiclass.train_count"].array.map(\.int) == counts)
        for (own, wanted) in zip(input.classAccuracy, leaves["multiclass.per_class_acc"].array) {
            if wanted.isNull { #expect(own == nil) } else { expectClose(own, wanted.double) }
        }
        let names: [(String, Metric<MulticlassSummary>)] = [
            ("top1", .top1), ("top5", .top5), ("balanced_acc", .balancedAccuracy),
            ("geometric_mean_recall", .geometricMeanRecall), ("micro_f1", .top1),
            ("weighted_f1", .multiclassWeightedF1),
            ("mcc", .matthews), ("cohen_kappa", .cohenKappa), ("ece15", .multiclassECE), ("mce15", .multiclassMCE),
            ("adaptive_ece15", .multiclassAdaptiveECE), ("classwise_ece15_mean", .multiclassClasswiseECE),
            ("nll", .multiclassNLL), ("brier_sum", .multiclassBrier), ("brier_mean_over_classes", .multiclassBrierMean),
        ]
        for (name, metric) in names { expect(metric.value(input), name) }
        let means: [Metric<MulticlassSummary>] = [
            .multiclassMacroPrecision, .multiclassMacroRecall, .multiclassMacroF1,
        ]
        expectClose(means.map { $0.value(input) ?? .nan }, leaves["multiclass.macro_precision_recall_f1"].doubles)
        let groups = FrequencyGroups.imageNetLT.members(counts)
        #expect(groups.map(\.classes.count) == leaves["multiclass.n_many_med_few"].array.map(\.int))
        for (group, name) in zip(groups, ["many_gt100", "median_20_100", "few_lt20"]) {
            expect(input.accuracy(ofClasses: group.classes), name)
        }
        expect(input.confidences.ece(bins: 10), "ece10")
        expectClose(input.classBins.compactMap(\.ece), leaves["multiclass.classwise_ece15"].doubles)
        let half = try MulticlassPredictions(
            logits: Array(predictions.logits[(2000 * 50)...]), labels: Array(predictions.labels[2000...]),
            classCount: 50)
        expect(Metric.multiclassNLL.value(half.summary()), "nll_heldout_before")
    }

    @Test func groupsAreColumnSubsets() throws {
        let cases = try Fixture(file: "classification.json")["multilabel"].array
        #expect(cases.count == 4)
        for test in cases {
            let rows = test["scores"].array.map(\.doubles)
            let input = try MultilabelPredictions(
                scores: rows.flatMap { $0.map { Float($0) } },
                labels: test["labels"].array.flatMap { $0.array.map(\.int) }, classCount: rows[0].count)
            let groups = test["groups"].array.map { $0.array.map(\.int) }
            let rankings = input.rankings(ofGroups: groups)
            let decisions = input.decisions(ofGroups: groups) { $1 > 0 }
            compare(rankings.total, decisions.total, test["total"])
            for index in groups.indices {
                compare(rankings.groups[index], decisions.groups[index], test["by_group"][index])
            }
        }
    }

    private func compare(_ ranking: MultilabelRanking, _ decisions: MultilabelDecisions, _ expected: Fixture) {
        expectClose(ranking.classes.map(\.averagePrecision), expected["AP"].doubles)
        for (own, wanted) in zip(ranking.classes, expected["ROC_AUC"].array) {
            if wanted.isNull { #expect(own.rocAUC == nil) } else { expectClose(own.rocAUC, wanted.double) }
        }
        for metric in [.mAPMicro, .mAPSamples, .labelRankingAP, .rankingLoss, .coverage] as [Metric<MultilabelRanking>]
        {
            expectClose(metric.value(ranking), expected[metric.name].double, 1e-12, metric.name)
        }
        for metric in [.labelAccuracy, .hammingLoss, .subsetAccuracy] as [Metric<MultilabelDecisions>] {
            expectClose(metric.value(decisions), expected[metric.name].double, 1e-12, metric.name)
        }
        let averages: [(String, [Metric<MultilabelDecisions>])] = [
            ("micro", [.overallPrecision, .overallRecall, .microF1]),
            ("macro", [.classPrecision, .classRecall, .macroF1]),
            ("samples", [.samplesPrecision, .samplesRecall, .samplesF1]),
        ]
        for (name, metrics) in averages {
            expectClose(metrics.map { $0.value(decisions) ?? .nan }, expected[name].doubles, 1e-12, name)
        }
        expectClose(Metric.weightedF1.value(decisions), expected["weighted"][2].double)
    }

    @Test func openSetsAndConfusions() throws {
        let test = try Fixture(file: "classification.json")["multiclass"]
        let rows = test["scores"].array.map(\.doubles)
        let predictions = try MulticlassPredictions(
            logits: rows.flatMap { $0.map { Float($0) } }, labels: test["labels"].array.map(\.int),
            classCount: rows[0].count, openSet: true)
        let input = predictions.summary()
        #expect(input.rowCount + input.unknown.count == rows.count && !input.unknown.isEmpty)
        let pairs = test["confusions"].array.map { $0.array.map(\.int) }
        #expect(input.confusions().map { [$0.actual, $0.predicted, $0.count] } == pairs)
        #expect(input.confusions(limit: 3).count == 3)
        let means: [Metric<MulticlassSummary>] = [
            .multiclassMacroPrecision, .multiclassMacroRecall, .multiclassMacroF1,
        ]
        expectClose(means.map { $0.value(input) ?? .nan }, test["macro"].doubles)
        expectClose(Metric.multiclassWeightedF1.value(input), test["weighted_F1"].double)
        for metric in [.balancedAccuracy, .precisionOverAllClasses, .matthews, .cohenKappa]
            as [Metric<MulticlassSummary>]
        {
            expectClose(metric.value(input), test[metric.name].double, 1e-12, metric.name)
        }
        expectClose(Metric.multiclassNLL.value(input), test["NLL"].double)
        for key in test["open_set_F"].keys {
            let threshold = try #require(Double(key))
            expectClose(input.openSetF(threshold: threshold), test["open_set_F"][key].double, 1e-12, key)
        }
        let error = #expect(throws: LTError.self) {
            try MulticlassPredictions(logits: [1, 2], labels: [-1], classCount: 2)
        }
        #expect(error?.hint?.contains("--open-set") == true)
    }

    /// Sorting around the positives, bucket by bucket, and for the groups at once gives what sorting everything gives.
    @Test(arguments: [nil, 1, 64] as [Int?]) func largeInputsRankAlike(levels: Int?) throws {
        var random = SeededGenerator(seed: 77)
        let input = try randomPredictions(&random, rows: 17_000, classes: 8, levels: levels, prevalence: 0.002)
        let groups = [[3, 0], [2]]
        let all = input.rankings(ofGroups: groups)
        for index in 0..<8 {
            let (scores, labels) = (input.scores(ofClass: index), input.labels(ofClass: index))
            let own = all.total.classes[index]
            #expect(own.averagePrecision == averagePrecision(scores: scores, labels: labels))
            #expect(own.rocAUC == rocAUC(scores: scores, labels: labels))
            #expect(own.vocAveragePrecision == vocAveragePrecision(scores: scores, labels: labels))
            #expect(own.vocAveragePrecision11 == vocAveragePrecision11(scores: scores, labels: labels))
        }
        expectClose(
            all.total.pooledAveragePrecision, averagePrecision(scores: input.scores, labels: input.labels), 1e-12)
        for (group, classes) in groups.enumerated() {
            let part = input.selecting(classes: classes)
            expectClose(
                all.groups[group].pooledAveragePrecision, averagePrecision(scores: part.scores, labels: part.labels))
            for metric in MetricTable.multilabelRanking {
                expectClose(metric.value(all.groups[group]), metric.value(part.ranking) ?? .nan, 1e-13, metric.name)
            }
        }
    }

    /// All scores alike: one bucket that is counted, not sorted.
    @Test func oneScoreForAll() throws {
        let labels = (0..<135_000).map { $0 % 9 == 0 }
        let input = try MultilabelPredictions(scores: labels.map { _ in 0.25 }, labels: labels, classCount: 3)
        expectClose(input.ranking.pooledAveragePrecision, 1.0 / 9)
        expectClose(input.classAveragePrecision, [1.0 / 3, 0, 0])
        let many = input.rankings(ofGroups: [[0], [1, 2]])
        expectClose(many.groups.map { $0.pooledAveragePrecision ?? .nan }, [1.0 / 3, 0])
        // More groups than counters: each by itself.
        let wide = try MultilabelPredictions(
            scores: (0..<40).map { Float($0 % 7) }, labels: (0..<40).map { $0 % 3 == 0 }, classCount: 20)
        let singles = wide.rankings(ofGroups: (0..<20).map { [$0] })
        for index in 0..<20 {
            expectClose(singles.groups[index].pooledAveragePrecision, wide.classAveragePrecision[index])
        }
        expectClose(
            singles.total.pooledAveragePrecision, averagePrecision(scores: wide.scores, labels: wide.labels))
    }

    @Test func groupsOfEGTEA() throws {
        let members = FrequencyGroups.egtea.members([601, 600, 599, 1])
        #expect(members.map(\.name) == ["majority", "minority"] && members.map(\.classes) == [[0], [2, 3]])
        let input = try MultilabelPredictions(scores: [1, 2, 3, 4], labels: [true, false, true, false], classCount: 4)
        let layer = DecisionLayer(
            task: .multilabel, trainCounts: [601, 600, 599, 1], groups: .egtea, activation: .sigmoid)
        let report = try Report.multilabel(input, layer: layer)
        #expect(report.notes.contains("1 classes are in no group of the rule 'egtea'"))
        #expect(report.columns == ["majority", "minority", "total"])
    }
}
