// ModelDigest: the SHA-256 of a model's bytes. Of a file it is made when it is first asked for, since reading the file again is
// a large part of what loading costs.

import LTCore
import LTGraph
import LTPredictor

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A digest, known or to be found.
final class ModelDigest: Sendable {
    private enum State: @unchecked Sendable {
        case made(UnsafePointer<CChar>?)
        /// Boxed: Swift would keep the case in bytes that a graph leaves unwritten.
        indirect case ofFile(String, [Int], Graph)
    }

    private let state: Lock<State>
    private let memory = CMemory()

    init(_ digest: String) throws(LTError) { state = Lock(.made(try memory.text(digest))) }

    /// Of a file and of the weights that lie beside it.
    init(_ path: String, _ graph: Graph) { state = Lock(.ofFile(path, Self.stamp(path), graph)) }

    /// `nil` where the file has changed, or cannot be read any more.
    var text: UnsafePointer<CChar>? {
        state.withLock { state in
            switch state {
            case .made(let text): return text
            case .ofFile(let path, let stamp, let graph):
                let digest = try? Predictor.digest(ofModel: path, graph)
                // Looked at after reading: a file that is changed meanwhile has another stamp then.
                guard let digest, Self.stamp(path) == stamp else {
                    state = .made(nil)
                    return nil
                }
                // Memory that was short may be there the next time.
                guard let text = try? memory.text(digest) else { return nil }
                state = .made(text)
                return text
            }
        }
    }

    /// What tells a file from another one at the same path; its size last.
    private static func stamp(_ path: String) -> [Int] {
        var status = stat()
        guard stat(path, &status) == 0 else { return [] }
        return [
            Int(truncatingIfNeeded: status.st_ino), status.st_mtim.tv_sec, status.st_mtim.tv_nsec, Int(status.st_size),
        ]
    }
}
