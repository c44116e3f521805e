// Work: the arithmetic of a node. Only convolutions and matrix products are counted: all else moves memory.

import LTGraph

enum Work {
    /// Floating-point operations of a node, two per multiply-add, as its definition has them: a kernel that gets along with
    /// fewer (Winograd's) shows more of them per second than the machine can do.
    /// - Parameters:
    ///   - inputs: the shapes of what the node reads; nil where unknown.
    ///   - output: the shape of its first output.
    /// - Returns: nil for other operators, and where a shape that counts is unknown.
    static func flops(_ node: Node, _ inputs: [[Int]?], _ output: [Int]?) -> Double? {
        let isQuantized = ["QLinearConv", "QuantizedConv", "QGemm", "QLinearMatMul"].contains(node.opType)
        // Scale and zero point stand between quantised factors.
        let second = isQuantized ? 3 : 1
        guard ["", "longtail", "com.microsoft"].contains(node.domain), inputs.count > second, let left = inputs[0],
            let right = inputs[second], let output
        else { return nil }
        switch node.opType {
        case "Conv", "FusedConv", "QLinearConv", "QuantizedConv":
            return 2 * product(right.dropFirst()) * product(output)
        // It spreads each input element; the others gather for each output element.
        case "ConvTranspose": return 2 * product(right.dropFirst()) * product(left)
        case "Gemm", "QGemm": return 2 * product(left) / Double(max(1, output.first ?? 1)) * product(output)
        case "MatMul", "Linear", "QLinearMatMul": return 2 * Double(left.last ?? 1) * product(output)
        case "DepthwiseConv": return 2 * product(right.dropLast()) * product(output)
        case "FusedAttention":
            guard let geometry = try? AttentionGeometry(node) else { return nil }
            return 2 * product([geometry.batch, geometry.heads, geometry.queries, geometry.keys])
                * Double(geometry.depth + geometry.width)
        default: return nil
        }
    }

    private static func product(_ dims: some Sequence<Int>) -> Double { dims.reduce(1) { $0 * Double($1) } }
}
