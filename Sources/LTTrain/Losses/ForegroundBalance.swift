// Foreground classification balance loss, FCBL (Qi et al., BACL, IEEE TMM 2023, arXiv:2308.02213). Sigmoid over C classes, with a
// background column behind them or without one. A[t, c] sums the softmax mass that images of class t gave class c, k_t counts
// them, M = A / max(k, 1):
//   margin  m_ij = α ln(max(M[t, j], floor) / max(M[j, t], floor)) for an image i of class t; 0 for background
//   weight  1 where q_j ≥ q_t or q_j ≥ prob_thr, else 0, q_j = s(x_j)(1 − s(x_bg)); 1 for background rows and its column
//   loss = Σ_ij weight_ij bce(x_ij + m_ij, y_ij) / N;  A and k then take in the batch, summed over all processes.
// With feature hallucination (FeatureHallucination) N counts the hallucinated rows too.

import LTCore
import OrderedCollections

public final class ForegroundBalance: Loss {
    public static let name = "bacl"
    public static let summary =
        "binary cross entropy with margins and weights from how classes are confused; hallucinated features"
    public static let paper = "Qi et al., IEEE TMM 2023, arXiv:2308.02213"
    public static let formula =
        "Σ weight · bce(x + m, y) / rows, m = alpha ln(M[t, j] / M[j, t]), M the confusion so far"
    public static let defaults =
        "alpha 0.85, prob_thr 0.7, margin_floor 0.001, reweight true, hallucination {decay_ratio 0.1, sampled_num_classes 8, "
        + "sampled_num_features 12, start_epoch 0} (absent: none), loss_weight 1"
    public static let activation = "sigmoid"

    public let alpha: Double
    public let probabilityThreshold: Double
    /// The least share that margins reckon with.
    public let marginFloor: Double
    public let reweight: Bool
    public let hallucination: FeatureHallucination?
    public let lossWeight: Double
    private let classes: Int
    /// A and, as the last column, k: [C, C + 1] float64.
    private var confusion: TorchTensor

    public init(
        alpha: Double = 0.85, probabilityThreshold: Double = 0.7, marginFloor: Double = 0.001, reweight: Bool = true,
        hallucination: FeatureHallucination? = nil, lossWeight: Double = 1, classes: Int
    ) throws(LTError) {
        self.alpha = alpha
        self.probabilityThreshold = probabilityThreshold
        self.marginFloor = marginFloor
        self.reweight = reweight
        self.hallucination = hallucination
        self.lossWeight = lossWeight
        self.classes = classes
        confusion = try TorchTensor([Double](repeating: 0, count: classes * (classes + 1)), [classes, classes + 1])
    }

    public convenience init(_ section: RecipeSection, classes: ClassCounts) throws(LTError) {
        var hallucination: FeatureHallucination?
        if let part = try section.section("hallucination") {
            hallucination = try FeatureHallucination(part, classes: classes.count)
        }
        try self.init(
            alpha: try section.double("alpha", in: 0...100) ?? 0.85,
            probabilityThreshold: try section.double("prob_thr", in: 0...1) ?? 0.7,
            marginFloor: try section.double("margin_floor", in: 1e-12...1) ?? 0.001,
            reweight: try section.bool("reweight") ?? true, hallucination: hallucination,
            lossWeight: try section.lossWeight(), classes: classes.count)
        try section.finish()
    }

    public var needsSingleLabels: Bool { true }
    public var usesFeatures: Bool { hallucination != nil }

    public func callAsFunction(_ input: LossInput) throws(LTError) -> TorchTensor {
        try self(input, draws: FeatureHallucination.Draws(input, hallucination?.sampledClasses ?? 0))
    }

    /// - Parameter draws: what hallucination draws from.
    public func callAsFunction(_ input: LossInput, draws: FeatureHallucination.Draws) throws(LTError) -> TorchTensor {
        var (logits, classTargets) = (input.logits, input.targets)
        guard classTargets.rank == 2, classTargets.dims[1] == classes else {
            throw LTError(.shapeMismatch, "targets \(classTargets.dims), expected [N, \(classes)]")
        }
        if let hallucination, input.epoch >= hallucination.startEpoch {
            if let features = input.features {
                try hallucination.learn(features, targets: classTargets, group: input.group)
            }
            if let rows = try hallucination.hallucinate(
                correctRatio: correctRatio(), draws, like: logits, input.group)
            {
                guard let classify = input.classify else {
                    throw LTError(.invalidArgument, "feature hallucination was given no classifier")
                }
                logits = try .concatenated([logits, classify(rows.features)], axis: 0)
                classTargets = try .concatenated([classTargets, rows.targets], axis: 0)
            }
        }
        let targets = try classTargets.withBackground(logits)
        let (margins, weights) = try Torch.withoutGrad { () throws(LTError) in
            (try self.margins(logits, classTargets), try self.weights(logits, classTargets))
        }
        var elements = try (logits + margins).binaryCrossEntropy(targets)
        if let weights { elements = try elements * weights }
        let rows = try input.normaliser(.constants([Double(logits.dims[0])], [], like: input.logits))
        try Torch.withoutGrad { () throws(LTError) in try take(logits.detached(), classTargets, input.group) }
        return try elements.sum() / rows * lossWeight
    }

    /// m, [N, C] or with 0 in the background column [N, C + 1].
    public func margins(_ logits: TorchTensor, _ classTargets: TorchTensor) throws(LTError) -> TorchTensor {
        confusion = try confusion.like(logits)
        let label = try classTargets.argmax()
        let counts = try confusion.part(1, from: classes, count: 1).atLeast(1)
        let mass = try confusion.part(1, from: 0, count: classes)
        // Rows M[t, ·] and columns M[·, t] of the rows' classes only: linear in N·C.
        let taken = try mass.selected(0, label) / counts.selected(0, label)
        let given = try mass.selected(1, label).transposed() / counts.transposed()
        let ratio = try (taken.atLeast(marginFloor) / given.atLeast(marginFloor)).log() * alpha
        // Background rows have no margin; ln 1 = 0 is the class's own.
        let foreground = try classTargets.sum(axes: [1]).compared("gt", 0)
        let margins = try ratio.cast(logits.type ?? .float32) * foreground
        guard logits.dims[1] > classes else { return margins }
        return try .concatenated([margins, foreground * 0], axis: 1)
    }

    /// The weights of the elements, shaped as the logits; nil for 1 everywhere.
    public func weights(_ logits: TorchTensor, _ classTargets: TorchTensor) throws(LTError) -> TorchTensor? {
        guard reweight else { return nil }
        let scores = try ForegroundBalance.foregroundScores(logits, classes: classes)
        let own = try (scores * classTargets).sum(axes: [1])
        var kept = try scores.compared("ge", own) + scores.compared("ge", probabilityThreshold)
        // Equal logits have equal scores, whatever the last bit of the logistic function says.
        let x = try logits.part(1, from: 0, count: classes)
        kept = try kept + x.compared("ge", (x * classTargets).sum(axes: [1]))
        kept = try kept + (1 - classTargets.sum(axes: [1]).compared("gt", 0))
        kept = try kept.compared("gt", 0)
        guard logits.dims[1] > classes else { return kept }
        return try .concatenated([kept, kept.part(1, from: 0, count: 1) * 0 + 1], axis: 1)
    }

    /// s(x_j)(1 − s(x_bg)), [N, C].
    private static func foregroundScores(_ logits: TorchTensor, classes: Int) throws(LTError) -> TorchTensor {
        let scores = try logits.part(1, from: 0, count: classes).sigmoid()
        guard logits.dims[1] > classes else { return scores }
        return try scores * (1 - logits.part(1, from: classes, count: 1).sigmoid())
    }

    /// Scores at test time, shaped as the logits: s(x_j)(1 − s(x_bg)), and s(x_bg) in the background column.
    public func scores(_ logits: TorchTensor) throws(LTError) -> TorchTensor {
        let scores = try ForegroundBalance.foregroundScores(logits, classes: classes)
        guard logits.dims[1] > classes else { return scores }
        return try .concatenated([scores, logits.part(1, from: classes, count: 1).sigmoid()], axis: 1)
    }

    /// Adds the softmax over classes of the foreground rows to A, their number to k, over all processes.
    private func take(_ logits: TorchTensor, _ classTargets: TorchTensor, _ group: any ProcessGroup) throws(LTError) {
        let mass = try logits.part(1, from: 0, count: classes).cast(.float64).softmax(axis: 1)
        let y = try classTargets.cast(.float64)
        let increment = try TorchTensor.concatenated([mass, mass.part(1, from: 0, count: 1) * 0 + 1], axis: 1)
        // Every process sums, also one without foreground rows, or the others would wait.
        confusion = try confusion + group.sum(y.transposed().matmul(increment))
    }

    /// M's diagonal: the mean softmax probability of the true class, [C].
    public func correctRatio() throws(LTError) -> [Double] {
        let diagonal = try Torch.one("diagonal", [.tensor(confusion)])
        let sums = try diagonal.array(of: Double.self)
        let counts = try confusion.part(1, from: classes, count: 1).array(of: Double.self)
        return zip(sums, counts).map { $0 / max(1, $1) }
    }

    public func state() throws(LTError) -> OrderedDictionary<String, Tensor> {
        var result: OrderedDictionary<String, Tensor> = [
            "cm_numerator": try confusion.part(1, from: 0, count: classes).host(),
            "num_gt": try confusion.part(1, from: classes, count: 1).reshaped([classes]).host(),
        ]
        if let hallucination { for (name, tensor) in try hallucination.state() { result[name] = tensor } }
        return result
    }
    public func restore(_ state: OrderedDictionary<String, Tensor>) throws(LTError) {
        let mass = try TorchTensor(try state.loss("cm_numerator", [classes, classes]))
        let counts = try TorchTensor(try state.loss("num_gt", [classes])).reshaped([classes, 1])
        try hallucination?.restore(state)
        confusion = try .concatenated([mass, counts], axis: 1)
    }
}
