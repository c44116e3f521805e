// Loss: what training minimises; one function on tensors under autograd, parameters named as in the paper.

import LTCore

/// How often each class occurs in the training set.
public struct ClassCounts: Sendable {
    public var names: [String]
    /// Training images per class.
    public var images: [Int]
    /// Training images in all.
    public var total: Int

    public init(names: [String], images: [Int], total: Int) {
        self.names = names
        self.images = images
        self.total = total
    }
    public var count: Int { images.count }

    /// Checks that each class has examples and counterexamples, which weights by frequency divide by.
    /// - Throws: `invalidArgument` naming the class.
    public func requireProper(_ why: String) throws(LTError) {
        for (name, count) in zip(names, images) where count <= 0 || count >= total {
            throw LTError(
                .invalidArgument,
                "class '\(name)' is in \(count) of \(total) training images; \(why) needs 1 to \(total - 1)",
                hint: count <= 0
                    ? "drop the class from the annotations or give it an image"
                    : "a class that is in every image cannot be learnt: drop it")
        }
    }
}

/// A loss. Logits [N, C] before the activation; targets [N, C], 1 for the image's classes, else 0 (−1: unknown, where supported).
public protocol Loss: Sendable {
    /// How recipes call it.
    static var name: String { get }
    static var summary: String { get }
    /// sigmoid for multi-label losses, softmax for single-label ones: how the exported file turns logits into scores.
    static var activation: String { get }
    /// Reads the parameters of the recipe's section; the section rejects what it was not asked for.
    init(_ section: RecipeSection, classes: ClassCounts) throws(LTError)
    /// A scalar under autograd.
    func callAsFunction(_ logits: TorchTensor, _ targets: TorchTensor) throws(LTError) -> TorchTensor
}

/// How elements become the scalar that is differentiated.
public enum Reduction: String, Sendable, CaseIterable {
    case mean, sum, none

    func callAsFunction(_ elements: TorchTensor) throws(LTError) -> TorchTensor {
        switch self {
        case .mean: try elements.mean()
        case .sum: try elements.sum()
        case .none: elements
        }
    }
}

/// Every loss, one line each; feeds `lt-train losses`.
public enum LossTable {
    public static let all: [any Loss.Type] = [
        BinaryCrossEntropy.self,
        DistributionBalanced.self,
        SigmoidFocal.self,
        SoftmaxCrossEntropy.self,
    ]
}
