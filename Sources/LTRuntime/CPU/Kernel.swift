// Kernel: what computes one node of a cpu plan, bound to shapes and layouts. Immutable and shared by sessions; `bind`
// gives a session its own copy with memory.

import CLTKernels
import LTCore
import LTGraph

/// A value as kernels see it when they are chosen.
struct Operand: Sendable {
    let type: ElementType
    let shape: Shape
    var layout: Layout = .plain
    /// The value itself where it never changes.
    var constant: Tensor?

    init(_ type: ElementType, _ shape: Shape, layout: Layout = .plain, constant: Tensor? = nil) {
        self.type = type
        self.shape = shape
        self.layout = layout
        self.constant = constant
    }

    var isPlainFloat: Bool { type == .float32 && layout == .plain }
}

extension Facts {
    /// What operators may know of a kernel's operand.
    init(_ operand: Operand) { self.init(operand.type, operand.shape.dims, value: operand.constant) }
}

/// What computes one node.
protocol Kernel: Sendable {
    /// The library and its implementation, as the plan's listing shows it.
    var label: String { get }
    /// The layout in which each input of the node is read; nil for inputs that `bind` does not look at (absent ones,
    /// weights that the kernel packed for itself).
    var inputs: [Layout?] { get }
    var outputs: [Operand] { get }
    var scratchBytes: Int { get }
    /// Inputs whose memory the first output may take over, best first.
    var inPlace: [Int] { get }
    /// Binds the kernel to memory that stays where it is.
    func bind(_ memory: KernelMemory) throws(LTError) -> BoundKernel
}

extension Kernel {
    var scratchBytes: Int { 0 }
    var inPlace: [Int] { [] }
}

/// The memory of one kernel in one session.
struct KernelMemory {
    /// Pointers of the inputs; nil where the kernel does not read one.
    var inputs: [UnsafeMutableRawPointer?]
    var outputs: [UnsafeMutableRawPointer?]
    var scratch: UnsafeMutableRawPointer?
    let stream: DNNLStream
}

/// Runs a bound kernel once.
typealias BoundKernel = () throws(LTError) -> Void

/// What kernels may use while they are chosen.
struct KernelContext: Sendable {
    let threads: Int
    let weights: WeightStore
    let precision: Precision
    /// Convolutions are direct sums.
    var exact = false
    /// All who read the node's result multiply it in bfloat16.
    var feedsProducts = false
    /// The version of the node's domain.
    var opset = Opset.latest

    /// What convolutions and products with constant weights read and multiply: bfloat16 where that was asked for and is faster.
    var factors: ElementType {
        precision == .bf16 && lt_bf16_products().rawValue >= LT_BF16_FAST.rawValue ? .bfloat16 : .float32
    }

    /// Whether our own kernels multiply pairs of bfloat16. Tiles they do not know: oneDNN does.
    var multipliesPairs: Bool { factors == .bfloat16 && lt_bf16_products() == LT_BF16_FAST }
}

/// A kernel maker for one operator: nil where it has nothing faster than the operator's own kernel.
typealias KernelMaker =
    @Sendable (_ op: any Operator, _ node: Node, _ inputs: [Operand?], _ outputs: [Operand], _ context: KernelContext)
    throws(LTError) -> (any Kernel)?
