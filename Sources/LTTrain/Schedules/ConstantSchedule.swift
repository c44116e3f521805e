// The rate stays as it is after the warm-up.

import LTCore

public struct ConstantSchedule: Schedule {
    public static let name = "constant"
    public static let summary = "warm-up, then constant"
    public var warmUp: WarmUp

    public init(warmUp: WarmUp = WarmUp()) { self.warmUp = warmUp }
    public init(_ section: RecipeSection, length: RunLength) throws(LTError) {
        warmUp = try WarmUp(section.section("warmup"), length: length)
        try section.finish()
    }
    public func factor(_ iteration: Int) -> Double { warmUp.factor(iteration) }
}
