// What a run follows from epoch to epoch against the evaluations of the five systems.

import Foundation
import LTCore
import LTDecision
import LTEval
import LTTrain
import Testing

@Suite struct EpochMetricsTests {
    static func cases(_ file: String) throws -> [(name: String, inputs: [String: Any], outputs: [String: Any])] {
        let cases = try Fixtures.cases(file)
        #expect(!cases.isEmpty)
        return cases.map {
            (
                $0["case"] as? String ?? "", $0["inputs"] as? [String: Any] ?? [:],
                $0["outputs"] as? [String: Any] ?? [:]
            )
        }
    }

    static func multiclass(_ inputs: [String: Any], _ groups: FrequencyGroups) throws -> (
        values: [String: Double], recall: [Double?]
    ) {
        let counts = flat(inputs["train_class_counts"]).map { Int($0) }
        let labels = flat(inputs["labels"]).map { Int($0) }
        var scores = flat(inputs["scores"]).map { Float($0) }
        if scores.isEmpty {
            scores = flat(inputs["predictions"]).flatMap { best in counts.indices.map { $0 == Int(best) ? 1 : 0 } }
        }
        let predictions = try MulticlassPredictions(logits: scores, labels: labels, classCount: counts.count)
        let layer = DecisionLayer(task: .multiclass, trainCounts: counts, groups: groups, activation: .softmax)
        let report = try Report.multiclass(predictions, layer: layer)
        return (EpochMetrics(report, .multiclass).values, predictions.classAccuracy)
    }

    static func expect(_ value: Double?, _ expected: Any?, _ comment: String, within tolerance: Double = 1e-12) {
        #expect(abs((value ?? .nan) - (flat(expected).first ?? .infinity)) <= tolerance, "\(comment)")
    }

    @Test func shotsOfImageNetLT() throws {
        for (name, inputs, outputs) in try Self.cases("cdb_metrics.json") where outputs["many"] != nil {
            let (values, recall) = try Self.multiclass(inputs, .imageNetLT)
            for (own, group) in [("many", "many"), ("median", "medium"), ("low", "few")] {
                Self.expect(values["balanced_accuracy/\(group)"], outputs[own], "\(name), \(own)")
            }
            #expect(deviation(recall.map { 1 - ($0 ?? .nan) }, flat(outputs["difficulty"])) < 1e-12, "\(name)")
        }
    }

    @Test func valuesOfEGTEA() throws {
        for (name, inputs, outputs) in try Self.cases("cdb_metrics.json") where outputs["top1"] != nil {
            let (values, recall) = try Self.multiclass(inputs, .egtea)
            #expect(deviation(recall.map { $0 ?? .nan }, flat(outputs["class_accuracy"])) < 1e-12, "\(name)")
            for (own, key) in [
                ("accuracy", "top1"), ("precision_macro", "mean_precision"), ("balanced_accuracy", "mean_recall"),
            ] {
                Self.expect(values[own], outputs[key], "\(name), \(own)")
            }
            let printed = try #require(outputs["printed_test_report"] as? String)
            // "top-1" is a number too: decimals only.
            let numbers = printed.split { !"0123456789.".contains($0) }.filter { $0.contains(".") }.compactMap {
                Double($0)
            }
            try #require(numbers.count == 7)
            for (own, number) in zip(
                [
                    "precision_macro/majority", "balanced_accuracy/majority", "precision_macro/minority",
                    "balanced_accuracy/minority",
                ], numbers.suffix(4))
            {
                Self.expect(values[own], number, "\(name), \(own)", within: 0.6e-5)
            }
        }
    }

    @Test func valuesOfDistributionBalanced() throws {
        for (name, inputs, outputs) in try Self.cases("db_metrics.json") {
            let rows = try #require(inputs["scores"] as? [[Any]])
            let split = inputs["class_split"] as? [String: [Int]] ?? [:]
            var counts = [Int](repeating: 50, count: rows[0].count)
            for (group, count) in [("head", 100), ("middle", 50), ("tail", 5)] {
                for index in split[group] ?? [] { counts[index] = count }
            }
            let predictions = try MultilabelPredictions(
                scores: flat(inputs["scores"]).map { Float($0) }, labels: flat(inputs["labels"]).map { Int($0) },
                classCount: counts.count)
            let layer = DecisionLayer(
                task: .multilabel, trainCounts: split["head"] == nil ? nil : counts, groups: .db, activation: .sigmoid)
            let metrics = EpochMetrics(try Report.multilabel(predictions, layer: layer), .multilabel)
            let keys = [("mAP", "mAP"), ("F1_micro", "micro_f1"), ("F1_macro", "macro_f1"), ("accuracy", "accuracy")]
            for (own, key) in keys {
                Self.expect(metrics.values[own], outputs[key], "\(name), \(own)")
                for (group, values) in outputs["by_split"] as? [String: [String: Any]] ?? [:] where group != "all" {
                    Self.expect(metrics.values["\(own)/\(group)"], values[key], "\(name), \(own) of \(group)")
                }
            }
        }
    }

    @Test func difficultyIsLearntFromValidationsAndNeedsThem() throws {
        let overrides = ["loss={name: cdb-ce}", "sampler={name: uniform}", "epochs=2", "iterations=null"]
        let missing = #expect(throws: LTError.self) {
            try ValidationTests.trainer(overrides, out: "/nowhere", set: ValidationTests.singleLabels)
        }
        #expect(missing?.message.contains("'cdb-ce' learns from a validation") ?? false)
        let never = #expect(throws: LTError.self) {
            try ValidationTests.trainer(
                overrides + ["validate={val: {annotations: a, images: b}, every: 0}"], out: "/nowhere",
                set: ValidationTests.singleLabels)
        }
        #expect(never?.code == .notFound)
        let folder = Fixtures.temporary()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let trainer = try ValidationTests.trainer(
            overrides + ["validate={val: {annotations: a, images: b}}"], out: folder, set: ValidationTests.singleLabels)
        try trainer.run()
        let state = try Checkpoint.read(folder + "/checkpoint.safetensors").part("loss/")
        let difficulty = try #require(try state["difficulty"]?.array(of: Double.self))
        let report = try #require(try trainer.reports().first?.report)
        let accuracy = report.classes.map { $0["accuracy"]?.double ?? .nan }
        #expect(deviation(difficulty, accuracy.map { 1 - $0 }) < 1e-12)
    }
}
