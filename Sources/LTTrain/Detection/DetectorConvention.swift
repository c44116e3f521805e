// DetectorConvention: the two readings of the same papers (Ren et al., arXiv:1506.01497; He et al., arXiv:1703.06870) that weights
// and results of detectors are published for.

/// Which library's reading of anchors, regions and mask targets.
public enum DetectorConvention: String, Sendable, CaseIterable {
    /// Anchors rounded to whole pixels, at distances of ⌊picture / level⌋; regions cut without the half pixel, 2 × 2 samples
    /// a bin; proposals under 0.001 and detections under 0.01 pixels dropped; mask targets from 0 to 1.
    case torchvision
    /// detectron2, mmdetection: anchors as they come, at distances of 4 … 64 pixels; regions cut with the half pixel, as
    /// many samples as a bin has elements; only boxes without area dropped; mask targets 0 or 1.
    case detectron
}
