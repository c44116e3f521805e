// Augmentation of training images, in the order of the Distribution-Balanced configuration: photometric distortion, random
// crop, resize to a square, normalise, horizontal flip. Every image draws from a generator of its own (seed and draw number).

import LTCore
import LTImage

/// What happens to a training image before it enters the batch; each part can be switched off.
public struct Augmentation: Sendable, Equatable {
    public var photometric: PhotometricDistortion?
    /// Whether the photometric distortion permutes the channels too.
    public var permutesChannels = true
    public var crop: RandomCrop?
    /// Probability of a horizontal flip.
    public var flip = 0.0

    public init() {}

    /// Distorts, crops, resizes and flips; normalising comes after, with `Preprocess`.
    func apply(_ image: Image, size: Int, kernel: ResizeKernel, generator: inout SeededGenerator) throws(LTError)
        -> Image
    {
        var result = image
        if let photometric {
            var drawn = photometric.draw(&generator)
            if !permutesChannels { drawn.permutation = [0, 1, 2] }
            result = try result.distorted(drawn)
        }
        if let crop {
            result = try result.cropped(crop.draw(width: result.width, height: result.height, &generator))
        }
        result = try result.resized(width: size, height: size, kernel: kernel)
        if flip > 0, generator.uniform() < flip { result = try result.flippedHorizontally() }
        return result
    }
}

extension Augmentation {
    /// A recipe's `augment` section: `photometric`, `crop`, `flip`.
    init(_ section: RecipeSection?) throws(LTError) {
        guard let section else { return }
        func range(_ section: RecipeSection, _ key: String, _ bounds: ClosedRange<Double>) throws(LTError)
            -> ClosedRange<Double>?
        {
            guard let values = try section.doubles(key, in: bounds) else { return nil }
            guard values.count == 2, values[0] <= values[1] else {
                throw section.error(key, "expected two numbers, the lesser first")
            }
            return values[0]...values[1]
        }
        if let part = try section.section("photometric") {
            var photometric = PhotometricDistortion()
            if let greatest = try part.double("brightness", in: 0...255) {
                photometric.brightness = -greatest...greatest
            }
            photometric.contrast = try range(part, "contrast", 0...10) ?? photometric.contrast
            photometric.saturation = try range(part, "saturation", 0...10) ?? photometric.saturation
            if let greatest = try part.double("hue", in: 0...180) { photometric.hue = -greatest...greatest }
            permutesChannels = try part.bool("permute_channels") ?? true
            try part.finish()
            self.photometric = photometric
        }
        if let part = try section.section("crop") {
            var crop = RandomCrop()
            crop.share = try range(part, "scale", 0.01...1) ?? crop.share
            crop.aspect = try range(part, "ratio", 0.01...100) ?? crop.aspect
            try part.finish()
            self.crop = crop
        }
        flip = try section.double("flip", in: 0...1) ?? 0
        try section.finish()
    }
}
