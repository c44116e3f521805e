// BoxCoder: boxes relative to reference boxes (Girshick et al., arXiv:1311.2524, appendix C). With centre (x, y) and size (w, h)
// of a box and (x', y'), (w', h') of its reference:
//   code = weights · ((x − x') / w', (y − y') / h', ln(w / w'), ln(h / h'))

import Foundation
import LTDecision

/// Writes boxes as codes and reads codes.
public struct BoxCoder: Sendable, Equatable {
    /// Factors of the codes: of x, y, width, height.
    public var weights: SIMD4<Float>

    public init(weights: SIMD4<Float>) { self.weights = weights }

    /// Codes of anchors.
    public static let anchors = BoxCoder(weights: SIMD4(1, 1, 1, 1))
    /// Codes of proposals.
    public static let regions = BoxCoder(weights: SIMD4(10, 10, 5, 5))
    /// The logarithm of the most that a code enlarges a side: 1000 / 16 times.
    public static let greatestGrowth = Float(log(1000.0 / 16))

    /// The code of a box; both boxes have sides above 0.
    public func encode(_ box: Box, from reference: Box) -> SIMD4<Float> {
        let (width, height) = (reference.width, reference.height)
        let code = SIMD4(
            (box.x1 + 0.5 * box.width - (reference.x1 + 0.5 * width)) / width,
            (box.y1 + 0.5 * box.height - (reference.y1 + 0.5 * height)) / height,
            log(box.width / width), log(box.height / height))
        return weights * code
    }

    /// The box of a code.
    public func decode(_ code: SIMD4<Float>, from reference: Box) -> Box {
        let (width, height) = (reference.width, reference.height)
        let own = code / weights
        let x = own[0] * width + (reference.x1 + 0.5 * width)
        let y = own[1] * height + (reference.y1 + 0.5 * height)
        let halfWidth = 0.5 * (exp(min(own[2], Self.greatestGrowth)) * width)
        let halfHeight = 0.5 * (exp(min(own[3], Self.greatestGrowth)) * height)
        return Box(x1: x - halfWidth, y1: y - halfHeight, x2: x + halfWidth, y2: y + halfHeight)
    }
}
