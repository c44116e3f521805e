// Backend: a place to run. It turns a Graph into its own kind of plan; Plan and Session are the faces that callers see,
// and do for every backend what does not depend on it (names, shapes, types, order of outputs).

import CLTKernels
import LTCore
import LTGraph

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The arithmetic that a plan may use; never switched silently.
public enum Precision: String, Sendable, CaseIterable {
    /// float32 throughout, except where the file itself says otherwise.
    case f32
    /// Values of float32 may be held in bfloat16 and products taken of bfloat16 pairs, wherever that is faster on this CPU than
    /// float32; sums are float32. Inputs, outputs and everything but convolutions, matrix products with constant weights,
    /// attention and pooling stay float32.
    case bf16
    /// A file in QDQ form (DequantizeLinear → operator → QuantizeLinear) is computed on its 8-bit integers. Each layer is
    /// within one step of its quantisation of the file's own float32 arithmetic; what is not quantised stays float32.
    case int8
}

/// How to bind a graph to a backend.
public struct PlanOptions: Sendable, Hashable {
    /// Threads that one session uses; at least 1.
    public var threads: Int
    public var precision: Precision
    /// The largest batch (first dimension of the inputs) that a session accepts; `nil`: any.
    public var maxBatch: Int?
    /// Convolutions are sums of products of their inputs and weights, as the standard writes them. Otherwise float32 layers may take
    /// Winograd's form, which rounds differently (within 1e-5 of a layer's largest output) and is up to twice as fast.
    public var exact: Bool
    /// Where the cpu backend keeps the packed weights for later processes; `nil`: nowhere.
    public var cache: WeightCache?

    public init(
        threads: Int = PlanOptions.availableThreads, precision: Precision = .f32, maxBatch: Int? = nil,
        exact: Bool = false, cache: WeightCache? = nil
    ) {
        self.threads = threads
        self.precision = precision
        self.maxBatch = maxBatch
        self.exact = exact
        self.cache = cache
    }

    /// The CPUs that this process may run on.
    public static let availableThreads = Int(lt_available_threads())
}

/// A place to run: it owns memory and kernels.
public protocol Backend: Sendable {
    /// What `--device` calls it.
    var name: String { get }
    /// - Throws: `unsupported` for a precision that the backend, on this machine, does not have.
    func check(_ precision: Precision) throws(LTError)
    /// Binds a checked graph (no functions left, nodes in topological order).
    /// - Throws: `unsupported` for operators that it does not have.
    func compile(_ graph: Graph, _ options: PlanOptions) throws(LTError) -> any BackendPlan
}

extension Backend {
    public func check(_ precision: Precision) throws(LTError) {
        guard precision == .f32 else {
            throw LTError(
                .unsupported, "precision \(precision.rawValue) on backend '\(name)', expected f32",
                hint: "device cpu has other precisions")
        }
    }
}

extension BackendPlan {
    public var notes: [String] { [] }
}

/// A backend's side of a plan: immutable, shared by threads.
public protocol BackendPlan: Sendable {
    /// What a user should know of the plan: what was asked for and does not happen.
    var notes: [String] { get }
    func makeSession() throws(LTError) -> any BackendSession
    /// One row per step for inputs of these shapes, in the order of the graph's runtime inputs.
    func rows(_ inputs: [Shape]) throws(LTError) -> [PlanRow]
}

/// A backend's side of a session: one thread at a time.
public protocol BackendSession: AnyObject {
    /// Runs on checked inputs, in the order of the graph's runtime inputs, and returns the graph's outputs in order.
    /// It checks the interruption before every step, also in subgraphs; the session stays usable whatever it throws.
    func run(
        _ inputs: [ONNXValue], profile: StepProfile?, interruption: Interruption
    ) throws(LTError) -> [ONNXValue]
}

/// One step of a plan, as `lt-infer plan` shows it.
public struct PlanRow: Sendable, Hashable {
    /// The name of the node (of its first output where it has none).
    public let node: String
    public let op: String
    /// What computes it: "reference", or a library and its implementation.
    public let kernel: String
    /// The layout of the first output: "plain" (row-major) or a blocked one such as "nChw16c".
    public let layout: String
    public let device: String
    /// The shape of the first output; `nil` when only running tells.
    public let shape: [Int]?
    /// Floating-point operations of a convolution or matrix product, a multiply-add counting as 2; `nil` for other operators
    /// and for shapes that only running tells.
    public let flops: Double?

    public init(
        node: String, op: String, kernel: String, layout: String, device: String, shape: [Int]?, flops: Double? = nil
    ) {
        self.node = node
        self.op = op
        self.kernel = kernel
        self.layout = layout
        self.device = device
        self.shape = shape
        self.flops = flops
    }
}

/// Collects the time of each step of a run; see `Session.profile`.
public final class StepProfile {
    /// One step with the nanoseconds it took.
    public struct Entry: Sendable {
        public let row: PlanRow
        public var nanoseconds: Int64
    }
    public private(set) var entries: [Entry] = []

    public init() {}

    /// Runs `body` and notes how long it took under the row.
    public func time<Result>(
        _ row: @autoclosure () -> PlanRow, _ body: () throws(LTError) -> Result
    ) throws(LTError) -> Result {
        let start = Self.now()
        let result = try body()
        entries.append(Entry(row: row(), nanoseconds: Self.now() - start))
        return result
    }

    private static func now() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
