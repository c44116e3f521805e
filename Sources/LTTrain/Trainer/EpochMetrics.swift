// EpochMetrics: the few values of a report that a run follows from epoch to epoch, over all classes (`mAP`) and per frequency
// group (`mAP/tail`). Those of the five systems: mAP, F1 and accuracy (Distribution-Balanced), mean class accuracy and EGTEA's
// precision (CDB), top-1 with many, medium, few and macro F1 (ImageNet-LT), top-1 and top-5 (Influence-Balanced).

import LTCore
import LTEval

/// Values of one split after one epoch.
public struct EpochMetrics: Sendable {
    /// A value's place in the report.
    struct Entry: Sendable {
        /// What recipes and logs call it.
        var name: String
        var section: String
        var row: String
        /// Section and row of the values of groups; nil: the same.
        var groups: (section: String, row: String)?
        /// The group whose value it is; nil: the total.
        var column: String?
        var isGrouped = true
        var isLowerBetter = false
        /// Shown in the line of an epoch.
        var isShown = false
    }

    static func entries(_ task: Recipe.Task) -> [Entry] {
        switch task {
        case .multiclass:
            [
                Entry(name: "accuracy", section: "decisions", row: "top1", isGrouped: false, isShown: true),
                Entry(name: "top5", section: "decisions", row: "top5", isGrouped: false),
                Entry(
                    name: "balanced_accuracy", section: "decisions", row: "balanced_accuracy",
                    groups: ("classes", "accuracy"), isShown: true),
                Entry(name: "F1_macro", section: "decisions", row: "F1_macro", groups: ("classes", "F1")),
                Entry(
                    name: "precision_macro", section: "decisions", row: "precision_all_classes",
                    groups: ("classes", "precision")),
                Entry(name: "ECE", section: "before", row: "ECE", isGrouped: false, isLowerBetter: true),
            ]
        case .multilabel:
            [
                Entry(name: "mAP", section: "ranking", row: "mAP", isShown: true),
                Entry(name: "F1_micro", section: "at_0.5", row: "F1_micro"),
                Entry(name: "F1_macro", section: "at_0.5", row: "F1_macro", isShown: true),
                Entry(name: "accuracy", section: "at_0.5", row: "accuracy"),
                Entry(name: "ECE", section: "before", row: "ECE", isLowerBetter: true),
            ]
        case .detection: detection(prefix: "", isFederated: true)
        }
    }

    /// Average precision and recall of LVIS's, or COCO's, evaluation.
    /// - Parameter prefix: of the names: `segm_` for masks.
    static func detection(prefix: String, isFederated: Bool) -> [Entry] {
        func entry(_ name: String, _ row: String, column: String? = nil, isShown: Bool = false) -> Entry {
            Entry(
                name: prefix + name, section: "detection", row: row, column: column, isGrouped: false,
                isShown: isShown)
        }
        let groups: [String] = isFederated ? ["r", "c", "f"] : []
        return ["AP", "AP50", "AP75", "APs", "APm", "APl"].map { entry($0, $0, isShown: $0 == "AP" || $0 == "AP50") }
            + groups.map { entry("AP\($0)", "AP", column: $0, isShown: true) }
    }

    /// The rows that a report needs.
    static func wanted(_ task: Recipe.Task) -> Set<String> { Set(entries(task).map(\.row)) }

    /// Name → value in 0…1; what is not defined is left out.
    public private(set) var values: [String: Double] = [:]
    /// One line in percent: "mAP 45.2 (head 50.1, middle 44.0, tail 40.2), F1_macro 33.1".
    public private(set) var text = ""

    public init(_ report: Report, _ task: Recipe.Task) { add(report, Self.entries(task)) }

    init() {}

    /// Takes up the values of a report.
    mutating func add(_ report: Report, _ entries: [Entry]) {
        var parts = text.isEmpty ? [] : [text]
        for entry in entries {
            let value = entry.column.map { report.value(entry.section, entry.row, column: $0) }
            guard let total = value ?? report.value(entry.section, entry.row) else { continue }
            values[entry.name] = total
            var groups: [String] = []
            let place = entry.groups ?? (entry.section, entry.row)
            for column in report.columns.dropLast() where entry.isGrouped {
                guard let value = report.value(place.section, place.row, column: column) else { continue }
                values["\(entry.name)/\(column)"] = value
                groups.append("\(column) \(Self.percent(value))")
            }
            if entry.isShown {
                let list = groups.isEmpty ? "" : " (\(groups.joined(separator: ", ")))"
                parts.append("\(entry.name) \(Self.percent(total))\(list)")
            }
        }
        text = parts.joined(separator: ", ")
    }

    private static func percent(_ value: Double) -> String {
        let tenths = Int((value * 1000).rounded())
        return "\(tenths / 10).\(tenths % 10)"
    }
}

/// Which value of which split chooses the best epoch; the first of equal ones stays.
struct ModelSelection: Sendable {
    var split: String
    var metric: String
    var isLowerBetter: Bool

    /// - Throws: `invalidArgument` with the metrics there are.
    init(
        _ options: ValidationOptions.Selection, split: String, metrics entries: [EpochMetrics.Entry], groups: [String]
    ) throws(LTError) {
        self.split = split
        metric = options.metric ?? entries[0].name
        let parts = metric.split(separator: "/", maxSplits: 1).map(String.init)
        guard let entry = entries.first(where: { $0.name == parts.first }),
            parts.count < 2 || entry.isGrouped && groups.contains(parts[1])
        else {
            throw LTError(
                .invalidArgument,
                "validate.select.metric: '\(metric)', expected one of \(entries.map(\.name).joined(separator: ", "))",
                hint: "METRIC/GROUP chooses by one frequency group: \(groups.joined(separator: ", "))")
        }
        isLowerBetter = options.mode.map { $0 == .min } ?? entry.isLowerBetter
    }

    /// - Throws: `notFound` when the split does not define it.
    func value(_ metrics: EpochMetrics) throws(LTError) -> Double {
        guard let value = metrics.values[metric] else {
            throw LTError(
                .notFound, "\(metric) has no value on the split '\(split)'",
                hint: "choose another validate.select.metric")
        }
        return value
    }

    func isBetter(_ value: Double, than best: Double?) -> Bool {
        best.map { isLowerBetter ? value < $0 : value > $0 } ?? true
    }
}
