// The forms of a detector's classifier: which columns its scores have, where background is, what makes scores of them.
// EQL: Tan et al., arXiv:2003.05176; BACL: Qi et al., arXiv:2308.02213.

import Foundation
import LTCore
import LTDecision
import LTGraph

extension RCNN {
    /// How classes and background share the columns of the class scores.
    public enum Classifier: String, Sendable, CaseIterable {
        /// Background, then the classes; softmax.
        case softmax
        /// The classes alone; a sigmoid each.
        case eql
        /// The classes, then background; a sigmoid each; a class scores p_j · (1 − p_background).
        case bacl

        /// Where background is among the columns.
        public var background: DecisionLayer.Postprocess.Background {
            switch self {
            case .softmax: .first
            case .eql: .none
            case .bacl: .last
            }
        }
        /// The column of class 0.
        public var firstColumn: Int { background == .first ? 1 : 0 }
        /// Columns of the class scores.
        public func columns(_ classes: Int) -> Int { classes + (background == .none ? 0 : 1) }
        /// Boxes and masks for each region: with background in front it has one too, as in torchvision, else the classes have.
        public func regressed(_ classes: Int) -> Int { classes + firstColumn }

        /// The bias that every column begins with: 0, or that of probability 0.001.
        var bias: Double { self == .softmax ? 0 : -log((1 - 0.001) / 0.001) }
    }

    /// The last layer of the mask head.
    public enum MaskPredictor: String, Sendable, CaseIterable {
        case linear
        /// BACL's: features and weights divided by their lengths, their product times 20, and a bias.
        case normalised
    }
}

extension GraphBuilder {
    /// Class scores [R, columns] to probabilities of the classes [R, classes].
    mutating func scores(_ logits: String, _ classifier: RCNN.Classifier, classes: Int) throws(LTError) -> String {
        switch classifier {
        case .softmax:
            let all = node("Softmax", [logits], name: "probabilities", attributes: ["axis": .int(-1)])
            return try columns(all, from: 1, to: classes + 1)
        case .eql: return node("Sigmoid", [logits], name: "probabilities")
        case .bacl:
            let all = node("Sigmoid", [logits], name: "probabilities")
            let foreground = node("Sub", [try floats([1]), try columns(all, from: classes, to: classes + 1)])
            return node("Mul", [try columns(all, from: 0, to: classes), foreground], name: "class_scores")
        }
    }
}
