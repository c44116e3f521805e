// Queries: what hosts can ask a model.

import CLongTail
import LTCore
import LTDecision
import LTGraph
import LTPredictor
import LTRuntime

extension HostModel {
    static func tensorInfo(_ value: ValueInfo, _ memory: CMemory) throws(LTError) -> lt_tensor_info {
        var info = lt_tensor_info()
        info.name = try memory.text(value.name)
        guard case .tensor(let type, let dims)? = value.type else { return info }
        info.element_type = type?.rawValue ?? 0
        guard let dims else { return info }
        info.has_shape = 1
        info.rank = dims.count
        info.dims = try memory.array(dims.map { Int64($0.fixed ?? -1) })
        return info
    }

    static func classes(_ layer: DecisionLayer, count: Int, _ memory: CMemory) throws(LTError) -> [lt_class_info] {
        let rule = layer.groups
        var classes: [lt_class_info] = []
        for index in 0..<count {
            var info = lt_class_info()
            let label = layer.labels.flatMap { $0.indices.contains(index) ? $0[index] : nil }
            info.id = Int64(label?.id ?? index)
            info.name = try memory.text(label?.name ?? "")
            info.train_count = layer.trainCounts.flatMap { $0.indices.contains(index) ? Int64($0[index]) : nil } ?? -1
            if let group = info.train_count < 0 ? nil : rule?.name(ofCount: Int(info.train_count)) {
                info.group = try memory.text(group)
            }
            let own = layer.thresholds.flatMap { $0.values.indices.contains(index) ? $0.values[index] : nil }
            info.has_threshold = own == nil ? 0 : 1
            info.threshold =
                own ?? (layer.task?.isDetection == true ? layer.postprocess?.scoreThreshold ?? 0 : Thresholds.fallback)
            classes.append(info)
        }
        return classes
    }

    static func info(
        _ plan: Plan, _ predictor: Result<Predictor, LTError>, _ layer: DecisionLayer,
        classes: Int, _ graph: Graph, _ memory: CMemory
    ) throws(LTError) -> lt_model_info {
        var info = lt_model_info()
        info.task = lt_task(layer.task.map(task) ?? LT_TASK_UNKNOWN)
        info.device = try memory.text(plan.backend.name)
        info.threads = Int32(plan.options.threads)
        info.precision = precisions.first { $0.precision == plan.options.precision }?.code ?? 0
        info.input_count = plan.inputs.count
        info.output_count = plan.outputs.count
        info.class_count = classes
        if let rule = layer.groups?.rule { info.group_rule = try memory.text(rule) }
        if let text = graph.metadata[DecisionLayer.Key.preprocess.rawValue] { info.preprocess = try memory.text(text) }
        switch predictor {
        case .success(let predictor):
            info.takes_images = 1
            info.largest_batch = Int64(predictor.largestBatch)
            info.clip_frames = Int64(predictor.clip?.frames ?? 0)
        case .failure(let error): info.images_reason = try memory.text(error.description)
        }
        return info
    }

    private static func task(_ task: DecisionLayer.Task) -> Int {
        switch task {
        case .multiclass: LT_TASK_MULTICLASS
        case .multilabel: LT_TASK_MULTILABEL
        case .detection: LT_TASK_DETECTION
        case .segmentation: LT_TASK_SEGMENTATION
        case .clip: LT_TASK_CLIP
        }
    }
}

/// The element at a host's position.
/// - Throws: `notFound`.
func element<Element>(_ all: [Element], _ index: Int, _ what: String) throws(LTError) -> Element {
    guard all.indices.contains(index) else {
        throw LTError(.notFound, "\(what) \(UInt(bitPattern: index)), there are \(all.count)")
    }
    return all[index]
}

@c @implementation
public func lt_model_get_info(_ model: OpaquePointer!, _ info: UnsafeMutablePointer<lt_model_info>!) -> lt_status {
    guarded { () throws(LTError) in
        let place = try lt_model_info.check(info)
        try Handles.object(model, HostModel.self).described.write(to: place)
    }
}

@c @implementation
public func lt_model_get_input(
    _ model: OpaquePointer!, _ index: Int, _ info: UnsafeMutablePointer<lt_tensor_info>!
) -> lt_status {
    guarded { () throws(LTError) in
        let place = try lt_tensor_info.check(info)
        try element(try Handles.object(model, HostModel.self).inputs, index, "input").write(to: place)
    }
}

@c @implementation
public func lt_model_get_output(
    _ model: OpaquePointer!, _ index: Int, _ info: UnsafeMutablePointer<lt_tensor_info>!
) -> lt_status {
    guarded { () throws(LTError) in
        let place = try lt_tensor_info.check(info)
        try element(try Handles.object(model, HostModel.self).outputs, index, "output").write(to: place)
    }
}

@c @implementation
public func lt_model_get_class(
    _ model: OpaquePointer!, _ index: Int, _ info: UnsafeMutablePointer<lt_class_info>!
) -> lt_status {
    guarded { () throws(LTError) in
        let place = try lt_class_info.check(info)
        try element(try Handles.object(model, HostModel.self).classes, index, "class").write(to: place)
    }
}

@c @implementation
public func lt_model_get_metadata(
    _ model: OpaquePointer!, _ key: UnsafePointer<CChar>!, _ value: UnsafeMutablePointer<UnsafePointer<CChar>?>!
) -> lt_status {
    guarded { () throws(LTError) in
        let model = try Handles.object(model, HostModel.self)
        let place = try out(value, "value")
        place.pointee = try model.metadata(try text(key, "key"))
    }
}

@c @implementation
public func lt_model_get_clip_frames(
    _ model: OpaquePointer!, _ frame_count: Int64, _ indices: UnsafeMutablePointer<Int64>!, _ capacity: Int
) -> lt_status {
    guarded { () throws(LTError) in
        let model = try Handles.object(model, HostModel.self)
        let place = try out(indices, "indices")
        guard let clip = model.info.clip_frames > 0 ? model.layer.clip : nil else {
            throw LTError(.unsupported, "the model takes images, expected one of clips")
        }
        guard 1...Int64(1 << 31) ~= frame_count else {
            throw LTError(.invalidArgument, "\(frame_count) frames, expected 1 to \(1 << 31)")
        }
        let positions = clip.positions(of: Int(frame_count))
        guard capacity >= positions.count else {
            throw LTError(.bufferTooSmall, "room for \(capacity) positions, the clip has \(positions.count) frames")
        }
        for (index, position) in positions.enumerated() { place[index] = Int64(position) }
    }
}
