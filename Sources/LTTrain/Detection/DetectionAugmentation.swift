// DetectionAugmentation: what happens to a training picture and its objects before the batch, in one order: resizing, a random
// rectangle, mirroring, filling up to a fixed size, pasted objects. Every sample draws from a generator of its own.

import LTCore
import LTImage

/// Changes of training pictures; each part can be switched off.
public struct DetectionAugmentation: Sendable, Equatable {
    /// How large the picture becomes, its shape kept.
    public enum Scale: Sendable, Equatable {
        /// The shorter side is one of `sides`, all as likely; the longer one at most `longest` (multi-scale training).
        case shortest(sides: [Int], longest: Int)
        /// The longer side is `side` times a uniform factor (large-scale jitter).
        case jitter(side: Int, factors: ClosedRange<Double>)
    }

    public var scale: Scale?
    /// The greatest rectangle that is cut, anywhere in the picture; sides of smaller pictures stay.
    public var crop: Preprocess.Size?
    /// Probability of mirroring.
    public var flip = 0.0
    /// The size that pictures are filled up to, right and below.
    public var canvas: Preprocess.Size?
    /// The colour of what is filled.
    public var fill: [UInt8] = [0, 0, 0]
    /// Needs a canvas, so that pictures have one size, and masks.
    public var paste: CopyPaste?
    /// Objects with less of a side are dropped.
    public var least = DetectionPicture.leastSide
    public var kernel = ResizeKernel.pilBilinear

    public init() {}

    /// Multi-scale training of EQL (from 640) and of BACL's second stage.
    public static var multiScale: DetectionAugmentation {
        var result = DetectionAugmentation()
        result.scale = .shortest(sides: [640, 672, 704, 736, 768, 800], longest: 1333)
        result.flip = 0.5
        return result
    }

    /// Large-scale jitter and copy-paste of BACL's first stage.
    public static var copyPaste: DetectionAugmentation {
        var result = DetectionAugmentation()
        result.scale = .jitter(side: 1280, factors: 0.8...1.25)
        result.crop = Preprocess.Size(height: 1280, width: 1280)
        result.flip = 0.5
        result.canvas = Preprocess.Size(height: 1280, width: 1280)
        result.paste = CopyPaste()
        return result
    }

    /// The size of a resized picture, rounded half up.
    public static func size(width: Int, height: Int, shortest: Int, longest: Int) -> (width: Int, height: Int) {
        let (short, long) = (Double(min(width, height)), Double(max(width, height)))
        return scaled(width, height, min(Double(shortest) / short, Double(longest) / long))
    }

    private static func scaled(_ width: Int, _ height: Int, _ factor: Double) -> (width: Int, height: Int) {
        func side(_ length: Int) -> Int { max(1, Int(min(Double(length) * factor + 0.5, 0x1p30))) }
        return (side(width), side(height))
    }

    /// The changed picture, without pasted objects.
    public func apply(_ picture: DetectionPicture, _ generator: inout SeededGenerator) throws(LTError)
        -> DetectionPicture
    {
        var result = picture
        let (width, height) = (picture.image.width, picture.image.height)
        switch scale {
        case .shortest(let sides, let longest):
            guard !sides.isEmpty else { throw LTError(.invalidArgument, "no sides to resize pictures to") }
            let side = sides[generator.below(sides.count)]
            let size = Self.size(width: width, height: height, shortest: side, longest: longest)
            result = try result.resized(width: size.width, height: size.height, kernel: kernel)
        case .jitter(let side, let factors):
            let longest = Double(side) * generator.uniform(factors)
            let size = Self.scaled(width, height, longest / Double(max(width, height)))
            result = try result.resized(width: size.width, height: size.height, kernel: kernel)
        case nil: break
        }
        if let crop {
            let (w, h) = (min(crop.width, result.image.width), min(crop.height, result.image.height))
            let y = generator.below(result.image.height - h + 1)
            let x = generator.below(result.image.width - w + 1)
            result = try result.cropped(.init(x: x, y: y, width: w, height: h), least: least)
        }
        if flip > 0, generator.uniform() < flip { result = try result.mirrored() }
        if let canvas {
            result = try result.cropped(
                .init(x: 0, y: 0, width: canvas.width, height: canvas.height), least: least, fill: fill)
        }
        return result
    }

    /// Picture `index` of a set as training sees it; with pasting objects of another one, drawn among all.
    /// - Parameter masks: whether a mask head wants masks.
    public func picture(
        _ index: Int, of set: DetectionSet, masks: Bool, _ generator: inout SeededGenerator
    ) throws(LTError) -> DetectionPicture {
        let picture = try apply(try set.picture(index, masks: masks || paste != nil), &generator)
        guard let paste else { return picture }
        let other = try apply(try set.picture(generator.below(set.count), masks: true), &generator)
        return try paste(picture, from: other, &generator)
    }
}

extension DetectionAugmentation {
    /// A recipe's `augment` section: `shortest` {sides, longest} or `jitter` {side, factors}, `crop` [width, height], `flip`,
    /// `canvas` [width, height], `copy_paste` {most, shift, area}.
    public init(_ section: RecipeSection) throws(LTError) {
        self.init()
        if let part = try section.section("shortest") {
            let sides = try part.required("sides", part.ints("sides", in: 1...65_536))
            guard !sides.isEmpty else { throw part.error("sides", "is empty, expected sides in pixels") }
            let longest = try part.int("longest", in: 1...65_536) ?? 1333
            try part.finish()
            scale = .shortest(sides: sides, longest: longest)
        }
        if let part = try section.section("jitter") {
            guard scale == nil else { throw section.error("jitter", "comes beside shortest, expected one of them") }
            let side = try part.required("side", part.int("side", in: 1...65_536))
            let factors = try part.required("factors", part.doubles("factors", in: 0.01...100))
            guard factors.count == 2, factors[0] <= factors[1] else {
                throw part.error("factors", "expected two numbers, the lesser first")
            }
            try part.finish()
            scale = .jitter(side: side, factors: factors[0]...factors[1])
        }
        crop = try Self.size(section, "crop")
        flip = try section.double("flip", in: 0...1) ?? 0
        canvas = try Self.size(section, "canvas")
        if let part = try section.section("copy_paste") {
            guard canvas != nil else {
                throw section.error("copy_paste", "needs a canvas, so that pictures have one size")
            }
            var paste = CopyPaste()
            paste.most = try part.int("most", in: 0...100_000) ?? paste.most
            paste.shift = Float(try part.double("shift", in: 0...65_536) ?? Double(paste.shift))
            paste.area = try part.int("area", in: 0...1 << 40) ?? paste.area
            try part.finish()
            self.paste = paste
        }
        try section.finish()
    }

    private static func size(_ section: RecipeSection, _ key: String) throws(LTError) -> Preprocess.Size? {
        guard let sides = try section.ints(key, in: 1...65_536) else { return nil }
        guard sides.count == 2 else { throw section.error(key, "expected two numbers: width, height") }
        return Preprocess.Size(height: sides[1], width: sides[0])
    }
}
