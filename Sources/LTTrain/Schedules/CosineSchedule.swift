// Half a cosine from 1 to `final` over the whole run (Loshchilov & Hutter, ICLR 2017). Per epoch as in the ImageNet-LT
// experiments, which step before each epoch: epoch e of E, from 1, has (1 + cos(πe/E))/2.

import Foundation
import LTCore

public struct CosineSchedule: Schedule {
    public static let name = "cosine"
    public static let summary =
        "warm-up, then half a cosine down to `final` 0; per iteration, or epoch (stepping first)"
    public var length: RunLength
    public var period: SchedulePeriod
    public var final: Double
    public var warmUp: WarmUp

    public init(
        length: RunLength, period: SchedulePeriod = .iteration, final: Double = 0, warmUp: WarmUp = WarmUp()
    ) {
        self.length = length
        self.period = period
        self.final = final
        self.warmUp = warmUp
    }
    public init(_ section: RecipeSection, length: RunLength) throws(LTError) {
        self.init(
            length: length, period: try section.choice("per", SchedulePeriod.self) ?? .iteration,
            final: try section.double("final", in: 0...1) ?? 0,
            warmUp: try WarmUp(section.section("warmup"), length: length))
        try section.finish()
    }
    public func factor(_ iteration: Int) -> Double {
        let progress = length.progress(iteration, period)
        return (final + (1 - final) * (1 + cos(.pi * progress)) / 2) * warmUp.factor(iteration)
    }
}
