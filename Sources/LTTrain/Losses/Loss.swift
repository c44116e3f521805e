// Loss: what training minimises, a function on tensors under autograd; parameters named as in the paper.

import LTCore
import OrderedCollections

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

    /// Checks that each class has an example, which weights and margins by frequency divide by.
    /// - Throws: `invalidArgument` naming the class.
    public func requireExamples(_ why: String) throws(LTError) {
        for (name, count) in zip(names, images) where count <= 0 {
            throw LTError(
                .invalidArgument, "class '\(name)' is in \(count) training images; \(why) needs 1 and more",
                hint: "drop the class from the annotations or give it an image")
        }
    }

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

/// What a loss sees of one step. N is this process's share of the batch.
public struct LossInput {
    /// [N, C], before the activation.
    public var logits: TorchTensor
    /// [N, C], 1 for the classes that the image has, else 0 (−1: unknown, where supported). A row of zeros is background.
    public var targets: TorchTensor
    /// [N, D], what enters the last linear layer, under autograd; only for losses that say `usesFeatures`.
    public var features: TorchTensor?
    /// Features [M, D] to logits [M, C], by the network's last linear layer; only for losses that say `usesFeatures`.
    public var classify: ((TorchTensor) throws(LTError) -> TorchTensor)?
    /// Counted from 0.
    public var epoch: Int
    /// What losses that draw draw from: a function of recipe seed and iteration, the same in every process.
    public var seed: UInt64
    public var group: any ProcessGroup

    public init(
        _ logits: TorchTensor, _ targets: TorchTensor, features: TorchTensor? = nil,
        classify: ((TorchTensor) throws(LTError) -> TorchTensor)? = nil, epoch: Int = 0, seed: UInt64 = 0,
        group: any ProcessGroup = SingleProcess()
    ) {
        self.logits = logits
        self.targets = targets
        self.features = features
        self.classify = classify
        self.epoch = epoch
        self.seed = seed
        self.group = group
    }

    /// What to divide a local sum by, so that the mean of the processes' losses is the loss of the whole batch: the mean
    /// over processes of a scalar without history.
    public func normaliser(_ local: TorchTensor) throws(LTError) -> TorchTensor {
        group.size == 1 ? try local.detached() : try group.sum(local) / Double(group.size)
    }
}

/// What a validation says to a loss that adapts.
public struct LossValidation: Sendable {
    /// Recall per class; nil for a class without validation images.
    public var recall: [Double?]
    /// The epoch that ended, counted from 0.
    public var epoch: Int
    public init(recall: [Double?], epoch: Int) {
        self.recall = recall
        self.epoch = epoch
    }
}

/// A loss.
public protocol Loss: SendableMetatype {
    /// How recipes call it.
    static var name: String { get }
    static var summary: String { get }
    /// First author, venue and year, arXiv number.
    static var paper: String { get }
    /// The loss in one line.
    static var formula: String { get }
    /// The recipe's keys with their defaults, in one line; empty when there are none.
    static var defaults: String { get }
    /// sigmoid or softmax: what the loss in its default form makes of logits.
    static var activation: String { get }
    /// How the exported file turns logits into scores; `Self.activation` unless a parameter changes it.
    var activation: String { get }
    /// Each image must have exactly one class; so it is for softmax unless a loss says otherwise.
    var needsSingleLabels: Bool { get }
    /// `LossInput.features` and `classify` are wanted.
    var usesFeatures: Bool { get }
    /// `update` wants a validation after each epoch.
    var usesValidation: Bool { get }
    /// Reads the parameters of the recipe's section; the section rejects what it was not asked for.
    init(_ section: RecipeSection, classes: ClassCounts) throws(LTError)
    /// A scalar under autograd, the mean over this process's share of the batch.
    func callAsFunction(_ input: LossInput) throws(LTError) -> TorchTensor
    /// Learns from a validation, the same in every process.
    func update(_ validation: LossValidation) throws(LTError)
    /// What the loss remembers between steps (float64), for the checkpoint; the same in every process unless the paper
    /// says otherwise.
    func state() throws(LTError) -> OrderedDictionary<String, Tensor>
    /// Takes up what `state` gave.
    /// - Throws: `notFound` or `shapeMismatch` naming what does not fit.
    func restore(_ state: OrderedDictionary<String, Tensor>) throws(LTError)
}

extension Loss {
    public var activation: String { Self.activation }
    public var needsSingleLabels: Bool { activation == "softmax" }
    public var usesFeatures: Bool { false }
    public var usesValidation: Bool { false }
    public func update(_ validation: LossValidation) throws(LTError) {}
    public func state() throws(LTError) -> OrderedDictionary<String, Tensor> { [:] }
    public func restore(_ state: OrderedDictionary<String, Tensor>) throws(LTError) {}
    public func callAsFunction(_ logits: TorchTensor, _ targets: TorchTensor) throws(LTError) -> TorchTensor {
        try self(LossInput(logits, targets))
    }
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

/// Every loss, one line each, by name; feeds `lt-train losses`.
public enum LossTable {
    public static let all: [any Loss.Type] = [
        Asymmetric.self,
        ForegroundBalance.self,
        BalancedSoftmax.self,
        BinaryCrossEntropy.self,
        CDBCrossEntropy.self,
        CDBFocal.self,
        ClassBalanced.self,
        DistributionBalanced.self,
        Equalization.self,
        SoftmaxFocal.self,
        InfluenceBalanced.self,
        LDAM.self,
        LogitAdjustment.self,
        Seesaw.self,
        SigmoidFocal.self,
        SoftmaxCrossEntropy.self,
        SoftmaxEqualization.self,
    ]
}
