// NonMaxSuppression: the boxes of each class that overlap (intersection over union above iou_threshold) with none of a
// higher score that was kept: rows [batch, class, box], by class and falling score; of equal scores the lower box first.
// At most max_output_boxes_per_class (default 0) are kept, of those that score above score_threshold; boxes are
// [y1, x1, y2, x2], any two opposite corners, or with center_point_box [x, y, width, height] about their centres.
// New in opset 10; 11 only reworded it. https://onnx.ai/onnx/operators/onnx__NonMaxSuppression.html

import LTCore

struct NonMaxSuppressionOperator: Operator {
    static let schema = OperatorSchema(
        "NonMaxSuppression", opsets: 10...Opset.latest, inputs: 2...5, types: [.float32])

    let isCentered: Bool

    init(_ node: OperatorNode) throws(LTError) {
        let format = try node.node.int("center_point_box") ?? 0
        guard format == 0 || format == 1 else {
            throw LTError(.invalidArgument, "attribute 'center_point_box' is \(format), expected 0 or 1")
        }
        isCentered = format == 1
    }

    /// boxes [batches, boxes, 4], scores [batches, classes, boxes] → [kept, 3].
    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let boxes = try Self.first(inputs).dims("boxes", ranks: 3...3)
        let scores = try inputs.required(1, [.float32]).dims("scores", ranks: 3...3)
        if let boxes, let scores, !agree(boxes[0], scores[0]) || !agree(boxes[1], scores[2]) {
            throw LTError(
                .shapeMismatch, "boxes are \(boxes.text), scores \(scores.text), expected the same batches and boxes")
        }
        if let boxes, !agree(boxes[2], 4) {
            throw LTError(.shapeMismatch, "boxes are \(boxes.text), expected 4 numbers for each")
        }
        for (index, name) in [(2, "max_output_boxes_per_class"), (3, "iou_threshold"), (4, "score_threshold")] {
            let input = try inputs.optional(index, [index == 2 ? .int64 : .float32])
            if let count = try input?.dims?.product(), count != 1 {
                throw LTError(.shapeMismatch, "\(name) has \(count) elements, expected 1")
            }
        }
        return [Facts(.int64, [nil, 3])]
    }

    private struct Box {
        let left, top, right, bottom, area: Float

        init(_ box: Slice<UnsafeMutableBufferPointer<Float>>, isCentered: Bool) {
            let (a, b, c, d) = (
                box[box.startIndex], box[box.startIndex + 1], box[box.startIndex + 2], box[box.startIndex + 3]
            )
            if isCentered {
                (left, right, top, bottom) = (a - c / 2, a + c / 2, b - d / 2, b + d / 2)
            } else {
                (left, right, top, bottom) = (min(b, d), max(b, d), min(a, c), max(a, c))
            }
            area = (right - left) * (bottom - top)
        }

        func overlaps(_ other: Box, above threshold: Float) -> Bool {
            let width = min(right, other.right) - max(left, other.left)
            let height = min(bottom, other.bottom) - max(top, other.top)
            guard width > 0, height > 0, area > 0, other.area > 0 else { return false }
            let common = width * height
            return common / (area + other.area - common) > threshold
        }
    }

    func run(_ inputs: [Tensor?]) throws(LTError) -> [Tensor] {
        _ = try infer(inputs.map { $0.map { Facts($0) } })
        func scalar<T: TensorElement>(_ index: Int, _: T.Type) -> T? {
            index < inputs.count ? inputs[index]?.elements(T.self).first : nil
        }
        let most = Int(scalar(2, Int64.self) ?? 0)
        let (overlap, lowest) = (scalar(3, Float.self) ?? 0, scalar(4, Float.self))
        let (boxes, scores) = (inputs[0]!.elements(Float.self), inputs[1]!.elements(Float.self))
        let dims = inputs[1]!.dims
        let count = dims[2]
        var rows: [Int64] = []
        for batch in 0..<(most > 0 && count > 0 ? dims[0] : 0) {
            let places = batch * count..<(batch + 1) * count
            let boxes = places.map { Box(boxes[4 * $0..<4 * $0 + 4], isCentered: isCentered) }
            for label in 0..<dims[1] {
                let line = (batch * dims[1] + label) * count
                for box in keep(boxes, scores[line..<line + count], most, overlap, lowest) {
                    rows += [Int64(batch), Int64(label), Int64(box)]
                }
            }
        }
        return [try Tensor(rows, [rows.count / 3, 3])]
    }

    private func keep(
        _ boxes: [Box], _ scores: Slice<UnsafeMutableBufferPointer<Float>>, _ most: Int, _ overlap: Float,
        _ lowest: Float?
    ) -> [Int] {
        // Falling score, then rising box, in one number that sorts fast. A NaN is no score.
        var order: [UInt64] = []
        for (box, score) in scores.enumerated() where score > lowest ?? -.infinity || lowest == nil && score == score {
            let bits = (score + 0).bitPattern
            let rising = bits >> 31 == 0 ? bits | 1 << 31 : ~bits
            order.append(UInt64(~rising) << 32 | UInt64(UInt32(truncatingIfNeeded: box)))
        }
        order.sort()
        var kept: [Box] = []
        var result: [Int] = []
        for key in order where !kept.contains(where: { $0.overlaps(boxes[Int(key & 0xFFFF_FFFF)], above: overlap) }) {
            result.append(Int(key & 0xFFFF_FFFF))
            if result.count == most { break }
            kept.append(boxes[Int(key & 0xFFFF_FFFF)])
        }
        return result
    }
}
