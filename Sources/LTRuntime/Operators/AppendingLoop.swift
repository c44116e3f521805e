// AppendingLoop (domain longtail, made by passes): a Loop whose attribute `appended` names carried values that the body only
// appends to: what the body gives for them goes behind what there is on axis 0.

import LTCore
import LTGraph

struct AppendingLoopOperator: ValueOperator {
    static let schema = OperatorSchema(
        "AppendingLoop", domain: "longtail", opsets: 1...1, inputs: 3...Int.max, outputs: 1...Int.max, types: [.int64])

    let loop: LoopOperator

    init(_ node: OperatorNode) throws(LTError) {
        var loop = try LoopOperator(node)
        loop.appended = Set(try node.node.ints("appended") ?? [])
        guard loop.appended.allSatisfy({ (0..<loop.carried).contains($0) }) else {
            throw LTError(
                .invalidArgument,
                "attribute 'appended' is \(loop.appended.sorted()), expected some of \(loop.carried) carried values")
        }
        self.loop = loop
    }

    func infer(_ inputs: [ValueFacts?], _ bodies: any BodyInference) throws(LTError) -> [ValueFacts] {
        try loop.infer(inputs, bodies)
    }

    func run(_ inputs: [ONNXValue?], _ bodies: any BodyRunner) throws(LTError) -> [ONNXValue] {
        try loop.run(inputs, bodies)
    }
}

/// A tensor that grows along its first axis, in memory that is larger than it.
struct GrowingTensor {
    private(set) var tensor: Tensor

    init(_ tensor: Tensor) { self.tensor = tensor }

    /// - Parameter times: how many pieces of this size may come in all, this one included, as far as that is known.
    mutating func append(_ piece: Tensor, times: Int?) throws(LTError) {
        let (dims, more) = (tensor.dims, piece.dims)
        guard tensor.type == piece.type, tensor.type != .string, tensor.type.bits >= 8 else {
            throw LTError(
                .typeMismatch, "appended tensor(\(piece.type.onnxName)), expected tensor(\(tensor.type.onnxName))")
        }
        guard !dims.isEmpty, dims.count == more.count, dims.dropFirst() == more.dropFirst() else {
            throw LTError(.shapeMismatch, "appended \(piece.shape) to \(tensor.shape) on axis 0")
        }
        let shape = try Shape([dims[0] + more[0]] + dims.dropFirst())
        let (used, needed) = (tensor.byteCount, tensor.byteCount + piece.byteCount)
        if isShared || needed > tensor.buffer.byteCount {
            var capacity = max(needed, min(2 * needed, OperatorLimits.outputBytes))
            if let times {
                let (all, overflow) = piece.byteCount.multipliedReportingOverflow(by: times)
                if !overflow, all <= OperatorLimits.outputBytes - min(used, OperatorLimits.outputBytes) {
                    capacity = used + all
                }
            }
            guard needed <= OperatorLimits.outputBytes else {
                throw LTError(.outOfMemory, "\(shape) is larger than \(OperatorLimits.outputBytes) bytes")
            }
            let buffer = try Buffer(byteCount: capacity)
            buffer.pointer.copyMemory(from: tensor.rawPointer, byteCount: used)
            tensor = Tensor(tensor.type, tensor.shape, buffer: buffer)
            isShared = false
        }
        (tensor.rawPointer + used).copyMemory(from: piece.rawPointer, byteCount: piece.byteCount)
        tensor = Tensor(tensor.type, shape, buffer: tensor.buffer)
    }

    /// Whether the memory is not this value's own.
    private var isShared = true
}
