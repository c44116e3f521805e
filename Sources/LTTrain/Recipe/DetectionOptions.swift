// DetectionOptions: what a recipe says of training a detector beside its network: a section `detection` for anchors, proposals,
// regions and targets, and `augment` as detectors take it.

import LTCore
import LTImage

/// How a detector is trained.
public struct DetectionOptions: Sendable {
    public var augmentation = DetectionAugmentation()
    public var proposals = ProposalSelection()
    public var anchorLoss = RegionProposalLoss()
    public var regions = RegionSampling()
    public var boxLoss = BoxLoss()
    public var maskTargets = MaskTargets()
    public var emptyPictures = DetectionSet.EmptyPictures.background

    /// Section `detection`: `rpn` {batch, positive, high_iou, low_iou, beta}, `proposals` {pre_nms, post_nms, nms_iou}, `roi`
    /// {batch, positive, iou, low_quality, beta}, `mask_targets`, `empty`; section `augment`: `DetectionAugmentation`'s.
    /// - Parameter network: its convention gives defaults.
    init(_ root: RecipeSection, _ network: RCNN, _ input: InputOptions) throws(LTError) {
        let isTorchvision = network.convention == .torchvision
        let beta = isTorchvision ? 1.0 / 9 : 0
        proposals.smallest = network.smallest.proposal
        anchorLoss = RegionProposalLoss(beta: beta)
        boxLoss = BoxLoss(beta: beta)
        maskTargets = MaskTargets(side: RCNN.maskSide, convention: network.convention)
        if let section = try root.section("detection") { try read(section) }
        augmentation = try root.section("augment").map(DetectionAugmentation.init) ?? augmentation
        let resize = input.preprocess.resize
        augmentation.kernel = resize?.kernel ?? augmentation.kernel
        // As when it is used.
        if augmentation.scale == nil {
            augmentation.scale = .shortest(sides: [input.size], longest: resize?.longest ?? .max)
        }
    }

    private mutating func read(_ section: RecipeSection) throws(LTError) {
        if let part = try section.section("rpn") {
            anchorLoss.sampler.count = try part.int("batch", in: 1...1_000_000) ?? anchorLoss.sampler.count
            anchorLoss.sampler.share = try part.double("positive", in: 0...1) ?? anchorLoss.sampler.share
            anchorLoss.assigner.high = try part.share("high_iou") ?? anchorLoss.assigner.high
            anchorLoss.assigner.low = try part.share("low_iou") ?? anchorLoss.assigner.low
            anchorLoss.boxes.beta = try part.double("beta", in: 0...1000) ?? anchorLoss.boxes.beta
            try part.finish()
            guard anchorLoss.assigner.low <= anchorLoss.assigner.high else {
                throw part.error("low_iou", "\(anchorLoss.assigner.low) is above high_iou")
            }
        }
        if let part = try section.section("proposals") {
            proposals.before = try part.int("pre_nms", in: 1...1_000_000) ?? proposals.before
            proposals.after = try part.int("post_nms", in: 1...1_000_000) ?? proposals.after
            proposals.overlap = try part.share("nms_iou") ?? proposals.overlap
            try part.finish()
        }
        if let part = try section.section("roi") {
            regions.sampler.count = try part.int("batch", in: 1...1_000_000) ?? regions.sampler.count
            regions.sampler.share = try part.double("positive", in: 0...1) ?? regions.sampler.share
            if let overlap = try part.share("iou") {
                (regions.assigner.high, regions.assigner.low) = (overlap, overlap)
            }
            if try part.bool("low_quality") ?? false { regions.assigner.lowQuality = regions.assigner.high }
            boxLoss.beta = try part.double("beta", in: 0...1000) ?? boxLoss.beta
            try part.finish()
        }
        maskTargets.convention =
            try section.choice("mask_targets", DetectorConvention.self) ?? maskTargets.convention
        emptyPictures = try section.choice("empty", DetectionSet.EmptyPictures.self) ?? emptyPictures
        try section.finish()
    }
}

extension RecipeSection {
    /// A number from 0 to 1.
    fileprivate func share(_ key: String) throws(LTError) -> Float? { try double(key, in: 0...1).map(Float.init) }
}
