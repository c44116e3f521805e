// Augmentation of training images. Parts act in one order: photometric distortion, random rectangle (crop, resized_crop or
// random_crop), rotation, resize, padded crop, colour jitter, flip; then normalising. Every sample draws from a generator of
// its own (seed and draw number); the frames of a clip share what was drawn.

import LTCore
import LTImage

/// What happens to a training image before it enters the batch; each part can be switched off.
public struct Augmentation: Sendable, Equatable {
    /// The part of the image that goes on, resized to the input whatever its shape. Without one the image goes through
    /// the geometry of evaluation.
    public enum Window: Sendable, Equatable {
        case crop(RandomCrop)
        case resizedCrop(RandomResizedCrop)
        case randomCrop(RandomWindow)
    }

    public var photometric: PhotometricDistortion?
    /// Whether the photometric distortion permutes the channels too.
    public var permutesChannels = true
    public var window: Window?
    /// Greatest rotation to either side, in degrees; corners become black.
    public var rotation = 0.0
    /// Black pixels around the resized image, of which a rectangle of the input's size is cut.
    public var padding = 0
    public var jitter: ColorJitter?
    /// Probability of a horizontal flip.
    public var flip = 0.0

    public init() {}

    /// What was drawn for one sample.
    struct Draw: Sendable, Equatable {
        var photometric: PhotometricDistortion.Parameters?
        var window: PixelRectangle?
        var degrees = 0.0
        /// Where the resized image's (0, 0) lies in the result.
        var x = 0
        var y = 0
        var jitter: [ColorJitter.Part] = []
        var flips = false
    }

    /// Draws for images of this size.
    func draw(width: Int, height: Int, _ generator: inout SeededGenerator) -> Draw {
        var drawn = Draw()
        if let photometric {
            var parameters = photometric.draw(&generator)
            if !permutesChannels { parameters.permutation = [0, 1, 2] }
            drawn.photometric = parameters
        }
        switch window {
        case .crop(let crop): drawn.window = crop.draw(width: width, height: height, &generator)
        case .resizedCrop(let crop): drawn.window = crop.draw(width: width, height: height, &generator)
        case .randomCrop(let crop): drawn.window = crop.draw(width: width, height: height, &generator)
        case nil: break
        }
        if rotation > 0 { drawn.degrees = generator.uniform(-rotation...rotation) }
        if padding > 0 {
            drawn.x = padding - generator.below(2 * padding + 1)
            drawn.y = padding - generator.below(2 * padding + 1)
        }
        if let jitter { drawn.jitter = jitter.draw(&generator) }
        if flip > 0 { drawn.flips = generator.uniform() < flip }
        return drawn
    }
}

extension Augmentation.Draw {
    /// The augmented picture of the input's size.
    func apply(_ image: Image, _ input: InputOptions) throws(LTError) -> Image {
        var result = try image.rgb()
        // The distortion sees each pixel alone, so it may come after the crop, where there are fewer.
        if let window { result = try result.cropped(window) }
        if let photometric { result = try result.distorted(photometric) }
        result = try result.rotated(degrees: degrees)
        if window != nil {
            result = try result.resized(
                width: input.size, height: input.size, kernel: input.preprocess.resize?.kernel ?? .pilBilinear)
        } else {
            result = try input.preprocess.picture(result)
        }
        result = try result.placed(x: x, y: y, width: input.size, height: input.size, fill: [0, 0, 0])
        result = try result.jittered(jitter)
        return flips ? try result.flippedHorizontally() : result
    }
}

extension Augmentation {
    /// A recipe's `augment` section: `photometric`, one of `crop`, `resized_crop` and `random_crop`, `rotate`, `pad_crop`,
    /// `jitter`, `flip`.
    init(_ section: RecipeSection?) throws(LTError) {
        guard let section else { return }
        if let part = try section.section("photometric") {
            var photometric = PhotometricDistortion()
            if let greatest = try part.double("brightness", in: 0...255) {
                photometric.brightness = -greatest...greatest
            }
            photometric.contrast = try Self.range(part, "contrast", 0...10) ?? photometric.contrast
            photometric.saturation = try Self.range(part, "saturation", 0...10) ?? photometric.saturation
            if let greatest = try part.double("hue", in: 0...180) { photometric.hue = -greatest...greatest }
            permutesChannels = try part.bool("permute_channels") ?? true
            try part.finish()
            self.photometric = photometric
        }
        window = try Self.window(section)
        rotation = try section.double("rotate", in: 0...180) ?? 0
        if let part = try section.section("pad_crop") {
            padding = try part.required("padding", part.int("padding", in: 1...4096))
            try part.finish()
        }
        if let part = try section.section("jitter") {
            jitter = ColorJitter(
                brightness: try part.double("brightness", in: 0...10) ?? 0,
                contrast: try part.double("contrast", in: 0...10) ?? 0,
                saturation: try part.double("saturation", in: 0...10) ?? 0,
                hue: try part.double("hue", in: 0...0.5) ?? 0)
            try part.finish()
        }
        flip = try section.double("flip", in: 0...1) ?? 0
        try section.finish()
    }

    private static func window(_ section: RecipeSection) throws(LTError) -> Window? {
        var windows: [(key: String, window: Window)] = []
        if let part = try section.section("crop") {
            var crop = RandomCrop()
            crop.share = try range(part, "scale", 0.01...1) ?? crop.share
            crop.aspect = try range(part, "ratio", 0.01...100) ?? crop.aspect
            try part.finish()
            windows.append(("crop", .crop(crop)))
        }
        if let part = try section.section("resized_crop") {
            var crop = RandomResizedCrop()
            crop.scale = try range(part, "scale", 0.0001...1) ?? crop.scale
            crop.ratio = try range(part, "ratio", 0.01...100) ?? crop.ratio
            try part.finish()
            windows.append(("resized_crop", .resizedCrop(crop)))
        }
        if let part = try section.section("random_crop") {
            let side = try part.required("size", part.int("size", in: 8...32_768))
            try part.finish()
            windows.append(("random_crop", .randomCrop(RandomWindow(width: side, height: side))))
        }
        guard windows.count < 2 else {
            throw section.error(windows[1].key, "comes beside \(windows[0].key), expected one of them")
        }
        return windows.first?.window
    }

    private static func range(_ section: RecipeSection, _ key: String, _ bounds: ClosedRange<Double>) throws(LTError)
        -> ClosedRange<Double>?
    {
        guard let values = try section.doubles(key, in: bounds) else { return nil }
        guard values.count == 2, values[0] <= values[1] else {
            throw section.error(key, "expected two numbers, the lesser first")
        }
        return values[0]...values[1]
    }
}
