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
