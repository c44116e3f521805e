// CPUSession: runs programs of a CPUPlan in memory of its own. Kernels are bound to their memory once per program; only
// those that read the caller's tensors are bound again when these move.

import CLTKernels
import LTCore
import LTGraph

final class CPUSession: BackendSession {
    private static let keptPrograms = 4

    private let plan: CPUPlan
    private let stream: DNNLStream
    private let arena: SessionArena
    /// What dynamic steps use while they run.
    private let scratch: SessionArena
    /// Most recently used first.
    private var bound: [BoundProgram] = []

    /// - Parameter scratch: of the session that this one is part of.
    init(_ plan: CPUPlan, scratch: SessionArena? = nil) throws(LTError) {
        self.plan = plan
        stream = try DNNLStream()
        if let scratch { self.scratch = scratch } else { self.scratch = try SessionArena() }
        arena = try SessionArena()
    }

    func run(
        _ inputs: [ONNXValue], profile: StepProfile?, interruption: Interruption
    ) throws(LTError) -> [ONNXValue] {
        lt_set_threads(Int32(plan.context.threads))
        return try boundProgram(inputs).run(inputs, profile, interruption)
    }

    private func boundProgram(_ inputs: [ONNXValue]) throws(LTError) -> BoundProgram {
        let shapes = inputs.map(\.shape)
        if let index = bound.firstIndex(where: { $0.program.takes(shapes) && $0.isCurrent }) {
            if index > 0 { bound.insert(bound.remove(at: index), at: 0) }
            return bound[0]
        }
        let program = try plan.program(types: inputs.map(\.type), shapes)
        bound.removeAll { !$0.isCurrent || $0.program.takes(shapes) }
        try arena.reserve(program.arenaBytes + program.scratchBytes)
        bound.removeAll { !$0.isCurrent }
        bound.insert(try BoundProgram(program, arena, scratch, stream), at: 0)
        if bound.count > Self.keptPrograms { bound.removeLast() }
        return bound[0]
    }
}

/// Memory for the values of one program, or for one dynamic step, at a time.
final class SessionArena {
    private(set) var buffer: Buffer
    /// Grows when the memory moves; programs are bound to one generation.
    private(set) var generation = 0

    init() throws(LTError) { buffer = try Buffer(byteCount: 0) }

    func reserve(_ byteCount: Int) throws(LTError) {
        guard byteCount > buffer.byteCount else { return }
        generation += 1
        buffer = try Buffer(byteCount: 0)
        buffer = try Buffer(byteCount: byteCount)
    }
}

/// A program with its memory in one session.
final class BoundProgram {
    let program: CPUProgram
    private let arena: SessionArena
    private let generation: Int
    private let scratch: SessionArena
    private let stream: DNNLStream
    /// One per step; nil for steps that do nothing or choose as they run.
    private var kernels: [BoundKernel?] = []
    /// Steps that read input `i` in the caller's memory, and where that lay when they were bound.
    private var readers: [[Int]]
    private var inputPointers: [UnsafeMutableRawPointer?]
    /// Values of their own, the kernels of the steps that make them, and the sessions of these steps' subgraphs.
    private var values: [Int: ONNXValue] = [:]
    private var dynamics: [Int: DynamicKernels] = [:]
    private var nested: [Int: [String: CPUSession]] = [:]

    /// Whether the arena is still where it was when the kernels were bound.
    var isCurrent: Bool { generation == arena.generation }

    init(
        _ program: CPUProgram, _ arena: SessionArena, _ scratch: SessionArena, _ stream: DNNLStream
    ) throws(LTError) {
        self.program = program
        self.arena = arena
        generation = arena.generation
        self.scratch = scratch
        self.stream = stream
        readers = [[Int]](repeating: [], count: program.shapes.count)
        inputPointers = [UnsafeMutableRawPointer?](repeating: nil, count: program.shapes.count)
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

    func run(
        _ inputs: [ONNXValue], _ profile: StepProfile?, _ interruption: Interruption
    ) throws(LTError) -> [ONNXValue] {
        try follow(inputs)
        defer { values.removeAll(keepingCapacity: true) }
        for (index, step) in program.steps.enumerated() {
            do throws(LTError) {
                try interruption.check()
                if let profile {
                    try profile.time(program.row(step)) { () throws(LTError) in
                        try run(step, index, inputs, interruption)
                    }
                } else {
                    try run(step, index, inputs, interruption)
                }
            } catch {
                throw error.inside(step.label)
            }
        }
        var outputs: [ONNXValue] = []
        for id in program.outputs { outputs.append(try owned(id, inputs)) }
        return outputs
    }

    private func run(
        _ step: CPUProgram.Step, _ index: Int, _ inputs: [ONNXValue], _ interruption: Interruption
    ) throws(LTError) {
        if let kernel = kernels[index] { return try kernel() }
        guard case .dynamic(let dynamic) = step.action else { return }
        var arguments: [ONNXValue?] = []
        for id in step.inputs { arguments.append(try id.map { id throws(LTError) in try value(id, inputs) }) }
        // What no later step reads is the step's alone, perhaps to write over.
        for id in step.releases where step.inputs.contains(id) { values[id] = nil }
        let kernels = dynamics[index] ?? DynamicKernels(dynamic)
        dynamics[index] = kernels
        if let results = try kernels.run(&arguments, scratch, stream) {
            for (id, value) in zip(step.outputs, results) {
                if let id { try keep(.tensor(value), as: id) }
            }
        } else {
            var bodies: [String: Result<SessionBodies.Body, LTError>] = [:]
            for (name, planned) in dynamic.bodies {
                switch planned {
                case .failure(let error): bodies[name] = .failure(error)
                case .success(let body):
                    bodies[name] = .success(
                        SessionBodies.Body(
                            session: try session(body.plan, index, name), plan: body.plan,
                            captured: body.captured.compactMap { arguments[$0] }))
                }
            }
            let own = dynamic.bodies.isEmpty ? arguments : Array(arguments.prefix(step.ownInputs))
            let results = try dynamic.op.run(own, SessionBodies(bodies: bodies, interruption: interruption))
            for (id, value) in zip(step.outputs, results) {
                if let id { try keep(value, as: id) }
            }
        }
        for id in step.releases { values[id] = nil }
    }

    private func session(_ plan: CPUPlan, _ index: Int, _ name: String) throws(LTError) -> CPUSession {
        if let session = nested[index]?[name] { return session }
        let session = try CPUSession(plan, scratch: scratch)
        nested[index, default: [:]][name] = session
        return session
    }

    /// Puts what a dynamic step made where later steps find it.
    private func keep(_ value: ONNXValue, as id: Int) throws(LTError) {
        guard case .arena(let offset) = program.values[id].home, let shape = program.values[id].shape else {
            values[id] = try detached(value)
            return
        }
        let tensor = try value.tensor("value '\(program.values[id].name)'")
        guard tensor.shape == shape, tensor.type == program.values[id].type else {
            throw LTError(.shapeMismatch, "an output came as \(tensor.shape), expected \(shape)")
        }
        (arena.buffer.pointer + offset).copyMemory(from: tensor.rawPointer, byteCount: tensor.byteCount)
    }

    /// The value without views of the arena, which later steps would overwrite.
    private func detached(_ value: ONNXValue) throws(LTError) -> ONNXValue {
        switch value {
        case .tensor(let tensor):
            return tensor.type != .string && tensor.buffer === arena.buffer ? .tensor(try copy(tensor)) : value
        case .sequence(let items):
            return .sequence(try items.map { item throws(LTError) in try detached(item) })
        case .optional(let element):
            return .optional(try element.map { item throws(LTError) in try detached(item) })
        }
    }

    // MARK: Memory

    /// Binds the kernels that read the caller's tensors to where these lie now. A kernel that cannot be bound leaves none
    /// of them behind that a later run would take for bound.
    private func follow(_ inputs: [ONNXValue]) throws(LTError) {
        let pointers = inputs.map(\.rawPointer)
        let moved = inputs.indices.filter { inputPointers[$0] != pointers[$0] }
        for index in moved { inputPointers[index] = pointers[index] }
        do throws(LTError) {
            for index in moved {
                for step in readers[index] { kernels[step] = try bind(program.steps[step]) }
            }
        } catch {
            for index in moved { inputPointers[index] = nil }
            throw error
        }
    }

    private func bind(_ step: CPUProgram.Step) throws(LTError) -> BoundKernel? {
        let scratch = arena.buffer.pointer + program.arenaBytes
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
        case .arena(let offset): arena.buffer.pointer + offset
        case .dynamic: nil
        }
    }

    /// The value as it is until the next step.
    private func value(_ id: Int, _ inputs: [ONNXValue]) throws(LTError) -> ONNXValue {
        let value = program.values[id]
        switch program.values[program.root(id)].home {
        case .input(let index):
            guard let shape = value.shape, case .tensor(let tensor) = inputs[index] else { return inputs[index] }
            return .tensor(try tensor.reshaped(shape))
        case .constant(let tensor):
            guard let shape = value.shape else { return .tensor(tensor) }
            return .tensor(try tensor.reshaped(shape))
        case .arena(let offset):
            guard let shape = value.shape, let type = value.type else {
                throw LTError(.malformed, "value '\(value.name)' has no shape")
            }
            return .tensor(Tensor(type, shape, buffer: arena.buffer, byteOffset: offset))
        case .dynamic:
            guard let made = values[id] else { throw LTError(.malformed, "value '\(value.name)' was not made") }
            return made
        }
    }

    /// The value in memory that neither the session nor the caller writes again.
    private func owned(_ id: Int, _ inputs: [ONNXValue]) throws(LTError) -> ONNXValue {
        let value = try value(id, inputs)
        guard case .tensor(let tensor) = value, tensor.type != .string else { return value }
        let isBorrowed =
            tensor.buffer === arena.buffer
            || inputs.contains { input in
                if case .tensor(let fed) = input { fed.buffer === tensor.buffer } else { false }
            }
        return isBorrowed ? .tensor(try copy(tensor)) : value
    }

    private func copy(_ tensor: Tensor) throws(LTError) -> Tensor {
        let copy = try Tensor(tensor.type, tensor.shape)
        copy.rawPointer.copyMemory(from: tensor.rawPointer, byteCount: tensor.byteCount)
        return copy
    }
}

/// The subgraphs of a node in one session.
private struct SessionBodies: BodyRunner {
    struct Body {
        let session: CPUSession
        let plan: CPUPlan
        let captured: [ONNXValue]
    }
    let bodies: [String: Result<Body, LTError>]
    let interruption: Interruption

    func run(_ name: String, _ inputs: [ONNXValue]) throws(LTError) -> [ONNXValue] {
        guard let body = try bodies[name]?.get() else {
            throw LTError(.malformed, "attribute '\(name)' is missing, expected a graph")
        }
        try body.plan.graph.checkCount(inputs.count + body.captured.count)
        // A loop goes on over a subgraph without steps, too.
        try interruption.check()
        return try body.session.run(inputs + body.captured, profile: nil, interruption: interruption)
    }
}

extension ONNXValue {
    fileprivate var rawPointer: UnsafeMutableRawPointer? {
        if case .tensor(let tensor) = self, tensor.type != .string { tensor.rawPointer } else { nil }
    }
    fileprivate var shape: Shape? {
        if case .tensor(let tensor) = self { tensor.shape } else { nil }
    }
    fileprivate var type: ValueType? {
        switch self {
        case .tensor(let tensor): .tensor(tensor.type, nil)
        case .sequence(let items): .sequence(items.first?.type)
        case .optional(let element): .optional(element?.type)
        }
    }
}
