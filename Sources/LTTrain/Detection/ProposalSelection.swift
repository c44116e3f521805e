// ProposalSelection: what a region proposal network saw, as boxes (Ren et al., arXiv:1506.01497, §3.3; per level of a pyramid: Lin et
// al., arXiv:1612.03144, §4.1): the best anchors of each level, decoded and cut at the picture, suppressed level by level, the
// best of what is left. Nothing here is differentiated.

import LTCore
import LTDecision

/// Chooses proposals.
public struct ProposalSelection: Sendable, Equatable {
    /// Anchors of each level that suppression looks at, the best.
    public var before: Int
    /// Proposals of a picture, the best of all levels.
    public var after: Int
    /// Intersection over union above which the lower of two boxes of a level is suppressed.
    public var overlap: Float
    /// The least width and height in pixels.
    public var smallest: Float
    public var coder = BoxCoder.anchors

    public init(before: Int = 2000, after: Int = 1000, overlap: Float = 0.7, smallest: Float = 1e-3) {
        self.before = before
        self.after = after
        self.overlap = overlap
        self.smallest = smallest
    }

    /// Of one picture, the best first.
    public struct Proposals: Sendable, Equatable {
        /// In pixels, inside the picture.
        public var boxes: [Box] = []
        /// Before the activation.
        public var scores: [Float] = []
        public init(boxes: [Box] = [], scores: [Float] = []) {
            self.boxes = boxes
            self.scores = scores
        }
    }

    /// The proposals of each picture. Of equal scores the lower level counts first, then the earlier anchor; what is not
    /// finite is dropped.
    /// - Parameters:
    ///   - objectness: [N, K] of each level.
    ///   - deltas: [N, K, 4] of each level.
    ///   - anchors: K of each level.
    ///   - pictures: heights and widths of the N pictures without padding.
    /// - Throws: `shapeMismatch`.
    public func callAsFunction(
        objectness: [TorchTensor], deltas: [TorchTensor], anchors: [[Box]], pictures: [(height: Int, width: Int)]
    ) throws(LTError) -> [Proposals] {
        guard objectness.count == anchors.count, deltas.count == anchors.count else {
            throw LTError(
                .shapeMismatch,
                "objectness of \(objectness.count) levels, deltas of \(deltas.count), anchors of \(anchors.count)")
        }
        return try Torch.withoutGrad { () throws(LTError) in
            var candidates = [[(score: Float, box: Box)]](repeating: [], count: pictures.count)
            for level in anchors.indices {
                let count = anchors[level].count
                let expected = [pictures.count, count]
                guard objectness[level].dims == expected, deltas[level].dims == expected + [4] else {
                    throw LTError(
                        .shapeMismatch,
                        "level \(level): objectness \(objectness[level].dims) and deltas \(deltas[level].dims), expected \(expected) and \(expected + [4])"
                    )
                }
                let kept = min(before, count)
                guard kept > 0, !pictures.isEmpty else { continue }
                let best = try Torch.call("topk", [.tensor(objectness[level]), .int(kept), .int(1)])
                let index = try Torch.one("unsqueeze", [.tensor(best[1]), .int(2)])
                let codes = try Torch.one(
                    "gather",
                    [
                        .tensor(deltas[level]), .int(1),
                        .tensor(try Torch.one("expand", [.tensor(index), .ints([-1, -1, 4])])),
                    ]
                ).cast(.float32).array(of: Float.self)
                let scores = try best[0].cast(.float32).array(of: Float.self)
                let positions = try best[1].array(of: Int64.self)
                for (image, picture) in pictures.enumerated() {
                    let ranked = (image * kept..<(image + 1) * kept)
                        .filter { scores[$0].isFinite }
                        .sorted { (-scores[$0], positions[$0]) < (-scores[$1], positions[$1]) }
                    var boxes: [(score: Float, box: Box)] = []
                    for row in ranked {
                        let code = SIMD4(codes[4 * row], codes[4 * row + 1], codes[4 * row + 2], codes[4 * row + 3])
                        let box = coder.decode(code, from: anchors[level][Int(positions[row])])
                        guard box.isFinite else { continue }
                        let clipped = box.clipped(width: picture.width, height: picture.height)
                        guard clipped.width >= smallest, clipped.height >= smallest else { continue }
                        boxes.append((scores[row], clipped))
                    }
                    let suppression = NonMaximumSuppression(iou: overlap, acrossCategories: true)
                    let left = suppression.kept(boxes.map(\.box), [], limit: after)
                    candidates[image] += left.map { boxes[$0] }
                }
            }
            return candidates.map { candidates in
                // Equal scores stay in the order of levels.
                let order = candidates.indices.sorted {
                    (-candidates[$0].score, $0) < (-candidates[$1].score, $1)
                }.prefix(after)
                return Proposals(boxes: order.map { candidates[$0].box }, scores: order.map { candidates[$0].score })
            }
        }
    }
}
