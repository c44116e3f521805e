// NVRTC: compiles CUDA C++ to machine code of a GPU. It needs neither a driver nor a GPU.

import CCUDA
import LTCore

/// NVIDIA's run-time compiler.
public final class NVRTC: @unchecked Sendable {
    public let version: CUDAVersion
    /// The library's file.
    public let file: String
    private let table: lt_nvrtc

    /// Opens the library.
    /// - Parameter driver: the CUDA version of the driver that is to run the code; nil: any.
    public init(_ search: CUDASearch = .standard, driver: CUDAVersion? = nil) throws(CUDAObstacle) {
        (table, file) = try search.open(.nvrtc, for: driver, lt_cuda_open_nvrtc)
        var (major, minor): (Int32, Int32) = (0, 0)
        let status = table.nvrtcVersion(&major, &minor)
        guard status == 0 else {
            let name = table.nvrtcGetErrorString(status).map { String(cString: $0) } ?? "an unknown code"
            throw .failed(.nvrtc, function: "nvrtcVersion", code: Int(status), name: name, text: file)
        }
        version = CUDAVersion(Int(major), Int(minor))
        guard version >= CUDALibrary.nvrtc.oldest else { throw .tooOld(.nvrtc, file: file, version: version) }
    }

    /// The machine code (cubin, an ELF file) of a source.
    /// - Parameters:
    ///   - name: what messages call the source.
    ///   - options: of NVRTC's command line, beside the architecture and C++17.
    ///   - cache: where the code is kept for the next time; nil: nowhere.
    /// - Throws: `library` with the compiler's log.
    public func compile(
        _ source: String, named name: String, for capability: ComputeCapability, options: [String] = [],
        cache: CubinCache? = nil
    ) throws(LTError) -> [UInt8] {
        let options = ["--gpu-architecture=\(capability.architecture)", "--std=c++17"] + options
        let key = CubinCache.key(["NVRTC \(version)"] + options + [name, source])
        if let cubin = cache?.read(key) { return cubin }
        let cubin = try within("compiling \(name) for \(capability.architecture)") { () throws(LTError) in
            try compile(source, name, options)
        }
        cache?.write(cubin, key)
        return cubin
    }

    private func compile(_ source: String, _ name: String, _ options: [String]) throws(LTError) -> [UInt8] {
        var program: UnsafeMutableRawPointer?
        try check(table.nvrtcCreateProgram(&program, source, name, 0, nil, nil), "nvrtcCreateProgram")
        guard let made = program else { throw LTError(.library, "NVRTC \(version): nvrtcCreateProgram made nothing") }
        defer { _ = table.nvrtcDestroyProgram(&program) }
        let status = Self.withCStrings(options) { table.nvrtcCompileProgram(made, Int32(options.count), $0) }
        try check(status, "nvrtcCompileProgram", log: status == 0 ? "" : log(made))
        var size = 0
        try check(table.nvrtcGetCUBINSize(made, &size), "nvrtcGetCUBINSize")
        guard size > 0 else { throw LTError(.library, "NVRTC \(version): the source compiled to no machine code") }
        var cubin = [CChar](repeating: 0, count: size)
        try check(table.nvrtcGetCUBIN(made, &cubin), "nvrtcGetCUBIN")
        return cubin.map(UInt8.init(bitPattern:))
    }

    /// The compiler's messages: the first ones, where they are many.
    private func log(_ program: UnsafeMutableRawPointer) -> String {
        var size = 0
        guard table.nvrtcGetProgramLogSize(program, &size) == 0, size > 1 else { return "" }
        var log = [CChar](repeating: 0, count: size)
        guard table.nvrtcGetProgramLog(program, &log) == 0 else { return "" }
        return "\n" + String(decoding: log.prefix { $0 != 0 }.prefix(8192).map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    private func check(_ status: Int32, _ function: String, log: String = "") throws(LTError) {
        guard status != 0 else { return }
        let name = table.nvrtcGetErrorString(status).map { String(cString: $0) } ?? "error \(status)"
        throw LTError(.library, "NVRTC \(version): \(function) gave \(name)\(log)")
    }

    /// Texts as an array of C's.
    private static func withCStrings<Result>(
        _ texts: [String], _ body: (UnsafePointer<UnsafePointer<CChar>?>?) -> Result
    ) -> Result {
        let bytes = texts.map { $0.utf8CString }
        let memory = UnsafeMutableBufferPointer<CChar>.allocate(capacity: bytes.reduce(0) { $0 + $1.count })
        defer { memory.deallocate() }
        var addresses: [UnsafePointer<CChar>?] = []
        var next = 0
        for text in bytes {
            addresses.append(memory.baseAddress.map { UnsafePointer($0 + next) })
            next = memory[next...].initialize(fromContentsOf: text)
        }
        return addresses.withUnsafeBufferPointer { body($0.baseAddress) }
    }
}
