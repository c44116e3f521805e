// ModelPlan: the steps that a backend makes of a model, as a table.

import LTCore
import LTGraph
import LTRuntime

public enum ModelPlan {
    /// One line per step: node, operator, kernel, layout, device and output shape for a batch.
    public static func table(
        _ model: String, device: String, options: PlanOptions, batch: Int
    ) throws(LTError) -> String {
        let backend = try BackendTable.named(device)
        let graph = try Graph.read(path: model, deferring: true)
        let (rows, notes): ([PlanRow], [String]) = try within("model \(model)") { () throws(LTError) in
            let plan = try Plan(graph, on: backend, options: options)
            return (try plan.rows(try plan.inputShapes(batch: batch)), plan.notes)
        }
        var table = [["node", "op", "kernel", "layout", "device", "shape"]]
        for row in rows {
            let shape = row.shape.map { "[" + $0.map(String.init).joined(separator: ",") + "]" } ?? "?"
            table.append([row.node, row.op, row.kernel, row.layout, row.device, shape])
        }
        let widths = table[0].indices.map { column in table.map { $0[column].count }.max() ?? 0 }
        let lines = table.map { cells in
            let padded = zip(cells, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }
            return String(padded.joined(separator: "  ").reversed().drop { $0 == " " }.reversed())
        }
        return (lines + notes.map { "note: \($0)" }).joined(separator: "\n")
    }
}
