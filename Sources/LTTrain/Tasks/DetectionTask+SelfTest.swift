// DetectionTask+SelfTest: a picture of the training data and the best detections in it, for the exported file.

import LTCore
import LTDecision
import LTImage

extension DetectionTask {
    /// Detections that a self-test lists at most.
    private static let selfTestDetections = 20

    /// The smallest of the first training pictures through the whole chain. The list ends where the next score is farthest
    /// below, so that rounding changes nothing; nil where that is no distance, as in a network that has learnt nothing.
    func selfTest() throws(LTError) -> SelfTest? {
        guard let file = try SelfTestSample(training.samples)?.files[0] else { return nil }
        let writer = TensorWriter(recipe.input.preprocess)
        let image = try Image.decode(file, writer.preprocess.decodeOptions)
        let geometry = try writer.preprocess.geometry(width: image.width, height: image.height)
        let tensor = try Tensor(.float32, Shape([3, geometry.height, geometry.width]))
        try writer.apply(image, into: tensor.elements())
        let outputs = try outputs(tensor)
        guard let scores = try outputs["scores"]?.array(of: Float.self), !scores.isEmpty else { return nil }
        let gaps = scores.indices.prefix(Self.selfTestDetections).map { index in
            scores[index] - (index + 1 < scores.count ? scores[index + 1] : 0)
        }
        guard let last = gaps.indices.max(by: { gaps[$0] < gaps[$1] }), gaps[last] > 0.01 else { return nil }
        var values: [SelfTest.Value] = []
        for (name, output) in outputs.sorted(by: { $0.key < $1.key }) {
            let dims = [last + 1] + output.dims.dropFirst()
            let all =
                output.type == .int64
                ? try output.array(of: Int64.self).map { Float($0) } : try output.array(of: Float.self)
            values.append(
                SelfTest.Value(name: name, shape: dims, values: Array(all.prefix(dims.reduce(1, *)))))
        }
        return SelfTest(input: .images([file]), outputs: values)
    }
}
