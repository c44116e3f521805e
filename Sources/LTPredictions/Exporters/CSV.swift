// CSV (RFC 4180: comma, CRLF, quotes doubled inside quotes). Class scores, a row per image: image, decisions (names, best
// first, joined by "; "), error, then the calibrated score of each class under its name. Detections, a row per decision:
// image, id, name, score, x1, y1, x2, y2 (pixels of the upright image), error; an image without one has a row of its own.

import LTDecision

/// `--csv`
public struct CSV: PredictionFormat {
    public static let name = "csv"

    public init() {}

    public mutating func head(_ store: PredictionStore) -> String {
        Self.record(
            store.run.holdsDetections
                ? ["image", "id", "name", "score", "x1", "y1", "x2", "y2", "error"]
                : ["image", "decisions", "error"] + store.run.classes.map(\.name))
    }

    public func line(_ image: StoredImage, _ decisions: Decisions?, _ run: RunInfo) -> String {
        var error = ""
        if case .failed(let reason) = image.outcome { error = reason }
        guard run.holdsDetections else {
            let positive = (decisions?.classes ?? []).filter(\.isPositive)
                .sorted { ($0.score, $1.index) > ($1.score, $0.index) }
            let names = positive.map { run.label($0.index).name }.joined(separator: "; ")
            let scores = decisions?.classes?.map { Self.number($0.score) } ?? run.classes.map { _ in "" }
            return Self.record([image.path, names, error] + scores)
        }
        let rows = (decisions?.detections ?? []).filter(\.isPositive).map { decision in
            let (detection, box) = (decision.detection, decision.detection.box)
            let label = run.label(detection.category)
            let numbers = [decision.score, box.x1, box.y1, box.x2, box.y2].map { Self.number($0) }
            return Self.record([image.path, String(label.id), label.name] + numbers + [""])
        }
        return rows.isEmpty
            ? Self.record([image.path] + [String](repeating: "", count: 7) + [error]) : rows.joined()
    }

    private static func number(_ value: Float) -> String { value.isNaN ? "nan" : "\(value)" }

    private static func record(_ fields: [String]) -> String {
        fields.map(field).joined(separator: ",") + "\r\n"
    }

    private static func field(_ text: String) -> String {
        // "\r\n" is one Character, so the search goes by scalars.
        let special: Set<Unicode.Scalar> = [",", "\"", "\r", "\n"]
        guard text.unicodeScalars.contains(where: special.contains) else { return text }
        var quoted = "\""
        for scalar in text.unicodeScalars {
            if scalar == "\"" { quoted += "\"" }
            quoted.unicodeScalars.append(scalar)
        }
        return quoted + "\""
    }
}
