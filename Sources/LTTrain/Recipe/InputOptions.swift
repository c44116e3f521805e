// InputOptions: a recipe's `input` section: how images become the network's input when nothing is random. It goes into the
// exported file as `lt.preprocess`, for clips with `lt.clip` beside it.

import LTCore
import LTDecision
import LTImage

/// Size, geometry, colour and normalisation of the network's input; frames of a clip.
public struct InputOptions: Sendable {
    /// Side of the input in pixels; of a detector's the shorter one.
    public var size: Int
    /// Makes every image `size` × `size`, three channels, NCHW; for a detector the shape stays.
    public var preprocess: Preprocess
    /// Of a network for clips: which frames it sees.
    public var clip: ClipSampling?

    /// An image resized to a square, or a clip of such frames.
    public init(size: Int, preprocess: Preprocess, clip: ClipSampling? = nil) {
        self.size = size
        self.preprocess = preprocess
        self.clip = clip
    }

    /// The dimensions of one sample: [3, size, size], of a clip [3, frames, size, size] or [frames, 3, size, size].
    public var sampleDims: [Int] {
        guard let clip else { return [3, size, size] }
        return clip.layout == .cthw ? [3, clip.frames, size, size] : [clip.frames, 3, size, size]
    }

    /// Keys: `size`, `kernel`, `resize` {mode, size}, `center_crop`, `precrop`, `color`, `scale`, `mean`, `std`,
    /// `clip` {frames, sampling, stride, layout}. Of a detector `min_size`, `max_size`, `kernel`, `color`, `scale`, `mean`,
    /// `std`.
    init(_ section: RecipeSection, isDetector: Bool = false) throws(LTError) {
        let key = isDetector ? "min_size" : "size"
        let size = try section.required(key, section.int(key, in: 8...4096))
        let kernel = try section.choice("kernel", ResizeKernel.self) ?? .pilBilinear
        let bgr = try section.choice("color", Color.self) == .bgr
        // ImageNet's mean and deviation belong to pixels in 0 … 1; whoever scales otherwise says his own.
        let scale = try section.double("scale", in: 1e-6...1000)
        let ordinary = (mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225])
        func ordered(_ list: [Double]) -> [Double] { bgr ? list.reversed() : list }
        let mean = try section.doubles("mean", in: -1000...1000) ?? (scale == nil ? ordered(ordinary.mean) : [0])
        let std = try section.doubles("std", in: 1e-6...1000) ?? (scale == nil ? ordered(ordinary.std) : [1])

        if isDetector {
            let longest = try section.int("max_size", in: size...32_768)
            try section.finish()
            self.size = size
            preprocess = Preprocess(
                decode: .init(color: bgr ? .bgr : .rgb),
                resize: Preprocess.Resize(
                    mode: .shortest, size: Preprocess.Size(size), longest: longest, kernel: kernel),
                scale: scale ?? 1 / 255, mean: mean, std: std)
            try preprocess.validate()
            return
        }
        let precrop = try section.int("precrop", in: 8...32_768).map(Preprocess.Size.init(_:))
        var resize = Preprocess.Resize(mode: .squash, size: Preprocess.Size(size), kernel: kernel)
        if let part = try section.section("resize") {
            resize.mode = try part.choice("mode", Preprocess.Resize.Mode.self) ?? .squash
            resize.size = Preprocess.Size(try part.int("size", in: 8...4096) ?? size)
            try part.finish()
        }
        if let crop = try section.int("center_crop", in: 8...4096), crop != size {
            throw LTError(
                .invalidArgument, "\(section.place): center_crop is \(crop), expected the input's size \(size)",
                hint: "a crop before resizing is `precrop`")
        }
        let isCropped = resize.size.width != size || resize.mode == .shortest || resize.mode == .longest
        clip = try section.section("clip").map { part throws(LTError) in try ClipSampling(part) }
        try section.finish()
        self.size = size
        preprocess = Preprocess(
            decode: .init(color: bgr ? .bgr : .rgb), precrop: precrop, resize: resize,
            crop: isCropped ? Preprocess.Size(size) : nil, scale: scale ?? 1 / 255, mean: mean, std: std)
        try preprocess.validate()
    }

    private enum Color: String, CaseIterable { case rgb, bgr }
}

extension ClipSampling {
    /// Keys: `frames`, `sampling` segments or center, `stride` (of center), `layout` cthw or tchw.
    fileprivate init(_ section: RecipeSection) throws(LTError) {
        let frames = try section.required("frames", section.int("frames", in: 1...4096))
        let sampling = try section.choice("sampling", Sampling.self) ?? .segments
        let stride = try section.int("stride", in: 1...4096) ?? 1
        let layout = try section.choice("layout", Layout.self) ?? .cthw
        try section.finish()
        guard sampling == .center || stride == 1 else {
            throw section.error("stride", "sampling segments takes no stride; expected sampling: center")
        }
        self.init(frames: frames, sampling: sampling, stride: stride, layout: layout)
    }
}
