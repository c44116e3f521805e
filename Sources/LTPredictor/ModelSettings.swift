// ModelSettings: what the caller says about a model beside its file: flags fill what the metadata leave open and override
// what they say. What nobody says is an error that names the flag.

import LTCore
import LTDecision
import LTGraph
import LTImage

/// What flags say of preprocessing and decisions; `nil` leaves it to the file.
public struct ModelSettings: Sendable, Equatable {
    public var task: DecisionLayer.Task?
    public var activation: DecisionLayer.Activation?
    /// Class names in the order of the output columns.
    public var labels: [String]?
    public var resize: Resizing?
    /// Of the resize.
    public var size: Preprocess.Size?
    public var kernel: ResizeKernel?
    public var crop: Preprocess.Size?
    public var scale: Double?
    public var mean: [Double]?
    public var std: [Double]?
    public var color: Preprocess.Color?
    public var layout: Preprocess.Layout?
    /// The output that holds the scores; the first one when `nil`.
    public var output: String?
    /// Of a model of clips.
    public var clip = ClipSettings()
    /// How a detector's outputs become detections.
    public var postprocess: DecisionLayer.Postprocess?

    /// What flags say of the frames of a clip.
    public struct ClipSettings: Sendable, Equatable {
        public var frames: Int?
        public var sampling: ClipSampling.Sampling?
        public var stride: Int?
        public var layout: ClipSampling.Layout?
        public init() {}
    }

    /// How images get their size.
    public enum Resizing: String, Sendable, CaseIterable {
        /// They keep their own.
        case keep = "none"
        case shortest, longest, squash, letterbox

        var mode: Preprocess.Resize.Mode? { .init(rawValue: rawValue) }
    }

    public init() {}

    private var saysPreprocess: Bool {
        resize != nil || size != nil || kernel != nil || crop != nil || scale != nil || mean != nil || std != nil
            || color != nil || layout != nil
    }

    /// The file's decision layer with these settings put over it.
    /// - Parameter input: what the model takes; sizes that it fixes need no flag.
    func apply(to layer: DecisionLayer, input: ModelInput) throws(LTError) -> DecisionLayer {
        var layer = layer
        if input.isClip { layer.clip = try clip(layer.clip, input) }
        if let task { layer.task = task }
        if let activation { layer.activation = activation }
        if let labels {
            layer.labels = labels.enumerated().map { DecisionLayer.Label(id: $0.offset, name: $0.element) }
        }
        if let postprocess {
            layer.postprocess = (layer.postprocess ?? DecisionLayer.Postprocess()).overlaid(by: postprocess)
        }
        guard saysPreprocess else { return layer }
        var preprocess = layer.preprocess ?? Preprocess()
        if layer.preprocess == nil {
            guard let mean, let std else {
                throw Self.unsaid("how pixels are normalised", mean == nil ? "--mean" : "--std")
            }
            guard resize != nil || crop != nil else { throw Self.unsaid("how images get their size", "--resize") }
            (preprocess.mean, preprocess.std) = (mean, std)
        }
        if resize == .keep {
            preprocess.resize = nil
        } else if resize != nil || size != nil || kernel != nil {
            guard let mode = resize?.mode ?? preprocess.resize?.mode else {
                throw Self.unsaid("how to resize", "--resize")
            }
            guard let size = size ?? preprocess.resize?.size ?? input.size else {
                throw Self.unsaid("the size to resize to", "--size")
            }
            preprocess.resize = .init(
                mode: mode, size: size, kernel: kernel ?? preprocess.resize?.kernel ?? .pilBilinear)
        }
        if let crop { preprocess.crop = crop }
        if let scale { preprocess.scale = scale }
        if let mean { preprocess.mean = mean }
        if let std { preprocess.std = std }
        if let color { preprocess.decode.color = color }
        if let layout { preprocess.layout = layout }
        layer.preprocess = preprocess
        return layer
    }

    private func clip(_ stated: ClipSampling?, _ input: ModelInput) throws(LTError) -> ClipSampling {
        guard let sampling = clip.sampling ?? stated?.sampling else {
            throw Self.unsaid("which frames a clip is made of", "--clip-sampling", key: .clip)
        }
        let layout = clip.layout ?? stated?.layout ?? .cthw
        guard let frames = clip.frames ?? stated?.frames ?? input.dims[layout == .cthw ? 1 : 0] else {
            throw Self.unsaid("how many frames a clip has", "--clip-frames", key: .clip)
        }
        let stride = clip.stride ?? (sampling == stated?.sampling ? stated?.stride : nil)
        guard stride != nil || sampling == .segments else {
            throw Self.unsaid("how far apart the frames of a clip are", "--clip-stride", key: .clip)
        }
        return ClipSampling(frames: frames, sampling: sampling, stride: stride ?? 1, layout: layout)
    }

    /// Reads class names from a text file, one per line.
    /// - Throws: `io`; `malformed` for a file without a name.
    public static func names(inFile path: String) throws(LTError) -> [String] {
        let file = try readFile(path, limit: 1 << 26)
        let text = withExtendedLifetime(file) { String(decoding: file.bytes, as: UTF8.self) }
        var names = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).map(String.init)
        while names.last?.isEmpty == true { names.removeLast() }
        guard !names.isEmpty else { throw LTError(.malformed, "no class name in \(path)") }
        return names
    }

    static func unsaid(
        _ what: String, _ flag: String, key: DecisionLayer.Key = .preprocess
    ) -> LTError {
        LTError(.invalidArgument, "neither the model (\(key.rawValue)) nor a flag says \(what)", hint: "give \(flag)")
    }
}
