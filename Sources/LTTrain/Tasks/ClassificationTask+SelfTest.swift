// ClassificationTask+SelfTest: an image or clip of the training data and the logits that it gives, for the exported file.

import LTCore
import LTData
import LTDecision
import LTGraph
import LTImage

extension ClassificationTask {
    /// Bytes that the pictures of a self-test take in the file at most, before base64.
    static let selfTestSize = 1 << 20

    /// The smallest of the first training samples, through the whole chain, and the logits it gives.
    func selfTest(_ graph: Graph) throws(LTError) -> SelfTest? {
        guard let (sample, files) = try selfTestSample(), let output = graph.outputs.first?.name else { return nil }
        let input = recipe.input
        let tensor = try Tensor(.float32, try Shape([1] + input.sampleDims))
        try SampleInput(input, augmentation: nil).write(
            sample, generator: SeededGenerator(seed: 0), into: tensor.elements()
        ) { (frame) throws(LTError) in
            try Image.decode(files[frame] ?? [], input.preprocess.decodeOptions)
        }
        let logits = try Torch.withoutGrad { () throws(LTError) in
            try executor.run(try TorchTensor(tensor).channelsLast(), mode: .inference).cast(.float32)
        }
        return SelfTest(
            input: .images(frames(of: sample).compactMap { files[$0] }),
            outputs: [SelfTest.Value(name: output, shape: logits.dims, values: try logits.array(of: Float.self))])
    }

    /// The frames that the network sees; [0] of an image. A short clip repeats some.
    private func frames(of sample: Sample) -> [Int] {
        guard sample.isClip, let clip = recipe.input.clip else { return [0] }
        return sample.frameCount > 0 ? clip.positions(of: sample.frameCount) : []
    }

    /// Of the first samples the one with the smallest files, and these, or the first of an archive as PNG, by frame.
    private func selfTestSample() throws(LTError) -> (Sample, [Int: [UInt8]])? {
        var smallest: (sample: Sample, files: [Int: [UInt8]], size: Int)?
        for sample in training.samples.prefix(50) {
            let frames = frames(of: sample)
            var files: [Int: [UInt8]] = [:]
            for frame in Set(frames) {
                files[frame] =
                    switch sample {
                    case .file(let path): try Self.content(path)
                    case .clip(let folder, let names): try Self.content("\(folder)/\(names[frame])")
                    case .archived: try sample.image(frame: frame).encodedPNG()
                    }
            }
            let size = frames.reduce(0) { $0 + (files[$1]?.count ?? 0) }
            if !files.isEmpty, size < smallest?.size ?? .max { smallest = (sample, files, size) }
            if case .archived = sample { break }
        }
        guard let smallest else { return nil }
        let allowed = Self.selfTestSize / frames(of: smallest.sample).count
        var files = smallest.files
        for (frame, file) in files { files[frame] = try Self.reduced(file, to: allowed) }
        return (smallest.sample, files)
    }

    private static func content(_ path: String) throws(LTError) -> [UInt8] {
        try within("image \(path)") { () throws(LTError) in
            Array(try readFile(path))
        }
    }

    /// A file of more bytes becomes a PNG of so few pixels that they fit.
    static func reduced(_ file: [UInt8], to allowed: Int) throws(LTError) -> [UInt8] {
        guard file.count > allowed else { return file }
        let image = try Image.decode(file)
        let pixels = Double(image.width * image.height)
        let factor = min(1, (Double(allowed) / (3 * pixels)).squareRoot())
        let size = Preprocess.Size(
            height: max(1, Int(Double(image.height) * factor)), width: max(1, Int(Double(image.width) * factor)))
        return try Preprocess(resize: .init(mode: .squash, size: size)).picture(image).encodedPNG()
    }
}
