// MaskTargets: what the mask head should draw in each region (He et al., arXiv:1703.06870, §3): the object's mask, cut at the region
// and brought to a fixed side.
//   torchvision  the mean of the mask's pixels in each bin, by RoIAlign: 0 … 1
//   detectron    polygons moved, stretched and drawn at the small side as COCO draws them; pixels by aligned RoIAlign, 1 from
//                a half on: 0 or 1 (detectron2)

import LTCore
import LTDecision
import LTEval

/// Makes the targets of the mask head.
public struct MaskTargets: Sendable, Equatable {
    public var side: Int
    public var convention: DetectorConvention

    public init(side: Int = 28, convention: DetectorConvention = .torchvision) {
        self.side = side
        self.convention = convention
    }

    /// Targets of regions of one picture, [F, side, side] float32.
    /// - Parameters:
    ///   - boxes: the regions.
    ///   - objects: each one's object.
    ///   - masks: of the picture's objects.
    ///   - width, height: of the picture without padding.
    /// - Throws: `invalidArgument` for an object without mask; what drawing throws.
    public func callAsFunction(
        _ boxes: [Box], objects: [Int], masks: [InstanceMask?], width: Int, height: Int
    ) throws(LTError) -> TorchTensor {
        let area = side * side
        var result = [Float](repeating: 0, count: boxes.count * area)
        for object in Set(objects).sorted() {
            guard masks.indices.contains(object), let mask = masks[object] else {
                throw LTError(
                    .invalidArgument, "object \(object) has no mask, which a mask head learns from",
                    hint: "use annotations with segmentations, or a network without masks")
            }
            let rows = objects.indices.filter { objects[$0] == object }
            if convention == .detectron, case .polygons(let parts) = mask {
                var pool = MaskPool()
                for (index, row) in rows.enumerated() {
                    try pool.append(polygons: stretched(parts, boxes[row]), width: side, height: side)
                    let drawn = try RunLengthMask(width: side, height: side, runs: pool.runs(index))
                    drawn.forEachSpan { x, ys in for y in ys { result[row * area + y * side + x] = 1 } }
                }
                continue
            }
            let whole = try Tensor(.float32, Shape([1, 1, height, width]))
            let pixels = whole.elements(Float.self)
            pixels.update(repeating: 0)
            try mask.drawn(width: width, height: height).forEachSpan { x, ys in
                for y in ys { pixels[y * width + x] = 1 }
            }
            let cut = try RoIAlign(side: side, samples: 0, aligned: convention == .detectron)(
                [try TorchTensor(whole)], scales: [1], rows.map { RoIAlign.Region(image: 0, box: boxes[$0]) }
            ).array(of: Float.self)
            for (index, row) in rows.enumerated() {
                for place in 0..<area {
                    let value = cut[index * area + place]
                    result[row * area + place] = convention == .torchvision ? value : value >= 0.5 ? 1 : 0
                }
            }
        }
        return try TorchTensor(result, [boxes.count, side, side])
    }

    /// Polygons with the box as the whole picture of `side` pixels.
    private func stretched(_ parts: [[Double]], _ box: Box) -> [[Double]] {
        let scales = [Double(side) / Double(max(box.width, 0.1)), Double(side) / Double(max(box.height, 0.1))]
        let corner = [Double(box.x1), Double(box.y1)]
        return parts.map { part in part.indices.map { (part[$0] - corner[$0 % 2]) * scales[$0 % 2] } }
    }
}
