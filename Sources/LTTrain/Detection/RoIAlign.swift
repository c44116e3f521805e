// RoIAlign: regions of any size cut from feature maps as squares (He et al., Mask R-CNN, arXiv:1703.06870, §3), under autograd; in a
// pyramid from the level that suits the region's size (Lin et al., arXiv:1612.03144, eq. 1): ⌊4 + log₂(√area / 224)⌋.

import CTorch
import Foundation
import LTCore
import LTDecision

/// Cuts regions from feature maps.
public struct RoIAlign: Sendable, Equatable {
    /// Rows and columns of what is cut.
    public var height, width: Int
    /// Points along each axis of a bin; 0: as many as the bin has elements.
    public var samples: Int
    /// Pixel centres lie at halves (detectron's RoIAlignV2); else regions are at least an element wide (torchvision).
    public var aligned: Bool
    /// The side in pixels of the regions of `canonicalLevel`.
    public var canonicalSide: Float = 224
    public var canonicalLevel = 4
    /// Uses libtorch's own operators on the host too, not the kernel; as on other devices.
    public var isComposed = false

    public init(height: Int, width: Int, samples: Int = 2, aligned: Bool = false) {
        (self.height, self.width) = (height, width)
        self.samples = samples
        self.aligned = aligned
    }
    public init(side: Int, samples: Int = 2, aligned: Bool = false) {
        self.init(height: side, width: side, samples: samples, aligned: aligned)
    }

    /// A region of one picture of a batch, in pixels.
    public struct Region: Sendable, Equatable {
        public var image: Int
        public var box: Box
        public init(image: Int, box: Box) { (self.image, self.box) = (image, box) }
    }

    /// The position of the level that a box is cut from, among levels whose elements are `scales[0]`, a half, a quarter …
    /// of it per pixel.
    public func level(of box: Box, scales: [Double]) -> Int {
        guard scales.count > 1 else { return 0 }
        let first = -Float(log2(scales[0]))
        let exact = Float(canonicalLevel) + log2(box.area.squareRoot() / canonicalSide) + 1e-6
        let level = exact.rounded(.down)
        // Without area: log₂ 0 = −∞.
        return Int(min(max(level, first), first + Float(scales.count - 1)) - first)
    }

    /// What is cut, [R, C, height, width] in the regions' order.
    /// - Parameters:
    ///   - maps: [N, C, h, w] of each level, the finest first, of one type and device.
    ///   - scales: elements per pixel of each.
    /// - Throws: `invalidArgument`; `library` for regions of other pictures or coordinates that are no numbers.
    public func callAsFunction(_ maps: [TorchTensor], scales: [Double], _ regions: [Region]) throws(LTError)
        -> TorchTensor
    {
        guard !maps.isEmpty, maps.count == scales.count, scales.allSatisfy({ $0 > 0 && $0.isFinite }),
            (1...1024).contains(height), (1...1024).contains(width), (0...1024).contains(samples)
        else {
            throw LTError(
                .invalidArgument,
                "RoIAlign of \(maps.count) feature maps with \(scales.count) scales to \(width)×\(height) by \(samples) samples"
            )
        }
        var boxes: [Float] = []
        boxes.reserveCapacity(5 * regions.count)
        var levels: [Int32] = []
        for region in regions {
            boxes += [Float(region.image), region.box.x1, region.box.y1, region.box.x2, region.box.y2]
            levels.append(region.box.isFinite ? Int32(level(of: region.box, scales: scales)) : 0)
        }
        var result: OpaquePointer?
        let handles: [OpaquePointer?] = maps.map(\.handle)
        let status = withExtendedLifetime(maps) {
            lt_torch_roi_align(
                handles, scales, Int32(maps.count), boxes, levels, Int64(regions.count), Int64(height), Int64(width),
                Int64(samples), aligned ? 1 : 0, isComposed ? 1 : 0, &result)
        }
        guard status == 0, let result else { throw Torch.lastError("RoIAlign") }
        return TorchTensor(owning: result)
    }
}
