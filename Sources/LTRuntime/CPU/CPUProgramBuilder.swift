// CPUProgramBuilder: walks a graph with known input shapes once, picks a kernel per node, keeps the layouts that kernels
// leave values in, and inserts reorders only where a reader wants another one. Then memory is shared out.

import LTCore
import LTGraph

struct CPUProgramBuilder {
    private let graph: Graph
    private let inference: Inference
    private let plan: CPUPlan
    private var program: CPUProgram
    /// Name → ids of the same value in different layouts; the first is the one its node made.
    private var versions: [String: [Int]] = [:]
    private let reads: [String: Int]
    /// Values that only products of bfloat16 read.
    private let factors: Set<String>

    /// Builds the program of `graph`, the plan's graph with all types known, for inputs of these shapes.
    static func build(_ graph: Graph, _ shapes: [Shape?], _ plan: CPUPlan) throws(LTError) -> CPUProgram {
        let specialised = try Passes.specialise(graph, inputs: shapes, plan.context.factors)
        var builder = CPUProgramBuilder(
            graph: specialised, inference: try Inference(specialised, inputs: shapes), plan: plan,
            program: CPUProgram(shapes: shapes))
        try builder.emit()
        builder.shareMemory()
        try builder.loadConstants()
        return builder.program
    }

    /// Fills the constants that steps read as they are. Where others were asked for and could not be read, there is no program.
    private func loadConstants() throws(LTError) {
        let read = program.steps.flatMap { $0.inputs.compactMap { $0 } } + program.outputs
        for id in read {
            if case .constant(let tensor) = program.values[program.root(id)].home { try tensor.buffer.load() }
        }
        for tensor in graph.initializers.values {
            if let failure = tensor.buffer.loadFailure { throw failure }
        }
    }

    private init(graph: Graph, inference: Inference, plan: CPUPlan, program: CPUProgram) {
        self.graph = graph
        reads = graph.readCounts
        factors = plan.context.factors == .bfloat16 ? Self.factors(graph, inference, plan.context) : []
        self.inference = inference
        self.plan = plan
        self.program = program
    }

    // MARK: Steps

    private mutating func emit() throws(LTError) {
        for (index, input) in graph.runtimeInputs.enumerated() {
            let facts = inference[input.name]
            versions[input.name] = [add(input.name, facts?.type, facts?.shape, .plain, .input(index))]
        }
        for (name, tensor) in graph.initializers {
            versions[name] = [add(name, tensor.type, tensor.shape, .plain, .constant(tensor))]
        }
        for (index, node) in graph.nodes.enumerated() {
            do throws(LTError) {
                try emit(node, inference.operators[index])
            } catch {
                throw error.inside(node.label)
            }
        }
        for output in graph.outputs {
            program.outputs.append(try version(of: output.name, .plain))
        }
    }

    private mutating func add(
        _ name: String, _ type: ElementType?, _ shape: Shape?, _ layout: Layout, _ home: CPUProgram.Home
    ) -> Int {
        program.values.append(CPUProgram.Value(name: name, type: type, shape: shape, layout: layout, home: home))
        return program.values.count - 1
    }

    private mutating func emit(_ node: Node, _ op: any ValueOperator) throws(LTError) {
        let name = node.name.isEmpty ? node.outputs.first ?? "" : node.name
        guard let tensorOp = op as? any Operator, let inputs = operands(node.inputs), let outputs = staticOutputs(node)
        else { return try emitDynamic(node, op, name) }
        var context = plan.context
        context.opset = graph.opset(of: node)
        context.feedsProducts = node.outputs.first.map { factors.contains($0) } ?? false
        var kernel = try KernelTable.choose(tensorOp, node, inputs, outputs, context)
        var sources: [Int?] = []
        for (index, wanted) in kernel.inputs.enumerated() {
            guard let wanted, index < node.inputs.count, !node.inputs[index].isEmpty else {
                sources.append(nil)
                continue
            }
            sources.append(try version(of: node.inputs[index], wanted))
        }
        var flops = Work.flops(node, inputs.map { $0?.shape.dims }, outputs.first?.shape.dims)
        if let second = kernel as? LinearKernel, reads[node.inputs[0]] == 1, let last = program.steps.last,
            last.outputs.first == sources[0], case .kernel(let maker) = last.action, let first = maker as? LinearKernel,
            let pair = LinearPairKernel(first, second)
        {
            program.steps.removeLast()
            kernel = pair
            sources[0] = last.inputs[0]
            flops = last.flops.flatMap { own in flops.map { own + $0 } }
        }
        var made: [Int?] = []
        for (index, output) in node.outputs.enumerated() {
            guard !output.isEmpty, index < kernel.outputs.count else {
                made.append(nil)
                continue
            }
            let operand = kernel.outputs[index]
            let id = add(output, operand.type, operand.shape, operand.layout, .arena(0))
            versions[output] = [id]
            made.append(id)
        }
        let isView = kernel is ViewKernel
        program.steps.append(
            CPUProgram.Step(
                action: isView ? .alias : .kernel(kernel), inputs: sources, outputs: made, node: name, op: node.opType,
                flops: flops))
    }

    /// Values that nobody reads but Linears, as X, and attention, as Q, K or V. A hint: whoever reads one otherwise gets a reorder.
    private static func factors(_ graph: Graph, _ inference: Inference, _ context: KernelContext) -> Set<String> {
        var (factors, others): (Set<String>, Set<String>) = ([], Set(graph.outputs.map(\.name)))
        for (index, node) in graph.nodes.enumerated() {
            let attention = inference.operators[index] as? FusedAttentionOperator
            let taken =
                attention.map { AttentionKernel.isHalf($0.geometry, context) ? 3 : 0 }
                ?? (node.opType == "Linear" && node.inputs.count > 1 && graph.initializers[node.inputs[1]] != nil
                    ? 1 : 0)
            factors.formUnion(node.inputs.prefix(taken))
            others.formUnion(node.inputs.dropFirst(taken))
            others.formUnion(node.capturedNames)
        }
        return factors.subtracting(others)
    }

    private mutating func emitDynamic(_ node: Node, _ op: any ValueOperator, _ name: String) throws(LTError) {
        var sources: [Int?] = []
        for input in node.inputs { sources.append(input.isEmpty ? nil : try version(of: input, .plain)) }
        var bodies: [String: Result<DynamicNode.Body, LTError>] = [:]
        for (name, planned) in try plan.bodies(of: node, op, graph, inference) {
            switch planned {
            case .failure(let error): bodies[name] = .failure(error)
            case .success(let plan):
                var places: [Int] = []
                for name in plan.captured {
                    places.append(sources.count)
                    sources.append(try version(of: name, .plain))
                }
                bodies[name] = .success(DynamicNode.Body(plan: plan, captured: places))
            }
        }
        var made: [Int?] = []
        for output in node.outputs {
            guard !output.isEmpty else {
                made.append(nil)
                continue
            }
            // What follows a value of known shape need not be dynamic.
            let facts = inference[output]
            let shape = facts?.type == .string || facts?.value?.count == 0 ? nil : facts?.shape
            let id = add(output, facts?.type, shape, .plain, shape == nil ? .dynamic : .arena(0))
            versions[output] = [id]
            made.append(id)
        }
        var context = plan.context
        context.opset = graph.opset(of: node)
        let dynamic = DynamicNode(
            op: op, node: KernelTable.knows(node) ? node : nil, context: context,
            isConstant: node.inputs.map { graph.initializers[$0] != nil }, bodies: bodies)
        program.steps.append(
            CPUProgram.Step(
                action: .dynamic(dynamic), inputs: sources, outputs: made, ownInputs: node.inputs.count, node: name,
                op: node.opType))
    }

    /// What kernels may know of the inputs; nil when one of them exists only as a tensor of its own.
    private func operands(_ names: [String]) -> [Operand?]? {
        var operands: [Operand?] = []
        for name in names {
            guard !name.isEmpty else {
                operands.append(nil)
                continue
            }
            guard let id = versions[name]?.first, let shape = program.values[id].shape else { return nil }
            let value = program.values[id]
            guard let type = value.type, type != .string else { return nil }
            var constant: Tensor?
            if case .constant(let tensor) = value.home { constant = tensor }
            operands.append(Operand(type, shape, layout: value.layout, constant: constant))
        }
        return operands
    }

    private func staticOutputs(_ node: Node) -> [Operand]? {
        var outputs: [Operand] = []
        for name in node.outputs {
            guard !name.isEmpty else {
                outputs.append(Operand(.float32, .scalar))
                continue
            }
            guard let facts = inference[name], facts.type != .string, let shape = facts.shape else { return nil }
            outputs.append(Operand(facts.type, shape))
        }
        return outputs
    }

    /// The value in a layout: one that exists, a constant packed now, or a reorder step.
    private mutating func version(of name: String, _ layout: Layout) throws(LTError) -> Int {
        let ids = versions[name] ?? []
        if let id = ids.first(where: { program.values[$0].layout == layout }) { return id }
        guard let origin = ids.first, let shape = program.values[origin].shape else {
            throw LTError(.malformed, "value '\(name)' was not made")
        }
        let value = program.values[origin]
        let id: Int
        if value.layout.coincides(with: layout, shape) {
            id = add(name, value.type, shape, layout, .arena(0))
            step(.alias, from: origin, to: id, "Reorder")
        } else if case .constant(let tensor) = value.home {
            let desc = try layout.desc(shape, tensor.type)
            let from = try value.layout.desc(shape, tensor.type)
            let buffer = try plan.context.weights.packed(tensor, from: from, as: desc)
            let packed = Tensor(.uint8, try Shape([buffer.byteCount]), buffer: buffer)
            id = add(name, value.type, shape, layout, .constant(packed))
        } else {
            let type = value.type ?? .float32
            id = add(name, type, shape, layout, .arena(0))
            let reorder = try Reorder(from: try value.layout.desc(shape, type), to: try layout.desc(shape, type))
            step(.reorder(reorder), from: origin, to: id, "Reorder")
        }
        versions[name, default: []].append(id)
        return id
    }

    private mutating func step(_ action: CPUProgram.Action, from: Int, to: Int, _ op: String) {
        program.steps.append(
            CPUProgram.Step(
                action: action, inputs: [from], outputs: [to], node: program.values[from].name, op: op))
    }

    // MARK: Memory

    private mutating func shareMemory() {
        let count = program.steps.count
        var lastUse = [Int](repeating: -1, count: program.values.count)  // per value, then per root
        for (index, step) in program.steps.enumerated() {
            for id in step.inputs.compactMap({ $0 }) { lastUse[id] = index }
        }
        for id in program.outputs { lastUse[id] = count }
        var first = [Int](repeating: 0, count: program.values.count)
        var bytes = [Int](repeating: 0, count: program.values.count)
        for (index, step) in program.steps.enumerated() {
            for id in step.outputs.compactMap({ $0 }) {
                first[id] = index
                lastUse[id] = max(lastUse[id], index)
                let value = program.values[id]
                if let shape = value.shape, let type = value.type {
                    bytes[id] = (try? value.layout.byteCount(type, shape)) ?? 0
                }
            }
            guard let output = step.outputs.first.flatMap({ $0 }) else { continue }
            switch step.action {
            case .alias:
                guard let source = step.inputs.first.flatMap({ $0 }) else { continue }
                share(output, program.root(source), &lastUse)
            case .kernel(let kernel):
                for candidate in kernel.inPlace {
                    guard let source = step.inputs[candidate] else { continue }
                    let root = program.root(source)
                    let others = step.inputs.enumerated().contains { position, id in
                        position != candidate && id.map { program.root($0) == root } ?? false
                    }
                    guard case .arena = program.values[root].home, lastUse[root] == index, !others,
                        bytes[output] <= bytes[root]
                    else { continue }
                    share(output, root, &lastUse)
                    break
                }
            case .reorder, .dynamic: break
            }
        }
        place(first, lastUse, bytes)
        for (index, step) in program.steps.enumerated() {
            program.steps[index].releases = (step.inputs + step.outputs).compactMap { $0 }.filter { id in
                if case .dynamic = program.values[id].home { return lastUse[id] == index }
                return false
            }
            switch step.action {
            case .kernel(let kernel): program.scratchBytes = max(program.scratchBytes, kernel.scratchBytes)
            case .reorder(let reorder):
                program.scratchBytes = max(program.scratchBytes, reorder.primitive.scratch.byteCount)
            case .alias, .dynamic: break
            }
        }
    }

    private mutating func share(_ value: Int, _ root: Int, _ lastUse: inout [Int]) {
        program.values[value].alias = root
        lastUse[root] = max(lastUse[root], lastUse[value])
    }

    private mutating func place(_ first: [Int], _ lastUse: [Int], _ bytes: [Int]) {
        var lifetimes: [Lifetime] = []
        for (id, value) in program.values.enumerated() where value.alias == nil {
            guard case .arena = value.home else { continue }
            lifetimes.append(Lifetime(id: id, bytes: bytes[id], first: first[id], last: lastUse[id]))
        }
        let (offsets, total) = Arena.place(lifetimes)
        for (id, offset) in offsets { program.values[id].home = .arena(offset) }
        program.arenaBytes = total
    }
}
