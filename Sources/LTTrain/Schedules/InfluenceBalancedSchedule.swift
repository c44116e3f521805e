// The schedule of the Influence-Balanced code (Park et al., ICCV 2021): per-epoch warm-up, times gamma at each milestone, and
// in the balanced phase, from epoch `start`, times `start_factor` instead of the warm-up. CIFAR: milestones 160, 180, gamma
// 0.01, start 100. Tiny ImageNet: milestone 90, gamma 0.1, start 50. Without `start` there is no second phase (cross entropy).

import Foundation
import LTCore

public struct InfluenceBalancedSchedule: Schedule {
    public static let name = "ib"
    public static let summary =
        "as Influence-Balanced: warm-up 5 epochs, milestones [160, 180], gamma 0.01; from `start` times start_factor 0.01"
    public var steps: StepSchedule
    /// The first iteration of the balanced phase.
    public var start: Int?
    public var startFactor: Double

    public init(_ section: RecipeSection, length: RunLength) throws(LTError) {
        let perEpoch = length.iterationsPerEpoch
        let warmUp = try section.int("warmup_epochs", in: 0...1_000_000) ?? 5
        let inEpochs = RunLength(iterations: length.iterations, iterationsPerEpoch: perEpoch, countsEpochs: true)
        steps = StepSchedule(
            milestones: try inEpochs.milestones(section) ?? [160 * perEpoch, 180 * perEpoch],
            gamma: try section.double("gamma", in: 0...1) ?? 0.01,
            warmUp: WarmUp(iterations: warmUp * perEpoch, ratio: 0, epochLength: perEpoch))
        start = try section.int("start", in: 0...1_000_000).map { $0 * perEpoch }
        startFactor = try section.double("start_factor", in: 0...1) ?? 0.01
        try section.finish()
    }

    public func factor(_ iteration: Int) -> Double {
        guard let start, iteration >= start else { return steps.factor(iteration) }
        var late = steps
        late.warmUp = WarmUp()
        return startFactor * late.factor(iteration)
    }
}
