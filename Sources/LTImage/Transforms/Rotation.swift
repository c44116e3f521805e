// Rotation: about the centre, size kept, linear interpolation, as Pillow's rotate(angle, BILINEAR) (torchvision's
// RandomRotation on Pillow images).

import CLTKernels
import LTCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

extension Image {
    /// The image turned counter-clockwise; what comes from outside it is `fill` in every channel.
    /// - Throws: `invalidArgument` for an angle that is not finite or sides above 2^20; `outOfMemory`.
    public func rotated(degrees: Double, fill: UInt8 = 0) throws(LTError) -> Image {
        guard degrees.isFinite, width <= 1 << 20, height <= 1 << 20 else {
            throw LTError(.invalidArgument, "rotation of \(width)×\(height) pixels by \(degrees) degrees")
        }
        if degrees == 0 { return self }
        let angle = -degrees.truncatingRemainder(dividingBy: 360) * .pi / 180
        let (cosine, sine) = (cos(angle), sin(angle))
        let (x, y) = (Double(width) / 2, Double(height) / 2)
        let matrix = [cosine, sine, x - cosine * x - sine * y, -sine, cosine, y + sine * x - cosine * y]
        let result = try Image(width: width, height: height, channels: channels)
        lt_rotate_u8(
            bytes.baseAddress, width, height, channels, matrix, [UInt8](repeating: fill, count: channels),
            result.bytes.baseAddress)
        return result
    }
}
