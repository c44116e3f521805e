// OperatorTable: the operators that the runtime knows, one alphabetical line each; a test compares it with the folder.

import LTCore
import LTGraph

/// The operators by domain and name.
public enum OperatorTable {
    public static let all: [any Operator.Type] = []

    private static let byName: [String: any Operator.Type] = {
        var table: [String: any Operator.Type] = [:]
        for type in all { table["\(type.schema.domain)::\(type.schema.name)"] = type }
        return table
    }()

    /// Reads a node as its operator.
    /// - Throws: `unsupported` for operators that are not in the table, and what the operator finds wrong.
    public static func bind(_ node: Node, opset: Int) throws(LTError) -> any Operator {
        guard let type = byName["\(node.domain)::\(node.opType)"] else {
            let domain = node.domain.isEmpty ? "ai.onnx" : node.domain
            throw LTError(.unsupported, "operator \(domain)::\(node.opType) (opset \(opset)) is not known")
        }
        return try type.init(OperatorNode(node, opset: opset))
    }
}
