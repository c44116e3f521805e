// ProcessGroup: the processes that train one model together, each on its share of the batch. Alone, every operation is
// the identity.

import LTCore

/// One process among `size`.
public protocol ProcessGroup: Sendable {
    /// 0 ..< size.
    var rank: Int { get }
    var size: Int { get }
    /// The sum of a tensor over all processes, the same bits on each; without history. Every process must call it, in
    /// the same order.
    func sum(_ tensor: TorchTensor) throws(LTError) -> TorchTensor
}

/// A process on its own.
public struct SingleProcess: ProcessGroup {
    public init() {}
    public let rank = 0
    public let size = 1
    public func sum(_ tensor: TorchTensor) throws(LTError) -> TorchTensor { try tensor.detached() }
}
