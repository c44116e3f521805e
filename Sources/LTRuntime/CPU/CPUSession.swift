// CPUSession: runs programs of a CPUPlan in memory of its own. Kernels are bound to their memory once per program; only
// those that read the caller's tensors are bound again when these move.

import CLTKernels
import LTCore
import LTGraph

final class CPUSession: BackendSession {
    private static let keptPrograms = 4

    private let plan: CPUPlan
    private let stream: DNNLStream
    private var arena: Buffer
    /// Most recently used first.
    private var bound: [BoundProgram] = []

    init(_ plan: CPUPlan) throws(LTError) {
        self.plan = plan
        stream = try DNNLStream()
        arena = try Buffer(byteCount: 0)
    }

    func run(_ inputs: [Tensor], profile: StepProfile?) throws(LTError) -> [Tensor] {
        lt_set_threads(Int32(plan.context.threads))
        return try boundProgram(inputs).run(inputs, profile)
    }

    private func boundProgram(_ inputs: [Tensor]) throws(LTError) -> BoundProgram {
        let shapes = inputs.map(\.shape)
        if let index = bound.firstIndex(where: { $0.shapes == shapes }) {
            if index > 0 { bound.insert(bound.remove(at: index), at: 0) }
            return bound[0]
        }
        let program = try plan.program(types: inputs.map { $0.type }, shapes)
        let bytes = program.arenaBytes + program.scratchBytes
        if bytes > arena.byteCount {
            // Programs bound to the smaller arena go with it.
            bound = []
            arena = try Buffer(byteCount: 0)
            arena = try Buffer(byteCount: bytes)
        }
        bound.insert(try BoundProgram(program, shapes, arena, stream), at: 0)
        if bound.count > Self.keptPrograms { bound.removeLast() }
        return bound[0]
    }
}

/// A program with its memory in one session.
final class BoundProgram {
    let shapes: [Shape]
    private let program: CPUProgram
    private let arena: Buffer
    private let stream: DNNLStream
    /// One per step; nil for steps that do nothing or choose as they run.
    private var kernels: [BoundKernel?] = []
    /// Steps that read input `i` in the caller's memory, and where that lay when they were bound.
    private var readers: [[Int]]
    private var inputPointers: [UnsafeMutableRawPointer?]
    /// Values that are tensors of their own, and the sessions of the nodes that make them.
    private var tensors: [Int: Tensor] = [:]
    private var nested: [Int: CPUSession] = [:]

    init(_ program: CPUProgram, _ shapes: [Shape], _ arena: Buffer, _ stream: DNNLStream) throws(LTError) {
        self.program = program
        self.shapes = shapes
        self.arena = arena
        self.stream = stream
        readers = [[Int]](repeating: [], count: shapes.count)
        inputPointers = [UnsafeMutableRawPointer?](repeating: nil, count: shapes.count)
        for (index, step) in program.steps.enumerated() {
            for id in step.inputs.compactMap({ $0 }) {
                if case .input(let input) = program.values[program.root(id)].home { readers[input].append(index) }
            }
        }
        for step in program.steps {
            let readsInput = step.inputs.contains { id in
                if let id, case .input = program.values[program.root(id)].home { return true }
                return false
            }
            kernels.append(readsInput ? nil : try bind(step))
        }
    }

    func run(_ inputs: [Tensor], _ profile: StepProfile?) throws(LTError) -> [Tensor] {
        let moved = inputs.indices.filter { inputPointers[$0] != inputs[$0].rawPointer }
        for index in moved { inputPointers[index] = inputs[index].rawPointer }
        for index in moved {
            for step in readers[index] { kernels[step] = try bind(program.steps[step]) }
        }
        for (index, step) in program.steps.enumerated() {
            do throws(LTError) {
                if let profile {
                    try profile.time(program.row(step)) { () throws(LTError) in try run(step, index, inputs) }
                } else {
                    try run(step, index, inputs)
                }
            } catch {
                throw error.inside(step.label)
            }
        }
        var outputs: [Tensor] = []
        for id in program.outputs { outputs.append(try owned(id, inputs)) }
        tensors.removeAll(keepingCapacity: true)
        return outputs
    }

    private func run(_ step: CPUProgram.Step, _ index: Int, _ inputs: [Tensor]) throws(LTError) {
        if let kernel = kernels[index] { return try kernel() }
        guard case .dynamic(let dynamic) = step.action else { return }
        var arguments: [Tensor?] = []
        for id in step.inputs { arguments.append(try id.map { id throws(LTError) in try tensor(id, inputs) }) }
        let results: [Tensor]
        if let whole = dynamic.whole {
            if nested[index] == nil { nested[index] = try CPUSession(whole) }
            var fed: [Tensor] = []
            for input in whole.graph.runtimeInputs {
                guard let position = whole.graph.nodes[0].inputs.firstIndex(of: input.name),
                    let tensor = arguments[position]
                else { throw LTError(.malformed, "input '\(input.name)' was not made") }
                fed.append(tensor)
            }
            results = try nested[index]?.run(fed, profile: nil) ?? []
            for (id, tensor) in zip(step.outputs.compactMap { $0 }, results) { tensors[id] = tensor }
        } else {
            results = try dynamic.op.run(arguments)
            for (id, tensor) in zip(step.outputs, results) {
                guard let id else { continue }
                // A view of the arena would be overwritten by later steps.
                tensors[id] = tensor.buffer === arena ? try copy(tensor) : tensor
            }
        }
        for id in step.releases { tensors[id] = nil }
    }

    // MARK: Memory

    private func bind(_ step: CPUProgram.Step) throws(LTError) -> BoundKernel? {
        let scratch = arena.pointer + program.arenaBytes
        switch step.action {
        case .alias, .dynamic: return nil
        case .reorder(let reorder):
            let bound = try reorder.bind(
                step.inputs[0].flatMap(pointer), step.outputs[0].flatMap(pointer), scratch, stream)
            return { () throws(LTError) in try bound.execute() }
        case .kernel(let kernel):
            return try kernel.bind(
                KernelMemory(
                    inputs: step.inputs.map { $0.flatMap(pointer) }, outputs: step.outputs.map { $0.flatMap(pointer) },
                    scratch: scratch, stream: stream))
        }
    }

    private func pointer(_ id: Int) -> UnsafeMutableRawPointer? {
        switch program.values[program.root(id)].home {
        case .input(let index): inputPointers[index]
        case .constant(let tensor): tensor.rawPointer
        case .arena(let offset): arena.pointer + offset
        case .dynamic: nil
        }
    }

    /// The value as a tensor that is valid until the next step.
    private func tensor(_ id: Int, _ inputs: [Tensor]) throws(LTError) -> Tensor {
        let value = program.values[id]
        switch program.values[program.root(id)].home {
        case .input(let index):
            guard let shape = value.shape else { return inputs[index] }
            return try inputs[index].reshaped(shape)
        case .constant(let tensor):
            guard let shape = value.shape else { return tensor }
            return try tensor.reshaped(shape)
        case .arena(let offset):
            guard let shape = value.shape else { throw LTError(.malformed, "value '\(value.name)' has no shape") }
            return Tensor(value.type, shape, buffer: arena, byteOffset: offset)
        case .dynamic:
            guard let tensor = tensors[id] else { throw LTError(.malformed, "value '\(value.name)' was not made") }
            return tensor
        }
    }

    /// The value in memory that neither the session nor the caller writes again.
    private func owned(_ id: Int, _ inputs: [Tensor]) throws(LTError) -> Tensor {
        let tensor = try tensor(id, inputs)
        guard tensor.type != .string else { return tensor }
        let isBorrowed = tensor.buffer === arena || inputs.contains { $0.buffer === tensor.buffer }
        return isBorrowed ? try copy(tensor) : tensor
    }

    private func copy(_ tensor: Tensor) throws(LTError) -> Tensor {
        let copy = try Tensor(tensor.type, tensor.shape)
        copy.rawPointer.copyMemory(from: tensor.rawPointer, byteCount: tensor.byteCount)
        return copy
    }
}
