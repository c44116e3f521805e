// Thresholds of all classes. A class of few positives leans on the threshold that is best for its group's events pooled, that
// on the one for all classes: log-odds of thresholds are shrunk as Shrinkage says.

import LTCore
import LTDecision

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

extension Thresholds {
    /// Fits one threshold per class.
    /// - Parameters:
    ///   - classes: calibrated scores.
    ///   - intervals: whether to draw for intervals.
    /// - Returns: `nil` for the objective `off`.
    public static func fit(
        _ classes: [BinaryEvents], _ objective: ThresholdObjective, _ shrinkage: Shrinkage, fittedOn: String? = nil,
        intervals: Bool = true
    ) -> Thresholds? {
        guard objective != .off else { return nil }
        func blend(_ own: Float, _ prior: Float, _ weight: Double) -> Float {
            let odds =
                weight * Double(Calibration.Method.logOdds(own))
                + (1 - weight) * Double(Calibration.Method.logOdds(prior))
            return Float(1 / (1 + exp(-odds)))
        }
        let values = shrinkage.fitted(classes) {
            ThresholdFit.fit($0, objective)?.threshold
        } blend: {
            blend($0, $1, $2)
        }
        let own = classes.map { ThresholdSteps($0) }
        let best = own.map { $0.best(objective) }
        let ranges = classes.indices.map { index -> [Float]? in
            guard intervals, let best = best[index], let value = values[index],
                let range = own[index].interval(objective, seed: UInt64(index))
            else { return nil }
            // The group's share of the value stays; the class's own moves.
            let weight = shrinkage.weight(of: classes[index])
            func moved(_ end: Float) -> Float {
                guard shrinkage.positives > 0 else { return end }
                let odds =
                    Double(Calibration.Method.logOdds(value)) + weight
                    * (Double(Calibration.Method.logOdds(end)) - Double(Calibration.Method.logOdds(best.threshold)))
                return Float(1 / (1 + exp(-odds)))
            }
            return [moved(range.lowerBound), moved(range.upperBound)]
        }
        let unmet = best.indices.filter { best[$0]?.isMet == false }
        return Thresholds(
            objective: objective.name, values: values,
            positives: classes.map { $0.hitCount + $0.missed }, intervals: intervals ? ranges : nil,
            unmet: unmet.isEmpty ? nil : unmet, shrinkage: shrinkage.positives, fittedOn: fittedOn)
    }
}
