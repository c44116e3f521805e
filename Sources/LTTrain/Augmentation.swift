// Augmentation of training images, in the order of the Distribution-Balanced configuration: photometric distortion, random
// crop, resize to a square, normalise, horizontal flip. Every image draws from a generator of its own (seed and draw number).

import LTCore
import LTImage

/// What happens to a training image before it enters the batch; each part can be switched off.
public struct Augmentation: Sendable, Equatable {
    /// Photometric distortion: each part with probability 1/2, in 0 … 255.
    public struct Photometric: Sendable, Equatable {
        /// Greatest shift of brightness, grey values.
        public var brightness = 32.0
        public var contrast = 0.5...1.5
        public var saturation = 0.5...1.5
        /// Greatest turn of the hue, degrees.
        public var hue = 18.0
        /// Whether the channels are permuted at random.
        public var permutesChannels = true
        public init() {}
    }
    /// A random part: each side uniform in `scale` of the original, aspect ratio within `ratio`, up to 50 tries.
    public struct Crop: Sendable, Equatable {
        public var scale = 0.8...1.0
        /// Width over height of the part.
        public var ratio = 0.5...2.0
        public init() {}
    }
    public var photometric: Photometric?
    public var crop: Crop?
    /// Probability of a horizontal flip.
    public var flip: Double

    public init(photometric: Photometric? = nil, crop: Crop? = nil, flip: Double = 0) {
        self.photometric = photometric
        self.crop = crop
        self.flip = flip
    }

    /// Distorts, crops, resizes and flips; normalising comes after, with `Preprocess`.
    func apply(_ image: Image, size: Int, kernel: ResizeKernel, generator: inout SeededGenerator) throws(LTError) -> Image
    {
        var result = image
        if let photometric { result = try photometric.apply(result, &generator) }
        if let crop { result = try crop.apply(result, &generator) }
        result = try result.resized(width: size, height: size, kernel: kernel)
        if flip > 0, generator.uniform() < flip { result = try result.flipped() }
        return result
    }
}

extension Augmentation.Crop {
    func apply(_ image: Image, _ generator: inout SeededGenerator) throws(LTError) -> Image {
        var (width, height) = (image.width, image.height)
        for _ in 0..<50 {
            let w = max(1, Int(generator.uniform(scale) * Double(image.width)))
            let h = max(1, Int(generator.uniform(scale) * Double(image.height)))
            if ratio.contains(Double(w) / Double(h)) {
                (width, height) = (w, h)
                break
            }
        }
        let left = generator.below(image.width - width + 1)
        let top = generator.below(image.height - height + 1)
        return try image.part(left: left, top: top, width: width, height: height)
    }
}

extension Image {
    /// A rectangle that lies inside, copied.
    func part(left: Int, top: Int, width: Int, height: Int) throws(LTError) -> Image {
        if width == self.width, height == self.height { return self }
        let result = try Image(width: width, height: height, channels: channels)
        let row = width * channels
        for y in 0..<height {
            let source = pixels.pointer + ((top + y) * self.width + left) * channels
            (result.pixels.pointer + y * row).copyMemory(from: source, byteCount: row)
        }
        return result
    }

    /// Left and right exchanged.
    func flipped() throws(LTError) -> Image {
        let result = try Image(width: width, height: height, channels: channels)
        let (source, target) = (bytes, result.bytes)
        for y in 0..<height {
            for x in 0..<width {
                let from = (y * width + x) * channels
                let to = (y * width + width - 1 - x) * channels
                for c in 0..<channels { target[to + c] = source[from + c] }
            }
        }
        return result
    }
}

extension Augmentation.Photometric {
    /// Distorts an RGB image; the drawn numbers do not depend on the image.
    func apply(_ image: Image, _ generator: inout SeededGenerator) throws(LTError) -> Image {
        func half() -> Bool { generator.uniform() < 0.5 }
        let shift = half() ? Float(generator.uniform(-brightness...brightness)) : 0
        // Contrast comes before the colour part or after it.
        let contrastFirst = half()
        let factor = half() ? Float(generator.uniform(contrast)) : 1
        let saturated = half() ? Float(generator.uniform(saturation)) : 1
        let turned = half() ? Float(generator.uniform(-hue...hue)) : 0
        var order = [0, 1, 2]
        if permutesChannels, half() { order = generator.shuffled(order) }
        guard image.channels == 3 else { return image }
        let result = try Image(width: image.width, height: image.height, channels: 3)
        let (source, target) = (image.bytes, result.bytes)
        let first = contrastFirst ? factor : 1
        let last = contrastFirst ? 1 : factor
        let colours = saturated != 1 || turned != 0
        for pixel in 0..<image.width * image.height {
            var rgb = SIMD3<Float>(
                Float(source[3 * pixel]), Float(source[3 * pixel + 1]), Float(source[3 * pixel + 2]))
            rgb = (rgb + shift) * first
            if colours { rgb = Self.turned(rgb, hue: turned, saturation: saturated) }
            rgb *= last
            for c in 0..<3 { target[3 * pixel + c] = UInt8(min(max(rgb[order[c]], 0), 255).rounded()) }
        }
        return result
    }

    /// Turns the hue (degrees) and scales the saturation, in HSV.
    private static func turned(_ rgb: SIMD3<Float>, hue: Float, saturation: Float) -> SIMD3<Float> {
        let value = rgb.max()
        let chroma = value - rgb.min()
        guard chroma > 0, value > 0 else { return rgb }
        var h: Float =
            if value == rgb.x {
                (rgb.y - rgb.z) / chroma
            } else if value == rgb.y {
                2 + (rgb.z - rgb.x) / chroma
            } else {
                4 + (rgb.x - rgb.y) / chroma
            }
        h += hue / 60
        if h < 0 { h += 6 }
        if h >= 6 { h -= 6 }
        // Distortion may leave 0 … 255 before this: saturation is chroma over value, held to 1.
        let c = min(chroma * saturation, max(value, chroma))
        // Each channel is the value less its share of the chroma, by its distance from the hue.
        func channel(_ n: Float) -> Float {
            var k = n + h
            if k >= 6 { k -= 6 }
            return value - c * max(0, min(k, 4 - k, 1))
        }
        return SIMD3(channel(5), channel(3), channel(1))
    }
}
