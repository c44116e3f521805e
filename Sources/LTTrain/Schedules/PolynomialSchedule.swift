// The rate falls to `final` as (1 − progress)^power; power 1 is a straight line.

import Foundation
import LTCore

public struct PolynomialSchedule: Schedule {
    public static let name = "poly"
    public static let summary = "warm-up, then (1 − progress)^power down to `final` 0; power 0.9"
    public var length: RunLength
    public var power: Double
    public var final: Double
    public var warmUp: WarmUp

    public init(length: RunLength, power: Double = 0.9, final: Double = 0, warmUp: WarmUp = WarmUp()) {
        self.length = length
        self.power = power
        self.final = final
        self.warmUp = warmUp
    }
    public init(_ section: RecipeSection, length: RunLength) throws(LTError) {
        self.init(
            length: length, power: try section.double("power", in: 0.01...100) ?? 0.9,
            final: try section.double("final", in: 0...1) ?? 0,
            warmUp: try WarmUp(section.section("warmup"), length: length))
        try section.finish()
    }
    public func factor(_ iteration: Int) -> Double {
        let left = pow(1 - length.progress(iteration, .iteration), power)
        return (final + (1 - final) * left) * warmUp.factor(iteration)
    }
}
