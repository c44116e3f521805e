// The rate falls to `final` in a straight line: the polynomial of power 1.

import LTCore

public struct LinearSchedule: Schedule {
    public static let name = "linear"
    public static let summary = "warm-up, then a straight line down to `final` 0"
    public var line: PolynomialSchedule

    public init(_ section: RecipeSection, length: RunLength) throws(LTError) {
        line = PolynomialSchedule(
            length: length, power: 1, final: try section.double("final", in: 0...1) ?? 0,
            warmUp: try WarmUp(section.section("warmup"), length: length))
        try section.finish()
    }
    public func factor(_ iteration: Int) -> Double { line.factor(iteration) }
}
