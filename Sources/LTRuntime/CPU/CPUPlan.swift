// CPUPlan: the rewritten graph, its packed weights and the programs made of it so far, one per set of input shapes.

import CLTKernels
import LTCore
import LTGraph
import Synchronization

/// A graph bound to the CPU. Programs are made when a shape is first seen and kept, the latest few.
final class CPUPlan: BackendPlan {
    private static let keptPrograms = 8

    let graph: Graph
    let context: KernelContext
    private let isNested: Bool
    /// Most recently used first. The lock is held while a program is made, so that weights are packed once.
    private let programs = Mutex<[(shapes: [Shape], program: CPUProgram)]>([])

    init(_ graph: Graph, _ options: PlanOptions) throws(LTError) {
        self.graph = try Passes.optimise(graph)
        context = KernelContext(threads: options.threads, opset: graph.opset, weights: WeightStore())
        isNested = false
    }

    /// A plan of one node of a graph: its constant inputs stay constants, the others become inputs.
    init(around node: Node, of graph: Graph, _ context: KernelContext) {
        var single = Graph()
        single.opsets = graph.opsets
        single.nodes = [node]
        for name in node.inputs where !name.isEmpty {
            if let tensor = graph.initializers[name] {
                single.initializers[name] = tensor
            } else if !single.inputs.contains(where: { $0.name == name }) {
                single.inputs.append(ValueInfo(name))
            }
        }
        single.outputs = node.outputs.filter { !$0.isEmpty }.map { ValueInfo($0) }
        self.graph = single
        self.context = context
        isNested = true
    }

    func makeSession() throws(LTError) -> any BackendSession { try CPUSession(self) }

    func rows(_ inputs: [Shape]) throws(LTError) -> [PlanRow] {
        let program = try program(types: graph.runtimeInputs.map { _ in nil }, inputs)
        return program.steps.map(program.row)
    }

    /// The program for inputs of these shapes. `types` fill in where the graph states none (nested plans).
    func program(types: [ElementType?], _ shapes: [Shape]) throws(LTError) -> CPUProgram {
        lt_set_threads(Int32(context.threads))
        return try programs.withLock { programs throws(LTError) in
            if let index = programs.firstIndex(where: { $0.shapes == shapes }) {
                let found = programs.remove(at: index)
                programs.insert(found, at: 0)
                return found.program
            }
            var typed = graph
            for (index, type) in types.enumerated() where isNested {
                guard let type else { continue }
                let dims = shapes[index].dims.map { Dimension.fixed($0) }
                typed.inputs[index].type = .tensor(type, dims)
            }
            let program = try CPUProgramBuilder.build(typed, shapes, context, isNested: isNested)
            programs.insert((shapes, program), at: 0)
            if programs.count > Self.keptPrograms { programs.removeLast() }
            return program
        }
    }
}

/// A node whose shapes come with the data: run through a plan of its own, by the shapes that arrive, or by the
/// operator's own kernel where there is no faster one.
struct DynamicNode: Sendable {
    let op: any Operator
    let whole: CPUPlan?
}
