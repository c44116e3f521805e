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
    /// in size.
    public var largestBatch: Int {
        if case .detections(let head) = head, head.isBatched == false { return 1 }
        return input.isBatched && sampleShape != nil ? 4096 : 1
    }

    /// Loads a model that takes images.
    /// - Parameter device: `cpu`, `reference`; see `BackendTable`.
    /// - Throws: errors of `Graph.read`, `DecisionLayer`, `Plan`; `invalidArgument` naming the flag for what neither file
    ///   nor settings say; `shapeMismatch` when preprocessing does not make what the model takes.
    public convenience init(
        _ path: String, device: String = "cpu", options: PlanOptions = PlanOptions(),
        settings: ModelSettings = ModelSettings()
    ) throws(LTError) {
        let backend = try BackendTable.named(device)
        ImageCodecs.register()
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
            plan = try Plan(graph, on: backend, options: options)
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

    /// Decodes and preprocesses one encoded image. Any thread may call it.
    /// - Parameter buffer: memory for the tensor, where it is large enough; it must not be written again while the sample
    ///   is in use.
    public func prepare(_ bytes: UnsafeRawBufferPointer, reusing buffer: Buffer? = nil) throws(LTError) -> Sample {
        guard !input.isClip else { throw LTError(.invalidArgument, "an image, the model takes clips of frames") }
        let image = try Image.decode(bytes, preprocess.decodeOptions)
        let geometry = try preprocess.geometry(width: image.width, height: image.height)
        let (height, width, channels) = (geometry.height, geometry.width, preprocess.channels)
        let shape = try Shape(preprocess.layout == .nchw ? [channels, height, width] : [height, width, channels])
        let tensor: Tensor
        if let buffer, buffer.byteCount >= shape.count * 4 {
            tensor = Tensor(.float32, shape, buffer: buffer)
        } else {
            tensor = try Tensor(.float32, shape)
        }
        try preprocess.apply(image, into: tensor.elements())
        return Sample(tensor: tensor, geometry: geometry)
    }

    /// The same for a clip: the encoded frames that `clip` chose, in order.
    /// - Parameter frame: the bytes of frame `index`; asked for one after the other.
    public func prepare(
        frames frame: (_ index: Int) throws(LTError) -> Buffer, reusing buffer: Buffer? = nil
    ) throws(LTError) -> Sample {
        guard let clip, let shape = sampleShape else {
            throw LTError(.invalidArgument, "a clip of frames, the model takes images")
        }
        let tensor =
            if let buffer, buffer.byteCount >= shape.count * 4 {
                Tensor(.float32, shape, buffer: buffer)
            } else {
                try Tensor(.float32, shape)
            }
        let clipElements = tensor.elements(Float.self)
        let plane = shape.dims[2] * shape.dims[3]
        let size = preprocess.channels * plane
        let one = try Buffer(byteCount: size * 4)
        let pixels = UnsafeMutableBufferPointer(start: one.pointer.assumingMemoryBound(to: Float.self), count: size)
        var geometry: ImageGeometry?
        for index in 0..<clip.frames {
            do throws(LTError) {
                let content = try frame(index)
                let image = try Image.decode(content.bytes, preprocess.decodeOptions)
                if geometry == nil { geometry = try preprocess.geometry(width: image.width, height: image.height) }
                try preprocess.apply(image, into: pixels)
            } catch {
                throw error.inside("frame \(index) of the clip")
            }
            for channel in 0..<preprocess.channels {
                let place =
                    clip.layout == .cthw ? channel * clip.frames + index : index * preprocess.channels + channel
                clipElements[place * plane..<(place + 1) * plane] = pixels[channel * plane..<(channel + 1) * plane]
            }
        }
        return Sample(tensor: tensor, geometry: geometry ?? .identity(width: shape.dims[3], height: shape.dims[2]))
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
