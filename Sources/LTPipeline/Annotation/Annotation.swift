// Annotation: what was decided about an image, drawn on it: masks and boxes with name and score, or the best classes in a
// corner. Sizes go by the image's; one colour per class; the class's frequency group where the model knows it.

import LTCore
import LTDecision
import LTImage
import LTPredictions

/// How to draw the decisions of a run.
struct Annotation: Sendable {
    let run: RunInfo
    /// Detections below are not drawn; `nil`: below their class's threshold, 0.5 where it has none.
    let least: Float?
    /// Classes listed for an image.
    private static let listed = 5
    /// Detections drawn for an image, best first.
    private static let drawn = 200

    /// Draws on a copy of an image.
    func drawn(_ decisions: Decisions, on image: Image, decider: PredictionDecider) throws(LTError) -> Image {
        let canvas = try Canvas(image)
        let pen = Pen(canvas)
        switch (decisions, decider) {
        case (.classes(let decisions), _): drawClasses(decisions, pen)
        case (.detections(let decisions), .detections(let decider)):
            let shown = decisions.filter { decision in
                decision.score >= least ?? decider.threshold(decision.detection.category) ?? Thresholds.fallback
            }
            try drawDetections(Array(shown.prefix(Self.drawn)), pen)
        default: break
        }
        return canvas.image
    }

    /// The frequency group of a class.
    private func group(_ category: Int) -> String? {
        guard let counts = run.layer.trainCounts, counts.indices.contains(category) else { return nil }
        return run.layer.groups?.name(ofCount: counts[category])
    }

    // MARK: - Detections

    private func drawDetections(_ decisions: [DetectionDecision], _ pen: Pen) throws(LTError) {
        // The best are drawn last, on top.
        for decision in decisions.reversed() {
            if let mask = decision.detection.mask { try pen.shade(mask, .category(decision.detection.category)) }
        }
        for decision in decisions.reversed() {
            pen.frame(decision.detection.box, .category(decision.detection.category))
        }
        // The best choose their places first.
        var taken: [PixelRectangle] = []
        var labels: [(Pen.Label, PixelRectangle)] = []
        for decision in decisions {
            let category = decision.detection.category
            let label = Pen.Label(
                text: "\(run.label(category).name) \(Self.percent(decision.score))", tag: group(category),
                color: .category(category))
            let place = pen.place(label, at: decision.detection.box, beside: taken)
            taken.append(place)
            labels.append((label, place))
        }
        for (label, place) in labels.reversed() { pen.draw(label, place) }
    }

    // MARK: - Classes

    private func drawClasses(_ decisions: [ClassDecision], _ pen: Pen) {
        let best = decisions.filter { !$0.score.isNaN }.sorted { ($0.score, $1.index) > ($1.score, $0.index) }
        pen.list(
            best.prefix(Self.listed).map { decision in
                Pen.Line(
                    label: Pen.Label(
                        text: run.label(decision.index).name, tag: group(decision.index),
                        color: .category(decision.index)),
                    score: decision.score, isPositive: decision.isPositive)
            })
    }

    static func percent(_ score: Float) -> String {
        guard score.isFinite else { return "nan" }
        return "\(Int((min(max(score, 0), 1) * 100).rounded()))%"
    }
}

/// Draws at a size that suits the image.
private struct Pen {
    struct Label {
        let text: String
        let tag: String?
        let color: Color
    }
    struct Line {
        let label: Label
        let score: Float
        let isPositive: Bool
    }

    private let canvas: Canvas
    /// Pixels per cell of the font.
    private let scale: Double
    private let thickness: Int
    private let padding: Int

    init(_ canvas: Canvas) {
        self.canvas = canvas
        scale = min(max((Double(canvas.width) * Double(canvas.height)).squareRoot() / 340, 1), 12)
        thickness = Int((scale * 1.3).rounded())
        padding = Int((scale * 1.8).rounded())
    }

    /// Whole pixels that a box touches, inside the image.
    private func pixels(_ box: Box) -> PixelRectangle {
        func cut(_ value: Float, _ limit: Int) -> Int { Int(min(max(value, 0), Float(limit))) }
        let (x, y) = (cut(box.x1.rounded(.down), canvas.width - 1), cut(box.y1.rounded(.down), canvas.height - 1))
        return PixelRectangle(
            x: x, y: y, width: max(cut(box.x2.rounded(.up), canvas.width) - x, 1),
            height: max(cut(box.y2.rounded(.up), canvas.height) - y, 1))
    }

    func frame(_ box: Box, _ color: Color) {
        let inner = pixels(box)
        let outer = PixelRectangle(x: inner.x - 1, y: inner.y - 1, width: inner.width + 2, height: inner.height + 2)
        canvas.outline(outer, .black, thickness: 1, alpha: 0.4)
        canvas.outline(inner, color, thickness: thickness)
        let inside = PixelRectangle(
            x: inner.x + thickness, y: inner.y + thickness, width: inner.width - 2 * thickness,
            height: inner.height - 2 * thickness)
        if inside.width > 2, inside.height > 2 { canvas.outline(inside, .black, thickness: 1, alpha: 0.25) }
    }

    /// A translucent area with a line around it.
    func shade(_ mask: RunLengthMask, _ color: Color) throws(LTError) {
        guard mask.width == canvas.width, mask.height == canvas.height else { return }
        let buffer = try mask.pixels()
        let bytes = buffer.pointer.assumingMemoryBound(to: UInt8.self)
        let (width, height) = (mask.width, mask.height)
        mask.forEachSpan { x, rows in
            for y in rows {
                let at = y * width + x
                let isInside =
                    x > 0 && y > 0 && x < width - 1 && y < height - 1 && bytes[at - 1] != 0 && bytes[at + 1] != 0
                    && bytes[at - width] != 0 && bytes[at + width] != 0
                canvas.blend(x: x, y: y, color, alpha: isInside ? 0.42 : 0.9)
            }
        }
        withExtendedLifetime(buffer) {}
    }

    private func size(_ label: Label) -> (text: Int, tag: Int, height: Int) {
        let text = Canvas.size(of: label.text, scale: scale)
        let tag = label.tag.map { Canvas.size(of: $0, scale: scale).width + 2 * padding } ?? 0
        return (text.width + 2 * padding, tag, Int((10.6 * scale).rounded()))
    }

    /// Where a label stands: above its box, else inside, below, or at the right, wherever no better one is in the way.
    func place(_ label: Label, at box: Box, beside taken: [PixelRectangle]) -> PixelRectangle {
        let (size, box) = (size(label), pixels(box))
        let (width, height) = (size.text + size.tag, size.height)
        let (right, bottom) = (box.x + box.width - width, box.y + box.height)
        let corners = [
            (box.x, box.y - height), (box.x, box.y), (box.x, bottom), (right, box.y - height), (right, box.y),
            (box.x, bottom - height), (right, bottom), (right, bottom - height),
        ]
        func fits(_ x: Int, _ y: Int) -> Bool { y >= 0 && y + height <= canvas.height }
        func placed(_ x: Int, _ y: Int) -> PixelRectangle {
            PixelRectangle(
                x: max(min(x, canvas.width - width), 0), y: max(min(y, canvas.height - height), 0), width: width,
                height: height)
        }
        func meets(_ a: PixelRectangle, _ b: PixelRectangle) -> Bool {
            a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height
        }
        let choices = corners.filter { fits($0.0, $0.1) }.map { placed($0.0, $0.1) }
        let free = choices.first { choice in !taken.contains { meets($0, choice) } }
        return free ?? choices.first ?? placed(box.x, box.y)
    }

    func draw(_ label: Label, _ place: PixelRectangle) {
        canvas.fill(place, label.color, alpha: 0.92)
        let size = size(label)
        let y = place.y + Int((1.7 * scale).rounded())
        canvas.text(label.text, x: place.x + padding, y: y, scale: scale, label.color.contrasting)
        guard let tag = label.tag else { return }
        let part = PixelRectangle(x: place.x + size.text, y: place.y, width: size.tag, height: place.height)
        canvas.fill(part, .black, alpha: 0.7)
        canvas.text(tag, x: part.x + padding, y: y, scale: scale, .white)
    }

    /// Lines with a bar each, in the upper left corner.
    func list(_ lines: [Line]) {
        guard !lines.isEmpty else { return }
        let sizes = lines.map { size($0.label) }
        let number = Canvas.size(of: "100%", scale: scale).width
        let height = Int((13.5 * scale).rounded())
        let mark = height / 3
        let names = sizes.map { $0.text + $0.tag }.max() ?? 0
        let width = min(padding + mark + names + number + 2 * padding, canvas.width)
        let margin = padding
        canvas.fill(
            PixelRectangle(
                x: margin, y: margin, width: width, height: lines.count * height + padding), .black, alpha: 0.62)
        for (index, line) in lines.enumerated() {
            let top = margin + padding + index * height
            let textTop = top + Int((0.8 * scale).rounded())
            let left = margin + padding
            let color = line.label.color
            let middle = textTop + Int((3.5 * scale).rounded())
            let square = PixelRectangle(x: left, y: middle - mark / 2, width: mark, height: mark)
            if line.isPositive {
                canvas.fill(square, color)
            } else {
                canvas.outline(square, color, thickness: max(thickness / 2, 1))
            }
            let ink = line.isPositive ? Color.white : Color(190, 190, 190)
            canvas.text(line.label.text, x: left + mark + padding, y: textTop, scale: scale, ink)
            if let tag = line.label.tag {
                let at = left + mark + sizes[index].text + padding / 2
                let part = PixelRectangle(
                    x: at, y: textTop - Int(scale.rounded()), width: sizes[index].tag,
                    height: Int((9.5 * scale).rounded()))
                canvas.fill(part, .white, alpha: 0.18)
                canvas.text(tag, x: at + padding, y: textTop, scale: scale, ink)
            }
            let text = Annotation.percent(line.score)
            let numberLeft = margin + width - padding - Canvas.size(of: text, scale: scale).width
            canvas.text(text, x: numberLeft, y: textTop, scale: scale, ink)
            // The bar, under the text.
            let bar = PixelRectangle(
                x: left, y: top + Int((11 * scale).rounded()), width: width - 2 * padding, height: max(thickness, 2))
            canvas.fill(bar, .white, alpha: 0.15)
            let share = Double(min(max(line.score, 0), 1))
            canvas.fill(
                PixelRectangle(x: bar.x, y: bar.y, width: Int(Double(bar.width) * share), height: bar.height), color)
        }
    }
}
