// Schedule: the learning rate of each iteration, as a factor of the recipe's. Warm-up (mmcv's linear form) multiplies:
// for i < W the factor is 1 − (1 − i/W)(1 − ratio).

import Foundation
import LTCore

/// The factor of the learning rate at an iteration.
public protocol Schedule: Sendable {
    /// How recipes call it.
    static var name: String { get }
    static var summary: String { get }
    /// Reads the parameters of the recipe's section. `length` is the run; a milestone is a number of epochs when the
    /// recipe counts in epochs, else of iterations.
    init(_ section: RecipeSection, length: RunLength) throws(LTError)
    func factor(_ iteration: Int) -> Double
}

/// How long a run is.
public struct RunLength: Sendable {
    public var iterations: Int
    public var iterationsPerEpoch: Int
    /// The recipe says epochs, not iterations.
    public var countsEpochs: Bool
    public init(iterations: Int, iterationsPerEpoch: Int, countsEpochs: Bool) {
        self.iterations = iterations
        self.iterationsPerEpoch = iterationsPerEpoch
        self.countsEpochs = countsEpochs
    }
}

/// Every schedule, one line each.
public enum ScheduleTable {
    public static let all: [any Schedule.Type] = [
        ConstantSchedule.self,
        CosineSchedule.self,
        StepSchedule.self,
    ]
}

/// Linear warm-up.
public struct WarmUp: Sendable {
    public var iterations: Int
    /// The factor at iteration 0.
    public var ratio: Double
    public init(iterations: Int = 0, ratio: Double = 1.0 / 3) {
        self.iterations = iterations
        self.ratio = ratio
    }
    /// Keys: `iterations`, `ratio`.
    init(_ section: RecipeSection?) throws(LTError) {
        self.init()
        guard let section else { return }
        iterations = try section.int("iterations", in: 0...1_000_000_000) ?? 0
        ratio = try section.double("ratio", in: 0...1) ?? ratio
        try section.finish()
    }
    public func factor(_ iteration: Int) -> Double {
        iteration >= iterations ? 1 : 1 - (1 - Double(iteration) / Double(iterations)) * (1 - ratio)
    }
}

/// The rate stays as it is after the warm-up.
public struct ConstantSchedule: Schedule {
    public static let name = "constant"
    public static let summary = "warm-up, then constant"
    public var warmUp: WarmUp

    public init(_ section: RecipeSection, length: RunLength) throws(LTError) {
        warmUp = try WarmUp(section.section("warmup"))
        try section.finish()
    }
    public func factor(_ iteration: Int) -> Double { warmUp.factor(iteration) }
}

/// The rate is multiplied by gamma at each milestone.
public struct StepSchedule: Schedule {
    public static let name = "step"
    public static let summary = "warm-up, times gamma at each milestone"
    /// Iterations.
    public var milestones: [Int]
    public var gamma: Double
    public var warmUp: WarmUp

    public init(milestones: [Int], gamma: Double = 0.1, warmUp: WarmUp = WarmUp()) {
        self.milestones = milestones
        self.gamma = gamma
        self.warmUp = warmUp
    }
    public init(_ section: RecipeSection, length: RunLength) throws(LTError) {
        let milestones = try section.required("milestones", section.ints("milestones", in: 0...1_000_000_000))
        let unit = length.countsEpochs ? length.iterationsPerEpoch : 1
        self.init(
            milestones: milestones.map { $0.multipliedReportingOverflow(by: unit).partialValue },
            gamma: try section.double("gamma", in: 0...1) ?? 0.1, warmUp: try WarmUp(section.section("warmup")))
        try section.finish()
    }
    public func factor(_ iteration: Int) -> Double {
        pow(gamma, Double(milestones.count { iteration >= $0 })) * warmUp.factor(iteration)
    }
}

/// Half a cosine from 1 to `final` over the whole run.
public struct CosineSchedule: Schedule {
    public static let name = "cosine"
    public static let summary = "warm-up, then half a cosine down to `final`"
    public var iterations: Int
    public var final: Double
    public var warmUp: WarmUp

    public init(iterations: Int, final: Double = 0, warmUp: WarmUp = WarmUp()) {
        self.iterations = iterations
        self.final = final
        self.warmUp = warmUp
    }
    public init(_ section: RecipeSection, length: RunLength) throws(LTError) {
        self.init(
            iterations: length.iterations, final: try section.double("final", in: 0...1) ?? 0,
            warmUp: try WarmUp(section.section("warmup")))
        try section.finish()
    }
    public func factor(_ iteration: Int) -> Double {
        let progress = min(1, Double(iteration) / Double(max(1, iterations)))
        return (final + (1 - final) * (1 + cos(.pi * progress)) / 2) * warmUp.factor(iteration)
    }
}
