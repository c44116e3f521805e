// Feature hallucination module, FHM (Qi et al., BACL, IEEE TMM 2023, arXiv:2308.02213): per class a running mean and variance of
// features, μ ← d·mean + (1 − d)·μ with decay ratio d, the first time as they are; each step draws classes with probability
// ∝ 1 − M_cc, the hard ones more often, and for each of them features μ + sqrt(variance)·N(0, 1) that only the classifier sees.
// Statistics are those of the whole batch, and processes share the drawn features out, so that their number does not count.

import LTCore
import OrderedCollections

public final class FeatureHallucination {
    public let decayRatio: Double
    /// Classes drawn per step of all processes; one may be drawn several times.
    public let sampledClasses: Int
    /// Features made of each.
    public let sampledFeatures: Int
    /// The first epoch, counted from 0.
    public let startEpoch: Int
    private let classes: Int
    /// [C, D] float64 once features were seen.
    private var prototype: TorchTensor?
    private var variance: TorchTensor?
    /// 1 for classes whose features were seen.
    public private(set) var used: [Double]

    public init(
        decayRatio: Double = 0.1, sampledClasses: Int = 8, sampledFeatures: Int = 12, startEpoch: Int = 0, classes: Int
    ) {
        self.decayRatio = decayRatio
        self.sampledClasses = sampledClasses
        self.sampledFeatures = sampledFeatures
        self.startEpoch = startEpoch
        self.classes = classes
        used = [Double](repeating: 0, count: classes)
    }

    /// Keys: `decay_ratio`, `sampled_num_classes`, `sampled_num_features`, `start_epoch`.
    convenience init(_ section: RecipeSection, classes: Int) throws(LTError) {
        self.init(
            decayRatio: try section.double("decay_ratio", in: 0...1) ?? 0.1,
            sampledClasses: try section.int("sampled_num_classes", in: 0...100_000) ?? 8,
            sampledFeatures: try section.int("sampled_num_features", in: 0...100_000) ?? 12,
            startEpoch: try section.int("start_epoch", in: 0...1_000_000) ?? 0, classes: classes)
        try section.finish()
    }

    /// What a step draws.
    public struct Draws {
        /// One uniform number in [0, 1) per class to draw, in any order.
        public var uniforms: [Double]
        /// The next standard normal numbers.
        public var normals: (_ count: Int) -> [Double]

        public init(uniforms: [Double], normals: @escaping (_ count: Int) -> [Double]) {
            self.uniforms = uniforms
            self.normals = normals
        }
        init(_ input: LossInput, _ classes: Int) {
            var generator = input.generator(perProcess: false)
            uniforms = (0..<classes).map { _ in generator.uniform() }
            let rest = generator
            normals = { count in
                var generator = rest
                return (0..<count).map { _ in generator.normal() }
            }
        }
    }

    /// Takes features into the statistics of their classes.
    /// - Parameters:
    ///   - features: [N, D], this process's; their history does not matter.
    ///   - targets: [N, C], one-hot; rows of zeros are left out.
    ///   - group: every process of it learns at once.
    /// - Throws: `shapeMismatch`.
    public func learn(
        _ features: TorchTensor, targets: TorchTensor, group: any ProcessGroup = SingleProcess()
    ) throws(LTError) {
        guard targets.rank == 2, targets.dims[1] == classes, features.dims.first == targets.dims[0],
            features.rank >= 2
        else {
            throw LTError(.shapeMismatch, "features \(features.dims), targets \(targets.dims) of \(classes) classes")
        }
        let x = try features.detached().cast(.float64).reshaped([features.dims[0], -1])
        let depth = x.dims[1]
        if let prototype, prototype.dims[1] != depth {
            throw LTError(.shapeMismatch, "features of \(depth) numbers, the statistics have \(prototype.dims[1])")
        }
        let y = try targets.detached().cast(.float64)
        var counts = try y.sum(axes: [0], keepdims: false).array(of: Double.self)
        try group.sum(&counts)
        let present = counts.indices.filter { counts[$0] > 0 }
        guard !present.isEmpty else { return }
        try Torch.withoutGrad { () throws(LTError) in
            let rows = try TorchTensor.index(present, near: x)
            // Only the classes that some process has: [N, U].
            let members = try y.selected(1, rows)
            let n = try TorchTensor.constants(present.map { counts[$0] }, [present.count, 1], like: x)
            let mean = try group.sum(members.transposed().matmul(x)) / n
            let deviation = try x - members.matmul(mean)
            // The unbiased variance; 0 for one feature.
            let spread = try group.sum(members.transposed().matmul(deviation * deviation)) / (n - 1).atLeast(1)
            let keep = try TorchTensor.constants(
                present.map { used[$0] * (1 - decayRatio) }, [present.count, 1], like: x)
            func mixed(_ old: TorchTensor?, _ new: TorchTensor) throws(LTError) -> TorchTensor {
                let old =
                    if let old { try old.like(x) } else { try TorchTensor.zeros([classes, depth], near: x) }
                let mix = try new * (1 - keep) + old.selected(0, rows) * keep
                return try Torch.one("index_copy", [.tensor(old), .int(0), .tensor(rows), .tensor(mix)])
            }
            prototype = try mixed(prototype, mean)
            variance = try mixed(variance, spread)
        }
        for label in present { used[label] = 1 }
    }

    /// Draws classes: uniform numbers in ascending order against the cumulated shares of 1 − ratio, a number up to a sum selects
    /// the class; numbers beyond the last sum, which rounding allows, select none.
    public static func classes(correctRatio: [Double], uniforms: [Double]) -> [Int] {
        let hardness = correctRatio.map { 1 - $0 }
        let total = hardness.reduce(0, +)
        var result: [Int] = []
        var (label, sum) = (0, (hardness.first ?? 0) / total)
        for draw in uniforms.sorted() {
            while label < hardness.count, !(draw <= sum) {
                label += 1
                if label < hardness.count { sum += hardness[label] / total }
            }
            guard label < hardness.count else { break }
            result.append(label)
        }
        return result
    }

    /// This process's share of the features of drawn classes, [H, D] in the type of `other`, and their targets [H, C]; nil when
    /// there is none.
    func hallucinate(
        correctRatio: [Double], _ draws: Draws, like other: TorchTensor, _ group: any ProcessGroup
    ) throws(LTError) -> (features: TorchTensor, targets: TorchTensor)? {
        guard let prototype, let variance else { return nil }
        let drawn = FeatureHallucination.classes(correctRatio: correctRatio, uniforms: draws.uniforms)
            .filter { used[$0] > 0 }
        let all = drawn.flatMap { [Int](repeating: $0, count: sampledFeatures) }
        let depth = prototype.dims[1]
        let own = stride(from: group.rank, to: all.count, by: group.size)
        let labels = own.map { all[$0] }
        guard !labels.isEmpty else { return nil }
        let normals = draws.normals(all.count * depth)
        return try Torch.withoutGrad { () throws(LTError) in
            let rows = try TorchTensor.index(labels, near: other)
            let noise = try TorchTensor(
                own.flatMap { normals[$0 * depth..<($0 + 1) * depth] }, [labels.count, depth]
            ).like(other)
            let spread = try variance.like(other).selected(0, rows).sqrt() * noise
            let features = try prototype.like(other).selected(0, rows) + spread
            var targets = [Double](repeating: 0, count: labels.count * classes)
            for (row, label) in labels.enumerated() { targets[row * classes + label] = 1 }
            return (
                try features.cast(other.type ?? .float32),
                try .constants(targets, [labels.count, classes], like: other)
            )
        }
    }

    /// `used` [C], `prototype` and `variance` [C, D] once features were seen.
    public func state() throws(LTError) -> OrderedDictionary<String, Tensor> {
        var result: OrderedDictionary<String, Tensor> = ["used": try Tensor(used)]
        if let prototype, let variance {
            result["prototype"] = try prototype.host()
            result["variance"] = try variance.host()
        }
        return result
    }
    public func restore(_ state: OrderedDictionary<String, Tensor>) throws(LTError) {
        let used = try state.loss("used", [classes]).array(of: Double.self)
        if used.contains(where: { $0 != 0 }) || state["prototype"] != nil {
            let prototype = try state.loss("prototype", [classes, nil])
            let variance = try state.loss("variance", [classes, prototype.dims[1]])
            (self.prototype, self.variance) = (try TorchTensor(prototype), try TorchTensor(variance))
        } else {
            (prototype, variance) = (nil, nil)
        }
        self.used = used
    }
}
