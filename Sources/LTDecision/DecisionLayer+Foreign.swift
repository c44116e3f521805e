// Metadata of other tools, read where our own keys are absent: Ultralytics (`names`, `task`: Python repr) and
// OpenVINO Model API (`model_info …`, space-separated lists).
// https://docs.ultralytics.com/modes/export/ · https://github.com/open-edge-platform/model_api

import LTCore
import LTGraph

extension DecisionLayer {
    /// Fills parts that are still absent from foreign keys.
    /// - Throws: `malformed` naming the key when a foreign value cannot be read.
    mutating func readForeign(_ graph: Graph) throws(LTError) {
        let metadata = graph.metadata
        if let names = metadata["names"], labels == nil {
            labels = try within("metadata key names") { () throws(LTError) in try Self.ultralyticsLabels(names) }
            readUltralyticsTask(metadata["task"])
        }
        try readModelAPI(graph)
    }

    /// `{0: 'person', 1: 'bicycle'}` or `['person', 'bicycle']`; the keys are output columns and must be 0 ..< count.
    private static func ultralyticsLabels(_ text: String) throws(LTError) -> [Label] {
        guard text.utf8.count <= maximumValueLength else { throw LTError(.malformed, "is too long") }
        var names: [String?]
        switch try PythonLiteral(text) {
        case .list(let items):
            names = items.map { if case .string(let name) = $0 { name } else { nil } }
        case .dict(let entries):
            names = [String?](repeating: nil, count: entries.count)
            for entry in entries {
                guard case .int(let index) = entry.key, names.indices.contains(index),
                    case .string(let name) = entry.value
                else { throw LTError(.malformed, "expected class numbers 0 ..< \(entries.count) and their names") }
                names[index] = name
            }
        default: throw LTError(.malformed, "expected a dict or list of class names")
        }
        var labels: [Label] = []
        for (index, name) in names.enumerated() {
            guard let name else { throw LTError(.malformed, "class \(index) has no name") }
            labels.append(Label(id: index, name: name))
        }
        return labels
    }

    /// Ultralytics classifiers put their softmax into the graph, so their outputs are scores already.
    private mutating func readUltralyticsTask(_ text: String?) {
        guard task == nil else { return }
        switch text {
        case "classify":
            task = .multiclass
            if activation == nil { activation = Activation.none }
        case "detect": task = .detection
        case "segment": task = .segmentation
        default: break
        }
    }

    /// Names come separated by spaces, with `_` for a space inside a name, as Model API's own reader takes them.
    private mutating func readModelAPI(_ graph: Graph) throws(LTError) {
        let metadata = graph.metadata
        if let names = metadata["model_info labels"], labels == nil {
            let names = names.split(separator: " ").map(String.init)
            guard !names.isEmpty else {
                throw LTError(.malformed, "is empty", context: ["metadata key model_info labels"])
            }
            labels = names.enumerated().map { Label(id: $0.offset, name: $0.element) }
        }
        let truth = ["True", "true", "YES", "1"]
        switch metadata["model_info model_type"]?.lowercased() {
        case "classification"? where task == nil:
            let multilabel = truth.contains(metadata["model_info multilabel"] ?? "False")
            task = multilabel ? .multilabel : .multiclass
            // Its readers apply the activation unless they find it at the end of the graph.
            let last = graph.nodes.last { $0.outputs.contains(graph.outputs.first?.name ?? "") }?.opType
            let finished = last == "Softmax" || last == "Sigmoid"
            if activation == nil { activation = finished ? Activation.none : multilabel ? .sigmoid : .softmax }
        case "ssd"?, "yolo"?, "yolox"?, "yolov5"?, "yolov8"?, "yolov11"?, "detr"?: if task == nil { task = .detection }
        case "maskrcnn"?, "segmentation"?: if task == nil { task = .segmentation }
        default: break
        }
    }
}
