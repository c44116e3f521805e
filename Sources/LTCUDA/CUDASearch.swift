// CUDASearch: where CUDA's libraries are looked for, in which order, and how one of them is opened.

import CCUDA
import LTCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A library of NVIDIA's that the CUDA backend needs.
public enum CUDALibrary: Sendable, Hashable, CaseIterable, CustomStringConvertible {
    case driver, nvrtc, cublasLt, cudnn

    public var description: String {
        switch self {
        case .driver: "NVIDIA's driver"
        case .nvrtc: "NVRTC"
        case .cublasLt: "cuBLASLt"
        case .cudnn: "cuDNN"
        }
    }

    /// The oldest version that will do.
    public var oldest: CUDAVersion { self == .cudnn ? CUDAVersion(9, 0) : CUDAVersion(12, 0) }

    /// The names of its file, the preferred one first. Libraries of a CUDA newer than the driver's do not run.
    /// - Parameter driver: the CUDA version of the driver; nil: unknown.
    public func files(for driver: CUDAVersion? = nil) -> [String] {
        let majors = [13, 12].filter { $0 <= driver?.major ?? .max }
        return switch self {
        case .driver: ["libcuda.so.1"]
        case .nvrtc: majors.map { "libnvrtc.so.\($0)" }
        case .cublasLt: majors.map { "libcublasLt.so.\($0)" }
        case .cudnn: ["libcudnn.so.9"]
        }
    }
}

/// Where libraries are looked for. The first file of a wanted name decides; one that cannot be used is an error.
public struct CUDASearch: Sendable, Hashable {
    public enum Place: Sendable, Hashable {
        /// A folder of libraries, of a toolkit (`lib64`, `lib`) or of Python's packages (`nvidia/*/lib`).
        case folder(String)
        /// What the system's loader knows by name (`LD_LIBRARY_PATH`, ld.so.cache).
        case system
    }
    public var places: [Place]
    public init(_ places: [Place]) { self.places = places }

    /// The folders of `LT_CUDA_PATH` (separated by colons), the system, /usr/local/cuda, and the packages of the active Python
    /// environment (`VIRTUAL_ENV`, `CONDA_PREFIX`).
    public static var standard: CUDASearch {
        func folders(_ variable: String) -> [String] {
            let value = getenv(variable).map { String(cString: $0) } ?? ""
            return value.split(separator: ":").map(String.init)
        }
        var places = folders("LT_CUDA_PATH").map(Place.folder) + [.system, .folder("/usr/local/cuda")]
        for environment in folders("VIRTUAL_ENV") + folders("CONDA_PREFIX") {
            let names = (try? listFolder(environment + "/lib")) ?? []
            for name in names where name.hasPrefix("python3") {
                places.append(.folder("\(environment)/lib/\(name)/site-packages"))
            }
        }
        return CUDASearch(places)
    }

    /// What to hand to the loader, in order: paths of files that are there, and names that it looks up itself.
    func candidates(_ names: [String]) -> [String] {
        places.flatMap { place -> [String] in
            guard case .folder(let folder) = place else { return names }
            let packages = (try? listFolder(folder + "/nvidia")) ?? []
            let folders = [folder, folder + "/lib64", folder + "/lib"] + packages.map { "\(folder)/nvidia/\($0)/lib" }
            return folders.flatMap { folder in names.map { "\(folder)/\($0)" } }.filter { isFolder($0) == false }
        }
    }

    /// Opens a library.
    /// - Parameter open: the function of CCUDA that fills the library's table.
    /// - Returns: the table, and the file that it is of.
    func open<Table>(
        _ library: CUDALibrary, for driver: CUDAVersion? = nil,
        _ open: (UnsafePointer<CChar>, UnsafeMutablePointer<Table>, UnsafeMutablePointer<CChar>, Int) -> Int32
    ) throws(CUDAObstacle) -> (table: Table, file: String) {
        let names = library.files(for: driver)
        for candidate in candidates(names) {
            let table = UnsafeMutablePointer<Table>.allocate(capacity: 1)
            defer { table.deallocate() }
            var detail = [CChar](repeating: 0, count: 1024)
            let status = open(candidate, table, &detail, detail.count)
            let words = String(decoding: detail.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
            switch status {
            case Int32(LT_CUDA_OPENED): return (table.pointee, words)
            case Int32(LT_CUDA_ABSENT): continue
            case Int32(LT_CUDA_LACKS_SYMBOL): throw .lacksFunction(library, file: candidate, function: words)
            default: throw .unusable(library, file: candidate, reason: words)
            }
        }
        throw .missing(library, files: names)
    }
}
