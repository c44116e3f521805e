// TorchTensor: one libtorch tensor with its autograd history, and the call that reaches every libtorch operator.

import CTorch
import LTCore

/// A libtorch tensor. It belongs to the thread that made it; results of operators share memory as libtorch says.
public final class TorchTensor {
    let handle: OpaquePointer

    init(owning handle: OpaquePointer) { self.handle = handle }
    deinit { lt_torch_release(handle) }

    /// Copies a tensor of the host.
    /// - Throws: `library` for an element type that libtorch lacks.
    public convenience init(_ tensor: Tensor) throws(LTError) {
        try self.init(bytes: tensor.bytes, type: tensor.type, dims: tensor.dims)
    }

    /// Copies row-major elements of the host.
    public convenience init<Element: TensorElement>(_ elements: [Element], _ dims: [Int]) throws(LTError) {
        let shape = try Shape(dims)
        guard shape.count == elements.count else {
            throw LTError(.shapeMismatch, "\(elements.count) elements, shape \(shape) needs \(shape.count)")
        }
        let result = elements.withUnsafeBytes { TorchTensor.fromHost($0, Element.elementType, dims) }
        try self.init(checked: result)
    }

    convenience init(bytes: UnsafeRawBufferPointer, type: ElementType, dims: [Int]) throws(LTError) {
        try self.init(checked: TorchTensor.fromHost(bytes, type, dims))
    }

    private convenience init(checked handle: OpaquePointer?) throws(LTError) {
        guard let handle else { throw Torch.lastError("copying a tensor to libtorch") }
        self.init(owning: handle)
    }

    private static func fromHost(_ bytes: UnsafeRawBufferPointer, _ type: ElementType, _ dims: [Int]) -> OpaquePointer?
    {
        var result: OpaquePointer?
        let dims = dims.map(Int64.init)
        guard lt_torch_from_host(bytes.baseAddress, type.rawValue, dims, Int32(dims.count), &result) == 0 else {
            return nil
        }
        return result
    }

    public var dims: [Int] { (0..<lt_torch_rank(handle)).map { Int(lt_torch_dim(handle, $0)) } }
    public var rank: Int { Int(lt_torch_rank(handle)) }
    public var count: Int { dims.reduce(1, *) }
    /// `nil` for libtorch types that ONNX lacks.
    public var type: ElementType? { ElementType(rawValue: lt_torch_type(handle)) }

    /// A copy in host memory.
    public func host() throws(LTError) -> Tensor {
        guard let type else { throw LTError(.unsupported, "a libtorch type that ONNX lacks") }
        let tensor = try Tensor(type, Shape(dims))
        guard lt_torch_to_host(handle, tensor.rawPointer, tensor.byteCount) == 0 else {
            throw Torch.lastError("copying a tensor from libtorch")
        }
        return tensor
    }

    /// The elements, row-major.
    public func array<Element: TensorElement>(of type: Element.Type = Element.self) throws(LTError) -> [Element] {
        try host().array(of: type)
    }

    /// The one element of a scalar, as a Double.
    public func item() throws(LTError) -> Double {
        try cast(.float64).reshaped([1]).array(of: Double.self)[0]
    }

    // Autograd

    public var requiresGrad: Bool { lt_torch_requires_grad(handle) != 0 }
    /// Makes a leaf collect its gradient, or not.
    public func setRequiresGrad(_ flag: Bool) throws(LTError) {
        guard lt_torch_set_requires_grad(handle, flag ? 1 : 0) == 0 else { throw Torch.lastError("requires_grad") }
    }
    /// Adds the gradients of this scalar to the leaves that require them.
    public func backward() throws(LTError) {
        guard lt_torch_backward(handle) == 0 else { throw Torch.lastError("backward") }
    }
    /// The collected gradient, sharing its memory; `nil` when there is none.
    public func grad() throws(LTError) -> TorchTensor? {
        var result: OpaquePointer?
        guard lt_torch_grad(handle, &result) == 0 else { throw Torch.lastError("grad") }
        return result.map(TorchTensor.init(owning:))
    }
    public func clearGrad() { lt_torch_clear_grad(handle) }
}

/// One argument of a libtorch operator.
enum TorchValue {
    case none
    case tensor(TorchTensor?)
    case int(Int)
    case double(Double)
    case bool(Bool)
    case ints([Int])
    case tensors([TorchTensor])
    case string(String)
    case schemaDefault
}

/// What is common to all of libtorch.
public enum Torch {
    /// libtorch's version, for provenance.
    public static var version: String { String(cString: lt_torch_version()) }
    /// Sets the number of threads of libtorch's operators.
    public static func setThreads(_ count: Int) { lt_torch_set_threads(Int32(clamping: max(1, count))) }

    /// Settings of the process that must be made before anything else runs: the first line of a command's main. The program is
    /// started again, once: with OPENBLAS_CORETYPE where OpenBLAS takes a processor newer than itself for one without AVX, and
    /// with GOMP_SPINCOUNT (a step on two cores under a load of 7: 8.1 s by default, 1.6 s).
    public static func configureProcess() { lt_torch_configure_process(CommandLine.unsafeArgv) }

    /// Settings of a process that trains, before its first threads. Freed memory is kept: every step frees and takes the same large
    /// tensors. Denormal numbers are 0, without which a step whose gradients die out takes several times as long (ResNet-50 with
    /// FPN: 47 s of processor time in place of 6).
    public static func prepareTraining() { lt_torch_prepare_training() }

    /// Runs `body` without recording gradients.
    public static func withoutGrad<Result>(_ body: () throws(LTError) -> Result) throws(LTError) -> Result {
        let previous = lt_torch_set_grad_enabled(0)
        defer { _ = lt_torch_set_grad_enabled(previous) }
        return try body()
    }

    static func lastError(_ what: String) -> LTError {
        let message = String(cString: lt_torch_last_error())
        return LTError(.library, message.split(separator: "\n").first.map(String.init) ?? "unknown").inside(
            "libtorch, \(what)")
    }

    /// Calls a libtorch operator ("add.Tensor": the overload follows a dot); arguments left out take the defaults of its schema.
    /// - Returns: its tensors, lists flattened; an undefined result ends the list.
    @discardableResult
    static func call(_ name: String, _ arguments: [TorchValue]) throws(LTError) -> [TorchTensor] {
        var values: [lt_torch_value] = []
        values.reserveCapacity(arguments.count)
        var ints: [Int64] = []
        var tensors: [OpaquePointer?] = []
        func value(_ kind: Int, _ integer: Int = 0, _ count: Int = 0, _ real: Double = 0) {
            values.append(lt_torch_value(kind: Int32(kind), integer: Int64(integer), count: Int64(count), real: real))
        }
        for argument in arguments {
            switch argument {
            case .none, .tensor(nil): value(LT_TORCH_NONE)
            case .tensor(let tensor?):
                value(LT_TORCH_TENSOR, tensors.count)
                tensors.append(tensor.handle)
            case .int(let int): value(LT_TORCH_INT, int)
            case .double(let double): value(LT_TORCH_DOUBLE, 0, 0, double)
            case .bool(let bool): value(LT_TORCH_BOOL, bool ? 1 : 0)
            case .ints(let list):
                value(LT_TORCH_INTS, ints.count, list.count)
                ints += list.map(Int64.init)
            case .tensors(let list):
                value(LT_TORCH_TENSORS, tensors.count, list.count)
                tensors += list.map { $0.handle }
            case .string(let text):
                value(LT_TORCH_STRING, ints.count, text.utf8.count)
                ints += text.utf8.map(Int64.init)
            case .schemaDefault: value(LT_TORCH_DEFAULT)
            }
        }
        var results = [OpaquePointer?](repeating: nil, count: 8 + tensors.count + ints.count)
        var count: Int32 = 0
        let status = withExtendedLifetime(arguments) {
            lt_torch_call(
                "aten::" + name, values, Int32(values.count), ints, tensors, &results, Int32(results.count),
                &count)
        }
        guard status == 0 else { throw lastError(name) }
        return results.prefix(Int(count)).compactMap { $0.map(TorchTensor.init(owning:)) }
    }

    /// Calls an operator whose first result is wanted.
    static func one(_ name: String, _ arguments: [TorchValue]) throws(LTError) -> TorchTensor {
        guard let result = try call(name, arguments).first else {
            throw LTError(.library, "libtorch's \(name) gave no tensor")
        }
        return result
    }
}
