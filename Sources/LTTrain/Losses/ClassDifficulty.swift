// Class-wise difficulty (Sinha et al., ACCV 2020, arXiv:2010.01824; CDB code): d_c = 1 − recall of class c on a validation
// split, 1 before the first; weights w_c = d_c^τ, normalised to sum C. τ is a number or dynamic, from the bias
// b = max A / (min A + ε) of the recalls A = 1 − d: s(b) in the code's CIFAR and EGTEA training, 2·s(b − 1) in its helper
// and for ImageNet-LT; s the logistic function. Weights are constants in the gradient.

import Foundation
import LTCore
import OrderedCollections

/// What CDB losses learn from validations.
public final class ClassDifficulty {
    /// Forms of the dynamic τ, named after where the CDB code has them.
    public enum DynamicForm: String, Sendable, CaseIterable {
        case cifar, helper, imagenet

        func tau(bias: Double) -> Double {
            switch self {
            case .cifar: 1 / (1 + exp(-bias))
            case .helper, .imagenet: 2 / (1 + exp(1 - bias))
            }
        }
    }
    public enum Tau: Sendable {
        case fixed(Double)
        case dynamic(DynamicForm)
    }

    public let tau: Tau
    /// Weights are scaled to sum C.
    public let normalize: Bool
    /// ε of the bias.
    public let epsilon: Double
    /// Validations after epochs 0, k, 2k, … count.
    public let updateEvery: Int
    /// d_c.
    public private(set) var values: [Double]

    public init(
        _ tau: Tau, normalize: Bool = true, epsilon: Double = 0.01, updateEvery: Int = 1, values: [Double]
    ) {
        self.tau = tau
        self.normalize = normalize
        self.epsilon = epsilon
        self.updateEvery = max(1, updateEvery)
        self.values = values
    }

    /// Keys: `tau` (a number or `dynamic`), `dynamic_form`, `normalize`, `epsilon`, `update_every`.
    convenience init(_ section: RecipeSection, classes: ClassCounts) throws(LTError) {
        let tau: Tau
        if section.kind("tau") == .text, try section.string("tau") == "dynamic" {
            tau = .dynamic(try section.choice("dynamic_form", DynamicForm.self) ?? .cifar)
        } else {
            tau = .fixed(try section.double("tau", in: 0...100) ?? 1.5)
        }
        self.init(
            tau, normalize: try section.bool("normalize") ?? true,
            epsilon: try section.double("epsilon", in: 1e-9...1) ?? 0.01,
            updateEvery: try section.int("update_every", in: 1...1_000_000) ?? 1,
            values: [Double](repeating: 1, count: classes.count))
    }
    static let defaults =
        "tau 1.5 (or dynamic, dynamic_form cifar | helper | imagenet), normalize true, epsilon 0.01, update_every 1"

    /// τ with the difficulties as they are.
    public var currentTau: Double {
        switch tau {
        case .fixed(let tau): return tau
        case .dynamic(let form):
            return form.tau(bias: (1 - (values.min() ?? 1)) / (1 - (values.max() ?? 1) + epsilon))
        }
    }

    /// w_c; 1 for each class when all are solved.
    public var weights: [Double] {
        let tau = currentTau
        let powers = values.map { pow($0, tau) }
        let sum = powers.reduce(0, +)
        guard normalize else { return powers }
        return sum > 0 ? powers.map { $0 / sum * Double(powers.count) } : powers.map { _ in 1 }
    }

    /// The weight of each image's class, [N].
    func perImage(_ input: LossInput) throws(LTError) -> TorchTensor {
        try (input.targets * .constants(weights, like: input.logits)).sum(axes: [1], keepdims: false)
    }

    /// A class without validation images keeps its difficulty.
    func update(_ validation: LossValidation) throws(LTError) {
        guard validation.recall.count == values.count else {
            throw LTError(
                .shapeMismatch, "a validation of \(validation.recall.count) classes, expected \(values.count)")
        }
        guard validation.epoch % updateEvery == 0 else { return }
        values = zip(values, validation.recall).map { old, recall in recall.map { 1 - $0 } ?? old }
    }
    func state() throws(LTError) -> OrderedDictionary<String, Tensor> { ["difficulty": try Tensor(values)] }
    func restore(_ state: OrderedDictionary<String, Tensor>) throws(LTError) {
        values = try state.loss("difficulty", [values.count]).array(of: Double.self)
    }
}
