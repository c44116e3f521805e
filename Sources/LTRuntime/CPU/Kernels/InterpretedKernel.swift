// InterpretedKernel: the operator's own reference kernel between row-major values of the arena.

import LTCore
import LTGraph

struct InterpretedKernel: Kernel {
    let op: any Operator
    let operands: [Operand?]
    let outputs: [Operand]

    var label: String { "reference" }
    var inputs: [Layout?] { operands.map { $0.map { _ in .plain } } }

    func bind(_ memory: KernelMemory) throws(LTError) -> BoundKernel {
        var arguments: [Tensor?] = []
        for (index, operand) in operands.enumerated() {
            guard let operand, let pointer = memory.inputs[index] else {
                arguments.append(nil)
                continue
            }
            let bytes = Tensor.byteCount(operand.type, operand.shape)
            arguments.append(
                Tensor(
                    operand.type, operand.shape, buffer: Buffer(wrapping: pointer, byteCount: bytes, release: {})))
        }
        let (op, outputs, targets) = (op, outputs, memory.outputs)
        return { () throws(LTError) in
            let results = try op.run(arguments)
            for (index, target) in targets.enumerated() {
                guard let target else { continue }
                guard index < results.count, results[index].shape == outputs[index].shape,
                    results[index].type == outputs[index].type
                else {
                    throw LTError(
                        .shapeMismatch,
                        "output \(index) came as \(index < results.count ? "\(results[index].shape)" : "nothing"), "
                            + "expected \(outputs[index].shape)")
                }
                target.copyMemory(from: results[index].rawPointer, byteCount: results[index].byteCount)
            }
        }
    }
}

/// The first input's memory under another shape: no work at all.
struct ViewKernel: Kernel {
    let inputs: [Layout?]
    let outputs: [Operand]
    var label: String { "view" }

    static let make: KernelMaker = { _, _, inputs, outputs, _ throws(LTError) in
        guard let x = inputs[0], x.shape.count == outputs[0].shape.count, x.constant == nil else { return nil }
        let layout = x.layout == .bfloat16(.plain) ? x.layout : .plain
        return ViewKernel(
            inputs: [layout] + [Layout?](repeating: nil, count: inputs.count - 1),
            outputs: [Operand(outputs[0].type, outputs[0].shape, layout: layout)])
    }

    func bind(_ memory: KernelMemory) throws(LTError) -> BoundKernel { { () throws(LTError) in } }
}
