// Metadata of other tools, read where our own keys are absent: Ultralytics (`names`, `task`, `imgsz`: Python repr) and
// OpenVINO Model API (`model_info …`, space-separated lists).
// https://docs.ultralytics.com/modes/export/ · https://github.com/open-edge-platform/model_api

import LTCore
import LTGraph
import LTImage

extension DecisionLayer {
    /// Fills parts that are still absent from foreign keys.
    /// - Throws: `malformed` naming the key when a foreign value cannot be read.
    mutating func readForeign(_ graph: Graph) throws(LTError) {
        let metadata = graph.metadata
        if let names = metadata["names"], labels == nil {
            labels = try within("metadata key names") { () throws(LTError) in try Self.ultralyticsLabels(names) }
            readUltralyticsTask(metadata["task"])
            if preprocess == nil, let text = metadata["imgsz"] {
                preprocess = try within("metadata key imgsz") { () throws(LTError) in
                    try Self.ultralyticsPreprocess(imgsz: text, task: task)
                }
            }
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

    /// `imgsz` is `[height, width]`. Classifiers: shorter side and centre crop (torchvision on Pillow); the others:
    /// letterbox on grey 114 (OpenCV). RGB, divided by 255.
    private static func ultralyticsPreprocess(imgsz text: String, task: Task?) throws(LTError) -> Preprocess {
        let size: Preprocess.Size
        switch try PythonLiteral(text) {
        case .int(let side): size = .init(side)
        case .list(let items):
            guard items.count == 2, case .int(let height) = items[0], case .int(let width) = items[1] else {
                fallthrough
            }
            size = .init(height: height, width: width)
        default: throw LTError(.malformed, "expected one number or [height, width]")
        }
        if task == .multiclass {
            let side = Preprocess.Size(min(size.height, size.width))
            return Preprocess(resize: .init(mode: .shortest, size: side, kernel: .pilBilinear), crop: size)
        }
        return Preprocess(
            resize: .init(mode: .letterbox, size: size, kernel: .cv2Linear), pad: .init(value: [114], at: .center))
    }

    /// Reads `mean_values`, `scale_values` (per channel, in units of bytes), `reverse_input_channels` and `resize_type`;
    /// the size is that of the graph's input. Other ways to resize are left for flags to say.
    private static func modelAPIPreprocess(_ graph: Graph) throws(LTError) -> Preprocess? {
        let modes: [String: Preprocess.Resize.Mode] = [
            "standard": .squash, "fit_to_window": .letterbox, "fit_to_window_letterbox": .letterbox,
        ]
        guard let name = graph.metadata["model_info resize_type"], let mode = modes[name],
            case .tensor(_, let dims?)? = graph.runtimeInputs.first?.type, dims.count == 4
        else { return nil }
        let planar = dims[1].fixed == 3 || dims[1].fixed == 1
        guard let height = dims[planar ? 2 : 1].fixed, let width = dims[planar ? 3 : 2].fixed else { return nil }
        func numbers(_ key: String, _ fallback: Double) throws(LTError) -> [Double] {
            guard let text = graph.metadata["model_info \(key)"], !text.isEmpty else { return [fallback] }
            let numbers = text.split(separator: " ").map { Double($0) }
            guard !numbers.contains(nil) else {
                throw LTError(.malformed, "expected numbers", context: ["metadata key model_info \(key)"])
            }
            return numbers.compactMap { $0 }
        }
        let reversed = ["True", "true", "YES", "1"].contains(
            graph.metadata["model_info reverse_input_channels"] ?? "False")
        let fill = try numbers("pad_value", 0)
        return Preprocess(
            decode: .init(color: reversed ? .rgb : .bgr),
            resize: .init(mode: mode, size: .init(height: height, width: width), kernel: .cv2Linear),
            pad: mode == .letterbox ? .init(value: fill, at: name == "fit_to_window" ? .end : .center) : nil,
            scale: 1, mean: try numbers("mean_values", 0), std: try numbers("scale_values", 1),
            layout: planar ? .nchw : .nhwc)
    }

    /// Names come separated by spaces, with `_` for a space inside a name, as Model API's own reader takes them.
    private mutating func readModelAPI(_ graph: Graph) throws(LTError) {
        let metadata = graph.metadata
        if preprocess == nil { preprocess = try Self.modelAPIPreprocess(graph) }
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
