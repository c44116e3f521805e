// Non-maximum suppression: boxes in falling order of score; one that overlaps a kept box by more than the limit is dropped.
// Each box is compared with kept ones only, so n boxes of which k stay take O(n · k).

/// Greedy non-maximum suppression.
public struct NonMaximumSuppression: Sendable, Equatable {
    /// A box is dropped when its IoU with a kept one is above this.
    public var iou: Float
    /// Whether boxes suppress those of other categories too.
    public var acrossCategories: Bool

    public init(iou: Float, acrossCategories: Bool = false) {
        self.iou = iou
        self.acrossCategories = acrossCategories
    }

    /// The positions of the boxes that stay, in their order.
    /// - Parameters:
    ///   - boxes: best first; of equals the earlier one wins.
    ///   - categories: one per box.
    ///   - limit: boxes to keep at most.
    public func kept(_ boxes: [Box], _ categories: [Int], limit: Int = .max) -> [Int] {
        var kept: [Int] = []
        var rivals: [Int: [Box]] = [:]
        for index in boxes.indices where kept.count < limit {
            let box = boxes[index]
            let group = acrossCategories ? 0 : categories[index]
            if rivals[group]?.contains(where: { $0.iou(box) > iou }) == true { continue }
            rivals[group, default: []].append(box)
            kept.append(index)
        }
        return kept
    }
}
