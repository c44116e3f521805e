// Predictor: Preprocess + Session + DecisionLayer, images in, decisions out: the one way through for command line,
// C hosts and server. A Predictor is the shared, immutable part; each thread that runs the model makes a PredictorSession.

import LTCore
import LTDecision
import LTGraph
import LTImage
import LTRuntime

/// A model made ready to take images.
public final class Predictor: Sendable {
    /// The path that the model was loaded from.
    public let model: String
    /// SHA-256 of the model: of its file and, where it has external data, of the initializers.
    public let digest: String
    /// The file's decision layer under the caller's settings.
    public let layer: DecisionLayer
    public let preprocess: Preprocess
    public let plan: Plan
    public let inputName: String
    public let outputName: String
    /// The shape of one image's tensor: [channels, height, width], or [height, width, channels].
    public let sampleShape: Shape
    /// Raw outputs per image.
    public let columns: Int
    /// The batch that the file is exported for; `nil` takes any. Smaller batches are padded.
    public let fixedBatch: Int?

    /// Loads a model that takes one batch of images.
    /// - Parameter device: `cpu`, `reference`; see `BackendTable`.
    /// - Throws: errors of `Graph.read`, `DecisionLayer`, `Plan`; `invalidArgument` naming the flag for what neither file
    ///   nor settings say; `shapeMismatch` when preprocessing does not make what the model takes.
    public convenience init(
        _ path: String, device: String = "cpu", options: PlanOptions = PlanOptions(),
        settings: ModelSettings = ModelSettings()
    ) throws(LTError) {
        let backend = try BackendTable.named(device)
        let graph = try Graph.read(path: path)
        let digest = try within("model \(path)") { () throws(LTError) in try Self.digest(path, graph) }
        try self.init(graph, path: path, digest: digest, on: backend, options: options, settings: settings)
    }

    /// The same for a graph that is in memory already.
    public init(
        _ graph: Graph, path: String, digest: String, on backend: any Backend, options: PlanOptions = PlanOptions(),
        settings: ModelSettings = ModelSettings()
    ) throws(LTError) {
        model = path
        self.digest = digest
        do throws(LTError) {
            let input = try ImageInput(graph)
            let layer = try settings.apply(to: try DecisionLayer(reading: graph), input: input.size)
            guard let preprocess = layer.preprocess else {
                throw ModelSettings.unsaid("how images become its input", "--resize, --mean and --std")
            }
            try layer.validate()
            let sample = try input.sampleShape(preprocess)
            let output = try Self.output(graph, settings.output)
            let plan = try Plan(graph, on: backend, options: options)
            var columns = layer.classCount
            if case .tensor(_, let dims?)? = output.type, dims.count == 2, let last = dims[1].fixed { columns = last }
            if columns == nil { columns = try Self.measuredColumns(plan, input, output.name, sample) }
            if let classes = layer.classCount, classes != columns {
                throw LTError(
                    .shapeMismatch, "\(classes) classes, output '\(output.name)' has \(columns ?? 0) columns",
                    hint: "give --labels a file with \(columns ?? 0) names")
            }
            self.columns = columns ?? 0
            self.layer = layer
            self.preprocess = preprocess
            self.plan = plan
            inputName = input.name
            outputName = output.name
            sampleShape = sample
            fixedBatch = input.batch
        } catch {
            throw error.inside("model \(path)")
        }
    }

    /// What turns raw outputs into decisions.
    /// - Throws: `invalidArgument` naming the flag for what neither file nor settings say.
    public func decider() throws(LTError) -> Decider {
        try within("model \(model)") { () throws(LTError) in try Decider(layer, classCount: columns) }
    }

    /// Decodes and preprocesses one encoded image into `sample`, `sampleShape.count` floats. Any thread may call it.
    @discardableResult
    public func prepare(
        _ bytes: UnsafeRawBufferPointer, into sample: UnsafeMutableBufferPointer<Float>
    ) throws(LTError) -> ImageGeometry {
        try preprocess.apply(bytes, into: sample)
    }

    public func makeSession() throws(LTError) -> PredictorSession { try PredictorSession(self) }

    private static func output(_ graph: Graph, _ name: String?) throws(LTError) -> ValueInfo {
        guard let output = name == nil ? graph.outputs.first : graph.outputs.first(where: { $0.name == name }) else {
            let names = graph.outputs.map { "'\($0.name)'" }.joined(separator: ", ")
            throw LTError(.notFound, "no output '\(name ?? "")', the model has \(names)")
        }
        if case .tensor(let type?, _)? = output.type, type != .float32 {
            throw LTError(.typeMismatch, "output '\(output.name)' is tensor(\(type.onnxName)), expected tensor(float)")
        }
        return output
    }

    /// What the file does not say, one run on zeros tells.
    private static func measuredColumns(
        _ plan: Plan, _ input: ImageInput, _ output: String, _ sample: Shape
    ) throws(LTError) -> Int {
        let batch = input.batch ?? 1
        let shape = try Shape([batch] + sample.dims)
        let zeros = Tensor(.float32, shape, buffer: try Buffer.zeroed(byteCount: shape.count * 4))
        return (try Session(plan).run([input.name: zeros])[output]?.count ?? 0) / batch
    }

    private static func digest(_ path: String, _ graph: Graph) throws(LTError) -> String {
        let file = try SHA256.digest(ofFile: path)
        let weights = graph.initializers.values
        // More weights than file: they lie beside it.
        let size = try fileSize(path)
        guard weights.reduce(0, { $0 + $1.byteCount }) > size else { return file }
        var hash = SHA256()
        hash.update(file)
        for tensor in weights { hash.update(tensor.bytes) }
        return hash.digest
    }
}

/// The one input of a model, seen as a batch of images.
struct ImageInput {
    let name: String
    let batch: Int?
    /// The three dimensions of one image; `nil` where the file leaves one open.
    let dims: [Int?]

    init(_ graph: Graph) throws(LTError) {
        let inputs = graph.runtimeInputs
        guard inputs.count == 1 else {
            let names = inputs.map { "'\($0.name)'" }.joined(separator: ", ")
            throw LTError(.unsupported, "\(inputs.count) inputs (\(names)), expected one batch of images")
        }
        guard case .tensor(let type, let dims?)? = inputs[0].type, dims.count == 4 else {
            throw LTError(
                .shapeMismatch, "input '\(inputs[0].name)' is not of rank 4, expected a batch of images [N,C,H,W]")
        }
        guard type == .float32 else {
            throw LTError(
                .typeMismatch,
                "input '\(inputs[0].name)' is tensor(\(type?.onnxName ?? "?")), expected tensor(float)")
        }
        name = inputs[0].name
        batch = dims[0].fixed
        self.dims = dims[1...].map(\.fixed)
        if let batch, batch < 1 { throw LTError(.shapeMismatch, "input '\(name)' has batch \(batch)") }
    }

    /// [height, width], if the file fixes them (channels first unless only the last dimension can be channels).
    var size: Preprocess.Size? {
        let channelsLast = dims[2] == 3 && dims[0] != 3 || dims[2] == 1 && dims[0] != 1 && dims[0] != 3
        let (h, w) = channelsLast ? (dims[0], dims[1]) : (dims[1], dims[2])
        guard let h, let w else { return nil }
        return .init(height: h, width: w)
    }

    /// The shape that preprocessing gives every image, checked against the input's.
    func sampleShape(_ preprocess: Preprocess) throws(LTError) -> Shape {
        guard let size = preprocess.fixedSize else {
            throw LTError(
                .invalidArgument, "preprocessing gives every image its own size, a batch needs one",
                hint: "give --crop, or --resize squash or letterbox")
        }
        let sample =
            preprocess.layout == .nchw
            ? [preprocess.channels, size.height, size.width] : [size.height, size.width, preprocess.channels]
        let agrees = zip(dims, sample).allSatisfy { $0 == nil || $0 == $1 }
        guard agrees else {
            let wanted = dims.map { $0.map(String.init) ?? "?" }.joined(separator: ",")
            throw LTError(
                .shapeMismatch, "preprocessing makes \(sample) of an image, input '\(name)' takes [\(wanted)]",
                hint: "give --size, --crop, --color or --layout")
        }
        return try Shape(sample)
    }
}
