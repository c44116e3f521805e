// The pictures that several tasks share: a metric against training counts, precision-recall curves and reliability by
// frequency group, distributions over classes.

import LTCore

/// Precision over recall of one ranking: at each of the recalls 0, 0.01, …, 1 the greatest precision at that recall or
/// above (COCO's and LVIS' interpolation). Equal scores enter together.
struct InterpolatedPrecision {
    static let recalls = (0...100).map { Double($0) / 100 }

    /// At each of `recalls`; `nil` without positives.
    let precision: [Double]?

    init(scores: [Float], labels: [Bool]) { self.init(RankedPositives(scores: scores, labels: labels)) }

    init(_ ranked: RankedPositives) {
        guard ranked.positives > 0 else {
            precision = nil
            return
        }
        var result = [Double](repeating: 0, count: Self.recalls.count)
        // What the run that ends at a recall reaches, at the last of the recalls up to it; then the greatest from there.
        var next = 0
        ranked.forEachRun { seen, hits, _ in
            let recall = Double(hits) / Double(ranked.positives)
            let precision = Double(hits) / Double(seen)
            while next + 1 < result.count, Self.recalls[next + 1] <= recall { next += 1 }
            result[next] = max(result[next], precision)
        }
        for position in result.indices.dropLast().reversed() {
            result[position] = max(result[position], result[position + 1])
        }
        precision = result
    }
}

extension Report.Figure {
    /// A per-class value against the class's training images.
    static func againstCount(_ key: String, _ title: String) -> Self {
        Self(
            name: "\(key)_by_count", title: "\(title) against training images",
            kind: .classes(x: "train_count", y: key),
            x: Axis("training images of the class", isLogarithmic: true), y: .share(title),
            caption: "One mark per class.")
    }

    /// The mean over the classes of each column.
    static func precisionRecall(_ curves: [InterpolatedPrecision], _ columns: Columns) -> Self {
        precisionRecall("precision_recall", "Precision and recall", InterpolatedPrecision.recalls, columns) {
            curves[$0].precision
        }
    }

    /// - Parameter curve: precision of a class at each of the recalls; `nil` for one without positives, which is left out.
    static func precisionRecall(
        _ name: String, _ title: String, _ recalls: [Double], _ columns: Columns, _ curve: (Int) -> [Double]?
    ) -> Self {
        let series = zip(columns.names, columns.classes).compactMap { name, members -> Series? in
            var sums = [Double](repeating: 0, count: recalls.count)
            var count = 0.0
            for member in members {
                guard let own = curve(member) else { continue }
                for position in sums.indices { sums[position] += own[position] }
                count += 1
            }
            return count == 0 ? nil : Series(name, group: name, x: recalls, y: sums.map { $0 / count })
        }
        return Self(
            name: name, title: title, kind: .lines, x: .share("recall"), y: .share("precision"), series: series,
            caption:
                "Mean over the classes that have positives of the interpolated precision: every class counts alike.")
    }

    /// Share of hits against mean confidence, in 15 bins.
    /// - Parameter pairs: calls its argument with the class, confidence and outcome of every pair.
    static func reliability(
        _ name: String, _ title: String, _ columns: Columns,
        _ pairs: ((_ classIndex: Int, _ confidence: Double, _ hit: Bool) -> Void) -> Void
    ) -> Self {
        let total = columns.names.count - 1
        var column = [Int](repeating: total, count: columns.classes[total].count)
        for group in 0..<total { for member in columns.classes[group] { column[member] = group } }
        var bins = [CalibrationBins](repeating: CalibrationBins(), count: columns.names.count)
        pairs { index, confidence, hit in
            if column[index] != total { bins[column[index]].add(confidence, hit) }
            bins[total].add(confidence, hit)
        }
        return reliability(name, title, zip(columns.names, bins).map { ($0, $1) })
    }

    /// The same of bins that were counted elsewhere.
    static func reliability(_ name: String, _ title: String, _ bins: [(column: String, bins: CalibrationBins)]) -> Self
    {
        Self(
            name: "reliability_\(name)", title: title, kind: .lines, x: .share("mean confidence"),
            y: .share("share that is right"),
            series: bins.compactMap { column, bins in
                let filled = bins.bins.filter { $0.count > 0 }
                guard !filled.isEmpty else { return nil }
                return Series(
                    column, group: column, x: filled.map { $0.confidence / Double($0.count) },
                    y: filled.map { Double($0.hits) / Double($0.count) }, counts: filled.map(\.count))
            }, hasDiagonal: true,
            caption:
                "Below the diagonal: surer than right. Bins are of equal width; a mark grows with the pairs in its bin."
        )
    }

    /// How many classes have which value of 0…1, by group.
    static func distribution(of title: String, _ values: [Double?], _ columns: Columns) -> Self {
        let edges = (0...10).map { Double($0) / 10 }
        // Groups stack up to the total, which is drawn alone where there are no groups.
        let shown = columns.names.count > 1 ? columns.names.indices.dropLast() : columns.names.indices
        return Self(
            name: "\(title)_distribution", title: "Classes by \(title)", kind: .histogram, x: .share(title),
            y: Axis("classes"),
            series: shown.map { group in
                var counts = [Double](repeating: 0, count: 10)
                for member in columns.classes[group] {
                    if let value = values[member] { counts[min(max(Int(value * 10), 0), 9)] += 1 }
                }
                return Series(columns.names[group], group: columns.names[group], x: edges, y: counts)
            })
    }
}
