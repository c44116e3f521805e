// Model: what a host knows as lt_model: a plan, and where the model takes images what goes around it. Everything that hosts
// ask for is laid out as C memory once, when the model is loaded.

import CLongTail
import LTCore
import LTDecision
import LTGraph
import LTPredictor
import LTRuntime

/// A loaded model; immutable.
final class HostModel: Handled, @unchecked Sendable {
    static let kind: (name: String, mark: UInt) = ("lt_model", 1)

    let plan: Plan
    /// Images in, decisions out; the error says why a model does not take images.
    let predictor: Result<Predictor, LTError>
    let layer: DecisionLayer
    let info: lt_model_info
    let inputs: [lt_tensor_info]
    let outputs: [lt_tensor_info]
    let classes: [lt_class_info]
    private let metadata: [String: UnsafePointer<CChar>]
    private let memory: CMemory
    private let digest: ModelDigest

    /// - Parameter read: the graph, its path (for messages) and where its digest comes from.
    init(_ options: lt_model_options, _ read: () throws(LTError) -> ModelFile) throws(LTError) {
        let start = ContinuousClock.now
        let device = options.device == nil ? "cpu" : try text(options.device, "lt_model_options.device")
        let (backend, note) = try BackendTable.choose(device)
        var planOptions = try Self.planOptions(options)
        ImageCodecs.register()
        var file = try read()
        if options.cache != nil {
            planOptions.cache = try file.cache(in: try text(options.cache, "lt_model_options.cache"))
        }
        try Self.overlay(options, &file.graph)
        let graph = file.graph
        let layer = try within("model \(file.path)") { () throws(LTError) in try DecisionLayer(reading: graph) }
        let plan = try within("model \(file.path)") { () throws(LTError) in
            try Plan(graph, on: backend, options: planOptions)
        }
        do throws(LTError) {
            let predictor = try Predictor(graph, path: file.path, digest: "", plan: plan)
            // What it says of its decisions is wrong here, not at the first image.
            _ = try predictor.decider()
            self.predictor = .success(predictor)
        } catch {
            if error.code == .outOfMemory { throw error }
            predictor = .failure(error)
        }
        self.plan = plan
        self.layer = layer
        let memory = CMemory()
        self.memory = memory
        inputs = try plan.inputs.map { (value) throws(LTError) in try Self.tensorInfo(value, memory) }
        outputs = try plan.outputs.map { (value) throws(LTError) in try Self.tensorInfo(value, memory) }
        let columns = (try? predictor.get())?.columns ?? 0
        classes = try Self.classes(layer, count: columns > 0 ? columns : layer.classCount ?? 0, memory)
        info = try Self.info(plan, predictor, layer, classes: classes.count, graph, memory)
        digest = file.digest
        var metadata: [String: UnsafePointer<CChar>] = [:]
        for (key, value) in graph.metadata { metadata[key] = try memory.text(value) }
        self.metadata = metadata
        if let note { Log.info(note) }
        Log.info(
            "loaded \(file.path) on \(backend.name), \(planOptions.threads) threads, in \(ContinuousClock.now - start)")
        if case .failure(let error) = predictor { Log.info("it takes no images: \(error)") }
    }

    /// What hosts ask for.
    var described: lt_model_info {
        var described = info
        described.digest = digest.text
        return described
    }

    func metadata(_ key: String) throws(LTError) -> UnsafePointer<CChar> {
        guard let value = metadata[key] else { throw LTError(.notFound, "the model has no metadata '\(key)'") }
        return value
    }

    /// What longtail.h calls the precisions.
    static let precisions: [(code: lt_precision, precision: Precision)] = [
        (lt_precision(LT_PRECISION_FP32), .f32), (lt_precision(LT_PRECISION_BF16), .bf16),
        (lt_precision(LT_PRECISION_INT8), .int8),
    ]

    private static func planOptions(_ options: lt_model_options) throws(LTError) -> PlanOptions {
        guard 0...1024 ~= options.threads else {
            throw LTError(.invalidArgument, "threads \(options.threads), expected 0 to 1024")
        }
        guard let precision = precisions.first(where: { $0.code == options.precision })?.precision else {
            let known = precisions.map { "\($0.code) (\($0.precision.rawValue))" }.joined(separator: ", ")
            throw LTError(.unsupported, "precision \(options.precision), expected \(known)")
        }
        guard options.max_batch >= 0 else {
            throw LTError(.invalidArgument, "max_batch \(options.max_batch), expected 0 or more")
        }
        guard 0...1 ~= options.exact else {
            throw LTError(.invalidArgument, "exact \(options.exact), expected 0 or 1")
        }
        return PlanOptions(
            threads: options.threads == 0 ? PlanOptions.availableThreads : Int(options.threads), precision: precision,
            maxBatch: options.max_batch == 0 ? nil : Int(options.max_batch), exact: options.exact == 1)
    }

    /// Puts the host's metadata over the file's.
    private static func overlay(_ options: lt_model_options, _ graph: inout Graph) throws(LTError) {
        guard options.metadata_count != 0 else { return }
        guard 0...4096 ~= options.metadata_count, let entries = options.metadata else {
            let count = UInt(bitPattern: options.metadata_count)
            throw LTError(
                .invalidArgument,
                "metadata_count \(count), expected at most 4096 and lt_model_options.metadata not NULL")
        }
        for index in 0..<options.metadata_count {
            let key = try text(entries[index].key, "key of metadata \(index)")
            graph.metadata[key] = try text(entries[index].value, "value of metadata '\(key)'")
        }
    }
}

/// A model as it was read.
struct ModelFile {
    var graph: Graph
    var path: String
    var digest: ModelDigest
    /// Of the file, before it was read; `nil` for bytes.
    var identity: FileIdentity?

    func cache(in folder: String) throws(LTError) -> WeightCache {
        if let identity { return try WeightCache(folder, modelAt: path, identity, graph) }
        guard let known = digest.text else { throw LTError(.library, "the model has no digest") }
        return try WeightCache(folder, model: String(cString: known))
    }
}

@c @implementation
public func lt_model_load(
    _ path: UnsafePointer<CChar>!, _ options: UnsafePointer<lt_model_options>!,
    _ model: UnsafeMutablePointer<OpaquePointer?>!
) -> lt_status {
    guarded { () throws(LTError) in
        let place = try out(model, "model")
        let path = try text(path, "path")
        let loaded = try HostModel(try .readOrDefault(options)) { () throws(LTError) in
            let identity = FileIdentity(path)
            let graph = try Graph.read(path: path, deferring: true)
            guard let identity else { throw systemError("cannot open \(path)") }
            return ModelFile(graph: graph, path: path, digest: ModelDigest(identity, graph), identity: identity)
        }
        place.pointee = try Handles.add(loaded)
    }
}

@c @implementation
public func lt_model_load_from_memory(
    _ data: UnsafeRawPointer!, _ size: Int, _ options: UnsafePointer<lt_model_options>!,
    _ model: UnsafeMutablePointer<OpaquePointer?>!
) -> lt_status {
    guarded { () throws(LTError) in
        let place = try out(model, "model")
        guard let data else { throw LTError(.invalidArgument, "data is NULL") }
        guard size >= 0 else {
            throw LTError(.invalidArgument, "size \(UInt(bitPattern: size)) is beyond this machine")
        }
        let bytes = UnsafeRawBufferPointer(start: data, count: size)
        let loaded = try HostModel(try .readOrDefault(options)) { () throws(LTError) in
            let graph = try Graph.read(bytes: bytes)
            return ModelFile(graph: graph, path: Predictor.memory, digest: try ModelDigest(SHA256.digest(of: bytes)))
        }
        place.pointee = try Handles.add(loaded)
    }
}

@c @implementation
public func lt_model_release(_ model: OpaquePointer!) { Handles.remove(model, HostModel.self) }
