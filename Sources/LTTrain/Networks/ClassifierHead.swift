// ClassifierHead: the last layer of every network: what it computes and how its weights begin. Linear: x·Wᵀ + b.
// Cosine (LDAM, Cao et al., arXiv:1906.07413): x/‖x‖ · w_c/‖w_c‖ without bias, weights [features, classes].
// A bias of −ln((1 − π)/π) makes every class begin at probability π under the sigmoid (focal loss, arXiv:1708.02002 §3.3).

import Foundation
import LTCore
import LTGraph
import OrderedCollections

/// The classifier of a network.
public struct ClassifierHead: Sendable {
    public enum Classifier: String, Sendable, CaseIterable { case linear, cosine }
    public enum Initial: String, Sendable, CaseIterable {
        /// PyTorch's default of linear layers: weights and bias uniform in ±1/√features.
        case uniform
        /// Normal, deviation √(2/features).
        case kaiming
        /// Normal with `deviation`.
        case normal
    }
    /// The probability at which every class begins.
    public enum Prior: Sendable, Equatable {
        case value(Double)
        /// 1 / number of classes.
        case balanced
    }

    public var classifier: Classifier
    /// Of linear classifiers; the weight vectors of cosine ones have random directions and length 1.
    public var initial: Initial
    public var deviation: Double
    public var prior: Prior?

    public init(_ initial: Initial, deviation: Double = 0.01, classifier: Classifier = .linear, prior: Prior? = nil) {
        self.initial = initial
        self.deviation = deviation
        self.classifier = classifier
        self.prior = prior
    }

    /// Reads `classifier` and `head` {init, std, prior} of a `network` section.
    init(_ section: RecipeSection, default standard: ClassifierHead) throws(LTError) {
        self = standard
        classifier = try section.choice("classifier", Classifier.self) ?? classifier
        guard let head = try section.section("head") else { return }
        guard classifier == .linear else {
            throw section.error("head", "a cosine classifier has no bias, and its weights begin as unit vectors")
        }
        initial = try head.choice("init", Initial.self) ?? initial
        deviation = try head.double("std", in: 0...10) ?? deviation
        if let text = try head.string("prior") {
            if text == "1/C" {
                prior = .balanced
            } else if let value = Double(text), value > 0, value < 1 {
                prior = .value(value)
            } else {
                throw head.error("prior", "'\(text)', expected a number between 0 and 1, or 1/C")
            }
        }
        try head.finish()
    }

    /// Fresh weights [classes, features].
    func weight(features: Int, _ request: inout NetworkRequest) throws(LTError) -> Tensor {
        let bound = 1 / Double(max(1, features)).squareRoot()
        return try request.tensor([request.classes, features]) {
            switch initial {
            case .uniform: $0.uniform(-bound...bound)
            case .kaiming: $0.normal() * bound * 2.0.squareRoot()
            case .normal: $0.normal() * deviation
            }
        }
    }

    /// A fresh bias [classes].
    func bias(features: Int, _ request: inout NetworkRequest) throws(LTError) -> Tensor {
        let classes = request.classes
        let bound = 1 / Double(max(1, features)).squareRoot()
        let start: Double? =
            switch prior {
            case .value(let prior): -log((1 - prior) / prior)
            case .balanced: classes > 1 ? -log(Double(classes - 1)) : 0
            case nil: initial == .uniform ? nil : 0
            }
        return try request.tensor([classes]) { start ?? $0.uniform(-bound...bound) }
    }

    func append(to net: inout NetworkBuilder, _ x: String, _ name: String, from features: Int) throws(LTError)
        -> String
    {
        switch classifier {
        case .linear:
            let weight = try weight(features: features, &net.request)
            let bias = try bias(features: features, &net.request)
            return net.linear(x, name, weight: weight, bias: bias)
        case .cosine:
            let weight = net.builder.initializer(
                "\(name).weight", try unitColumns([features, net.request.classes], &net.request))
            let direction = net.builder.node("LpNormalization", [x], name: "\(name).features", attributes: Self.l2(1))
            let classDirection = net.builder.node(
                "LpNormalization", [weight], name: "\(name).directions", attributes: Self.l2(0))
            return net.builder.node("MatMul", [direction, classDirection], name: name)
        }
    }

    private static func l2(_ axis: Int64) -> OrderedDictionary<String, Attribute> {
        ["axis": .int(axis), "p": .int(2)]
    }

    /// Uniform numbers in ±1, each column divided by its length.
    private func unitColumns(_ dims: [Int], _ request: inout NetworkRequest) throws(LTError) -> Tensor {
        let tensor = try request.tensor(dims) { $0.uniform(-1...1) }
        let values = tensor.elements(Float.self)
        for column in 0..<dims[1] {
            let indices = stride(from: column, to: values.count, by: dims[1])
            let length = indices.reduce(0) { $0 + Double(values[$1]) * Double(values[$1]) }.squareRoot()
            for index in indices { values[index] /= Float(max(length, 1e-12)) }
        }
        return tensor
    }
}
