// What the network finds in a picture, by the rules of the exported file (RCNN+Operators): the best anchors of each level, suppressed
// level by level, then every class of every proposal on its own, suppressed class by class, the best of all.

import Foundation
import LTCore
import LTDecision
import LTGraph

extension DetectionTask {
    /// The outputs of the exported file for a picture, before what its decision layer says.
    /// - Parameter image: [3, height, width].
    func outputs(_ image: Tensor) throws(LTError) -> [String: Tensor] {
        try Torch.withoutGrad { () throws(LTError) in
            let batch = try PaddedBatch([image], multiple: RCNN.stride)
            let size = batch.sizes[0]
            let maps = try maps(batch.images, .inference)
            let limits = network.proposals
            let selection = ProposalSelection(
                before: limits.before, after: limits.after, overlap: limits.overlap,
                smallest: network.smallest.proposal)
            let proposals = try selection(
                objectness: maps.objectness, deltas: maps.deltas, anchors: maps.anchors, pictures: batch.sizes)[0].boxes
            let found = try detections(proposals, maps, size)
            var outputs: [String: Tensor] = [
                "boxes": try Tensor(
                    found.flatMap { [$0.box.x1, $0.box.y1, $0.box.x2, $0.box.y2] }, [found.count, 4]),
                "scores": try Tensor(found.map(\.score)), "labels": try Tensor(found.map { Int64($0.category) }),
            ]
            if let maskHead {
                let side = RCNN.maskSide
                guard !found.isEmpty else {
                    outputs["masks"] = try Tensor([Float](), [0, side, side])
                    return outputs
                }
                let regions = try cut(
                    found.map { RoIAlign.Region(image: 0, box: $0.box) }, maps, side: RCNN.maskRegionSide)
                let logits = try draw(maskHead, regions, found.map(\.category), .inference)
                outputs["masks"] = try logits.sigmoid().cast(.float32).host()
            }
            return outputs
        }
    }

    private func detections(_ proposals: [Box], _ maps: Maps, _ size: (height: Int, width: Int)) throws(LTError)
        -> [Detection]
    {
        guard !proposals.isEmpty else { return [] }
        let regions = try cut(proposals.map { RoIAlign.Region(image: 0, box: $0) }, maps, side: RCNN.boxSide)
        let judged = try judge(regions, .inference)
        let scores = try probabilities(judged.logits).cast(.float32).array(of: Float.self)
        let codes = try judged.deltas.cast(.float32).array(of: Float.self)
        let (classes, columns, limits) = (form.classes, form.regressed, network.detections)
        let suppression = NonMaximumSuppression(iou: limits.overlap, acrossCategories: true)
        var found: [(detection: Detection, region: Int)] = []
        for category in 0..<classes {
            var candidates: [(detection: Detection, region: Int)] = []
            for region in proposals.indices {
                let score = scores[region * classes + category]
                guard score > limits.score else { continue }
                let start = 4 * (region * columns + category + form.firstColumn)
                let box = options.regions.coder.decode(
                    SIMD4(codes[start], codes[start + 1], codes[start + 2], codes[start + 3]), from: proposals[region]
                ).clipped(width: size.width, height: size.height)
                guard box.isFinite, box.width >= network.smallest.detection, box.height >= network.smallest.detection
                else { continue }
                candidates.append((Detection(category: category, score: score, box: box), region))
            }
            candidates.sort { ($0.detection.score, $1.region) > ($1.detection.score, $0.region) }
            let kept = suppression.kept(candidates.map(\.detection.box), [], limit: limits.count)
            found += kept.map { candidates[$0] }
        }
        // Swift's sort is stable: of equal scores the lower class stays first.
        return found.map(\.detection).sorted { $0.score > $1.score }.prefix(limits.count).map { $0 }
    }

    /// Scores of the classes, [R, C].
    private func probabilities(_ logits: TorchTensor) throws(LTError) -> TorchTensor {
        switch network.classifier {
        case .softmax: return try logits.softmax(axis: 1).part(1, from: 1, count: form.classes)
        case .eql: return try logits.sigmoid()
        case .bacl:
            let all = try logits.sigmoid()
            return try all.part(1, from: 0, count: form.classes) * (1 - all.part(1, from: form.classes, count: 1))
        }
    }
}
