// WarmUp: a factor that rises to 1 over the first W iterations. Forms of mmcv: linear 1 − (1 − i/W)(1 − ratio), which is
// detectron2's too; constant ratio; exponential ratio^(1 − i/W). Per epoch, epoch e (from 1) of W counts as i/W = e/W, as in
// the Influence-Balanced code.

import Foundation
import LTCore

/// The warm-up of a learning rate.
public struct WarmUp: Sendable {
    public enum Form: String, Sendable, CaseIterable { case linear, constant, exponential }

    public var iterations: Int
    /// The factor at iteration 0.
    public var ratio: Double
    public var form: Form
    /// Iterations of an epoch where the factor changes with epochs; nil: it changes with iterations.
    public var epochLength: Int?

    public init(iterations: Int = 0, ratio: Double = 1.0 / 3, form: Form = .linear, epochLength: Int? = nil) {
        self.iterations = iterations
        self.ratio = ratio
        self.form = form
        self.epochLength = epochLength
    }
    /// The section `warmup`: `iterations` or `epochs`, `ratio`, `form`, `per`.
    init(_ section: RecipeSection?, length: RunLength) throws(LTError) {
        self.init()
        guard let section else { return }
        iterations = try section.int("iterations", in: 0...1_000_000_000) ?? 0
        if let epochs = try section.double("epochs", in: 0...1e6) {
            guard iterations == 0 else { throw section.error("epochs", "expected either iterations or epochs") }
            iterations = Int(min(1e15, (epochs * Double(length.iterationsPerEpoch)).rounded()))
        }
        form = try section.choice("form", Form.self) ?? .linear
        if try section.choice("per", SchedulePeriod.self) == .epoch { epochLength = length.iterationsPerEpoch }
        ratio = try section.double("ratio", in: 0...1) ?? (epochLength == nil ? ratio : 0)
        try section.finish()
    }

    public func factor(_ iteration: Int) -> Double {
        guard iteration < iterations else { return 1 }
        let reached = epochLength.map { (iteration / $0 + 1) * $0 } ?? iteration
        let progress = min(1, Double(reached) / Double(iterations))
        return switch form {
        case .linear: 1 - (1 - progress) * (1 - ratio)
        case .constant: ratio
        case .exponential: pow(ratio, 1 - progress)
        }
    }
}
