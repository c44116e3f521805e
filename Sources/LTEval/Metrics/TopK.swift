// Top-k accuracy: the share of images whose class is among the k highest scores; equal scores rank by class index. The
// error rate of CIFAR-LT and ImageNet-LT tables is its complement. Micro F1 of a multi-class problem equals top-1.

extension MulticlassSummary {
    /// The share of images whose class is among the `k` highest scores; `nil` without images.
    public func topK(_ k: Int) -> Double? { rowCount == 0 ? nil : ratio(ranks.count { $0 < k }, rowCount) }

    /// The same of the images of some classes.
    public func topK(_ k: Int, ofClasses classes: [Int]) -> Double? {
        var isWanted = [Bool](repeating: false, count: classCounts.count)
        for index in classes { isWanted[index] = true }
        let own = ranks.indices.filter { isWanted[labels[$0]] }
        return own.isEmpty ? nil : ratio(own.count { ranks[$0] < k }, own.count)
    }
}

extension Metric<MulticlassSummary> {
    public static func top(_ k: Int) -> Metric { Metric("top\(k)", "top-\(k) accuracy") { $0.topK(k) } }
    public static let top1 = top(1)
    public static let top5 = top(5)
    /// 1 − top-1.
    public static let top1Error = Metric("top1_error", "top-1 error") { $0.topK(1).map { 1 - $0 } }
}
