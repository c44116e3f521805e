// CUDAObstacle: why CUDA cannot be used on a machine, and what to do about it. CUDAVersion: 12.4.

import LTCore

/// A version of CUDA or of one of its libraries.
public struct CUDAVersion: Sendable, Hashable, Comparable, CustomStringConvertible {
    public let major: Int
    public let minor: Int
    public init(_ major: Int, _ minor: Int) { (self.major, self.minor) = (major, minor) }

    /// As the driver and the runtime write it: 1000 × major + 10 × minor.
    init(thousands number: Int) { self.init(number / 1000, number % 1000 / 10) }
    /// As cuBLASLt and, from 9 on, cuDNN write it: 10000 × major + 100 × minor + patch; cuDNN 8 wrote 1000 × major + ….
    init(tenThousands number: Int) {
        self = number < 10_000 ? Self(number / 1000, number % 1000 / 100) : Self(number / 10_000, number % 10_000 / 100)
    }

    public var description: String { "\(major).\(minor)" }
    public static func < (a: Self, b: Self) -> Bool { (a.major, a.minor) < (b.major, b.minor) }
}

/// Why CUDA cannot be used here.
public enum CUDAObstacle: Error, Sendable, Hashable {
    /// No place that was searched has any of the files.
    case missing(CUDALibrary, files: [String])
    /// The loader refuses the file, for this reason.
    case unusable(CUDALibrary, file: String, reason: String)
    case lacksFunction(CUDALibrary, file: String, function: String)
    case tooOld(CUDALibrary, file: String, version: CUDAVersion)
    /// The library is built for a newer CUDA than the driver's.
    case tooNew(CUDALibrary, file: String, cuda: CUDAVersion, driver: CUDAVersion)
    /// A function of the library failed with this code.
    case failed(CUDALibrary, function: String, code: Int, name: String, text: String)
    /// The driver shows no device.
    case noDevice(driver: CUDAVersion)

    /// `unsupported`, with what to try.
    public var error: LTError { LTError(.unsupported, "CUDA cannot be used: \(reason)", hint: hint) }

    private var reason: String {
        switch self {
        case .missing(let library, let files):
            "\(library) was not found (\(files.joined(separator: " or ")))"
        case .unusable(let library, let file, let reason):
            // The loader's words begin with the file, or with one that it needs.
            "\(library) cannot be loaded: " + (reason.hasPrefix(file) ? reason : "\(file): \(reason)")
        case .lacksFunction(let library, let file, let function):
            "\(library) has no function \(function) (\(file))"
        case .tooOld(let library, let file, let version):
            "\(library) is of \(library == .cudnn ? "" : "CUDA ")version \(version), expected \(library.oldest) or newer (\(file))"
        case .tooNew(let library, let file, let cuda, let driver):
            "\(library) is built for CUDA \(cuda), the driver goes up to CUDA \(driver) (\(file))"
        case .failed(let library, let function, let code, let name, let text):
            "\(function) of \(library) failed with \(name) (\(code)): \(text)"
        case .noDevice(let driver):
            "\(CUDALibrary.driver) (CUDA \(driver)) shows no device"
        }
    }

    private var hint: String {
        switch self {
        case .missing(.driver, _):
            return "install NVIDIA's driver for the GPU, or name the folder of libcuda.so.1 in LT_CUDA_PATH"
        case .missing(let library, let files):
            // For the newest CUDA that the driver takes.
            let is13 = files.contains { $0.hasSuffix(".13") }
            let package =
                switch library {
                case .cublasLt: is13 ? "nvidia-cublas" : "nvidia-cublas-cu12"
                case .cudnn: "nvidia-cudnn-cu12 (or -cu13, as the driver is)"
                default: is13 ? "nvidia-cuda-nvrtc" : "nvidia-cuda-nvrtc-cu12"
                }
            return "install it, for instance by pip install \(package); LT_CUDA_PATH names its folder or site-packages"
        case .noDevice, .failed(.driver, _, _, _, _):
            return "`nvidia-smi` shows what the driver sees; CUDA_VISIBLE_DEVICES hides devices"
        case .tooOld(.driver, _, _), .tooNew: return "update NVIDIA's driver"
        case .unusable, .lacksFunction, .tooOld, .failed:
            return "install another version; folders of LT_CUDA_PATH are searched first"
        }
    }
}
