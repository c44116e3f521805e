// The losses of a detector beside that of its classes. Sums are divided by counts over all processes, so that the mean of the
// processes' losses is the loss of the whole batch.
//   smooth L1 (Girshick, arXiv:1504.08083, eq. 3): d² / 2β for d = |x − y| < β, else d − β / 2; β = 0 is L1

import LTCore
import LTDecision

/// The loss of box codes: Σ smooth L1 over the four codes of regions with an object / regions.
public struct BoxLoss: Sendable, Equatable {
    /// β.
    public var beta: Double
    public init(beta: Double = 1.0 / 9) { self.beta = beta }

    /// - Parameters:
    ///   - deltas: [R, columns, 4], a code for each category.
    ///   - rows: the regions with an object.
    ///   - columns: the column of each one's category (`ClassifierForm.firstColumn` + category).
    ///   - codes: what each one's code should be.
    /// - Throws: `shapeMismatch`, `invalidArgument` for a row or column that is not there.
    public func callAsFunction(
        _ deltas: TorchTensor, rows: [Int], columns: [Int], codes: [SIMD4<Float>],
        group: any ProcessGroup = SingleProcess()
    ) throws(LTError) -> TorchTensor {
        guard deltas.rank == 3, deltas.dims[2] == 4, rows.count == columns.count, rows.count == codes.count else {
            throw LTError(
                .shapeMismatch,
                "box codes \(deltas.dims) for \(rows.count) rows, \(columns.count) columns, \(codes.count) targets")
        }
        let (count, width) = (deltas.dims[0], deltas.dims[1])
        guard rows.allSatisfy({ (0..<count).contains($0) }), columns.allSatisfy({ (0..<width).contains($0) }) else {
            throw LTError(.invalidArgument, "a row or column outside the box codes \(deltas.dims)")
        }
        let places = zip(rows, columns).map { $0 * width + $1 }
        let sum = try sum(of: deltas.reshaped([count * width, 4]), places, codes)
        return try sum / group.divisor(count)
    }

    /// Σ over the chosen rows of codes [n, 4].
    func sum(of codes: TorchTensor, _ rows: [Int], _ targets: [SIMD4<Float>]) throws(LTError) -> TorchTensor {
        let chosen = try codes.selected(0, .index(rows, near: codes))
        let wanted = try TorchTensor(targets.flatMap { [$0[0], $0[1], $0[2], $0[3]] }, [targets.count, 4])
        let own = try wanted.like(codes).cast(codes.type ?? .float32)
        // 2: the sum.
        return try Torch.one("smooth_l1_loss", [.tensor(chosen), .tensor(own), .int(2), .double(beta)])
    }
}

/// The losses of a region proposal network (Ren et al., arXiv:1506.01497, eq. 1): the mean binary cross entropy of the sampled
/// anchors' objectness, and Σ smooth L1 of those with an object / sampled anchors.
public struct RegionProposalLoss: Sendable, Equatable {
    public var assigner = BoxAssigner.anchors
    public var sampler = BalancedBoxSampler.anchors
    public var coder = BoxCoder.anchors
    public var boxes: BoxLoss

    public init(beta: Double = 1.0 / 9) { boxes = BoxLoss(beta: beta) }

    /// The anchors of one picture that are trained.
    public struct Targets: Sendable, Equatable {
        public var sample: BalancedBoxSampler.Sample
        /// Of the foreground.
        public var codes: [SIMD4<Float>]
        public init(sample: BalancedBoxSampler.Sample, codes: [SIMD4<Float>]) {
            self.sample = sample
            self.codes = codes
        }
    }

    /// - Parameter anchors: those of all levels, one level after another.
    public func targets(
        _ anchors: [Box], _ truth: PictureObjects, _ generator: inout SeededGenerator
    ) -> Targets {
        let assignment = assigner.assign(anchors, to: truth.boxes, ignored: truth.ignored)
        return targets(anchors, truth.boxes, assignment, sampler.draw(assignment, &generator))
    }

    /// The targets of anchors that were drawn.
    public func targets(
        _ anchors: [Box], _ objects: [Box], _ assignment: [Int32], _ sample: BalancedBoxSampler.Sample
    ) -> Targets {
        Targets(
            sample: sample,
            codes: sample.foreground.map { coder.encode(objects[Int(assignment[$0])], from: anchors[$0]) })
    }

    /// - Parameters:
    ///   - objectness: [N, K] of each level.
    ///   - deltas: [N, K, 4] of each level.
    ///   - targets: of each picture.
    /// - Throws: `shapeMismatch`.
    public func callAsFunction(
        objectness: [TorchTensor], deltas: [TorchTensor], _ targets: [Targets],
        group: any ProcessGroup = SingleProcess()
    ) throws(LTError) -> (objectness: TorchTensor, boxes: TorchTensor) {
        let scores = try TorchTensor.concatenated(objectness, axis: 1)
        let codes = try TorchTensor.concatenated(deltas, axis: 1)
        guard scores.rank == 2, scores.dims[0] == targets.count, codes.dims == scores.dims + [4] else {
            throw LTError(
                .shapeMismatch,
                "objectness \(scores.dims) and deltas \(codes.dims) of all levels for \(targets.count) pictures")
        }
        let count = scores.dims[1]
        var (foreground, background): ([Int], [Int]) = ([], [])
        for (image, own) in targets.enumerated() {
            foreground += own.sample.foreground.map { image * count + $0 }
            background += own.sample.background.map { image * count + $0 }
        }
        let divisor = try group.divisor(foreground.count + background.count)
        let chosen = try scores.reshaped([-1]).selected(0, .index(foreground + background, near: scores))
        let truth = try TorchTensor.constants(
            foreground.map { _ in 1 } + background.map { _ in 0 }, [foreground.count + background.count], like: chosen)
        let boxSum = try boxes.sum(of: codes.reshaped([-1, 4]), foreground, targets.flatMap(\.codes))
        return (try chosen.binaryCrossEntropy(truth).sum() / divisor, try boxSum / divisor)
    }
}

/// The loss of masks (He et al., arXiv:1703.06870, §3): the mean binary cross entropy of the mask of the region's category, over
/// the elements of all regions with an object; 0 without one.
public struct MaskLoss: Sendable, Equatable {
    public init() {}

    /// - Parameters:
    ///   - logits: [F, side, side], of the category of each region; or [F, columns, side, side] and `columns`.
    ///   - targets: [F, side, side], 0 … 1.
    /// - Throws: `shapeMismatch`.
    public func callAsFunction(
        _ logits: TorchTensor, _ targets: TorchTensor, columns: [Int]? = nil,
        group: any ProcessGroup = SingleProcess()
    ) throws(LTError) -> TorchTensor {
        var own = logits
        if let columns, logits.rank == 4 {
            let (count, width) = (logits.dims[0], logits.dims[1])
            guard columns.count == count, columns.allSatisfy({ (0..<width).contains($0) }) else {
                throw LTError(.shapeMismatch, "\(columns.count) columns of masks \(logits.dims)")
            }
            let places = columns.enumerated().map { $0.offset * width + $0.element }
            own = try logits.reshaped([count * width] + logits.dims.suffix(2)).selected(0, .index(places, near: logits))
        }
        guard own.dims == targets.dims else {
            throw LTError(.shapeMismatch, "masks \(own.dims), targets \(targets.dims)")
        }
        let divisor = try group.divisor(own.count)
        let wanted = try targets.like(own).cast(own.type ?? .float32)
        return try own.binaryCrossEntropy(wanted).sum() / divisor
    }
}

extension ProcessGroup {
    /// The mean of a count over processes, at least 1 where they are all 0. Every process asks.
    func divisor(_ count: Int) throws(LTError) -> Double {
        var sum = [Double(count)]
        try self.sum(&sum)
        return sum[0] > 0 ? sum[0] / Double(size) : 1
    }
}
