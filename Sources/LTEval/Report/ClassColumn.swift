// ClassColumn: the table of what is said of single classes. One line per key of the objects of a report's `classes`, in the
// order of the page's table; a key that has no line is shown under its own name, as a plain number.

extension Report {
    /// What a member of the objects of `classes` is called, and how it is shown.
    public struct ClassColumn: Sendable, Equatable {
        public var key: String
        public var title: String
        /// Shown as percent.
        public var isShare: Bool

        public init(_ key: String, _ title: String, isShare: Bool = true) {
            self.key = key
            self.title = title
            self.isShare = isShare
        }

        /// The known keys. Figures and page rely on index, id, name, train_count and group.
        public static let table: [ClassColumn] = [
            ClassColumn("index", "index", isShare: false),
            ClassColumn("id", "id", isShare: false),
            ClassColumn("name", "class", isShare: false),
            ClassColumn("group", "group", isShare: false),
            ClassColumn("train_count", "training images", isShare: false),
            ClassColumn("images", "test images", isShare: false),
            ClassColumn("positives", "positives", isShare: false),
            ClassColumn("detections", "detections", isShare: false),
            ClassColumn("AP", "AP"),
            ClassColumn("AP50", "AP50"),
            ClassColumn("AP75", "AP75"),
            ClassColumn("AR", "AR"),
            ClassColumn("first", "AP of the first"),
            ClassColumn("second", "AP of the second"),
            ClassColumn("difference", "difference"),
            ClassColumn("lower", "lower end"),
            ClassColumn("upper", "upper end"),
            ClassColumn("wins", "wins"),
            ClassColumn("accuracy", "accuracy"),
            ClassColumn("precision", "precision"),
            ClassColumn("recall", "recall"),
            ClassColumn("F1", "F1"),
            ClassColumn("F1_at_0.5", "F1 at 0.5"),
            ClassColumn("F1_at_threshold", "F1 at threshold"),
            ClassColumn("precision_at_threshold", "precision at threshold"),
            ClassColumn("recall_at_threshold", "recall at threshold"),
            ClassColumn("threshold", "threshold", isShare: false),
            ClassColumn("ECE", "ECE"),
            ClassColumn("ECE_before", "ECE before"),
            ClassColumn("ECE_after", "ECE after"),
        ]
    }
}
