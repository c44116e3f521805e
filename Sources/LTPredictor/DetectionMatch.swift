// DetectionMatch: compares what a detector found with what a test case expects, without regard to order: every expected
// detection must have one of its own among the found ones (same label, near score, box and mask), and none may be left
// over. Outputs that are no part of the detections are compared value by value.

import LTCore
import LTDecision
import LTGraph
import LTImage
import LTRuntime

/// The comparer behind `lt-infer verify --match detections`.
public enum DetectionMatch {
    /// How far a detection may be from the expected one.
    public struct Tolerance: Sendable, Equatable {
        /// Pixels of the input tensor, for each edge.
        public var box: Float
        public var score: Float
        /// Least intersection over union of the masks.
        public var maskIoU: Double

        public init(box: Float = 0.05, score: Float = 1e-4, maskIoU: Double = 0.999) {
            (self.box, self.score, self.maskIoU) = (box, score, maskIoU)
        }
    }

    /// Compares the outputs of one data set.
    /// - Parameter settings: what the caller says of the model beside its file.
    /// - Throws: `conflict` that says what has no match; errors of `DetectionHead` for outputs that are no detector's.
    public static func compare(
        _ set: Verify.DataSet, of graph: Graph, _ tolerance: Tolerance = Tolerance(),
        values: Verify.Tolerance = Verify.Tolerance(), settings: ModelSettings = ModelSettings()
    ) throws(LTError) {
        let input = try ModelInput(graph)
        let layer = try settings.apply(to: try DecisionLayer(reading: graph), input: input)
        let head = try head(graph, layer)
        let parts = Set(head.outputs.values)
        try Verify.compare(set, graph.outputs.map(\.name).filter { !parts.contains($0) }, values)
        let (geometry, count) = try geometry(set, input, layer)
        let (actual, expected) = (tensors(set.actual, parts), tensors(set.expected, parts))
        for image in 0..<count {
            let found = try head.detections(actual, image: image, of: count, geometry: geometry)
            let wanted = try head.detections(expected, image: image, of: count, geometry: geometry)
            try within("image \(image)") { () throws(LTError) in try compare(found, wanted, tolerance) }
        }
    }

    /// Compares two lists of detections, each best first.
    /// - Returns: the greatest difference of two scores.
    /// - Throws: `conflict` that says how many have no match, and describes the first.
    @discardableResult
    public static func compare(
        _ found: [Detection], _ expected: [Detection], _ tolerance: Tolerance = Tolerance()
    ) throws(LTError) -> Float {
        var worst: Float = 0
        var free = [Bool](repeating: true, count: found.count)
        var missing: [Detection] = []
        var start = 0
        for wanted in expected {
            // Scores fall, so those near enough are a window that moves on.
            while start < found.count, found[start].score > wanted.score + tolerance.score { start += 1 }
            var best: (index: Int, distance: Float)?
            for index in start..<found.count {
                let candidate = found[index]
                guard candidate.score >= wanted.score - tolerance.score else { break }
                let distance = candidate.box.distance(wanted.box)
                guard free[index], abs(candidate.score - wanted.score) <= tolerance.score, candidate.box.isFinite,
                    candidate.category == wanted.category,
                    distance <= min(tolerance.box, best?.distance ?? .infinity),
                    overlap(candidate.mask, wanted.mask) >= tolerance.maskIoU
                else { continue }
                best = (index, distance)
            }
            if let best {
                free[best.index] = false
                worst = max(worst, abs(found[best.index].score - wanted.score))
            } else {
                missing.append(wanted)
            }
        }
        let left = found.indices.filter { free[$0] }
        guard let first = missing.first ?? left.first.map({ found[$0] }) else { return worst }
        var text = "\(missing.count) of \(expected.count) expected detections have no match, "
        text += "\(left.count) of \(found.count) found ones are left over; the first is \(describe(first))"
        if let wanted = missing.first {
            let nearest = found.indices.filter { free[$0] && found[$0].category == wanted.category }
                .min { found[$0].box.distance(wanted.box) < found[$1].box.distance(wanted.box) }
            if let nearest {
                text += ", the nearest found is \(describe(found[nearest]))"
                if wanted.mask != nil {
                    text += " with a mask IoU of \(overlap(found[nearest].mask, wanted.mask))"
                }
            }
        }
        throw LTError(.conflict, text)
    }

    private static func overlap(_ one: RunLengthMask?, _ other: RunLengthMask?) -> Double {
        guard let one, let other else { return one == nil && other == nil ? 1 : 0 }
        return one.iou(other)
    }

    private static func describe(_ detection: Detection) -> String {
        let box = detection.box
        return "label \(detection.category), score \(detection.score), box (\(box.x1), \(box.y1), \(box.x2), \(box.y2))"
    }

    /// The head that reads every row of a model that has chosen itself, whatever its labels mean; of other models, the
    /// detections that their decision layer makes.
    private static func head(_ graph: Graph, _ layer: DecisionLayer) throws(LTError) -> DetectionHead {
        var layer = layer
        if layer.task?.isDetection != true { layer.task = .detection }
        let head = try DetectionHead(graph, layer)
        guard head.isFinal, head.packed.isEmpty else { return head.isFinal ? head.unlimited : head }
        layer.postprocess?.background = nil
        let plain = DecisionLayer(task: layer.task, activation: layer.activation, postprocess: layer.postprocess)
        return try DetectionHead(graph, plain).unlimited
    }

    /// The size of the images that were fed, and their number.
    private static func geometry(
        _ set: Verify.DataSet, _ input: ModelInput, _ layer: DecisionLayer
    ) throws(LTError) -> (ImageGeometry, count: Int) {
        guard case .tensor(let tensor)? = set.inputs[input.name] else {
            throw LTError(.notFound, "no tensor for input '\(input.name)'")
        }
        let dims = tensor.dims
        guard dims.count == (input.isBatched ? 4 : 3) else {
            throw LTError(.shapeMismatch, "input '\(input.name)' has shape \(dims), expected images")
        }
        let isPlanar = layer.preprocess?.layout != .nhwc
        let size = Array(isPlanar ? dims.suffix(2) : dims.suffix(3).prefix(2))
        return (.identity(width: size[1], height: size[0]), input.isBatched ? dims[0] : 1)
    }

    /// What is no tensor is missing to the head.
    private static func tensors(_ values: [String: ONNXValue], _ names: Set<String>) -> [String: Tensor] {
        var tensors: [String: Tensor] = [:]
        for name in names { if case .tensor(let tensor)? = values[name] { tensors[name] = tensor } }
        return tensors
    }
}
