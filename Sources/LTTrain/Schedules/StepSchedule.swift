// The rate is multiplied by gamma at each milestone: PyTorch's MultiStepLR, mmcv's step, detectron2's WarmupMultiStepLR.

import Foundation
import LTCore

public struct StepSchedule: Schedule {
    public static let name = "step"
    public static let summary = "warm-up, times gamma 0.1 at each of `milestones` (unit epochs, iterations or run)"
    /// Iterations, ascending.
    public var milestones: [Int]
    public var gamma: Double
    public var warmUp: WarmUp

    public init(milestones: [Int], gamma: Double = 0.1, warmUp: WarmUp = WarmUp()) {
        self.milestones = milestones
        self.gamma = gamma
        self.warmUp = warmUp
    }
    public init(_ section: RecipeSection, length: RunLength) throws(LTError) {
        self.init(
            milestones: try section.required("milestones", length.milestones(section)),
            gamma: try section.double("gamma", in: 0...1) ?? 0.1,
            warmUp: try WarmUp(section.section("warmup"), length: length))
        try section.finish()
    }
    public func factor(_ iteration: Int) -> Double {
        pow(gamma, Double(milestones.count { iteration >= $0 })) * warmUp.factor(iteration)
    }
}
