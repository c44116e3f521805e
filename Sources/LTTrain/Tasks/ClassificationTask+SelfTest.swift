// ClassificationTask+SelfTest: an image or clip of the training data and the logits that it gives, for the exported file.

import LTCore
import LTData
import LTDecision
import LTGraph
import LTImage

extension ClassificationTask {
    /// The smallest of the first training samples, through the whole chain, and the logits it gives.
    func selfTest(_ graph: Graph) throws(LTError) -> SelfTest? {
        guard let found = try SelfTestSample(training.samples, frames: frames(of:)),
            let output = graph.outputs.first?.name
        else { return nil }
        let input = recipe.input
        let tensor = try Tensor(.float32, try Shape([1] + input.sampleDims))
        try SampleInput(input, augmentation: nil).write(
            found.sample, generator: SeededGenerator(seed: 0), into: tensor.elements()
        ) { (frame) throws(LTError) in
            try Image.decode(found.files[frame] ?? [], input.preprocess.decodeOptions)
        }
        let logits = try Torch.withoutGrad { () throws(LTError) in
            try executor.run(try TorchTensor(tensor).channelsLast(), mode: .inference).cast(.float32)
        }
        return SelfTest(
            input: .images(frames(of: found.sample).compactMap { found.files[$0] }),
            outputs: [SelfTest.Value(name: output, shape: logits.dims, values: try logits.array(of: Float.self))])
    }

    /// The frames that the network sees; [0] of an image. A short clip repeats some.
    private func frames(of sample: Sample) -> [Int] {
        guard sample.isClip, let clip = recipe.input.clip else { return [0] }
        return sample.frameCount > 0 ? clip.positions(of: sample.frameCount) : []
    }
}
