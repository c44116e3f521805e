// PhotometricDistortion: SSD's colour augmentation as mmdetection runs it: brightness, contrast (before or after the
// colour part), HSV saturation and hue, channel permutation; 32-bit floats throughout, rounded to bytes at the end.

import CLTKernels
import LTCore

/// The ranges that a distortion is drawn from; each part happens with `probability`.
public struct PhotometricDistortion: Sendable, Equatable {
    /// What is added, in 0 … 255 units.
    public var brightness: ClosedRange<Double>
    /// What multiplies all channels.
    public var contrast: ClosedRange<Double>
    /// What multiplies the saturation.
    public var saturation: ClosedRange<Double>
    /// What is added to the hue, in degrees.
    public var hue: ClosedRange<Double>
    public var probability: Double

    /// The defaults are mmdetection's (and the Distribution-Balanced loss's).
    public init(
        brightness: ClosedRange<Double> = -32...32, contrast: ClosedRange<Double> = 0.5...1.5,
        saturation: ClosedRange<Double> = 0.5...1.5, hue: ClosedRange<Double> = -18...18, probability: Double = 0.5
    ) {
        self.brightness = brightness
        self.contrast = contrast
        self.saturation = saturation
        self.hue = hue
        self.probability = probability
    }

    /// One distortion; the defaults change nothing.
    public struct Parameters: Sendable, Equatable {
        public var brightness: Float = 0
        public var contrast: Float = 1
        /// Contrast is applied before saturation and hue rather than after them.
        public var contrastFirst = true
        public var saturation: Float = 1
        public var hue: Float = 0
        /// Result channel c is channel `permutation[c]`: three of 0, 1, 2, each once.
        public var permutation: [Int] = [0, 1, 2]
        public init() {}
    }

    /// Draws one. The number of values taken from the generator does not depend on what they are.
    public func draw(_ generator: inout SeededGenerator) -> Parameters {
        func happens(_ generator: inout SeededGenerator) -> Bool { generator.uniform() < probability }
        var drawn = Parameters()
        let (brightens, brightness) = (happens(&generator), Float(generator.uniform(brightness)))
        if brightens { drawn.brightness = brightness }
        drawn.contrastFirst = generator.below(2) == 1
        let (contrasts, contrast) = (happens(&generator), Float(generator.uniform(contrast)))
        if contrasts { drawn.contrast = contrast }
        let (saturates, saturation) = (happens(&generator), Float(generator.uniform(saturation)))
        if saturates { drawn.saturation = saturation }
        let (turns, hue) = (happens(&generator), Float(generator.uniform(hue)))
        if turns { drawn.hue = hue }
        let (permutes, permutation) = (happens(&generator), generator.shuffled([0, 1, 2]))
        if permutes { drawn.permutation = permutation }
        return drawn
    }
}

extension Image {
    /// The distorted RGB image; values are rounded half to even and clipped to 0 … 255 once, at the end.
    /// - Throws: `invalidArgument` for an image that is not RGB or a permutation that is none.
    public func distorted(_ parameters: PhotometricDistortion.Parameters) throws(LTError) -> Image {
        guard channels == 3, parameters.permutation.sorted() == [0, 1, 2] else {
            throw LTError(
                .invalidArgument,
                "photometric distortion of \(channels) channels with permutation \(parameters.permutation), "
                    + "expected 3 and an order of [0, 1, 2]")
        }
        let result = try Image(width: width, height: height, channels: 3)
        var job = lt_photometric()
        job.brightness = parameters.brightness
        job.contrast = parameters.contrast
        job.contrast_first = parameters.contrastFirst ? 1 : 0
        job.saturation = parameters.saturation
        job.hue = parameters.hue
        withUnsafeMutableBytes(of: &job.permutation) { slots in
            for channel in 0..<3 { slots[channel] = UInt8(parameters.permutation[channel]) }
        }
        lt_photometric_u8(&job, bytes.baseAddress, width * height, result.bytes.baseAddress)
        return result
    }
}
