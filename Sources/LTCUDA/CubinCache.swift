// CubinCache: compiled kernels in a folder, so that a source is compiled once for an architecture and a version of NVRTC.

import LTCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Machine code by the digest of what it was made from. A file begins with the digest of the code in it; one that does not
/// fit is as good as none. A folder that cannot be written keeps nothing.
public struct CubinCache: Sendable, Hashable {
    public let folder: String
    /// - Parameter folder: made when something is written, in a folder that is there.
    public init(folder: String) { self.folder = folder }

    static func key(_ parts: [String]) -> String {
        var digest = SHA256()
        for part in parts {
            digest.update("\(part.utf8.count):")
            digest.update(part)
        }
        return digest.digest
    }

    private func path(_ key: String) -> String { "\(folder)/\(key).cubin" }

    func read(_ key: String) -> [UInt8]? {
        guard let file = try? readFile(path(key), limit: 1 << 28), let bytes = try? file.withBytes({ [UInt8]($0) })
        else { return nil }
        let code = Array(bytes.dropFirst(64))
        return !code.isEmpty && Array(SHA256.digest(of: code).utf8) == Array(bytes.prefix(64)) ? code : nil
    }

    func write(_ cubin: [UInt8], _ key: String) {
        mkdir(folder, 0o777)
        try? replaceFile(path(key), with: Array(SHA256.digest(of: cubin).utf8) + cubin)
    }
}
