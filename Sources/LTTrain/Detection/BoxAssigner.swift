// BoxAssigner: which candidates (anchors, proposals) stand for which object (Ren et al., arXiv:1506.01497, §3.1.2): the object that a
// candidate overlaps most, if by enough; torchvision's and detectron2's rule.

import LTDecision

/// Matches candidate boxes with objects by intersection over union.
public struct BoxAssigner: Sendable, Equatable {
    /// A candidate is its object's from this overlap on.
    public var high: Float
    /// Below this it is background; in between it is left out.
    public var low: Float
    /// The candidates that overlap an object most, all equal ones, match even below `high` if they overlap it by more than
    /// this; each goes to the object that it overlaps most itself. nil: they do not.
    public var lowQuality: Float?
    /// Background of which at least this share lies in one ignored region is left out; nil: ignored regions are
    /// background like the rest.
    public var ignoring: Float?

    public init(high: Float, low: Float, lowQuality: Float? = nil, ignoring: Float? = 0.5) {
        self.high = high
        self.low = low
        self.lowQuality = lowQuality
        self.ignoring = ignoring
    }

    /// Anchors: 0.7, 0.3, and every object has a match.
    public static let anchors = BoxAssigner(high: 0.7, low: 0.3, lowQuality: 0)
    /// Proposals: 0.5.
    public static let regions = BoxAssigner(high: 0.5, low: 0.5)

    /// What a candidate is that is no object's.
    public static let (background, left): (Int32, Int32) = (-1, -2)

    /// For each candidate the position of its object, `background` or `left` (out of training). Of objects overlapped
    /// equally the first one counts.
    /// - Parameter ignored: regions whose content is not annotated object by object (crowds).
    public func assign(_ candidates: [Box], to objects: [Box], ignored: [Box] = []) -> [Int32] {
        var best = [Float](repeating: 0, count: candidates.count)
        var nearest = [Int32](repeating: objects.isEmpty ? Self.background : 0, count: candidates.count)
        var most = [Float](repeating: 0, count: objects.count)
        candidates.withUnsafeBufferPointer { candidates in
            best.withUnsafeMutableBufferPointer { best in
                nearest.withUnsafeMutableBufferPointer { nearest in
                    for (position, object) in objects.enumerated() {
                        var greatest: Float = 0
                        for index in candidates.indices {
                            let overlap = object.iou(candidates[index])
                            greatest = max(greatest, overlap)
                            if overlap > best[index] {
                                best[index] = overlap
                                nearest[index] = Int32(truncatingIfNeeded: position)
                            }
                        }
                        most[position] = greatest
                    }
                }
            }
        }
        var result = candidates.indices.map { index in
            best[index] >= high && !objects.isEmpty ? nearest[index] : best[index] < low ? Self.background : Self.left
        }
        if let lowQuality {
            for (position, object) in objects.enumerated() where most[position] > lowQuality {
                // No candidate overlaps an object by more than the object it overlaps most.
                for index in candidates.indices
                where best[index] >= most[position] && object.iou(candidates[index]) == most[position] {
                    result[index] = nearest[index]
                }
            }
        }
        if let ignoring, !ignored.isEmpty {
            for index in candidates.indices where result[index] == Self.background {
                if ignored.contains(where: { $0.share(of: candidates[index]) >= ignoring }) {
                    result[index] = Self.left
                }
            }
        }
        return result
    }
}

extension Box {
    /// The share of another box that lies in this one; 0 for a box without area.
    func share(of other: Box) -> Float {
        let width = max(min(x2, other.x2) - max(x1, other.x1), 0)
        let height = max(min(y2, other.y2) - max(y1, other.y1), 0)
        return other.area > 0 ? width * height / other.area : 0
    }
}

/// Intersection over union of each of `boxes` with each of `others`, row by row.
public func boxIoU(_ boxes: [Box], _ others: [Box]) -> [[Float]] {
    boxes.map { box in others.map { box.iou($0) } }
}
