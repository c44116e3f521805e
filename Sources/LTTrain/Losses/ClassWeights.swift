// ClassWeights: one weight per class from training counts n_c, normalised to sum C, that softmax-ce, focal, ldam and ib
// share. inverse: 1/n_c. class-balanced (Cui et al., CVPR 2019, arXiv:1901.05555): (1 − β)/(1 − β^n_c), the inverse
// effective number. drw (Cao et al., NeurIPS 2019, arXiv:1906.07413): class-balanced with the β of the stage that the
// epoch is in, stages of `epochs` epochs, the last one to the end.

import Foundation
import LTCore

/// Weights of the classes, by epoch.
public struct ClassWeights: Sendable {
    public enum Rule: String, Sendable, CaseIterable {
        case none, inverse, drw
        case classBalanced = "class-balanced"
    }

    /// No weights.
    public static let none = ClassWeights(stages: [], epochs: 1)
    /// The weights of each stage; empty for none.
    private let stages: [[Double]]
    /// Epochs in a stage.
    private let epochs: Int

    private init(stages: [[Double]], epochs: Int) {
        self.stages = stages
        self.epochs = epochs
    }

    /// Weights as they are given, one per class.
    public init(_ values: [Double]) { self.init(stages: [values], epochs: 1) }

    /// - Parameters:
    ///   - beta: of `class-balanced`.
    ///   - epochs: of a stage of `drw`.
    ///   - betas: of the stages of `drw`.
    /// - Throws: `invalidArgument` naming a class without training images.
    public init(
        _ rule: Rule, beta: Double = 0.9999, epochs: Int = 160, betas: [Double] = [0, 0.9999], classes: ClassCounts
    ) throws(LTError) {
        if rule != .none { try classes.requireExamples("the class weight rule '\(rule.rawValue)'") }
        switch rule {
        case .none: self = .none
        case .inverse: self.init(Self.inverse(classes.images))
        case .classBalanced: self.init(Self.classBalanced(classes.images, beta: beta))
        case .drw:
            self.init(stages: betas.map { Self.classBalanced(classes.images, beta: $0) }, epochs: max(1, epochs))
        }
    }

    /// Reads `weights` of a loss's section: a rule's name, a list of numbers, or {rule, beta, epochs, betas}.
    /// - Throws: errors that name the key; `invalidArgument` naming a class without training images.
    public init(_ section: RecipeSection, classes: ClassCounts) throws(LTError) {
        let key = "weights"
        switch section.kind(key) {
        case nil: self = .none
        case .text:
            let rule = try section.choice(key, Rule.self) ?? .none
            do { try self.init(rule, classes: classes) } catch { throw section.place(error, key) }
        case .list:
            let values = try section.doubles(key, in: 0...1e9) ?? []
            guard values.count == classes.count else {
                throw section.error(key, "\(values.count) numbers, expected one for each of \(classes.count) classes")
            }
            self.init(values)
        case .mapping:
            guard let part = try section.section(key) else {
                self = .none
                return
            }
            let rule = try part.required("rule", part.choice("rule", Rule.self))
            var beta = 0.9999
            var epochs = 160
            var betas = [0, 0.9999]
            if rule == .classBalanced { beta = try part.double("beta", in: Self.betaRange) ?? beta }
            if rule == .drw {
                epochs = try part.int("epochs", in: 1...1_000_000) ?? epochs
                betas = try part.doubles("betas", in: Self.betaRange) ?? betas
                guard !betas.isEmpty else { throw part.error("betas", "an empty list, expected a number per stage") }
            }
            try part.finish()
            do {
                try self.init(rule, beta: beta, epochs: epochs, betas: betas, classes: classes)
            } catch { throw section.place(error, key) }
        }
    }

    static let betaRange = 0...0.999999999

    /// The weights in an epoch, counted from 0; nil for none.
    public func values(epoch: Int) -> [Double]? {
        stages.isEmpty ? nil : stages[min(max(0, epoch) / epochs, stages.count - 1)]
    }

    /// C·(1/n_c) / Σ 1/n.
    public static func inverse(_ counts: [Int]) -> [Double] { normalised(counts.map { 1 / Double($0) }) }

    /// C·e_c / Σ e with e_c = (1 − β)/(1 − β^n_c).
    public static func classBalanced(_ counts: [Int], beta: Double) -> [Double] {
        // expm1: 1 − β^n without cancellation.
        normalised(counts.map { (1 - beta) / -expm1(Double($0) * log(beta)) })
    }

    private static func normalised(_ values: [Double]) -> [Double] {
        let sum = values.reduce(0, +)
        return values.map { $0 * Double(values.count) / sum }
    }

    /// The weights as a row [1, C] in the logits' type; nil for none.
    func row(_ input: LossInput) throws(LTError) -> TorchTensor? {
        guard let values = values(epoch: input.epoch) else { return nil }
        return try .constants(values, like: input.logits)
    }

    /// The weight of each image's class, [N]; nil for none.
    func perImage(_ input: LossInput) throws(LTError) -> TorchTensor? {
        guard let row = try row(input) else { return nil }
        return try (input.targets * row).sum(axes: [1], keepdims: false)
    }
}
