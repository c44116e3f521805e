// ModelDigest: the SHA-256 of a model's bytes. Of a file it is made when it is first asked for, since reading the file again is
// a large part of what loading costs.

import LTCore
import LTGraph
import LTPredictor

/// A digest, known or to be found.
final class ModelDigest: Sendable {
    private enum State: @unchecked Sendable {
        case made(UnsafePointer<CChar>?)
        /// Boxed: Swift would keep the case in bytes that a graph leaves unwritten.
        indirect case ofFile(FileIdentity, Graph)
    }

    private let state: Lock<State>
    private let memory = CMemory()

    init(_ digest: String) throws(LTError) { state = Lock(.made(try memory.text(digest))) }

    /// Of a file, identified before it was read, and of the weights that lie beside it.
    init(_ identity: FileIdentity, _ graph: Graph) { state = Lock(.ofFile(identity, graph)) }

    /// `nil` where the file has changed, or cannot be read any more.
    var text: UnsafePointer<CChar>? {
        state.withLock { state in
            switch state {
            case .made(let text): return text
            case .ofFile(let identity, let graph):
                let digest = try? Predictor.digest(ofModel: identity.path, graph)
                // Looked at after reading: a file that is changed meanwhile has another identity then.
                guard let digest, FileIdentity(identity.path) == identity else {
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
}
