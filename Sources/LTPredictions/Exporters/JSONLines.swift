// JSON Lines: one object per image. {"image", "width", "height", "decisions": [{"id", "name", "score"}], "scores": […]},
// decisions best first, scores calibrated and in class order; a detector's decisions have "box": [x1, y1, x2, y2] in pixels
// of the upright image and "segmentation" where there is a mask, and there are no "scores"; or {"image", "error"}. A score
// that is NaN is null. https://jsonlines.org

import LTDecision

/// `--jsonl`
public struct JSONLines: PredictionFormat {
    public static let name = "jsonl"

    public init() {}

    public func line(_ image: StoredImage, _ decisions: Decisions?, _ run: RunInfo) -> String {
        var text = "{\"image\":\(JSONText.string(image.path))"
        if case .failed(let error) = image.outcome { text += ",\"error\":\(JSONText.string(error))" }
        if let width = image.width, let height = image.height { text += ",\"width\":\(width),\"height\":\(height)" }
        switch decisions {
        case .classes(let decisions)?:
            let positive = decisions.filter(\.isPositive).sorted { ($0.score, $1.index) > ($1.score, $0.index) }
            let items = positive.map { "{\(Self.head(run.label($0.index), $0.score))}" }
            text += ",\"decisions\":[\(items.joined(separator: ","))]"
            text += ",\"scores\":[\(decisions.map { JSONText.number($0.score) }.joined(separator: ","))]"
        case .detections(let decisions)?:
            let items = decisions.filter(\.isPositive).map { decision in
                let detection = decision.detection
                let box = [detection.box.x1, detection.box.y1, detection.box.x2, detection.box.y2]
                var item = "{\(Self.head(run.label(detection.category), decision.score))"
                item += ",\"box\":[\(box.map { JSONText.number($0) }.joined(separator: ","))]"
                if let mask = detection.mask { item += ",\"segmentation\":\(JSONText.mask(mask))" }
                return item + "}"
            }
            text += ",\"decisions\":[\(items.joined(separator: ","))]"
        case nil: break
        }
        return text + "}\n"
    }

    private static func head(_ label: DecisionLayer.Label, _ score: Float) -> String {
        "\"id\":\(label.id),\"name\":\(JSONText.string(label.name)),\"score\":\(JSONText.number(score))"
    }
}

/// Values as JSON writes them.
enum JSONText {
    static func number(_ value: Float) -> String { value.isFinite ? "\(value)" : "null" }

    /// COCO's form: {"size": [height, width], "counts": "…"}.
    static func mask(_ mask: RunLengthMask) -> String {
        "{\"size\":[\(mask.height),\(mask.width)],\"counts\":\(string(mask.compressed))}"
    }

    /// A JSON string (RFC 8259 §7).
    static func string(_ text: String) -> String {
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
