// Color: sRGB colours, and a palette of any length in which neighbours differ: equal lightness and chroma in OKLCH, hues
// a golden angle apart. https://bottosson.github.io/posts/oklab/

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// An opaque sRGB colour.
public struct Color: Sendable, Equatable {
    public var red, green, blue: UInt8

    public init(_ red: UInt8, _ green: UInt8, _ blue: UInt8) { (self.red, self.green, self.blue) = (red, green, blue) }

    public static let black = Color(0, 0, 0)
    public static let white = Color(255, 255, 255)

    /// Colour number `index` of the palette; the same for the same number.
    public static func category(_ index: Int) -> Color {
        // Every third round around the circle has its own lightness.
        let lightness = [0.74, 0.66, 0.82][abs(index / 13 % 3)]
        let hue = (Double(index % 100_000) * 137.50776405 + 25) * .pi / 180
        return oklch(lightness, 0.17, hue)
    }

    /// Black or white, whichever is easier to read on this colour.
    public var contrasting: Color {
        let linear = [red, green, blue].map { pow(Double($0) / 255, 2.2) }
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] > 0.3 ? .black : .white
    }

    private static func oklch(_ lightness: Double, _ chroma: Double, _ hue: Double) -> Color {
        let (a, b) = (chroma * cos(hue), chroma * sin(hue))
        let l = pow(lightness + 0.3963377774 * a + 0.2158037573 * b, 3)
        let m = pow(lightness - 0.1055613458 * a - 0.0638541728 * b, 3)
        let s = pow(lightness - 0.0894841775 * a - 1.2914855480 * b, 3)
        func byte(_ linear: Double) -> UInt8 {
            let clipped = min(max(linear, 0), 1)
            let encoded = clipped <= 0.0031308 ? 12.92 * clipped : 1.055 * pow(clipped, 1 / 2.4) - 0.055
            return UInt8((encoded * 255).rounded())
        }
        return Color(
            byte(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s),
            byte(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
            byte(-0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s))
    }
}
