// Cross-fitted numbers as sections of a report, beside those on the images of the fit.

import LTCore
import LTDecision

/// What a fit reaches on images that it has not seen.
public struct CrossFitted: Sendable {
    public let folds: Int
    /// Expected calibration error of the calibrated scores.
    public let ece: Double?
    let sections: [Report.Section]
    let headlines: [Report.Headline]
}

extension ClassificationInput {
    /// Fits on all folds but one, measures on that one, and pools.
    /// - Throws: as `fitted`; `invalidArgument` for fewer than 2 folds or more than images.
    public func crossFitted(_ options: CalibrationOptions, folds: Int) throws(LTError) -> CrossFitted {
        var sections: [Report.Section] = []
        var headlines: [Report.Headline] = []
        let ece: Double?
        switch predictions {
        case .multilabel(let input):
            let columns = try Columns(layer.groups ?? .db, layer.trainCounts, classCount: input.classCount)
            let crossed = try layer.crossFitted(on: input, options: options, folds: folds)
            let sums = crossed.scores.sumOverRows(CalibrationSums(classCount: input.classCount), +=) { $0.add($2, $3) }
            let calibrations = sums.calibrations(columns.groups)
            ece = calibrations.last?.pooledBins?.ece
            if options.thresholds != .off {
                let (width, decided) = (input.classCount, crossed.decisions)
                let partition = ClassPartition(columns.groups, classCount: width)
                let counts = crossed.scores.sumOverRows(DecisionSums(partition), +=) { sums, row, _, labels in
                    sums.add(labels) { decided[row * width + $0] }
                }
                sections.append(
                    columns.section(
                        "at_thresholds_cross_fitted", "decisions at fitted thresholds, cross-fitted",
                        MetricTable.multilabelDecisions, counts.decisions(columns.groups)))
                headlines += ["micro", "macro"].map {
                    Report.Headline(
                        path: ["F1", "cross_fitted", $0], title: "F1 \($0), cross-fitted",
                        section: "at_thresholds_cross_fitted", row: "F1_\($0)")
                }
            }
            sections.append(
                columns.section(
                    "after_cross_fitted", "scores after calibration, cross-fitted", MetricTable.multilabelCalibration,
                    calibrations))
        case .multiclass(let input):
            let columns = try Columns(layer.groups ?? .imageNetLT, layer.trainCounts, classCount: input.classCount)
            let crossed = try layer.crossFitted(on: input, options: options, folds: folds)
            let summary = crossed.summary()
            ece = summary.confidences.ece()
            sections.append(
                Report.Section(
                    name: "after_cross_fitted", title: "scores after calibration, cross-fitted",
                    rows: MetricTable.multiclassCalibration.map { metric in
                        let others = [Double?](repeating: nil, count: columns.names.count - 1)
                        return Report.Row(
                            name: metric.name, title: metric.title, isShare: metric.isShare,
                            values: others + [metric.value(summary)])
                    }))
        }
        headlines.append(
            Report.Headline(
                path: ["ECE", "cross_fitted"], title: "ECE cross-fitted", section: "after_cross_fitted", row: "ECE"))
        return CrossFitted(folds: folds, ece: ece, sections: sections, headlines: headlines)
    }
}

extension Report {
    /// Puts cross-fitted numbers beside the others.
    public mutating func add(_ crossFitted: CrossFitted) {
        sections += crossFitted.sections
        headlines += crossFitted.headlines
        notes.append(Self.crossFittedNote(crossFitted.folds))
    }

    static func crossFittedNote(_ folds: Int) -> String {
        "cross-fitted: each of \(folds) folds scored and decided by a fit on the others; the model file has the fit on all"
    }
}
