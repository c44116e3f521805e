// MaskOverlap: intersection over union of masks, and of boundaries (the smaller one of both counts), decoded image by image
// and category by category where a detection meets an object.

import LTCore

/// Overlap of masks; of a crowd, the share of the detection that it covers.
public struct MaskOverlap: DetectionOverlap {
    private let results: DetectionResults
    private let truth: DetectionTruth
    private let honoursCrowds: Bool
    private let boundaryRatio: Double?

    /// - Parameter boundaryRatio: for boundary IoU: the depth of a boundary as a share of the image's diagonal (0.02).
    public init(
        _ results: DetectionResults, _ truth: DetectionTruth, honoursCrowds: Bool, boundaryRatio: Double? = nil
    ) {
        (self.results, self.truth) = (results, truth)
        self.honoursCrowds = honoursCrowds && truth.isCrowd.contains(true)
        self.boundaryRatio = boundaryRatio
    }

    public struct Scratch {
        var detections = MaskPool()
        var objects = MaskPool()
        var boundary = MaskPool()
        var objectBoundaries = MaskPool()
    }

    public func makeScratch() -> Scratch { Scratch() }

    public func write(
        detections: UnsafeBufferPointer<Int32>, objects: UnsafeBufferPointer<Int32>, scratch: inout Scratch,
        to overlaps: UnsafeMutablePointer<Double>
    ) throws(LTError) {
        scratch.detections.removeAll()
        scratch.objects.removeAll()
        for row in detections { try results.decodeMask(Int(row), truth, into: &scratch.detections) }
        for object in objects { try truth.decodeMask(Int(object), into: &scratch.objects) }
        if let boundaryRatio {
            scratch.boundary.removeAll()
            scratch.objectBoundaries.removeAll()
            for index in objects.indices {
                try scratch.objectBoundaries.append(boundaryOf: index, in: scratch.objects, ratio: boundaryRatio)
            }
        }
        var next = overlaps
        for detection in detections.indices {
            var hasBoundary = false
            for (object, position) in objects.enumerated() {
                let isCrowd = honoursCrowds && truth.isCrowd[Int(position)]
                // Masks of different sizes do not overlap.
                var overlap = scratch.detections.iou(detection, scratch.objects, object, isCrowd: isCrowd) ?? 0
                if let boundaryRatio, overlap > 0 {
                    if !hasBoundary {
                        scratch.boundary.removeAll()
                        try scratch.boundary.append(
                            boundaryOf: detection, in: scratch.detections, ratio: boundaryRatio)
                        hasBoundary = true
                    }
                    let boundary = scratch.boundary.iou(0, scratch.objectBoundaries, object, isCrowd: isCrowd)
                    overlap = min(overlap, boundary ?? 0)
                }
                next.pointee = overlap
                next += 1
            }
        }
    }
}
