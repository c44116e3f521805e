// Predictor: Preprocess + Session + DecisionLayer, images in, decisions out: the one way through for command line,
// C hosts and server. A Predictor is the shared, immutable part; each thread that runs the model makes a PredictorSession.

import LTCore
import LTDecision
import LTGraph
import LTImage
import LTRuntime

/// A model made ready to take images.
public final class Predictor: Sendable {
    /// The path that the model was loaded from; "<memory>" for one that came as bytes.
    public let model: String
    /// SHA-256 of the model: of its file and, where it has external data, of the files that hold them.
    public let digest: String
    /// The file's decision layer under the caller's settings.
    public let layer: DecisionLayer
    public let preprocess: Preprocess
    public let plan: Plan
    public let input: ModelInput
    /// What the outputs hold.
    public let head: ModelHead
    /// Which frames the model sees, if it takes clips.
    public var clip: ClipSampling? { input.isClip ? layer.clip : nil }
    /// The shape of one image's tensor, [channels, height, width] or [height, width, channels], or of one clip's; `nil`:
    /// each image has its own.
    public let sampleShape: Shape?

    /// Raw outputs per image, or a detector's classes.
    public var columns: Int { head.columns }

    /// Images that can go through the model together: one where input or outputs have no batch dimension or images differ
    /// in size; at most as many as the plan takes.
    public var largestBatch: Int {
        if case .detections(let head) = head, head.isBatched == false { return 1 }
        return input.isBatched && sampleShape != nil ? min(4096, plan.options.maxBatch ?? 4096) : 1
    }

    /// Loads a model that takes images.
    /// - Parameters:
    ///   - device: `cpu`, `reference`, `auto`, …; see `Device`.
    ///   - cache: the folder of a `WeightCache`.
    /// - Throws: errors of `Graph.read`, `DecisionLayer`, `Plan`; `invalidArgument` naming the flag for what neither file
    ///   nor settings say; `shapeMismatch` when preprocessing does not make what the model takes.
    public convenience init(
        _ path: String, device: String = "cpu", options: PlanOptions = PlanOptions(), cache: String? = nil,
        settings: ModelSettings = ModelSettings()
    ) throws(LTError) {
        let backend = try BackendTable.named(device)
        let identity = FileIdentity(path)
        let graph = try Graph.read(path: path, deferring: true)
        var options = options
        options.cache = try cache.map { (folder) throws(LTError) in
            try WeightCache(folder, modelAt: path, identity, graph)
        }
        let digest: String
        if let cache = options.cache { digest = cache.model } else { digest = try Self.digest(ofModel: path, graph) }
        try self.init(graph, path: path, digest: digest, on: backend, options: options, settings: settings)
    }

    /// Loads a model whose file is in memory; the bytes are needed no longer than the call.
    /// - Throws: as above; `invalidArgument` for a model with external data, which lie beside a file.
    public convenience init(
        bytes: UnsafeRawBufferPointer, device: String = "cpu", options: PlanOptions = PlanOptions(),
        settings: ModelSettings = ModelSettings()
    ) throws(LTError) {
        let backend = try BackendTable.named(device)
        let graph = try within("model \(Self.memory)") { () throws(LTError) in try Graph.read(bytes: bytes) }
        try self.init(
            graph, path: Self.memory, digest: SHA256.digest(of: bytes), on: backend, options: options,
            settings: settings)
    }

    /// What `model` says of one that came as bytes.
    public static let memory = "<memory>"

    /// The same for a graph that is in memory already.
    public convenience init(
        _ graph: Graph, path: String, digest: String, on backend: any Backend, options: PlanOptions = PlanOptions(),
        settings: ModelSettings = ModelSettings()
    ) throws(LTError) {
        try self.init(graph, path: path, digest: digest, settings: settings) { () throws(LTError) in
            try Plan(graph, on: backend, options: options)
        }
    }

    /// The same for a graph that is bound already; the predictor shares the plan and its weights.
    /// - Throws: also `invalidArgument` when the plan is of another graph.
    public convenience init(
        _ graph: Graph, path: String, digest: String, plan: Plan, settings: ModelSettings = ModelSettings()
    ) throws(LTError) {
        try self.init(graph, path: path, digest: digest, settings: settings) { () throws(LTError) in
            guard plan.inputs.map(\.name) == graph.runtimeInputs.map(\.name),
                plan.outputs.map(\.name) == graph.outputs.map(\.name)
            else {
                throw LTError(.invalidArgument, "the plan takes other inputs or gives other outputs than the graph")
            }
            return plan
        }
    }

    /// - Parameter bind: asked once everything else that can be wrong is right: binding takes time and memory.
    private init(
        _ graph: Graph, path: String, digest: String, settings: ModelSettings, _ bind: () throws(LTError) -> Plan
    ) throws(LTError) {
        ImageCodecs.register()
        model = path
        self.digest = digest
        do throws(LTError) {
            let input = try ModelInput(graph)
            let layer = try settings.apply(to: try DecisionLayer(reading: graph), input: input)
            guard let preprocess = layer.preprocess else {
                throw ModelSettings.unsaid("how images become its input", "--resize, --mean and --std")
            }
            try layer.validate()
            let sample = try input.sampleShape(preprocess, layer.clip)
            let isDetector = layer.task?.isDetection == true
            guard sample != nil || isDetector else {
                throw LTError(
                    .invalidArgument, "preprocessing gives every image its own size, a batch needs one",
                    hint: "give --crop, or --resize squash or letterbox")
            }
            let detections = isDetector ? try DetectionHead(graph, layer) : nil
            let output = isDetector ? nil : try ScoreHead.output(graph, settings.output, layer)
            plan = try bind()
            if let detections {
                head = .detections(detections)
            } else {
                head = .scores(try Self.scoreHead(output, layer, plan, input, sample))
            }
            self.layer = layer
            self.preprocess = preprocess
            self.input = input
            sampleShape = sample
        } catch {
            throw error.inside("model \(path)")
        }
    }

    /// What turns predictions into decisions.
    /// - Throws: `invalidArgument` naming the flag for what neither file nor settings say.
    public func decider() throws(LTError) -> PredictionDecider {
        try within("model \(model)") { () throws(LTError) in try PredictionDecider(layer, classCount: columns) }
    }

    public func makeSession() throws(LTError) -> PredictorSession { try PredictorSession(self) }

    private static func scoreHead(
        _ output: ValueInfo?, _ layer: DecisionLayer, _ plan: Plan, _ input: ModelInput, _ sample: Shape?
    ) throws(LTError) -> ScoreHead {
        guard let output, let sample else { throw LTError(.invalidArgument, "the model has no output") }
        var columns = layer.classCount
        if case .tensor(_, let dims?)? = output.type, dims.count == 2, let last = dims[1].fixed { columns = last }
        if columns == nil { columns = try measuredColumns(plan, input, output.name, sample) }
        let found = columns ?? 0
        if let classes = layer.classCount, classes != found {
            throw LTError(
                .shapeMismatch, "\(classes) classes, output '\(output.name)' has \(found) columns",
                hint: "give --labels a file with \(found) names")
        }
        return ScoreHead(output: output.name, columns: found)
    }

    /// What the file does not say, one run on zeros tells.
    private static func measuredColumns(
        _ plan: Plan, _ input: ModelInput, _ output: String, _ sample: Shape
    ) throws(LTError) -> Int {
        let batch = input.fixedBatch ?? 1
        let shape = try input.shape(sample, count: batch)
        let zeros = Tensor(.float32, shape, buffer: try Buffer.zeroed(byteCount: shape.count * 4))
        return (try Session(plan).run([input.name: zeros])[output]?.count ?? 0) / batch
    }

    /// SHA-256 of the model at a path, read as `graph`: of its file and, where it has external data, of the files that hold them.
    /// - Throws: `io`.
    public static func digest(ofModel path: String, _ graph: Graph) throws(LTError) -> String {
        try within("model \(path)") { () throws(LTError) in
            let file = try SHA256.digest(ofFile: path)
            if graph.externalFiles.isEmpty { return file }
            var hash = SHA256()
            hash.update(file)
            for path in graph.externalFiles { hash.update(try SHA256.digest(ofFile: path)) }
            return hash.digest
        }
    }
}

extension WeightCache {
    /// The packed weights of the model that was read from `path`.
    /// - Parameter identity: the file's, taken before it was read.
    /// - Throws: `io`, also where another file has come to stand there since.
    public init(_ directory: String, modelAt path: String, _ identity: FileIdentity?, _ graph: Graph) throws(LTError) {
        // The folder is made first: what the file's digest is is remembered in it.
        self = try WeightCache(directory, model: "")
        let read = { () throws(LTError) in try Predictor.digest(ofModel: path, graph) }
        let digest: String
        if let identity, graph.externalFiles.isEmpty {
            digest = try Self.digest(of: identity, in: directory, read)
        } else {
            digest = try read()
        }
        guard identity == FileIdentity(path) else {
            throw LTError(
                .io, "model \(path) was replaced while it was read",
                hint: "load it again; replace models by renaming a complete file")
        }
        self = try WeightCache(directory, model: digest)
    }
}
