// Running the self-test that a model file carries (`lt.selftest`).

import LTCore
import LTDecision
import LTGraph
import LTImage
import LTRuntime

extension SelfTest {
    /// Runs the model on the test's input and compares every output that the test names; of a detector whose outputs are
    /// boxes, scores and labels, detections (`compareDetections`).
    /// - Returns: the greatest difference, relative to the greatest expected |value| of its output; of detections that of
    ///   their scores.
    /// - Throws: `conflict` beyond the tolerance, and errors of the model.
    @discardableResult
    public func run(_ graph: Graph, on backend: any Backend, options: PlanOptions) throws(LTError) -> Float {
        try within("self-test") { () throws(LTError) in
            var feed: [String: Tensor] = [:]
            switch input {
            case .tensors(let values):
                for value in values { feed[value.name] = try Tensor(value.values, value.shape) }
            case .images(let files):
                let model = try ModelInput(graph)
                let tensor = try Self.tensor(files, model, try DecisionLayer(reading: graph))
                feed[model.name] = try tensor.reshaped(try model.shape(tensor.shape, count: 1))
            }
            let results = try Session(try Plan(graph, on: backend, options: options)).run(feed)
            guard !outputs.isEmpty else { throw LTError(.malformed, "the self-test expects no output") }
            let layer = try DecisionLayer(reading: graph)
            if layer.task?.isDetection == true {
                let head = try DetectionHead(graph, layer)
                if head.isFinal, head.outputs.values.allSatisfy({ name in outputs.contains { $0.name == name } }) {
                    return try compareDetections(results, head.unlimited, feed, graph)
                }
            }
            var worst: Float = 0
            for expected in outputs {
                guard let output = results[expected.name] else {
                    throw LTError(.notFound, "the model has no output '\(expected.name)'")
                }
                worst = max(
                    worst, try check(output: expected.name, shape: output.dims, values: try output.array()))
            }
            return worst
        }
    }

    /// The test lists the best detections: each must be there, and no other may score higher than the last of them. Scores may
    /// be off by the tolerance, boxes by 0.05 pixels; masks overlap by 0.99.
    private func compareDetections(
        _ results: [String: Tensor], _ head: DetectionHead, _ feed: [String: Tensor], _ graph: Graph
    ) throws(LTError) -> Float {
        let input = try ModelInput(graph)
        guard let dims = feed[input.name]?.dims, dims.count == (input.isBatched ? 4 : 3) else {
            throw LTError(.malformed, "the self-test has no image for input '\(input.name)'")
        }
        let size = dims.suffix(2)
        let geometry = ImageGeometry.identity(width: size[size.endIndex - 1], height: size[size.startIndex])
        var tensors: [String: Tensor] = [:]
        for value in outputs {
            let tensor = try Tensor(value.values, value.shape)
            // Labels are whole numbers, kept as float32 like everything in a self-test.
            tensors[value.name] = try results[value.name].map { result throws(LTError) in
                guard result.type == .int64 else { return tensor }
                return try Tensor(
                    value.values.map { Int64(exactly: $0) ?? .min }, value.shape)
            }
        }
        let expected = try head.detections(tensors, geometry: geometry)
        let least = (expected.map(\.score).min() ?? .infinity) - tolerance
        let found = try head.detections(results, geometry: geometry).filter { $0.score >= least }
        return try DetectionMatch.compare(found, expected, .init(score: tolerance, maskIoU: 0.99))
    }

    /// The tensor of one image, or of one clip of images that are its frames.
    private static func tensor(
        _ files: [[UInt8]], _ model: ModelInput, _ layer: DecisionLayer
    ) throws(LTError) -> Tensor {
        guard let preprocess = layer.preprocess else {
            throw LTError(.notFound, "an image as input, but the model has no lt.preprocess")
        }
        func count(_ wanted: Int) throws(LTError) {
            guard files.count != wanted else { return }
            throw LTError(
                .shapeMismatch,
                "\(files.count) images as input, the model takes \(model.isClip ? "clips of \(wanted) frames" : "one")")
        }
        guard model.isClip else {
            try count(1)
            return try files[0].withRawBytes { bytes throws(LTError) in try preprocess.tensor(bytes).0 }
        }
        guard let shape = try model.sampleShape(preprocess, layer.clip), let clip = layer.clip else {
            throw LTError(.shapeMismatch, "preprocessing gives every frame its own size, a clip needs one")
        }
        try count(clip.frames)
        let tensor = try Tensor(.float32, shape)
        try clip.write(into: tensor, preprocess) { (index) throws(LTError) in
            try files[index].withRawBytes { bytes throws(LTError) in
                try Image.decode(bytes, preprocess.decodeOptions)
            }
        }
        return tensor
    }
}
