// DynamicKernels: what runs a step whose shapes come with the data: kernels chosen for the values that arrive, by the same table
// as those of static steps. Results are written where they stay, views share their input's memory.

import LTCore
import LTGraph

/// A node whose shapes come with the data, or one with subgraphs.
struct DynamicNode: Sendable {
    let op: any ValueOperator
    /// The node, where there may be kernels faster than the operator's own.
    let node: Node?
    let context: KernelContext
    /// Which inputs never change.
    let isConstant: [Bool]
    /// The node's subgraphs, each with the places of its captured values among the step's inputs.
    let bodies: [String: Result<Body, LTError>]

    struct Body: Sendable {
        let plan: CPUPlan
        let captured: [Int]
    }
}

/// The kernels of one dynamic step in one session, for the latest few sets of shapes.
final class DynamicKernels {
    private static let kept = 4
    /// With fewer elements the operator's own kernel is done before another is chosen.
    private static let fewest = 2048
    /// Integers that are no more than these are taken for shapes, positions and the like, which choose the kernel.
    private static let mostIntegers = 1024

    private struct Choice {
        let shapes: [Shape?]
        let kernel: any Kernel
        /// Between row-major and what the kernel reads and leaves, with places in the scratch memory.
        var before: [(reorder: Reorder, offset: Int)?] = []
        var after: [(reorder: Reorder, offset: Int)?] = []
        var scratchBytes: Int
        /// Whether values of inputs, too, made the choice.
        let isForValues: Bool
    }

    private let step: DynamicNode
    /// Most recently used first.
    private var choices: [Choice] = []

    init(_ step: DynamicNode) { self.step = step }

    /// Runs the step; nil, and nothing done, where the operator's own kernel is to run.
    /// - Parameters:
    ///   - arguments: left empty by a step that ran; what nobody else holds may be written over.
    ///   - arena: memory to use until the step is done.
    func run(
        _ arguments: inout [ONNXValue?], _ arena: SessionArena, _ stream: DNNLStream
    ) throws(LTError) -> [Tensor]? {
        guard let op = step.op as? any Operator else { return nil }
        if let overwriting = op as? any OverwritingOperator {
            var inputs = try arguments.tensors()
            arguments = []
            guard let first = inputs.takeUnshared(0) else { return try op.run(inputs) }
            return try overwriting.run(overwriting: first, Array(inputs.dropFirst()))
        }
        guard let node = step.node else { return nil }
        var inputs: [Tensor?] = []
        for argument in arguments {
            switch argument {
            case nil: inputs.append(nil)
            case .tensor(let tensor)? where tensor.type != .string: inputs.append(tensor)
            default: return nil
            }
        }
        let shapes = inputs.map { $0?.shape }
        if let index = choices.firstIndex(where: { $0.shapes == shapes }) {
            if index > 0 { choices.insert(choices.remove(at: index), at: 0) }
            arguments = []
            return try run(choices[0], &inputs, arena, stream)
        }
        guard let choice = try choose(op, node, inputs, shapes) else { return nil }
        if !choice.isForValues {
            choices.insert(choice, at: 0)
            if choices.count > Self.kept { choices.removeLast() }
        }
        arguments = []
        return try run(choice, &inputs, arena, stream)
    }

    private func choose(
        _ op: any Operator, _ node: Node, _ inputs: [Tensor?], _ shapes: [Shape?]
    ) throws(LTError) -> Choice? {
        var operands: [Operand?] = []
        var isForValues = false
        var elements = 0
        for (index, input) in inputs.enumerated() {
            guard let input else {
                operands.append(nil)
                continue
            }
            let isConstant = index < step.isConstant.count && step.isConstant[index]
            let isShape = !isConstant && input.count <= Self.mostIntegers && [.int64, .int32].contains(input.type)
            if isShape { isForValues = true }
            if !isConstant { elements += input.count }
            operands.append(Operand(input.type, input.shape, constant: isConstant || isShape ? input : nil))
        }
        var outputs: [Operand] = []
        for facts in try op.infer(inputs.map { $0.map { Facts($0) } }) {
            guard facts.type != .string, let shape = facts.shape else { return nil }
            elements += shape.count
            outputs.append(Operand(facts.type, shape))
        }
        guard elements >= Self.fewest else { return nil }
        let kernel = try KernelTable.choose(op, node, operands, outputs, step.context)
        if kernel is InterpretedKernel { return nil }
        var choice = Choice(
            shapes: shapes, kernel: kernel, scratchBytes: kernel.scratchBytes, isForValues: isForValues)
        for (input, layout) in zip(inputs, kernel.inputs) {
            guard let input, let layout, let reorder = try reorder(input.shape, .plain, layout) else {
                choice.before.append(nil)
                continue
            }
            choice.before.append((reorder, 0))
        }
        for output in kernel.outputs {
            if let reorder = try reorder(output.shape, output.layout, .plain) {
                choice.after.append((reorder, 0))
            } else {
                choice.after.append(nil)
            }
        }
        // Scratch memory, which reorders use in turn with the kernel, then one piece for each reordered value.
        for reorder in (choice.before + choice.after).compactMap({ $0?.reorder }) {
            choice.scratchBytes = max(choice.scratchBytes, reorder.primitive.scratch.byteCount)
        }
        func place(_ bytes: Int) -> Int {
            let offset = (choice.scratchBytes + Arena.alignment - 1) / Arena.alignment * Arena.alignment
            choice.scratchBytes = offset + bytes
            return offset
        }
        for index in choice.before.indices {
            if let reorder = choice.before[index]?.reorder {
                choice.before[index]?.offset = place(reorder.to.byteCount)
            }
        }
        for index in choice.after.indices {
            if let reorder = choice.after[index]?.reorder {
                choice.after[index]?.offset = place(reorder.from.byteCount)
            }
        }
        return choice
    }

    private func reorder(_ shape: Shape, _ from: Layout, _ to: Layout) throws(LTError) -> Reorder? {
        if from.coincides(with: to, shape) { return nil }
        return try Reorder(from: try from.desc(shape), to: try to.desc(shape))
    }

    private func run(
        _ choice: Choice, _ inputs: inout [Tensor?], _ arena: SessionArena, _ stream: DNNLStream
    ) throws(LTError) -> [Tensor] {
        let kernel = choice.kernel
        if kernel is ViewKernel, let first = inputs.first, let x = first {
            return [try x.reshaped(kernel.outputs[0].shape)]
        }
        try arena.reserve(choice.scratchBytes)
        let scratch = arena.buffer.pointer
        var memory = KernelMemory(inputs: [], outputs: [], scratch: scratch, stream: stream)
        for (index, layout) in kernel.inputs.enumerated() {
            guard layout != nil, index < inputs.count, let input = inputs[index] else {
                memory.inputs.append(nil)
                continue
            }
            var pointer = input.rawPointer
            if let (reorder, offset) = choice.before[index] {
                try reorder.bind(pointer, scratch + offset, scratch, stream).execute()
                pointer = scratch + offset
            }
            memory.inputs.append(pointer)
        }
        var results: [Tensor] = []
        for (index, output) in kernel.outputs.enumerated() {
            let own = index == 0 && choice.after[0] == nil ? overwritten(choice, &inputs) : nil
            if let own { results.append(own) } else { results.append(try Tensor.output(output.type, output.shape)) }
            memory.outputs.append(choice.after[index].map { scratch + $0.offset } ?? results[index].rawPointer)
        }
        try kernel.bind(memory)()
        for (index, result) in results.enumerated() {
            guard let (reorder, offset) = choice.after[index] else { continue }
            try reorder.bind(scratch + offset, result.rawPointer, scratch, stream).execute()
        }
        withExtendedLifetime(inputs) {}
        return results
    }

    /// The memory of an input that the kernel may write its first output over.
    private func overwritten(_ choice: Choice, _ inputs: inout [Tensor?]) -> Tensor? {
        let output = choice.kernel.outputs[0]
        for place in choice.kernel.inPlace where place < choice.before.count && choice.before[place] == nil {
            guard inputs[place]?.type == output.type, inputs[place]?.shape == output.shape else { continue }
            if let memory = inputs.takeUnshared(place) { return memory }
        }
        return nil
    }
}

extension Array where Element == Tensor? {
    private struct Memory {
        var buffer: Buffer
        let type: ElementType
        let shape: Shape
        let offset: Int
        var tensor: Tensor { Tensor(type, shape, buffer: buffer, byteOffset: offset) }
    }

    /// Takes the tensor at `index` out if nobody else holds its memory.
    fileprivate mutating func takeUnshared(_ index: Int) -> Tensor? {
        guard var memory = take(index) else { return nil }
        if isKnownUniquelyReferenced(&memory.buffer) { return memory.tensor }
        self[index] = memory.tensor
        return nil
    }

    private mutating func take(_ index: Int) -> Memory? {
        guard let tensor = self[index], tensor.type != .string else { return nil }
        self[index] = nil
        return Memory(buffer: tensor.buffer, type: tensor.type, shape: tensor.shape, offset: tensor.byteOffset)
    }
}
