// CPUProgram: a graph bound to concrete input shapes: steps in order, the layout of every value, and where it lies.

import LTCore
import LTGraph

/// A plan's steps for inputs of given shapes. Immutable, shared by sessions.
struct CPUProgram: Sendable {
    /// Where a value lies while the program runs.
    enum Home: Sendable {
        case input(Int)
        case constant(Tensor)
        /// Bytes from the start of the arena.
        case arena(Int)
        /// A value of its own, made when the program runs.
        case dynamic
    }

    struct Value: Sendable {
        let name: String
        /// nil: no tensor.
        let type: ElementType?
        /// nil: known only when the program runs.
        let shape: Shape?
        let layout: Layout
        var home: Home
        /// The value whose memory this one shares.
        var alias: Int?
    }

    enum Action: Sendable {
        case kernel(any Kernel)
        /// The output is the input's memory under another name, shape or layout.
        case alias
        case reorder(Reorder)
        /// Shapes come with the data: kernels are chosen when it runs.
        case dynamic(DynamicNode)
    }

    struct Step: Sendable {
        var action: Action
        /// What the node reads; then, of a node with subgraphs, what these capture.
        let inputs: [Int?]
        let outputs: [Int?]
        /// How many of the inputs the node itself reads.
        var ownInputs = 0
        /// Dynamic values that no later step reads.
        var releases: [Int] = []
        let node: String
        let op: String
        var flops: Double?
        var label: String { "node '\(node)' (\(op))" }
    }

    /// The shapes of the inputs that it was made for; nil takes any value.
    let shapes: [Shape?]
    var values: [Value] = []
    var steps: [Step] = []
    /// Values of the graph's outputs, all row-major.
    var outputs: [Int] = []
    var arenaBytes = 0
    var scratchBytes = 0

    init(shapes: [Shape?]) { self.shapes = shapes }

    func takes(_ other: [Shape?]) -> Bool { zip(shapes, other).allSatisfy { $0 == nil || $0 == $1 } }

    /// The value whose memory holds value `id`.
    func root(_ id: Int) -> Int {
        var id = id
        while let next = values[id].alias { id = next }
        return id
    }

    func row(_ step: Step) -> PlanRow {
        let output = step.outputs.first.flatMap { $0 }.map { values[$0] }
        let kernel =
            switch step.action {
            case .kernel(let kernel): kernel.label
            case .alias: "view"
            case .reorder(let reorder): "dnnl reorder \(reorder.primitive.implementation)"
            case .dynamic: "by shape"
            }
        return PlanRow(
            node: step.node, op: step.op, kernel: kernel,
            layout: output.map { value in value.shape.map { value.layout.name($0) } ?? "plain" } ?? "",
            device: "cpu", shape: output?.shape?.dims, flops: step.flops)
    }
}
