// CUDABackend: whether CUDA can be used on this machine, and its devices. It has no kernels: nothing runs there.

import CCUDA
import LTCore

/// A GPU.
public struct CUDADevice: Sendable, Hashable {
    /// N of `cuda:N`, in the driver's order.
    public let number: Int
    public let name: String
    public let capability: ComputeCapability
    /// Bytes.
    public let memory: Int
}

/// What a GPU can do, as NVIDIA numbers it; also what a kernel is compiled for.
public struct ComputeCapability: Sendable, Hashable, CustomStringConvertible {
    public let major: Int
    public let minor: Int
    public init(_ major: Int, _ minor: Int) { (self.major, self.minor) = (major, minor) }
    public var description: String { "\(major).\(minor)" }
    /// `sm_90`: the name of its machine code.
    public var architecture: String { "sm_\(major)\(minor)" }
}

/// A machine on which CUDA can be used.
public struct CUDAMachine: Sendable, Hashable {
    /// The driver's is the newest CUDA that it takes.
    public let versions: [CUDALibrary: CUDAVersion]
    /// At least one.
    public let devices: [CUDADevice]
}

public enum CUDABackend {
    /// Opens the driver, starts it, and opens the libraries that fit it.
    public static func check(_ search: CUDASearch = .standard) throws(CUDAObstacle) -> CUDAMachine {
        let driver = try CUDADriver(search)
        let devices = try driver.devices()
        let nvrtc = try NVRTC(search, driver: driver.version)
        return CUDAMachine(
            versions: [
                .driver: driver.version, .nvrtc: nvrtc.version,
                .cublasLt: try cublasLt(search, driver.version), .cudnn: try cudnn(search, driver.version),
            ], devices: devices)
    }

    private static func cublasLt(_ search: CUDASearch, _ driver: CUDAVersion) throws(CUDAObstacle) -> CUDAVersion {
        let (table, file) = try search.open(.cublasLt, for: driver, lt_cuda_open_cublaslt)
        let version = CUDAVersion(tenThousands: table.cublasLtGetVersion())
        guard version >= CUDALibrary.cublasLt.oldest else { throw .tooOld(.cublasLt, file: file, version: version) }
        return version
    }

    private static func cudnn(_ search: CUDASearch, _ driver: CUDAVersion) throws(CUDAObstacle) -> CUDAVersion {
        let (table, file) = try search.open(.cudnn, for: driver, lt_cuda_open_cudnn)
        let version = CUDAVersion(tenThousands: table.cudnnGetVersion())
        guard version >= CUDALibrary.cudnn.oldest else { throw .tooOld(.cudnn, file: file, version: version) }
        // Its file has one name, whatever CUDA it is built for.
        let cuda = CUDAVersion(thousands: table.cudnnGetCudartVersion())
        guard cuda.major <= driver.major else { throw .tooNew(.cudnn, file: file, cuda: cuda, driver: driver) }
        return version
    }
}

/// The driver's library.
struct CUDADriver {
    /// The newest CUDA that it takes.
    let version: CUDAVersion
    private let table: lt_cuda_driver

    init(_ search: CUDASearch) throws(CUDAObstacle) {
        let (table, file) = try search.open(.driver, lt_cuda_open_driver)
        var number: Int32 = 0
        try Self.check(table.cuDriverGetVersion(&number), "cuDriverGetVersion", table)
        version = CUDAVersion(thousands: Int(number))
        guard version >= CUDALibrary.driver.oldest else { throw .tooOld(.driver, file: file, version: version) }
        self.table = table
    }

    /// Starts the driver and asks for its devices.
    func devices() throws(CUDAObstacle) -> [CUDADevice] {
        let status = table.cuInit(0)
        guard status != LT_CUDA_ERROR_NO_DEVICE else { throw .noDevice(driver: version) }
        try check(status, "cuInit")
        var count: Int32 = 0
        try check(table.cuDeviceGetCount(&count), "cuDeviceGetCount")
        guard count > 0 else { throw .noDevice(driver: version) }
        var devices: [CUDADevice] = []
        for number in 0..<count {
            var device: Int32 = 0
            try check(table.cuDeviceGet(&device, number), "cuDeviceGet")
            var name = [CChar](repeating: 0, count: 256)
            try check(table.cuDeviceGetName(&name, 256, device), "cuDeviceGetName")
            var memory = 0
            try check(table.cuDeviceTotalMem_v2(&memory, device), "cuDeviceTotalMem_v2")
            devices.append(
                CUDADevice(
                    number: Int(number),
                    name: String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self),
                    capability: ComputeCapability(
                        try attribute(LT_CUDA_CAPABILITY_MAJOR, device), try attribute(LT_CUDA_CAPABILITY_MINOR, device)
                    ),
                    memory: memory))
        }
        return devices
    }

    private func attribute(_ attribute: Int, _ device: Int32) throws(CUDAObstacle) -> Int {
        var value: Int32 = 0
        try check(table.cuDeviceGetAttribute(&value, Int32(attribute), device), "cuDeviceGetAttribute")
        return Int(value)
    }

    private func check(_ status: Int32, _ function: String) throws(CUDAObstacle) {
        try Self.check(status, function, table)
    }

    private static func check(_ status: Int32, _ function: String, _ table: lt_cuda_driver) throws(CUDAObstacle) {
        guard status != 0 else { return }
        func words(_ ask: (Int32, UnsafeMutablePointer<UnsafePointer<CChar>?>) -> Int32) -> String? {
            var text: UnsafePointer<CChar>?
            return ask(status, &text) == 0 ? text.map { String(cString: $0) } : nil
        }
        throw .failed(
            .driver, function: function, code: Int(status), name: words(table.cuGetErrorName) ?? "an unknown code",
            text: words(table.cuGetErrorString) ?? "the driver does not say more")
    }
}
