// SampleInput: one sample (an image, or the chosen frames of a clip) as the network's input: augmented while training, else
// through the preprocessing that the exported file repeats.

import LTCore
import LTData
import LTImage

/// Makes inputs of one kind; any thread may use it.
struct SampleInput: Sendable {
    let input: InputOptions
    /// nil: as in evaluation.
    let augmentation: Augmentation?
    private let writer: TensorWriter

    init(_ input: InputOptions, augmentation: Augmentation?) {
        self.input = input
        self.augmentation = augmentation
        writer = TensorWriter(input.preprocess)
    }

    /// Floats of one sample.
    var count: Int { input.sampleDims.reduce(1, *) }

    /// Writes one sample's floats.
    /// - Throws: what decoding throws, with the file's name; `invalidArgument` for a clip without frames or an image where
    ///   a clip is expected.
    func write(
        _ sample: Sample, generator: SeededGenerator, into target: UnsafeMutableBufferPointer<Float>,
        image: (_ frame: Int) throws(LTError) -> Image
    ) throws(LTError) {
        var generator = generator
        guard let clip = input.clip else {
            if sample.isClip {
                throw LTError(
                    .invalidArgument, "\(sample.name) is a clip, the network takes images",
                    hint: "say which frames in the recipe's `input.clip`")
            }
            try write(try image(0), sample.name, &generator, target, nil)
            return
        }
        guard sample.isClip else {
            throw LTError(.invalidArgument, "\(sample.name) is an image, the network takes clips")
        }
        let count = sample.frameCount
        guard count > 0 else { throw LTError(.invalidArgument, "clip \(sample.name) has no frames") }
        let positions = augmentation == nil ? clip.positions(of: count) : clip.draw(of: count, &generator)
        let plane = input.size * input.size
        var drawn: Augmentation.Draw?
        var first: (width: Int, height: Int)?
        for (index, position) in positions.enumerated() {
            let frame = try image(position)
            let size = first ?? (frame.width, frame.height)
            first = size
            guard size == (frame.width, frame.height) else {
                throw LTError(
                    .shapeMismatch,
                    "frame \(sample.frameName(position)) has \(frame.width)×\(frame.height) pixels, the clip's first \(size.width)×\(size.height)",
                    context: ["clip \(sample.name)"])
            }
            if drawn == nil, let augmentation {
                drawn = augmentation.draw(width: size.width, height: size.height, &generator)
            }
            // [channels, frames, …]: the channels of a frame lie `frames` planes apart.
            let stride = clip.layout == .cthw ? clip.frames * plane : plane
            let start = clip.layout == .cthw ? index * plane : index * 3 * plane
            let part = UnsafeMutableBufferPointer(rebasing: target[start..<start + 2 * stride + plane])
            try within("image \(sample.name)/\(sample.frameName(position))") { () throws(LTError) in
                try write(frame, drawn, part, stride)
            }
        }
    }

    private func write(
        _ image: Image, _ name: String, _ generator: inout SeededGenerator,
        _ target: UnsafeMutableBufferPointer<Float>, _ plane: Int?
    ) throws(LTError) {
        let drawn = augmentation?.draw(width: image.width, height: image.height, &generator)
        do { try write(image, drawn, target, plane) } catch { throw error.inside("image \(name)") }
    }

    private func write(
        _ image: Image, _ drawn: Augmentation.Draw?, _ target: UnsafeMutableBufferPointer<Float>, _ plane: Int?
    ) throws(LTError) {
        if let drawn {
            try writer.write(try drawn.apply(image, input), into: target, plane: plane)
        } else {
            try writer.apply(image, into: target, plane: plane)
        }
    }
}
