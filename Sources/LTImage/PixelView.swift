// PixelView: decoded pixels in memory of a host (a camera, a video decoder, another library), and what they are to the
// preprocessing: the image that decoding a file of the same picture gives.

import LTCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// 8-bit pixels in somebody else's memory: interleaved rows, upright, the first one at the top.
public struct PixelView {
    /// The bytes of one pixel, in the order of memory.
    public enum Format: String, Sendable, CaseIterable {
        case rgb, bgr, rgba, bgra, grey

        public var bytesPerPixel: Int {
            switch self {
            case .grey: 1
            case .rgb, .bgr: 3
            case .rgba, .bgra: 4
            }
        }
    }

    /// Valid as long as the view is in use.
    public var bytes: UnsafeRawBufferPointer
    public var width: Int
    public var height: Int
    /// Bytes from the start of a row to the start of the next; the last row may end with its last pixel.
    public var rowStride: Int
    public var format: Format

    /// - Parameter rowStride: `nil`: rows without padding.
    public init(
        bytes: UnsafeRawBufferPointer, width: Int, height: Int, rowStride: Int? = nil, format: Format
    ) {
        self.bytes = bytes
        self.width = width
        self.height = height
        self.rowStride = rowStride ?? width.multipliedReportingOverflow(by: format.bytesPerPixel).partialValue
        self.format = format
    }

    /// - Throws: `invalidArgument` for sizes below 1, a stride shorter than a row, and memory that ends before the last
    ///   pixel; `outOfMemory` for more pixels than `limit`.
    func check(limit: Int) throws(LTError) {
        guard width >= 1, height >= 1 else {
            throw LTError(.invalidArgument, "pixels of \(width)×\(height), expected sides from 1")
        }
        let (pixels, tooMany) = width.multipliedReportingOverflow(by: height)
        guard !tooMany, pixels <= limit else {
            throw LTError(.outOfMemory, "image of \(width)×\(height) pixels, the limit is \(limit) pixels")
        }
        let (row, tooWide) = width.multipliedReportingOverflow(by: format.bytesPerPixel)
        guard !tooWide, rowStride >= row else {
            throw LTError(
                .invalidArgument,
                "rows \(rowStride) bytes apart, \(width) \(format.rawValue) pixels take \(format.bytesPerPixel) bytes each"
            )
        }
        let (above, tooFar) = rowStride.multipliedReportingOverflow(by: height - 1)
        guard !tooFar, bytes.count >= row, above <= bytes.count - row else {
            throw LTError(
                .invalidArgument,
                "\(bytes.count) bytes end before the last of \(height) rows of \(row) bytes, \(rowStride) bytes apart")
        }
    }
}

extension Image {
    /// The image that `decode` gives of a file of the same picture: RGB or grey, without alpha. EXIF does not apply.
    /// - Throws: `invalidArgument` for a view that does not hold its pixels; `outOfMemory`, also for more than
    ///   `maximumPixels`.
    public init(_ view: PixelView, _ options: DecodeOptions = DecodeOptions()) throws(LTError) {
        try view.check(limit: options.maximumPixels)
        let isGrey = view.format == .grey && options.color == .grey
        let image = try Image(width: view.width, height: view.height, channels: isGrey ? 1 : 3)
        guard let source = view.bytes.baseAddress, let target = image.bytes.baseAddress else {
            throw LTError(.invalidArgument, "pixels without memory")
        }
        let step = view.format.bytesPerPixel
        // Where red, green and blue lie in a pixel.
        let (red, green, blue) =
            switch view.format {
            case .rgb, .rgba: (0, 1, 2)
            case .bgr, .bgra: (2, 1, 0)
            case .grey: (0, 0, 0)
            }
        for y in 0..<view.height {
            let from = (source + y * view.rowStride).assumingMemoryBound(to: UInt8.self)
            let to = target + y * view.width * image.channels
            if isGrey || view.format == .rgb {
                memcpy(to, from, view.width * image.channels)
            } else {
                for x in 0..<view.width {
                    to[3 * x] = from[x * step + red]
                    to[3 * x + 1] = from[x * step + green]
                    to[3 * x + 2] = from[x * step + blue]
                }
            }
        }
        self = options.color == .grey ? try image.grey() : image
    }
}
