// ColorJitter: brightness, contrast, saturation and hue by random factors in random order, as torchvision's ColorJitter on
// Pillow images: 8-bit pixels after each part.

import CLTKernels
import LTCore

/// The ranges that a jitter is drawn from; a range of one neutral value switches its part off.
public struct ColorJitter: Sendable, Equatable {
    /// Factors; 1 changes nothing.
    public var brightness: ClosedRange<Double>
    public var contrast: ClosedRange<Double>
    public var saturation: ClosedRange<Double>
    /// Turns of the colour circle, within -0.5 … 0.5.
    public var hue: ClosedRange<Double>

    public init(
        brightness: ClosedRange<Double> = 1...1, contrast: ClosedRange<Double> = 1...1,
        saturation: ClosedRange<Double> = 1...1, hue: ClosedRange<Double> = 0...0
    ) {
        self.brightness = brightness
        self.contrast = contrast
        self.saturation = saturation
        self.hue = hue
    }

    /// Factors within `1 ± amount` (not below 0), hue within ± `hue`.
    public init(brightness: Double, contrast: Double, saturation: Double, hue: Double) {
        func range(_ amount: Double) -> ClosedRange<Double> { max(0, 1 - amount)...1 + amount }
        self.init(
            brightness: range(brightness), contrast: range(contrast), saturation: range(saturation), hue: -hue...hue)
    }

    /// One part of a jitter.
    public enum Part: Sendable, Equatable {
        /// Factor between black (0) and the image (1), or beyond.
        case brightness(Double)
        /// Factor between the mean luma and the image.
        case contrast(Double)
        /// Factor between the image's luma and the image.
        case saturation(Double)
        /// Turns of the colour circle.
        case hue(Double)
    }

    /// Draws the parts in the order in which they act; the number of values taken from the generator is always the same.
    public func draw(_ generator: inout SeededGenerator) -> [Part] {
        let order = generator.shuffled([0, 1, 2, 3])
        let parts: [Part] = [
            .brightness(generator.uniform(brightness)), .contrast(generator.uniform(contrast)),
            .saturation(generator.uniform(saturation)), .hue(generator.uniform(hue)),
        ]
        return order.map { parts[$0] }.filter { part in
            switch part {
            case .brightness(let factor), .contrast(let factor), .saturation(let factor): factor != 1
            case .hue(let turns): turns != 0
            }
        }
    }
}

extension Image {
    /// The RGB image after these parts, in order.
    /// - Throws: `invalidArgument` for an image that is not RGB, a negative factor or more than half a turn of hue.
    public func jittered(_ parts: [ColorJitter.Part]) throws(LTError) -> Image {
        guard channels == 3 else {
            throw LTError(.invalidArgument, "colour jitter of \(channels) channels, expected 3")
        }
        guard !parts.isEmpty else { return self }
        let result = try Image(width: width, height: height, channels: 3)
        let (pixels, count) = (width * height, width * height * 3)
        let target = result.bytes.baseAddress
        var source = UnsafePointer(bytes.baseAddress)
        for part in parts {
            switch part {
            case .brightness(let factor), .contrast(let factor), .saturation(let factor):
                guard (0...1e6).contains(factor) else {
                    throw LTError(.invalidArgument, "colour jitter by factor \(factor), expected 0 … 10^6")
                }
            case .hue(let turns):
                guard (-0.5...0.5).contains(turns) else {
                    throw LTError(.invalidArgument, "colour jitter by \(turns) turns of hue, expected -0.5 … 0.5")
                }
            }
            switch part {
            case .brightness(let factor):
                lt_lookup_u8(Self.blend(0, factor), source, count, target)
            case .contrast(let factor):
                let mean = Int(Double(lt_luma_sum_u8(source, pixels)) / Double(pixels) + 0.5)
                lt_lookup_u8(Self.blend(mean, factor), source, count, target)
            case .saturation(let factor):
                lt_saturate_u8(source, pixels, Float(factor), target)
            case .hue(let turns):
                lt_turn_hue_u8(source, pixels, UInt8(truncatingIfNeeded: Int(turns * 255)), target)
            }
            source = UnsafePointer(target)
        }
        return result
    }

    /// What each byte becomes at `factor` between `other` (0) and itself (1): clipped and truncated.
    private static func blend(_ other: Int, _ factor: Double) -> [UInt8] {
        (0..<256).map { UInt8(min(max(Float(other) + Float(factor) * Float($0 - other), 0), 255)) }
    }
}
