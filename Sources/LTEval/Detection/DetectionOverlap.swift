// DetectionOverlap: how much a detection and an object cover each other; boxes here, masks and boundaries elsewhere.
// Box IoU in COCO's order of operations: w · h / ((wd · hd + wg · hg) − w · h), 0 where w ≤ 0 or h ≤ 0, no +1, no clipping.

import LTCore

/// Overlap of detections with objects of one image and category.
public protocol DetectionOverlap: Sendable {
    /// Memory of one thread.
    associatedtype Scratch

    func makeScratch() -> Scratch

    /// Writes the overlap of each detection (rows) with each object (columns).
    /// - Parameters:
    ///   - detections: positions in the results.
    ///   - objects: positions in the truth.
    /// - Throws: `malformed` for a mask that is none.
    func write(
        detections: UnsafeBufferPointer<Int32>, objects: UnsafeBufferPointer<Int32>, scratch: inout Scratch,
        to overlaps: UnsafeMutablePointer<Double>) throws(LTError)
}

/// Intersection over union of boxes; of a crowd, the share of the detection that it covers.
public struct BoxOverlap: DetectionOverlap {
    private let detections: [Double]
    private let objects: [Double]
    private let isCrowd: [Bool]?

    public init(_ results: DetectionResults, _ truth: DetectionTruth, honoursCrowds: Bool) {
        detections = results.boxes
        objects = truth.boxes
        isCrowd = honoursCrowds && truth.isCrowd.contains(true) ? truth.isCrowd : nil
    }

    public func makeScratch() {}

    public func write(
        detections rows: UnsafeBufferPointer<Int32>, objects columns: UnsafeBufferPointer<Int32>, scratch: inout Void,
        to overlaps: UnsafeMutablePointer<Double>
    ) {
        detections.withUnsafeBufferPointer { detections in
            objects.withUnsafeBufferPointer { objects in
                var next = overlaps
                for row in rows {
                    let d = detections.baseAddress! + 4 * Int(row)
                    let (x, y, width, height) = (d[0], d[1], d[2], d[3])
                    for column in columns {
                        let g = objects.baseAddress! + 4 * Int(column)
                        let w = min(x + width, g[0] + g[2]) - max(x, g[0])
                        let h = min(y + height, g[1] + g[3]) - max(y, g[1])
                        if w > 0, h > 0 {
                            let common = w * h
                            let area = width * height
                            let union = isCrowd?[Int(column)] == true ? area : (area + g[2] * g[3]) - common
                            next.pointee = common / union
                        } else {
                            next.pointee = 0
                        }
                        next += 1
                    }
                }
            }
        }
    }
}
