// JSON Lines: one object per image. {"image", "width", "height", "decisions": [{"id", "name", "score"}], "scores": […]},
// decisions best first, scores calibrated and in class order; or {"image", "error"}. A score that is NaN is null.
// https://jsonlines.org

import LTDecision

/// `--jsonl`
public enum JSONLines: PredictionFormat {
    public static let name = "jsonl"

    public static func head(_ labels: [DecisionLayer.Label]) -> String { "" }

    public static func line(
        _ image: StoredImage, _ decisions: [ClassDecision]?, _ labels: [DecisionLayer.Label]
    ) -> String {
        var text = "{\"image\":\(quoted(image.path))"
        if case .failed(let error) = image.outcome { text += ",\"error\":\(quoted(error))" }
        if let width = image.width, let height = image.height { text += ",\"width\":\(width),\"height\":\(height)" }
        if let decisions {
            let positive = decisions.filter(\.isPositive).sorted { ($0.score, $1.index) > ($1.score, $0.index) }
            let items = positive.map { decision in
                let label = labels[decision.index]
                return "{\"id\":\(label.id),\"name\":\(quoted(label.name)),\"score\":\(number(decision.score))}"
            }
            text += ",\"decisions\":[\(items.joined(separator: ","))]"
            text += ",\"scores\":[\(decisions.map { number($0.score) }.joined(separator: ","))]"
        }
        return text + "}\n"
    }

    private static func number(_ value: Float) -> String { value.isFinite ? "\(value)" : "null" }

    /// A JSON string (RFC 8259 §7).
    static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case "\0"..."\u{1F}":
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
