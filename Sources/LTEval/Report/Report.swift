// Report: named values per column (frequency groups, then the total) with what they were computed from. Text, JSON and
// HTML are made of it (Report+Text, Report+JSON, Report+HTML); the data of pictures is in Report+Figure.

import LTCore

/// The outcome of an evaluation.
public struct Report: Sendable, Equatable {
    /// Where a value lies by its confidence interval, both ends included.
    public struct Interval: Sendable, Equatable {
        public var lower: Double
        public var upper: Double

        public init(_ lower: Double, _ upper: Double) {
            self.lower = lower
            self.upper = upper
        }
    }

    /// One metric over the columns.
    public struct Row: Sendable, Equatable {
        /// The key in JSON.
        public var name: String
        /// The words in text.
        public var title: String
        /// Whether the values are shares, printed as percent in text; JSON has them as they are.
        public var isShare: Bool
        /// One per column; `nil` where not defined.
        public var values: [Double?]
        /// One per column, `nil` where there is none; empty when nothing was resampled.
        public var intervals: [Interval?]

        public init(
            name: String, title: String, isShare: Bool = true, values: [Double?], intervals: [Interval?] = []
        ) {
            self.name = name
            self.title = title
            self.isShare = isShare
            self.values = values
            self.intervals = intervals
        }
    }

    /// Rows that belong together: "ranking", "at_0.5", ….
    public struct Section: Sendable, Equatable {
        public var name: String
        public var title: String
        public var rows: [Row]

        public init(name: String, title: String, rows: [Row]) {
            self.name = name
            self.title = title
            self.rows = rows
        }
    }

    /// What a reader looks at first: a place at the top of the JSON and the row that it shows.
    public struct Headline: Sendable, Equatable {
        /// ["F1", "at_0.5", "micro"], ["APr"].
        public var path: [String]
        /// The words in text. Text shows a row once, under the title of its first headline.
        public var title: String
        public var section: String
        public var row: String
        /// The column whose value stands there alone; `nil` for an object of all columns.
        public var column: String?

        public init(path: [String], title: String, section: String, row: String, column: String? = nil) {
            self.path = path
            self.title = title
            self.section = section
            self.row = row
            self.column = column
        }
    }

    /// How intervals were made.
    public struct Resampling: Sendable, Equatable {
        /// What an interval covers, 0.95 say.
        public var level: Double
        /// "bootstrap over images, 1000 resamples, seed 0".
        public var method: String

        public init(level: Double = 0.95, method: String) {
            self.level = level
            self.method = method
        }
    }

    /// "multilabel", "multiclass", "detection".
    public var task: String
    public var images: Int
    /// Column names: the groups, then "total".
    public var columns: [String]
    /// Classes in each column.
    public var columnClasses: [Int]
    public var groupRule: String
    public var headlines: [Headline]
    public var sections: [Section]
    /// One object per class; `ClassColumn` has the keys.
    public var classes: [ReportJSON]
    /// How the intervals of the rows were made; `nil` when there are none.
    public var resampling: Resampling?
    /// The data of pictures, in the order in which they are shown.
    public var figures: [Figure] = []
    /// Counts of each class over thresholds, for choosing a threshold; `nil` when there is none to choose.
    public var thresholdCurves: ThresholdCurves?
    /// The surest wrong answers, worst first.
    public var mistakes: [Mistake] = []
    /// What a reader must know to read the values rightly.
    public var notes: [String]
    /// What the values were computed from: digests, settings, versions.
    public var provenance: [ReportJSON.Member]

    public init(
        task: String, images: Int, columns: [String], columnClasses: [Int], groupRule: String, headlines: [Headline],
        sections: [Section], classes: [ReportJSON], notes: [String], provenance: [ReportJSON.Member]
    ) {
        self.task = task
        self.images = images
        self.columns = columns
        self.columnClasses = columnClasses
        self.groupRule = groupRule
        self.headlines = headlines
        self.sections = sections
        self.classes = classes
        self.notes = notes
        self.provenance = provenance
    }

    /// The value of a metric; `nil` when there is none.
    public func value(_ section: String, _ row: String, column: String = "total") -> Double? {
        guard let position = columns.firstIndex(of: column), let row = self.row(section, row),
            row.values.indices.contains(position)
        else { return nil }
        return row.values[position]
    }

    /// The confidence interval of a metric; `nil` when there is none.
    public func interval(_ section: String, _ row: String, column: String = "total") -> Interval? {
        guard let position = columns.firstIndex(of: column), let row = self.row(section, row),
            row.intervals.indices.contains(position)
        else { return nil }
        return row.intervals[position]
    }

    /// The row of this name; `nil` when there is none.
    public func row(_ section: String, _ row: String) -> Row? {
        sections.first { $0.name == section }?.rows.first { $0.name == row }
    }
}
