// Schedule: the learning rate of each iteration, as a factor of the recipe's. One file per schedule; the warm-up multiplies.

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
    /// - Parameter iteration: counted from 0.
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

    /// Epochs begun.
    public var epochs: Int { (iterations + iterationsPerEpoch - 1) / max(1, iterationsPerEpoch) }
    /// The epoch of an iteration, both counted from 0.
    public func epoch(_ iteration: Int) -> Int { iteration / max(1, iterationsPerEpoch) }

    /// What milestones count.
    enum Unit: String, CaseIterable {
        case epochs, iterations
        /// Shares of the whole run.
        case run
    }

    /// The iterations at which a section's milestones lie; fractions of epochs are rounded to iterations.
    func milestones(_ section: RecipeSection) throws(LTError) -> [Int]? {
        let unit = try section.choice("unit", Unit.self) ?? (countsEpochs ? .epochs : .iterations)
        guard let values = try section.doubles("milestones", in: 0...1e9) else { return nil }
        guard values == values.sorted() else { throw section.error("milestones", "expected ascending numbers") }
        let scale =
            switch unit {
            case .epochs: Double(iterationsPerEpoch)
            case .iterations: 1.0
            case .run: Double(iterations)
            }
        if unit == .run, let last = values.last, last > 1 {
            throw section.error("milestones", "\(last), expected shares of the run, 0 to 1")
        }
        return values.map { Int(min(($0 * scale).rounded(), 1e15)) }
    }

    /// How far the run is, 0 … 1: by iterations, or by epochs with a step before each (epoch e of E, from 1, is at e/E).
    func progress(_ iteration: Int, _ period: SchedulePeriod) -> Double {
        switch period {
        case .iteration: min(1, Double(iteration) / Double(max(1, iterations)))
        case .epoch: min(1, Double(epoch(iteration) + 1) / Double(max(1, epochs)))
        }
    }
}

/// When a schedule changes the rate.
public enum SchedulePeriod: String, Sendable, CaseIterable { case iteration, epoch }

/// Every schedule, one line each.
public enum ScheduleTable {
    public static let all: [any Schedule.Type] = [
        ConstantSchedule.self,
        CosineSchedule.self,
        InfluenceBalancedSchedule.self,
        LinearSchedule.self,
        PolynomialSchedule.self,
        StepSchedule.self,
    ]
}
