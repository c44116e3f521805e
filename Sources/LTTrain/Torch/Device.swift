// Device: where a network runs, and in which numbers: `cpu`, `cuda:0`; float32, bfloat16 where that is safe, or float64.

import CTorch
import LTCore

/// A place to run.
public struct TorchDevice: Sendable, Equatable, CustomStringConvertible {
    /// The number of a CUDA device; nil for the processor.
    public let cuda: Int?
    public static let cpu = TorchDevice(cuda: nil)
    private init(cuda: Int?) { self.cuda = cuda }

    public var description: String { cuda.map { "cuda:\($0)" } ?? "cpu" }

    /// `cpu`, `cuda:N`, or `cuda`: the device whose number is the process's on its machine.
    /// - Throws: `invalidArgument`; `unsupported` saying what this libtorch has.
    public init(named name: String, localRank: Int = 0) throws(LTError) {
        if name == "cpu" {
            self = .cpu
            return
        }
        let parts = name.split(separator: ":", omittingEmptySubsequences: false)
        let number = parts.count == 2 ? Int(parts[1]) : localRank
        guard parts.first == "cuda", parts.count <= 2, let number, (0..<1024).contains(number) else {
            throw LTError(.invalidArgument, "device '\(name)', expected cpu, cuda or cuda:N")
        }
        let count = Int(lt_torch_device_count())
        guard count >= 0 else {
            throw LTError(
                .unsupported, "device '\(name)': libtorch \(Torch.version) has no CUDA",
                hint: "build with LIBTORCH=DIR, where DIR holds a libtorch with CUDA, or say `device: cpu`")
        }
        guard number < count else {
            throw LTError(
                .unsupported,
                "device 'cuda:\(number)': libtorch \(Torch.version) sees \(count == 0 ? "no CUDA device" : "\(count) CUDA devices, cuda:0 to cuda:\(count - 1)")"
            )
        }
        self.init(cuda: number)
    }
}

/// The numbers that training computes with.
public enum TrainingPrecision: String, Sendable, CaseIterable {
    case fp32, bf16, fp64

    /// The type of weights, statistics and losses.
    var weights: ElementType { self == .fp64 ? .float64 : .float32 }

    /// - Throws: `unsupported` when the device does not multiply such numbers.
    func check(_ device: TorchDevice) throws(LTError) {
        guard self == .bf16, device.cuda == nil, lt_torch_has_bf16() == 0 else { return }
        throw LTError(
            .unsupported, "precision bf16: this processor has no bfloat16 instructions (AVX512_BF16)",
            hint: "say `precision: fp32`, or train on a CUDA device")
    }
}

extension Torch {
    /// Runs `body` with convolutions and matrix products in bfloat16, the rest in the numbers that suit it (autocast).
    static func withAutocast<Result>(_ device: TorchDevice, _ body: () throws(LTError) -> Result) throws(LTError)
        -> Result
    {
        let cuda: Int32 = device.cuda == nil ? 0 : 1
        guard lt_torch_autocast(cuda, 1) == 0 else { throw lastError("autocast") }
        defer { _ = lt_torch_autocast(cuda, 0) }
        return try body()
    }

    /// Batch normalisation with the statistics of all processes' batches.
    /// - Parameter momentum: the share of the new batch in the running statistics.
    static func batchNorm(
        _ x: TorchTensor, weight: TorchTensor, bias: TorchTensor, mean: TorchTensor, variance: TorchTensor,
        momentum: Double, epsilon: Double, over group: any ProcessGroup
    ) throws(LTError) -> TorchTensor {
        let reducer = lt_torch_reducer(
            context: Unmanaged.passRetained(GroupBox(group)).toOpaque(),
            sum: { (context, values, count) in
                guard let context else { return 1 }
                let box = Unmanaged<GroupBox>.fromOpaque(context).takeUnretainedValue()
                let memory = UnsafeMutableRawBufferPointer(start: values, count: Int(count) * 8)
                do { try box.group.sum(memory, .float64) } catch { return 1 }
                return 0
            },
            release: { context in if let context { Unmanaged<GroupBox>.fromOpaque(context).release() } })
        var result: OpaquePointer?
        let status = lt_torch_sync_batch_norm(
            x.handle, weight.handle, bias.handle, mean.handle, variance.handle, momentum, epsilon, reducer, &result)
        guard status == 0, let result else { throw lastError("batch normalisation over processes") }
        return TorchTensor(owning: result)
    }
}

/// A process group that C++ keeps alive.
private final class GroupBox {
    let group: any ProcessGroup
    init(_ group: any ProcessGroup) { self.group = group }
}

extension TorchTensor {
    /// The tensor on a device, recorded by autograd; shares memory when it is there already.
    func on(_ device: TorchDevice) throws(LTError) -> TorchTensor {
        if device.cuda == nil, lt_torch_is_on_host(handle) != 0 { return self }
        var result: OpaquePointer?
        guard lt_torch_to_device(handle, device.description, &result) == 0, let result else {
            throw Torch.lastError("copying a tensor to \(device)")
        }
        return TorchTensor(owning: result)
    }
    func onHost() throws(LTError) -> TorchTensor { try on(.cpu) }

    /// The tensor on the device of another.
    func like(_ other: TorchTensor) throws(LTError) -> TorchTensor {
        if lt_torch_is_on_host(handle) != 0, lt_torch_is_on_host(other.handle) != 0 { return self }
        var result: OpaquePointer?
        guard lt_torch_like(handle, other.handle, &result) == 0, let result else {
            throw Torch.lastError("copying a tensor to another device")
        }
        return TorchTensor(owning: result)
    }

    /// The elements, while the tensor lives; nil unless it is row-major in host memory.
    var hostMemory: UnsafeMutableRawBufferPointer? {
        guard let type, let memory = lt_torch_host_memory(handle) else { return nil }
        return UnsafeMutableRawBufferPointer(start: memory, count: count * type.bits / 8)
    }
}
