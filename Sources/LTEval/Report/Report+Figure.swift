// Figures, threshold curves and mistakes: what a report shows beside its tables, as data. The HTML page draws them; JSON
// has them under "figures", "threshold_curves" and "mistakes".

import LTCore

extension Report {
    /// The data of one picture.
    public struct Figure: Sendable, Equatable {
        /// How the series are drawn.
        public enum Kind: Sendable, Equatable {
            /// Each series a line through (x, y).
            case lines
            /// Each series bars between the edges `x` (one more than `y`), of height `y`.
            case histogram
            /// A group of bars per label; `y` has one value per label, `x` is empty.
            case bars(labels: [String])
            /// One point per class, at these members of the objects of `classes`; there are no series.
            case classes(x: String, y: String)
        }

        public struct Axis: Sendable, Equatable {
            /// With the unit where there is one: "training images".
            public var title: String
            /// Shown as percent.
            public var isShare: Bool
            public var isLogarithmic: Bool
            /// What the axis spans; `nil` lets the values decide.
            public var range: Interval?

            public init(
                _ title: String, isShare: Bool = false, isLogarithmic: Bool = false, range: Interval? = nil
            ) {
                self.title = title
                self.isShare = isShare
                self.isLogarithmic = isLogarithmic
                self.range = range
            }

            /// 0 … 100 %.
            public static func share(_ title: String) -> Axis { Axis(title, isShare: true, range: Interval(0, 1)) }
        }

        public struct Series: Sendable, Equatable {
            public var name: String
            /// The column whose colour it has.
            public var group: String?
            public var x: [Double]
            public var y: [Double]
            /// How much each point stands for (pairs in a bin, say), shown as its size; empty when all are alike.
            public var counts: [Int]

            public init(_ name: String, group: String? = nil, x: [Double] = [], y: [Double], counts: [Int] = []) {
                self.name = name
                self.group = group
                self.x = x
                self.y = y
                self.counts = counts
            }
        }

        /// The key: "pr", "reliability_after".
        public var name: String
        public var title: String
        public var kind: Kind
        public var x: Axis
        public var y: Axis
        public var series: [Series]
        /// Draws y = x, what a perfect model would have.
        public var hasDiagonal: Bool
        /// Where a vertical line stands; `nil` for none. Lines only.
        public var marker: Double?
        /// A sentence that says how to read it.
        public var caption: String

        public init(
            name: String, title: String, kind: Kind, x: Axis, y: Axis, series: [Series] = [],
            hasDiagonal: Bool = false, caption: String = ""
        ) {
            self.name = name
            self.title = title
            self.kind = kind
            self.x = x
            self.y = y
            self.series = series
            self.hasDiagonal = hasDiagonal
            self.caption = caption
        }
    }

    /// For each class and each threshold t: how many were decided (score ≥ t), and how many of them rightly.
    public struct ThresholdCurves: Sendable, Equatable {
        public struct Curve: Sendable, Equatable {
            /// What there is to find.
            public var positives: Int
            /// One per threshold.
            public var truePositives: [Int]
            /// One per threshold.
            public var predicted: [Int]

            public init(positives: Int, truePositives: [Int], predicted: [Int]) {
                self.positives = positives
                self.truePositives = truePositives
                self.predicted = predicted
            }
        }

        /// Ascending. Counts are exact at these, the page offers no others.
        public var thresholds: [Double]
        /// One per class, in the order of `classes`.
        public var curves: [Curve]
        /// Which scores: "calibrated scores", "scores, matched at IoU 0.5".
        public var title: String

        public init(thresholds: [Double] = ThresholdCurves.grid, curves: [Curve], title: String) {
            self.thresholds = thresholds
            self.curves = curves
            self.title = title
        }

        /// 0.01 … 0.99 in hundredths, finer at both ends, where scores of rare classes lie.
        public static let grid: [Double] =
            [0, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005] + (1...99).map { Double($0) / 100 }
            + [0.995, 0.998, 0.999, 1]

        /// Counts one class.
        /// - Parameters:
        ///   - scores: 0…1, of every candidate.
        ///   - hits: whether each is right.
        ///   - positives: what there is to find; by default the hits.
        public static func curve(
            scores: [Double], hits: [Bool], positives: Int? = nil, thresholds: [Double] = grid
        ) -> Curve {
            var predicted = [Int](repeating: 0, count: thresholds.count)
            var truePositives = predicted
            for (score, hit) in zip(scores, hits) {
                // The last threshold that the score reaches; sums from the right do the rest.
                var low = 0
                var high = thresholds.count
                while low < high {
                    let middle = (low + high) / 2
                    if thresholds[middle] <= score { low = middle + 1 } else { high = middle }
                }
                guard low > 0 else { continue }
                predicted[low - 1] += 1
                if hit { truePositives[low - 1] += 1 }
            }
            for position in thresholds.indices.dropLast().reversed() {
                predicted[position] += predicted[position + 1]
                truePositives[position] += truePositives[position + 1]
            }
            return Curve(
                positives: positives ?? hits.count { $0 }, truePositives: truePositives, predicted: predicted)
        }
    }

    /// One wrong answer.
    public struct Mistake: Sendable, Equatable {
        /// Path, file name or id of the image.
        public var image: String
        /// Position of the class in `classes`.
        public var classIndex: Int
        public var score: Double
        /// "false alarm", "missed", "wrong class", "bad box", ….
        public var kind: String
        /// What was right, in words: "is 'cat'; 'dog' has 0.98".
        public var why: String
        /// [x, y, width, height] in pixels of the image; empty when it is not about a box.
        public var box: [Double]
        /// A small JPEG of the image, as a data URI.
        public var thumbnail: String?

        public init(
            image: String, classIndex: Int, score: Double, kind: String, why: String = "", box: [Double] = []
        ) {
            self.image = image
            self.classIndex = classIndex
            self.score = score
            self.kind = kind
            self.why = why
            self.box = box
        }
    }
}

// MARK: JSON

/// Six decimals, more for what is all small: enough to draw, short to store. Only figures are rounded, values never.
private func drawn(_ values: [Double]) -> ReportJSON {
    let greatest = values.lazy.map(abs).max() ?? 0
    let scale = greatest > 0 && greatest < 0.01 ? 1e9 : 1e6
    return .array(values.map { .number(abs($0) < 1e9 ? ($0 * scale).rounded() / scale : $0) })
}

extension Report.Figure {
    var json: ReportJSON {
        var members: [ReportJSON.Member] = [.init("name", .string(name)), .init("title", .string(title))]
        switch kind {
        case .lines: members.append(.init("kind", .string("lines")))
        case .histogram: members.append(.init("kind", .string("histogram")))
        case .bars(let labels):
            members += [.init("kind", .string("bars")), .init("labels", .array(labels.map { .string($0) }))]
        case .classes(let x, let y):
            members += [
                .init("kind", .string("classes")), .init("x_key", .string(x)), .init("y_key", .string(y)),
            ]
        }
        members += [.init("x", x.json), .init("y", y.json)]
        if hasDiagonal { members.append(.init("diagonal", .bool(true))) }
        if let marker { members.append(.init("marker", .number(marker))) }
        if !caption.isEmpty { members.append(.init("caption", .string(caption))) }
        if !series.isEmpty { members.append(.init("series", .array(series.map(\.json)))) }
        return .object(members)
    }
}

extension Report.Figure.Axis {
    var json: ReportJSON {
        var members: [ReportJSON.Member] = [.init("title", .string(title))]
        if isShare { members.append(.init("share", .bool(true))) }
        if isLogarithmic { members.append(.init("log", .bool(true))) }
        if let range { members.append(.init("range", range.json)) }
        return .object(members)
    }
}

extension Report.Figure.Series {
    var json: ReportJSON {
        var members: [ReportJSON.Member] = [.init("name", .string(name))]
        if let group { members.append(.init("group", .string(group))) }
        if !x.isEmpty { members.append(.init("x", drawn(x))) }
        members.append(.init("y", drawn(y)))
        if !counts.isEmpty { members.append(.init("counts", .array(counts.map { .int($0) }))) }
        return .object(members)
    }
}

extension Report.ThresholdCurves {
    var json: ReportJSON {
        // Counts of 0 at the end, where no score reaches the threshold, are left out.
        func counts(_ values: [Int]) -> ReportJSON {
            .array(values.prefix((values.lastIndex { $0 != 0 } ?? -1) + 1).map { .int($0) })
        }
        return .object([
            .init("title", .string(title)), .init("thresholds", .array(thresholds.map { .number($0) })),
            .init(
                "classes",
                .array(
                    curves.map {
                        .object([
                            .init("positives", .int($0.positives)), .init("predicted", counts($0.predicted)),
                            .init("true_positives", counts($0.truePositives)),
                        ])
                    })),
        ])
    }
}

extension Report.Mistake {
    var json: ReportJSON {
        var members: [ReportJSON.Member] = [
            .init("image", .string(image)), .init("class", .int(classIndex)), .init("score", .number(score)),
            .init("kind", .string(kind)), .init("why", .string(why)),
        ]
        if !box.isEmpty { members.append(.init("box", .array(box.map { .number($0) }))) }
        if let thumbnail { members.append(.init("thumbnail", .string(thumbnail))) }
        return .object(members)
    }
}
