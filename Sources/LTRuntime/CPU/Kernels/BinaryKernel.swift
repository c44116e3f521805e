// Elementwise functions of two values with ONNX's broadcasting. Where both are in blocked layouts, or the other one
// repeats over the channels' pixels, the result stays blocked.

import CLTKernels
import LTCore
import LTGraph

struct BinaryKernel: Kernel {
    let inputs: [Layout?]
    let outputs: [Operand]
    let inPlace: [Int]
    private let op: lt_binary_op
    private let dims: [Int64]
    private let strides: [[Int64]]
    /// Channels past the last, to be zeroed again: outer, channels, inner, block.
    private let padding: [Int]?
    /// A gate, one factor per channel of each image: which operand it is, blocks of channels in all, pixels.
    private let gate: (operand: Int, planes: Int, pixels: Int)?

    var label: String { "simd binary" }

    private static let ops: [String: lt_binary_op] = [
        "Add": LT_ADD, "Sub": LT_SUB, "Mul": LT_MUL, "Div": LT_DIV, "Max": LT_MAX, "Min": LT_MIN,
    ]

    static let make: KernelMaker = { _, node, inputs, outputs, _ throws(LTError) in
        guard let op = ops[node.opType], inputs.count == 2, let a = inputs[0], let b = inputs[1],
            a.type == .float32, b.type == .float32, outputs[0].type == .float32
        else { return nil }
        return BinaryKernel(op, a, b, outputs[0].shape)
    }

    private init?(_ op: lt_binary_op, _ a: Operand, _ b: Operand, _ shape: Shape) {
        self.op = op
        var layout = Layout.plain
        for operand in [a, b] {
            let order = operand.layout.order
            if case .blocked = order, operand.shape == shape { layout = order }
        }
        if case .blocked = layout, ![a, b].allSatisfy({ $0.shape.rank == shape.rank || $0.shape.count == 1 }) {
            layout = .plain
        }
        func read(_ operand: Operand) -> Layout {
            // A lone number, and pixels that repeat per image only, need no blocks.
            operand.shape.count == 1 || layout == .plain ? .plain : layout
        }
        let wanted = [read(a), read(b)]
        // A channel axis of 1 that repeats cannot be seen in blocks.
        var layouts = wanted
        if case .blocked = layout,
            [a, b].contains(where: { $0.shape.count > 1 && $0.shape[1] != shape[1] })
        {
            layout = .plain
            layouts = [.plain, .plain]
        }
        inputs = layouts
        outputs = [Operand(.float32, shape, layout: layout)]
        guard let physical = layout.physicalDims(shape), physical.count <= 16 else { return nil }
        var collapsed: [Int] = []
        var steps: [[Int]] = [[], []]
        let sources = [a, b].enumerated().map { index, operand in
            Self.strides(operand.shape, layouts[index], physical)
        }
        // Neighbouring axes that both operands walk alike become one.
        for axis in physical.indices where physical[axis] != 1 {
            if let last = collapsed.last,
                (0..<2).allSatisfy({ steps[$0][collapsed.count - 1] == sources[$0][axis] * physical[axis] })
            {
                collapsed[collapsed.count - 1] = last * physical[axis]
                for side in 0..<2 { steps[side][collapsed.count - 1] = sources[side][axis] }
            } else {
                collapsed.append(physical[axis])
                for side in 0..<2 { steps[side].append(sources[side][axis]) }
            }
        }
        if collapsed.isEmpty {
            collapsed = [1]
            steps = [[0], [0]]
        }
        dims = collapsed.map { Int64($0) }
        strides = steps.map { $0.map { Int64($0) } }
        inPlace = [a, b].enumerated().filter { $0.element.shape == shape && $0.element.constant == nil }.map(\.offset)
        if case .blocked(let block) = layout, shape[1] % block != 0 {
            padding = [shape[0], shape[1], shape.dims.dropFirst(2).reduce(1, *), block]
        } else {
            padding = nil
        }
        let isGate = [a, b].map { operand in
            operand.shape.dims == Array(shape.dims.prefix(2)) + [Int](repeating: 1, count: max(0, shape.rank - 2))
        }
        if op == LT_MUL, layout == .blocked(lt_channel_block()), isGate[0] != isGate[1],
            (isGate[0] ? b : a).shape == shape
        {
            gate = (isGate[0] ? 0 : 1, physical[0] * physical[1], shape.dims.dropFirst(2).reduce(1, *))
        } else {
            gate = nil
        }
    }

    /// Element strides of an operand over the result's memory dimensions, 0 where it repeats.
    private static func strides(_ shape: Shape, _ layout: Layout, _ target: [Int]) -> [Int] {
        let own = layout.physicalDims(shape) ?? shape.dims
        var strides = [Int](repeating: 0, count: target.count)
        var step = 1
        for axis in stride(from: own.count - 1, through: 0, by: -1) {
            let position = axis + target.count - own.count
            if own[axis] != 1 { strides[position] = step }
            step *= own[axis]
        }
        return strides
    }

    func bind(_ memory: KernelMemory) throws(LTError) -> BoundKernel {
        let (op, dims, strides, padding) = (op, dims, strides, padding)
        let (x, z, y) = (memory.floats(0), memory.floats(1), memory.outputFloats)
        if let gate {
            let (image, factors) = gate.operand == 1 ? (x, z) : (z, x)
            return { () throws(LTError) in lt_channel_scale(image, factors, y, gate.planes, gate.pixels) }
        }
        return { () throws(LTError) in
            lt_binary(op, Int32(dims.count), dims, x, strides[0], z, strides[1], y)
            if let padding { lt_zero_padding(y, padding[0], padding[1], padding[2], padding[3]) }
        }
    }
}
