// ProcessGroup: the processes that train one model together, each on its share of the batch. Alone, every operation is
// the identity.

import Foundation
import LTCore

/// One process among `size`.
public protocol ProcessGroup: Sendable {
    /// 0 ..< size.
    var rank: Int { get }
    var size: Int { get }
    /// This process's number among the `localSize` of the same machine.
    var localRank: Int { get }
    var localSize: Int { get }
    /// Adds up memory over all processes, in place; float32, float64 or int64. The same bits in each process and in every
    /// run. Every process must call it, in the same order.
    func sum(_ memory: UnsafeMutableRawBufferPointer, _ type: ElementType) throws(LTError)
}

/// A process on its own.
public struct SingleProcess: ProcessGroup {
    public init() {}
    public let rank = 0
    public let size = 1
    public let localRank = 0
    public let localSize = 1
    public func sum(_ memory: UnsafeMutableRawBufferPointer, _ type: ElementType) throws(LTError) {}
}

extension ProcessGroup {
    /// The cores that this process may use: those it is bound to, else its share of the machine's.
    var cores: Int {
        let information = ProcessInfo.processInfo
        return max(1, min(information.activeProcessorCount, information.processorCount / max(1, localSize)))
    }

    /// The sum of a tensor over all processes, row-major; without history.
    public func sum(_ tensor: TorchTensor) throws(LTError) -> TorchTensor {
        guard size > 1 else { return try tensor.detached() }
        return try Torch.withoutGrad { () throws(LTError) in
            guard let type = tensor.type else {
                throw LTError(.unsupported, "a sum of a libtorch type that ONNX lacks")
            }
            let copy = try Torch.one("clone", [.tensor(try tensor.detached().onHost()), .int(0)])
            guard let memory = copy.hostMemory else { throw LTError(.library, "libtorch's clone is not row-major") }
            try sum(memory, type)
            return try copy.like(tensor)
        }
    }

    /// Adds up values over all processes, in place.
    public func sum<Element: TensorElement>(_ values: inout [Element]) throws(LTError) {
        guard size > 1 else { return }
        var failure: LTError?
        values.withUnsafeMutableBytes { memory in
            do throws(LTError) { try sum(memory, Element.elementType) } catch { failure = error }
        }
        if let failure { throw failure }
    }

    /// Averages what the processes have in each tensor, in place, in one exchange.
    /// - Parameter tensors: of one type.
    public func average(_ tensors: [TorchTensor]) throws(LTError) {
        guard size > 1, !tensors.isEmpty else { return }
        try Torch.withoutGrad { () throws(LTError) in
            var flat: [TorchTensor] = []
            for tensor in tensors { flat.append(try tensor.reshaped([-1])) }
            let mean = try sum(try Torch.one("cat", [.tensors(flat), .int(0)])) / Double(size)
            let parts = try Torch.call("split_with_sizes", [.tensor(mean), .ints(tensors.map(\.count)), .int(0)])
            for (tensor, part) in zip(tensors, parts) { try tensor.copy(from: try part.reshaped(tensor.dims)) }
        }
    }
}
