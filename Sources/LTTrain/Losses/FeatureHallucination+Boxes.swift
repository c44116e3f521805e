// The boxes around a ground-truth box whose features a detector feeds to FeatureHallucination.learn (Qi et al., BACL,
// arXiv:2308.02213): 16 boxes, one for each pattern of signs, each coordinate moved by up to a sixth of the box's side.

import LTCore

extension FeatureHallucination {
    /// Boxes around each box.
    public static let boxesPerBox = 16

    /// The uniform numbers of one image, shared by its boxes: 16 for each of x1, y1, x2, y2.
    public static func boxDraws(_ generator: inout SeededGenerator) -> [SIMD4<Double>] {
        (0..<boxesPerBox).map { _ in
            SIMD4(generator.uniform(), generator.uniform(), generator.uniform(), generator.uniform())
        }
    }

    /// 16 boxes around each box in order, clipped to the image.
    /// - Parameters:
    ///   - boxes: x1, y1, x2, y2 in pixels.
    ///   - draws: 16 uniform numbers in [0, 1) for each coordinate.
    /// - Throws: `invalidArgument` for another number of draws or an empty image.
    public static func boxes(
        around boxes: [SIMD4<Double>], imageWidth: Int, imageHeight: Int, draws: [SIMD4<Double>]
    ) throws(LTError) -> [SIMD4<Double>] {
        guard draws.count == boxesPerBox, imageWidth > 0, imageHeight > 0 else {
            throw LTError(
                .invalidArgument,
                "\(draws.count) draws for an image of \(imageWidth) x \(imageHeight), expected \(boxesPerBox) and a pixel"
            )
        }
        let limit = SIMD4(
            Double(imageWidth - 1), Double(imageHeight - 1), Double(imageWidth - 1), Double(imageHeight - 1))
        return boxes.flatMap { box in
            let (width, height) = (box[2] - box[0], box[3] - box[1])
            let side = SIMD4(width, height, width, height)
            return draws.indices.map { pattern in
                // Signs run over all patterns, x1 slowest.
                let signs = SIMD4((0..<4).map { pattern >> (3 - $0) & 1 == 0 ? -1.0 : 1 })
                return (box + signs * draws[pattern] * side / 6).clamped(lowerBound: .zero, upperBound: limit)
            }
        }
    }
}
