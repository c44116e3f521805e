// DetectionHead: which of a detector's outputs is what, and how to read them. Two kinds of models: those that have chosen
// (suppression inside; boxes, scores and labels of the objects), and those that give every candidate box a score per
// class, for suppression outside. What `lt.postprocess` leaves open is inferred where there is no doubt.

import LTCore
import LTGraph

/// How the outputs of a detector become detections.
public struct DetectionHead: Sendable, Equatable {
    public typealias Postprocess = DecisionLayer.Postprocess
    public typealias Role = Postprocess.Role

    /// Role → output.
    public let outputs: [Role: String]
    /// What the columns of the packed output are; empty when there is none.
    public let packed: [Role]
    public let boxFormat: Postprocess.BoxFormat
    public let boxUnit: Postprocess.BoxUnit
    public let activation: DecisionLayer.Activation
    public let background: Postprocess.Background
    /// Classes that a detection may be of; 0 when neither labels nor outputs say.
    public let categoryCount: Int
    /// Whether outputs have a batch dimension; `nil` when the file does not say.
    public let isBatched: Bool?
    public var scoreThreshold: Float
    public var suppression: NonMaximumSuppression?
    public var maxCandidates: Int
    public var maxDetections: Int
    let classesPerBox: Postprocess.ClassesPerBox
    let decider: DetectionDecider
    let maskFrame: Postprocess.MaskFrame?
    let maskThreshold: Float
    /// Label → position, where labels are ids.
    private let positions: [Int: Int]?
    private let isIndex: Bool
    private let labelCount: Int?

    /// Whether the model has chosen classes itself, so that each row is one object.
    public var isFinal: Bool { outputs[.labels] != nil || packed.contains(.labels) }

    /// Finds the roles of a graph's outputs.
    /// - Throws: `invalidArgument` naming the flag for what neither the layer nor the outputs say; `notFound` for outputs
    ///   that the layer names and the graph lacks; `shapeMismatch` when classes and outputs disagree.
    public init(_ graph: Graph, _ layer: DecisionLayer) throws(LTError) {
        try layer.validate()
        let stated = layer.postprocess ?? Postprocess()
        let roles = try Roles(graph.outputs, stated, classes: layer.classCount)
        (outputs, packed, isBatched) = (roles.outputs, roles.packed, roles.isBatched)
        let isFinal = roles.outputs[.labels] != nil || roles.packed.contains(.labels)
        func say<Value>(
            _ value: Value?, _ fallback: Value?, _ what: String, _ flag: String
        ) throws(LTError) -> Value {
            guard let value = value ?? (isFinal ? fallback : nil) else {
                throw LTError(
                    .invalidArgument, "neither the model (lt.postprocess) nor a flag says \(what)", hint: "give \(flag)"
                )
            }
            return value
        }
        boxFormat = try say(stated.boxFormat, .xyxy, "how its boxes are written", "--box-format xyxy, xywh or cxcywh")
        boxUnit = try say(stated.boxUnit, .pixels, "what its boxes are measured in", "--box-unit pixels or relative")
        guard let activation = layer.activation ?? (isFinal ? DecisionLayer.Activation.none : nil) else {
            throw LTError(
                .invalidArgument, "the model does not say its activation (lt.activation)", hint: "give --activation")
        }
        guard activation != .softmax || !isFinal else {
            throw LTError(.invalidArgument, "lt.activation is softmax, but each object has one score only")
        }
        guard layer.task != .segmentation || outputs[.masks] != nil || outputs[.prototypes] != nil else {
            throw LTError(
                .invalidArgument, "a segmentation model, but none of its outputs is known to hold masks",
                hint: "give --outputs masks=NAME, or --task detection")
        }
        self.activation = activation
        background = try roles.background(stated.background, classes: layer.classCount)
        labelCount = layer.labels?.count
        isIndex = stated.labelValues == .index
        if let labels = layer.labels, !isIndex, isFinal {
            positions = Dictionary(labels.enumerated().map { ($0.element.id, $0.offset) }) { first, _ in first }
        } else {
            positions = nil
        }
        let nothing = background == .none ? 0 : 1
        categoryCount = layer.classCount ?? roles.scoreColumns.map { $0 - nothing } ?? 0
        scoreThreshold = stated.scoreThreshold ?? 0
        suppression = stated.nmsIoU.map { .init(iou: $0, acrossCategories: stated.nmsClasses == .all) }
        maxCandidates = stated.maxCandidates ?? 30_000
        maxDetections = stated.maxDetections ?? 300
        classesPerBox = stated.classesPerBox ?? .all
        maskFrame = stated.maskFrame
        maskThreshold = stated.maskThreshold ?? 0.5
        decider = try DetectionDecider(layer)
    }

    /// This head without thresholds, limits and suppression: every row of a model that has chosen itself.
    public var unlimited: DetectionHead {
        var head = self
        head.scoreThreshold = -.infinity
        head.suppression = nil
        head.maxCandidates = .max
        head.maxDetections = .max
        return head
    }

    /// What a label stands for; `nil`: nothing is there.
    /// - Throws: `notFound` for a label that is none of the classes.
    func category(_ label: Int) throws(LTError) -> Int? {
        if let positions {
            if let position = positions[label] { return position }
            if background == .first, label == 0 { return nil }
            throw LTError(
                .notFound, "label \(label) is no id of lt.labels",
                hint: "give every label a line in --labels, or --label-values index if labels are positions")
        }
        if background == .first, label == 0 { return nil }
        if background == .last, label == labelCount { return nil }
        // Without labels an id is a number like any other.
        let first = background == .first && isIndex ? 1 : 0
        guard label >= first, label - first < labelCount ?? Int(Int32.max) else {
            throw LTError(
                .notFound, "label \(label), expected \(first) ..< \(first + (labelCount ?? Int(Int32.max)))")
        }
        return label - first
    }
}

extension DetectionHead: CustomStringConvertible {
    /// Roles and formats in one line, as `lt-infer inspect` shows them.
    public var description: String {
        var parts = Role.allCases.compactMap { role -> String? in
            guard let name = outputs[role] else { return nil }
            let columns = role == .packed ? " (\(packed.map(\.rawValue).joined(separator: ",")))" : ""
            return "\(role.rawValue) '\(name)'\(columns)"
        }
        parts.append("boxes are \(boxFormat.rawValue), \(boxUnit.rawValue)")
        parts.append(suppression.map { "suppression above IoU \($0.iou)" } ?? "no suppression outside the model")
        return parts.joined(separator: ", ")
    }
}
