// MultilabelDecisions: what the decision metrics need of yes-or-no decisions beside the truth: counts per class and sums
// over images, for each group of classes.

/// Decisions about a group of classes over all images, counted.
public struct MultilabelDecisions: Sendable {
    public internal(set) var rowCount: Int
    /// In the order of the group.
    public internal(set) var classCounts: [DecisionCounts]
    var images = ImageDecisions()
}

/// Sums over images of what the decisions about each image's classes give.
struct ImageDecisions: Sendable {
    var precision = 0.0
    var recall = 0.0
    var f1 = 0.0
    /// Images with every class right.
    var right = 0

    mutating func add(_ image: DecisionCounts) {
        precision += image.precision
        recall += image.recall
        f1 += image.f1
        if image.wrong == 0 { right += 1 }
    }

    static func += (sum: inout ImageDecisions, other: ImageDecisions) {
        sum.precision += other.precision
        sum.recall += other.recall
        sum.f1 += other.f1
        sum.right += other.right
    }
}

/// Counts decisions row by row.
struct DecisionSums: Sendable {
    private let partition: ClassPartition
    private var rowCount = 0
    private var classes: [DecisionCounts]
    /// Per group, then over all classes.
    private var images: [ImageDecisions]
    /// The row's counts per group; the last is of classes in none.
    private var row: [DecisionCounts]

    init(_ partition: ClassPartition) {
        self.partition = partition
        classes = [DecisionCounts](repeating: DecisionCounts(), count: partition.groupOf.count)
        images = [ImageDecisions](repeating: ImageDecisions(), count: partition.sizes.count + 1)
        row = [DecisionCounts](repeating: DecisionCounts(), count: partition.sizes.count + 1)
    }

    /// Adds a row; `decide` says whether a column is decided to be there.
    @inline(__always)
    mutating func add(_ labels: UnsafePointer<UInt8>, _ decide: (Int) -> Bool) {
        rowCount += 1
        for group in row.indices { row[group] = DecisionCounts() }
        let width = classes.count
        classes.withUnsafeMutableBufferPointer { classes in
            row.withUnsafeMutableBufferPointer { row in
                for column in 0..<width {
                    let decided = decide(column) ? 1 : 0
                    let label = Int(labels[column])
                    // Most pairs are neither there nor decided to be.
                    if decided | label == 0 { continue }
                    let group = partition.groupOf[column]
                    classes[column].truePositives &+= decided & label
                    classes[column].predicted &+= decided
                    classes[column].positives &+= label
                    row[group].truePositives &+= decided & label
                    row[group].predicted &+= decided
                    row[group].positives &+= label
                }
            }
        }
        var all = row[partition.sizes.count]
        for group in partition.sizes.indices {
            images[group].add(row[group])
            all += row[group]
        }
        images[partition.sizes.count].add(all)
    }

    static func += (sum: inout DecisionSums, other: DecisionSums) {
        sum.rowCount += other.rowCount
        for index in sum.classes.indices { sum.classes[index] += other.classes[index] }
        for group in sum.images.indices { sum.images[group] += other.images[group] }
    }

    /// The decisions of each group, then of all classes.
    func decisions(_ groups: [[Int]]) -> [MultilabelDecisions] {
        groups.enumerated().map { group, own in
            MultilabelDecisions(rowCount: rowCount, classCounts: own.map { classes[$0] }, images: images[group])
        } + [MultilabelDecisions(rowCount: rowCount, classCounts: classes, images: images[groups.count])]
    }
}

extension MultilabelPredictions {
    /// Counts yes-or-no decisions about all classes.
    /// - Parameter decide: is given class and score.
    public func decisions(_ decide: @Sendable (Int, Float) -> Bool) -> MultilabelDecisions {
        decisions(ofGroups: [], decide).total
    }

    /// Counts yes-or-no decisions about groups of classes, each as if the others were not there, and about all.
    /// - Parameter groups: positions of classes; no class is in two groups.
    public func decisions(
        ofGroups groups: [[Int]], _ decide: @Sendable (Int, Float) -> Bool
    ) -> (groups: [MultilabelDecisions], total: MultilabelDecisions) {
        let partition = ClassPartition(groups, classCount: classCount)
        let sums = sumOverRows(DecisionSums(partition), +=) { sums, _, scores, labels in
            sums.add(labels) { decide($0, scores[$0]) }
        }
        var all = sums.decisions(groups)
        let total = all.removeLast()
        return (all, total)
    }

    /// Adds up rows, stripe by stripe in parallel.
    func sumOverRows<Sums: Sendable>(
        _ start: Sums, _ combine: (inout Sums, Sums) -> Void,
        _ add: @Sendable (inout Sums, _ row: Int, UnsafePointer<Float>, UnsafePointer<UInt8>) -> Void
    ) -> Sums {
        let rows = stripes(rowCount, parts: 16)
        let partial = parallelMap(rows.count) { stripe -> Sums in
            var sums = start
            scores.withUnsafeBufferPointer { scores in
                labels.withUnsafeBytes { labels in
                    let labels = labels.assumingMemoryBound(to: UInt8.self)
                    for row in rows[stripe] {
                        let start = row * classCount
                        add(&sums, row, scores.baseAddress! + start, labels.baseAddress! + start)
                    }
                }
            }
            return sums
        }
        return partial.dropFirst().reduce(into: partial[0]) { combine(&$0, $1) }
    }
}
