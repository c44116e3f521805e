// ModelInput: the one input of a model, seen as images: a batch [N,C,H,W] (or [N,H,W,C]), one image [C,H,W], or a batch of
// clips of frames [N,C,T,H,W] (or [N,T,C,H,W]).

import LTCore
import LTDecision
import LTGraph
import LTImage

/// What a model takes.
public struct ModelInput: Sendable {
    public let name: String
    /// Whether the first dimension counts images.
    public let isBatched: Bool
    /// The batch that the file is exported for; `nil` takes any.
    public let fixedBatch: Int?
    /// Whether the model takes clips of frames.
    public var isClip: Bool { dims.count == 4 }
    /// The dimensions of one image (three) or clip (four); `nil` where the file leaves one open.
    let dims: [Int?]

    init(_ graph: Graph) throws(LTError) {
        let inputs = graph.runtimeInputs
        guard inputs.count == 1 else {
            let names = inputs.map { "'\($0.name)'" }.joined(separator: ", ")
            throw LTError(.unsupported, "\(inputs.count) inputs (\(names)), expected one batch of images")
        }
        name = inputs[0].name
        guard case .tensor(let type, let dims?)? = inputs[0].type, 3...5 ~= dims.count else {
            throw LTError(
                .shapeMismatch,
                "input '\(name)' is not of rank 3 to 5, expected one image [C,H,W], a batch of images [N,C,H,W] or of clips "
                    + "[N,C,T,H,W]")
        }
        guard type == .float32 else {
            throw LTError(
                .typeMismatch, "input '\(name)' is tensor(\(type?.onnxName ?? "?")), expected tensor(float)")
        }
        isBatched = dims.count >= 4
        fixedBatch = isBatched ? dims[0].fixed : nil
        self.dims = dims.dropFirst(isBatched ? 1 : 0).map(\.fixed)
        if let fixedBatch, fixedBatch < 1 {
            throw LTError(.shapeMismatch, "input '\(name)' has batch \(fixedBatch)")
        }
    }

    /// [height, width], if the file fixes them (channels first unless only the last dimension can be channels).
    var size: Preprocess.Size? {
        if isClip {
            guard let h = dims[2], let w = dims[3] else { return nil }
            return .init(height: h, width: w)
        }
        let channelsLast = dims[2] == 3 && dims[0] != 3 || dims[2] == 1 && dims[0] != 1 && dims[0] != 3
        let (h, w) = channelsLast ? (dims[0], dims[1]) : (dims[1], dims[2])
        guard let h, let w else { return nil }
        return .init(height: h, width: w)
    }

    /// The shape that preprocessing gives every image, checked against the input's; `nil`: each image has its own.
    func sampleShape(_ preprocess: Preprocess, _ clip: ClipSampling?) throws(LTError) -> Shape? {
        let size = preprocess.fixedSize
        let (channels, height, width) = (preprocess.channels, size?.height, size?.width)
        let sample: [Int?]
        if isClip {
            guard let clip else { throw ModelSettings.unsaid("which frames a clip is made of", "--clip-sampling") }
            guard preprocess.layout == .nchw else {
                throw LTError(.unsupported, "layout \(preprocess.layout.rawValue) of clips, expected nchw")
            }
            sample =
                clip.layout == .cthw ? [channels, clip.frames, height, width] : [clip.frames, channels, height, width]
        } else {
            sample = preprocess.layout == .nchw ? [channels, height, width] : [height, width, channels]
        }
        let agrees = zip(dims, sample).allSatisfy { $0 == nil || $0 == $1 }
        guard agrees else {
            let text = { (dims: [Int?]) in "[" + dims.map { $0.map(String.init) ?? "?" }.joined(separator: ",") + "]" }
            if size == nil, zip(dims, sample).allSatisfy({ $0 == nil || $1 == nil || $0 == $1 }) {
                throw LTError(
                    .invalidArgument,
                    "preprocessing gives every image its own size, input '\(name)' takes \(text(dims))",
                    hint: "give --crop, or --resize squash or letterbox")
            }
            throw LTError(
                .shapeMismatch,
                "preprocessing makes \(text(sample)) of \(isClip ? "a clip" : "an image"), input '\(name)' takes \(text(dims))",
                hint: "give --size, --crop, --color or --\(isClip ? "clip-" : "")layout")
        }
        let known = sample.compactMap { $0 }
        return known.count == sample.count ? try Shape(known) : nil
    }

    /// The shape of the input for so many samples.
    public func shape(_ sample: Shape, count: Int) throws(LTError) -> Shape {
        isBatched ? try Shape([count] + sample.dims) : sample
    }
}
