// ClassifierForm: how the classes and background share the columns of a detector's class scores, and what targets the losses of
// `LossTable` want for them:
//   softmax           background, then the classes (torchvision), or the classes, then background: one column is 1
//   sigmoid (EQL)     the classes alone: background is a row of zeros
//   sigmoid (BACL)    the classes, then background: a row of zeros over the classes; the losses add the column themselves

import LTCore
import LTDecision

/// The columns of class scores.
public struct ClassifierForm: Sendable, Equatable {
    public let classes: Int
    public let background: DecisionLayer.Postprocess.Background
    /// Exactly one column is true of a region; else each for itself.
    public let isSoftmax: Bool

    /// - Parameter activation: the loss's.
    /// - Throws: `invalidArgument` for a softmax without background, a sigmoid with background in front, or no class.
    public init(classes: Int, background: DecisionLayer.Postprocess.Background, activation: String) throws(LTError) {
        let isSoftmax = activation == "softmax"
        guard classes > 0 else { throw LTError(.invalidArgument, "a detector of \(classes) classes") }
        guard isSoftmax ? background != .none : background != .first else {
            throw LTError(
                .invalidArgument,
                "classes by \(activation) with background \(background.rawValue), expected "
                    + (isSoftmax ? "first or last" : "none or last"))
        }
        self.classes = classes
        self.background = background
        self.isSoftmax = isSoftmax
    }

    /// Columns of the scores.
    public var columns: Int { classes + (background == .none ? 0 : 1) }
    /// The column of category 0, in the scores; and in boxes and masks, which have background's column where it is first.
    public var firstColumn: Int { background == .first ? 1 : 0 }
    /// Columns of boxes and masks that are regressed per category.
    public var regressed: Int { classes + firstColumn }

    /// What `LossInput` takes as targets of regions: [R, columns] for softmax, else [R, classes]; float32 or float64 as the
    /// logits, where they are.
    /// - Parameter categories: 0 ..< classes, or `classes` for background.
    /// - Throws: `shapeMismatch` for logits of another form, `invalidArgument` for other categories.
    public func targets(_ categories: [Int], like logits: TorchTensor) throws(LTError) -> TorchTensor {
        guard logits.dims == [categories.count, columns] else {
            throw LTError(.shapeMismatch, "class scores \(logits.dims), expected [\(categories.count), \(columns)]")
        }
        if let wrong = categories.first(where: { !(0...classes).contains($0) }) {
            throw LTError(.invalidArgument, "category \(wrong), expected 0 to \(classes), which is background")
        }
        let shift = isSoftmax && background == .first ? 1 : 0
        let index = try TorchTensor.index(categories.map { ($0 + shift) % (classes + 1) }, near: logits)
        let all = try Torch.one("one_hot", [.tensor(index), .int(classes + 1)])
        let own = isSoftmax ? all : try all.part(1, from: 0, count: classes)
        return try own.cast(logits.type == .float64 ? .float64 : .float32)
    }
}
