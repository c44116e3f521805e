// Multi-class metrics and calibration errors against scikit-learn 1.9 and a float64 reference.

import LTCore
import LTDecision
import LTEval
import Testing

@Suite struct MulticlassMetricTests {
    @Test func valuesAreTheReferences() throws {
        let expected = try Fixture(file: "cls.json")["multiclass"]
        let input = try multiclassFixture().summary()
        expectClose(input.topK(1), expected["top1"].double)
        expectClose(input.topK(5), expected["top5"].double)
        for (actual, wanted) in zip(input.classAccuracy, expected["per_class_acc"].array) {
            // The class without test images is null there.
            if wanted.isNull { #expect(actual == nil) } else { expectClose(actual, wanted.double) }
        }
        expectClose(Metric.balancedAccuracy.value(input), expected["balanced_acc"].double)
        expectClose(Metric.multiclassMacroF1.value(input), expected["macro_precision_recall_f1"][2].double)
        let counts = try binary("cls_mc_traincount_50_i32.bin", Int32.self).map { Int($0) }
        let groups = FrequencyGroups.imageNetLT.members(counts)
        #expect(groups.map(\.classes.count) == expected["n_many_med_few"].array.map(\.int))
        for (group, key) in zip(groups, ["many_gt100", "median_20_100", "few_lt20"]) {
            expectClose(input.accuracy(ofClasses: group.classes), expected[key].double)
        }
        expectClose(Metric.multiclassECE.value(input), expected["ece15"].double)
        expectClose(input.confidences.ece(bins: 10), expected["ece10"].double)
        expectClose(Metric.multiclassMCE.value(input), expected["mce15"].double)
        expectClose(Metric.multiclassAdaptiveECE.value(input), expected["adaptive_ece15"].double)
        expectClose(Metric.multiclassClasswiseECE.value(input), expected["classwise_ece15_mean"].double)
        expectClose(input.classBins.compactMap(\.ece), expected["classwise_ece15"].doubles)
        expectClose(Metric.multiclassNLL.value(input), expected["nll"].double)
        expectClose(Metric.multiclassBrier.value(input), expected["brier_sum"].double)
    }

    @Test func tiesGoToTheLowestClass() throws {
        let input = try MulticlassPredictions(logits: [1, 1, 1, 0, 2, 2], labels: [0, 2], classCount: 3).summary()
        #expect(input.predictions == [0, 1])
        #expect(input.topK(1) == 0.5)
        #expect(input.topK(2) == 1)
        #expect(input.classAccuracy == [1, nil, 0])
        #expect(Metric.balancedAccuracy.value(input) == 0.5)
    }

    /// A confidence on a border belongs to the bin below, 0 to the first.
    @Test func binBordersAreClosedAbove() {
        for bins in [1, 7, 10, 15, 49] {
            for border in 0...bins {
                let confidence = Double(border) / Double(bins)
                var filled = CalibrationBins(equalWidth: bins)
                filled.add(confidence, true)
                #expect(filled.bins.firstIndex { $0.count > 0 } == max(border - 1, 0), "\(border)/\(bins)")
                if border < bins {
                    var next = CalibrationBins(equalWidth: bins)
                    next.add(confidence.nextUp, true)
                    #expect(next.bins.firstIndex { $0.count > 0 } == border)
                }
            }
        }
        #expect(Confidences(confidence: [], hits: []).ece() == nil)
        #expect(Confidences(confidence: [0.8, 0.8], hits: [true, false]).ece() == abs(0.5 - 0.8))
    }

    @Test func badValuesAreNamed() {
        func message(_ logits: [Float], _ labels: [Int]) -> String {
            do {
                _ = try MulticlassPredictions(logits: logits, labels: labels, classCount: 2)
                return ""
            } catch { return error.message }
        }
        #expect(message([1, 2, 3, 4], [0, 2]) == "label of row 1 is 2, expected 0 ..< 2")
        #expect(message([1, 2, 3, 4], [-1, 0]).contains("row 0 is -1"))
        #expect(message([1, 2, 3, .nan], [0, 1]).contains("row 1, class 1"))
        #expect(message([1, 2, 3], [0, 1]).contains("3 scores for 2 labels"))
    }
}
