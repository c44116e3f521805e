// RCNN: Faster R-CNN (Ren et al., arXiv:1506.01497) and Mask R-CNN (He et al., arXiv:1703.06870) over a feature pyramid
// (Lin et al., arXiv:1612.03144) on a ResNet. Weights have the names of torchvision's fasterrcnn_resnet50_fpn. What is
// trained are the graphs of `Parts`; `RCNN+Detector` puts the same graphs together with what lies between them.

import LTCore
import LTGraph
import OrderedCollections

/// A two-stage detector.
public struct RCNN: Network {
    public static let name = "rcnn"
    public static let summary =
        "Faster R-CNN, Mask R-CNN: ResNet-18, 50, 101 with FPN; classifiers of softmax, EQL and BACL"

    public var body: ResNet
    /// ε of the body's batch normalisations; 0 for the weights that torchvision trained on COCO.
    public var epsilon: Float = 1e-5
    /// Channels of each level of the pyramid.
    public var channels = 256
    /// Features of a region behind the two linear layers of the box head.
    public var representation = 1024
    public var classifier: Classifier = .softmax
    /// nil: boxes only.
    public var masks: MaskPredictor?
    /// Sides and ratios of anchors: one side per level p2 … p6, in pixels.
    public var anchors = (sides: [32.0, 64, 128, 256, 512], ratios: [0.5, 1, 2])
    public var convention = DetectorConvention.torchvision
    public var proposals = ProposalLimits()
    public var regions: RegionSampling
    public var detections = DetectionLimits()

    /// Of one picture's proposals.
    public struct ProposalLimits: Sendable, Equatable {
        /// Anchors of each level that suppression looks at, the best.
        public var before = 1000
        /// Proposals that are left of all levels, the best.
        public var after = 1000
        /// Intersection over union above which the lower of two boxes of a level is suppressed.
        public var overlap: Float = 0.7
        public init(before: Int = 1000, after: Int = 1000, overlap: Float = 0.7) {
            (self.before, self.after, self.overlap) = (before, after, overlap)
        }
    }
    /// How regions are cut from the pyramid (RoIAlign).
    public struct RegionSampling: Sendable, Equatable {
        /// Pixel centres lie at halves.
        public var aligned: Bool
        /// Samples along each axis of a bin; 0: as many as the bin has elements.
        public var samples: Int
        public init(aligned: Bool, samples: Int) { (self.aligned, self.samples) = (aligned, samples) }
        init(_ convention: DetectorConvention) {
            self = convention == .torchvision ? .init(aligned: false, samples: 2) : .init(aligned: true, samples: 0)
        }
    }
    /// Of one picture's detections.
    public struct DetectionLimits: Sendable, Equatable {
        /// Scores up to this are no detections.
        public var score: Float = 1e-4
        /// Intersection over union above which the lower of two boxes of a class is suppressed.
        public var overlap: Float = 0.5
        /// Kept of all classes, the best.
        public var count = 300
        public init(score: Float = 1e-4, overlap: Float = 0.5, count: Int = 300) {
            (self.score, self.overlap, self.count) = (score, overlap, count)
        }
    }

    /// Levels that regions are cut from; the last level, p6, has anchors only.
    public static let regionLevels = ["p2", "p3", "p4", "p5"]
    public static let levels = regionLevels + ["p6"]
    /// Sides of what is cut for the box head and the mask head, and of the masks.
    public static let (boxSide, maskRegionSide, maskSide) = (7, 14, 28)
    /// Sides of the pyramid's pictures are multiples of this many pixels.
    public static let stride = 32
    /// Divisors of box codes (x, y, width, height): of anchors all 1, of proposals these.
    public static let boxWeights: [Float] = [10, 10, 5, 5]

    /// - Throws: `invalidArgument` for a depth that is none of ResNet's.
    public init(depth: Int = 50, width: Int = 64, masks: MaskPredictor? = nil) throws(LTError) {
        body = try ResNet(depth: depth, width: width)
        self.masks = masks
        regions = RegionSampling(convention)
    }

    /// Keys: `depth`, `width`, `stride_in_1x1`, `batch_norm_epsilon`, `fpn_channels`, `representation`, `classifier`,
    /// `mask`, `mask_predictor`, `convention`, `anchors` {sizes, ratios}, `proposals` {pre_nms, post_nms, nms_iou},
    /// `roi_align` {aligned, sampling_ratio}, `detections` {score_threshold, nms_iou, max_detections}.
    public init(_ section: RecipeSection) throws(LTError) {
        let depth = try section.required("depth", section.int("depth", in: 1...1000))
        let width = try section.int("width", in: 1...1024) ?? 64
        do { try self.init(depth: depth, width: width) } catch { throw section.place(error, "depth") }
        body.strideIn1x1 = try section.bool("stride_in_1x1") ?? false
        guard body.bottleneck || !body.strideIn1x1 else {
            throw section.error("stride_in_1x1", "blocks of depth \(depth) have no 1×1 convolution before the 3×3 one")
        }
        epsilon = Float(try section.double("batch_norm_epsilon", in: 0...1) ?? 1e-5)
        channels = try section.int("fpn_channels", in: 1...4096) ?? channels
        representation = try section.int("representation", in: 1...65_536) ?? representation
        classifier = try section.choice("classifier", Classifier.self) ?? classifier
        let predictor = try section.choice("mask_predictor", MaskPredictor.self)
        if try section.bool("mask") ?? (predictor != nil) { masks = predictor ?? .linear }
        guard predictor == nil || masks != nil else {
            throw section.error("mask_predictor", "there is none: mask is false")
        }
        convention = try section.choice("convention", DetectorConvention.self) ?? convention
        regions = RegionSampling(convention)
        try readOperators(section)
        try section.finish()
    }

    /// Reads what lies between the trained parts.
    private mutating func readOperators(_ section: RecipeSection) throws(LTError) {
        if let part = try section.section("anchors") {
            anchors.sides = try part.doubles("sizes", in: 1...65_536) ?? anchors.sides
            anchors.ratios = try part.doubles("ratios", in: 0.01...100) ?? anchors.ratios
            try part.finish()
            guard anchors.sides.count == Self.levels.count else {
                throw part.error("sizes", "\(anchors.sides.count) sizes, expected one for each level p2 … p6")
            }
            guard (1...64).contains(anchors.ratios.count) else {
                throw part.error("ratios", "\(anchors.ratios.count) ratios, expected 1 to 64")
            }
        }
        if let part = try section.section("proposals") {
            proposals.before = try part.int("pre_nms", in: 1...1_000_000) ?? proposals.before
            proposals.after = try part.int("post_nms", in: 1...1_000_000) ?? proposals.after
            proposals.overlap = try part.double("nms_iou", in: 0...1).map(Float.init) ?? proposals.overlap
            try part.finish()
        }
        if let part = try section.section("roi_align") {
            regions.aligned = try part.bool("aligned") ?? regions.aligned
            regions.samples = try part.int("sampling_ratio", in: 0...64) ?? regions.samples
            try part.finish()
        }
        if let part = try section.section("detections") {
            detections.score = try part.double("score_threshold", in: 0...1).map(Float.init) ?? detections.score
            detections.overlap = try part.double("nms_iou", in: 0...1).map(Float.init) ?? detections.overlap
            detections.count = try part.int("max_detections", in: 1...1_000_000) ?? detections.count
            try part.finish()
        }
    }

    /// The whole detector with fresh weights: `parts`, then `detector`.
    public func graph(_ request: inout NetworkRequest) throws(LTError) -> Graph { try detector(try parts(&request)) }

    /// The smallest sides of boxes in pixels: of proposals, of detections.
    var smallest: (proposal: Float, detection: Float) {
        convention == .torchvision ? (1e-3, 1e-2) : (.leastNormalMagnitude, .leastNormalMagnitude)
    }
}
