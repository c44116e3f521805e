// Resize: to a given size with a named library's kernel, bit-equal to it. Pillow's kernels are antialiased (their
// support grows with the reduction); OpenCV's linear is not.

import CLTKernels
import LTCore

/// A resize kernel: the library whose bits it reproduces, and its name there.
public enum ResizeKernel: String, Sendable, Codable, CaseIterable {
    case pilNearest = "pil-nearest"
    case pilBox = "pil-box"
    case pilBilinear = "pil-bilinear"
    case pilHamming = "pil-hamming"
    case pilBicubic = "pil-bicubic"
    case pilLanczos = "pil-lanczos"
    case cv2Nearest = "cv2-nearest"
    case cv2Linear = "cv2-linear"
    case cv2Area = "cv2-area"

    /// The filter of Pillow's resampling, for the kernels that are one.
    var filter: Int? {
        switch self {
        case .pilBox: LT_FILTER_BOX
        case .pilBilinear: LT_FILTER_BILINEAR
        case .pilHamming: LT_FILTER_HAMMING
        case .pilBicubic: LT_FILTER_BICUBIC
        case .pilLanczos: LT_FILTER_LANCZOS
        case .pilNearest, .cv2Nearest, .cv2Linear, .cv2Area: nil
        }
    }
}

extension Image {
    /// The image at `width` × `height`. The channels of RGBA are resized independently (Pillow multiplies by alpha first).
    /// - Throws: `invalidArgument` for sizes below 1; `outOfMemory` for more than 2^28 pixels.
    public func resized(width: Int, height: Int, kernel: ResizeKernel) throws(LTError) -> Image {
        if width == self.width, height == self.height { return self }
        guard width > 0, height > 0 else {
            throw LTError(.invalidArgument, "cannot resize to \(width)×\(height) pixels")
        }
        let (count, overflow) = width.multipliedReportingOverflow(by: height)
        guard !overflow, count <= 1 << 28 else {
            throw LTError(.outOfMemory, "resize to \(width)×\(height) pixels, the limit is \(1 << 28) pixels")
        }
        if let filter = kernel.filter {
            return try resampled(
                width: width, height: height, PixelRectangle(x: 0, y: 0, width: width, height: height), filter)
        }
        let result = try Image(width: width, height: height, channels: channels)
        let (source, target) = (bytes.baseAddress, result.bytes.baseAddress)
        let status =
            switch kernel {
            case .pilNearest:
                lt_nearest_pil_u8(source, self.width, self.height, channels, target, width, height)
            case .cv2Nearest:
                lt_nearest_cv2_u8(source, self.width, self.height, channels, target, width, height)
            case .cv2Area:
                lt_area_cv2_u8(source, self.width, self.height, channels, target, width, height)
            default:
                lt_linear_cv2_u8(source, self.width, self.height, channels, target, width, height)
            }
        try checkMemory(status, width, height)
        return result
    }

    /// The pixels of `window` in the image at `width` × `height`, by one of Pillow's antialiasing filters.
    func resampled(
        width: Int, height: Int, _ window: PixelRectangle, _ filter: Int
    ) throws(LTError) -> Image {
        let result = try Image(width: window.width, height: window.height, channels: channels)
        let part = lt_window(x: window.x, y: window.y, width: window.width, height: window.height)
        try checkMemory(
            lt_resample_u8(
                bytes.baseAddress, self.width, self.height, channels, result.bytes.baseAddress, width, height, part,
                Int32(filter)), width, height)
        return result
    }

    private func checkMemory(_ status: Int32, _ width: Int, _ height: Int) throws(LTError) {
        guard status == 0 else {
            throw LTError(
                .outOfMemory, "no memory to resize \(self.width)×\(self.height) to \(width)×\(height) pixels")
        }
    }
}
