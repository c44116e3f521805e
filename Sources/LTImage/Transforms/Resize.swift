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
        let result = try Image(width: width, height: height, channels: channels)
        let (source, target) = (bytes.baseAddress, result.bytes.baseAddress)
        func resample(_ filter: Int) -> Int32 {
            lt_resample_u8(source, self.width, self.height, channels, target, width, height, Int32(filter))
        }
        let status =
            switch kernel {
            case .pilBox: resample(LT_FILTER_BOX)
            case .pilBilinear: resample(LT_FILTER_BILINEAR)
            case .pilHamming: resample(LT_FILTER_HAMMING)
            case .pilBicubic: resample(LT_FILTER_BICUBIC)
            case .pilLanczos: resample(LT_FILTER_LANCZOS)
            case .pilNearest:
                lt_nearest_pil_u8(source, self.width, self.height, channels, target, width, height)
            case .cv2Nearest:
                lt_nearest_cv2_u8(source, self.width, self.height, channels, target, width, height)
            case .cv2Linear:
                lt_linear_cv2_u8(source, self.width, self.height, channels, target, width, height)
            }
        guard status == 0 else {
            throw LTError(
                .outOfMemory, "no memory to resize \(self.width)×\(self.height) to \(width)×\(height) pixels")
        }
        return result
    }
}
