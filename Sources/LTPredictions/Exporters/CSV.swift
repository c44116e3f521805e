// CSV (RFC 4180: comma, CRLF, quotes doubled inside quotes): image, decisions (names, best first, joined by "; "), error,
// then the calibrated score of each class under its name.

import LTDecision

/// `--csv`
public enum CSV: PredictionFormat {
    public static let name = "csv"

    public static func head(_ labels: [DecisionLayer.Label]) -> String {
        record(["image", "decisions", "error"] + labels.map(\.name))
    }

    public static func line(
        _ image: StoredImage, _ decisions: [ClassDecision]?, _ labels: [DecisionLayer.Label]
    ) -> String {
        var error = ""
        if case .failed(let reason) = image.outcome { error = reason }
        let positive = (decisions ?? []).filter(\.isPositive).sorted { ($0.score, $1.index) > ($1.score, $0.index) }
        let names = positive.map { labels[$0.index].name }.joined(separator: "; ")
        let scores = decisions?.map { $0.score.isNaN ? "nan" : "\($0.score)" } ?? labels.map { _ in "" }
        return record([image.path, names, error] + scores)
    }

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
