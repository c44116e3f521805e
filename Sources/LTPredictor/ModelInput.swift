// ModelInput: the one input of a model, seen as images: a batch [N,C,H,W] (or [N,H,W,C]), or one image [C,H,W].

import LTCore
import LTGraph
import LTImage

/// What a model takes.
public struct ModelInput: Sendable {
    public let name: String
    /// Whether the first dimension counts images.
    public let isBatched: Bool
    /// The batch that the file is exported for; `nil` takes any.
    public let fixedBatch: Int?
    /// The three dimensions of one image; `nil` where the file leaves one open.
    let dims: [Int?]

    init(_ graph: Graph) throws(LTError) {
        let inputs = graph.runtimeInputs
        guard inputs.count == 1 else {
            let names = inputs.map { "'\($0.name)'" }.joined(separator: ", ")
            throw LTError(.unsupported, "\(inputs.count) inputs (\(names)), expected one batch of images")
        }
        name = inputs[0].name
        guard case .tensor(let type, let dims?)? = inputs[0].type, 3...4 ~= dims.count else {
            throw LTError(
                .shapeMismatch,
                "input '\(name)' is not of rank 4 or 3, expected a batch of images [N,C,H,W] or one image [C,H,W]")
        }
        guard type == .float32 else {
            throw LTError(
                .typeMismatch, "input '\(name)' is tensor(\(type?.onnxName ?? "?")), expected tensor(float)")
        }
        isBatched = dims.count == 4
        fixedBatch = isBatched ? dims[0].fixed : nil
        self.dims = dims.suffix(3).map(\.fixed)
        if let fixedBatch, fixedBatch < 1 {
            throw LTError(.shapeMismatch, "input '\(name)' has batch \(fixedBatch)")
        }
    }

    /// [height, width], if the file fixes them (channels first unless only the last dimension can be channels).
    var size: Preprocess.Size? {
        let channelsLast = dims[2] == 3 && dims[0] != 3 || dims[2] == 1 && dims[0] != 1 && dims[0] != 3
        let (h, w) = channelsLast ? (dims[0], dims[1]) : (dims[1], dims[2])
        guard let h, let w else { return nil }
        return .init(height: h, width: w)
    }

    /// The shape that preprocessing gives every image, checked against the input's; `nil`: each image has its own.
    func sampleShape(_ preprocess: Preprocess) throws(LTError) -> Shape? {
        let size = preprocess.fixedSize
        let sample =
            preprocess.layout == .nchw
            ? [preprocess.channels, size?.height, size?.width] : [size?.height, size?.width, preprocess.channels]
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
                .shapeMismatch, "preprocessing makes \(text(sample)) of an image, input '\(name)' takes \(text(dims))",
                hint: "give --size, --crop, --color or --layout")
        }
        let known = sample.compactMap { $0 }
        return known.count == sample.count ? try Shape(known) : nil
    }

    /// The shape of the input for so many samples.
    public func shape(_ sample: Shape, count: Int) throws(LTError) -> Shape {
        isBatched ? try Shape([count] + sample.dims) : sample
    }
}
