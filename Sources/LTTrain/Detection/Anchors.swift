// Anchors: the boxes that a region proposal network starts from (Ren et al., arXiv:1506.01497, §3.1.1): at each place of each level
// of a pyramid boxes of given sides √(w·h) and ratios h / w.

import LTCore
import LTDecision

/// Which boxes lie at the places of which level.
public struct Anchors: Sendable, Equatable {
    /// √(w·h) in pixels: a list for each level.
    public var sides: [[Double]]
    /// h / w, on every level.
    public var ratios: [Double]
    public var convention: DetectorConvention
    /// Pixels from place to place of each level; only for `detectron`.
    public var distances: [Int]

    /// - Parameter distances: by default 4, 8, 16, … of as many levels as `sides` has.
    public init(
        sides: [[Double]] = [[32], [64], [128], [256], [512]], ratios: [Double] = [0.5, 1, 2],
        convention: DetectorConvention = .torchvision, distances: [Int]? = nil
    ) {
        self.sides = sides
        self.ratios = ratios
        self.convention = convention
        self.distances = distances ?? sides.indices.map { 4 << $0 }
    }

    /// Boxes at each place of a level.
    public func count(level: Int) -> Int { sides[level].count * ratios.count }

    /// The boxes of a place about the origin: ratios in their order, the sides of each.
    public func shapes(level: Int) -> [Box] {
        ratios.flatMap { ratio in
            let root = Float(ratio).squareRoot()
            return sides[level].map { side in
                var (width, height) = (1 / root * Float(side) / 2, root * Float(side) / 2)
                if convention == .torchvision {
                    (width, height) = (width.rounded(.toNearestOrEven), height.rounded(.toNearestOrEven))
                }
                return Box(x1: -width, y1: -height, x2: width, y2: height)
            }
        }
    }

    /// The anchors of each level, in pixels: places row by row, at each the `shapes`.
    /// - Parameters:
    ///   - maps: height and width of each level.
    ///   - picture: height and width of the padded picture.
    /// - Throws: `shapeMismatch` for another number of levels, `invalidArgument` for an empty map.
    public func boxes(maps: [(height: Int, width: Int)], picture: (height: Int, width: Int)) throws(LTError) -> [[Box]]
    {
        guard maps.count == sides.count, distances.count == sides.count else {
            throw LTError(.shapeMismatch, "\(maps.count) feature maps, the anchors have \(sides.count) levels")
        }
        var result: [[Box]] = []
        for (level, map) in maps.enumerated() {
            guard map.height > 0, map.width > 0 else {
                throw LTError(.invalidArgument, "feature map \(level) has \(map.width)×\(map.height) places")
            }
            let (dy, dx) =
                convention == .torchvision
                ? (picture.height / map.height, picture.width / map.width) : (distances[level], distances[level])
            let shapes = shapes(level: level)
            var boxes: [Box] = []
            boxes.reserveCapacity(map.height * map.width * shapes.count)
            for row in 0..<map.height {
                for column in 0..<map.width {
                    let (x, y) = (Float(column * dx), Float(row * dy))
                    for shape in shapes {
                        boxes.append(Box(x1: x + shape.x1, y1: y + shape.y1, x2: x + shape.x2, y2: y + shape.y2))
                    }
                }
            }
            result.append(boxes)
        }
        return result
    }
}
