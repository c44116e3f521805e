// Pipeline: folders of images → prediction store. Worker threads read, decode and preprocess ahead, in a bounded window;
// long-lived threads run one session each and take a batch whenever they are free; each batch is one transaction. Rows come in
// input order and do not depend on timing: a batch is made of the next images, in order, that could be read. (A run that goes on
// adds its rows at the end.)

import Foundation
import LTCore
import LTDecision
import LTPredictions
import LTPredictor
import LTRuntime

/// How to run a model over images.
public struct PipelineOptions: Sendable {
    /// The store to write.
    public var out: String
    /// Images per batch; `nil`: see `Pipeline.automaticBatch`.
    public var batch: Int?
    /// Threads that compute; as many more read and decode, and take only what the computing ones leave.
    public var threads = PlanOptions.availableThreads
    /// Sessions among which the threads are shared out evenly; each runs batches of its own at the same time. `nil`: see
    /// `Pipeline.automaticSessions`.
    public var sessions: Int?
    public var device = "cpu"
    public var precision = Precision.f32
    /// See `PlanOptions.exact`.
    public var exact = false
    /// The folder of a `WeightCache`.
    public var cache: String?
    /// Discards what the store holds.
    public var restart = false
    public var settings = ModelSettings()
    /// Draws decisions on copies of the images.
    public var annotation: AnnotationOptions?

    public init(out: String) { self.out = out }
}

/// What a run did.
public struct PipelineSummary: Sendable, Equatable {
    /// Images given to the run.
    public var total = 0
    /// Run through the model now.
    public var computed = 0
    /// Found in the store, unchanged, from an earlier run.
    public var reused = 0
    /// Without scores, now or in the earlier run.
    public var failed = 0
    /// Path and reason of the first failure of this run.
    public var firstFailure: String?
    /// Files in the folders whose names are not of images.
    public var passedOver = 0
    /// Whether the run was stopped before it got through.
    public var isStopped = false
    public var seconds = 0.0
    /// Images per batch.
    public var batch = 0
    /// Images with a prediction that could not be read again to be annotated.
    public var unannotated = 0
    /// What to tell about the files that were written.
    public var notes: [String] = []

    /// Images that are in the store.
    public var done: Int { computed + reused + failed }
}

public enum Pipeline {
    /// Bytes of input tensor that one automatic batch holds: 8 images of 3×224×224 floats.
    static let automaticBatchBytes = 8 * 3 * 224 * 224 * 4

    /// The sessions for `--sessions auto`: as many as share the threads out evenly, at most 4 (each has memory of its own), and
    /// no more than have 4 batches each. Threads that wait for nobody do more than those that work on one batch together.
    public static func automaticSessions(threads: Int, images: Int, batch: Int) -> Int {
        for count in [4, 3, 2] where threads % count == 0 && images / batch >= 4 * count { return count }
        return 1
    }

    /// The batch for `--batch auto`: the batch that the file is exported for; otherwise as many images as make up the
    /// input of 8 images of 3×224×224, at least 1, at most 64. It depends on the model alone, so results do too.
    public static func automaticBatch(_ predictor: Predictor) -> Int {
        if let fixed = predictor.input.fixedBatch { return min(fixed, predictor.largestBatch) }
        let bytes = max(1, (predictor.sampleShape?.count ?? automaticBatchBytes) * 4)
        return min(64, predictor.largestBatch, max(1, automaticBatchBytes / bytes))
    }

    /// Runs a model over images and writes the store; goes on with a store that the same model and settings began.
    /// - Parameters:
    ///   - exports: text files to write of the store afterwards, also when the run was stopped.
    ///   - progress: called after each batch, on a session's thread, never by two of them at once.
    ///   - isCancelled: asked between batches; when true the store is closed and the summary says `isStopped`.
    /// - Throws: errors of `Predictor`, `ImageList` and `PredictionStore`. Images that cannot be read are no errors but rows.
    public static func run(
        model: String, images: ImageSources, options: PipelineOptions,
        exports: [(format: any PredictionFormat, path: String)] = [],
        progress: @escaping @Sendable (PipelineSummary) -> Void = { _ in },
        isCancelled: @escaping @Sendable () -> Bool = { false }
    ) throws(LTError) -> PipelineSummary {
        try check(options)
        if let sessions = options.sessions, !(1...max(options.threads, 1) ~= sessions) {
            throw LTError(
                .invalidArgument, "\(sessions) sessions, expected 1 … \(options.threads): each has a thread of its own")
        }
        func load(threads: Int) throws(LTError) -> Predictor {
            let plan = PlanOptions(threads: threads, precision: options.precision, exact: options.exact)
            return try Predictor(
                model, device: options.device, options: plan, cache: options.cache, settings: options.settings)
        }
        let known = options.sessions ?? 1
        var predictor = try load(threads: options.threads / known)
        let list = try self.list(images, predictor)
        let batch = try self.batch(predictor, options)
        let sessions =
            options.sessions ?? automaticSessions(threads: options.threads, images: list.count, batch: batch)
        // What a plan holds depends on its threads, and how many sessions share them on the model.
        if sessions != known { predictor = try load(threads: options.threads / sessions) }
        return try run(
            on: Array(repeating: predictor, count: sessions), list, batch: batch, options: options, exports: exports,
            progress: progress, isCancelled: isCancelled)
    }

    /// The same with a model that is loaded: one session for each entry, which may be bound to devices of their own. What `options`
    /// say of loading it was said before, but for `settings`.
    /// - Throws: also `invalidArgument` for entries of different models; the failure of a session with its device's name, when
    ///   what the others had done is in the store.
    public static func run(
        on sessions: [Predictor], images: ImageSources, options: PipelineOptions,
        exports: [(format: any PredictionFormat, path: String)] = [],
        progress: @escaping @Sendable (PipelineSummary) -> Void = { _ in },
        isCancelled: @escaping @Sendable () -> Bool = { false }
    ) throws(LTError) -> PipelineSummary {
        try check(options)
        guard let first = sessions.first else { throw LTError(.invalidArgument, "no session, expected at least 1") }
        let info = try runInfo(first, options)
        for other in sessions.dropFirst() {
            guard try runInfo(other, options).computesAs(info), other.largestBatch == first.largestBatch else {
                throw LTError(
                    .invalidArgument, "sessions of different models or settings, expected one of each for all")
            }
        }
        return try run(
            on: sessions, try list(images, first), batch: try batch(first, options), options: options, exports: exports,
            progress: progress, isCancelled: isCancelled)
    }

    private static func check(_ options: PipelineOptions) throws(LTError) {
        if let batch = options.batch, !(1...4096).contains(batch) {
            throw LTError(.invalidArgument, "batch \(batch), expected 1 … 4096")
        }
    }

    private static func list(_ images: ImageSources, _ predictor: Predictor) throws(LTError) -> ImageList {
        var images = images
        images.areClips = predictor.clip != nil
        return try ImageList(images)
    }

    private static func batch(_ predictor: Predictor, _ options: PipelineOptions) throws(LTError) -> Int {
        let batch = options.batch ?? automaticBatch(predictor)
        guard batch <= predictor.largestBatch else {
            throw LTError(
                .invalidArgument, "batch \(batch), the model takes \(predictor.largestBatch) image at a time",
                hint: "give --batch \(predictor.largestBatch)")
        }
        return batch
    }

    private static func run(
        on sessions: [Predictor], _ list: ImageList, batch: Int, options: PipelineOptions,
        exports: [(format: any PredictionFormat, path: String)],
        progress: @escaping @Sendable (PipelineSummary) -> Void,
        isCancelled: @escaping @Sendable () -> Bool
    ) throws(LTError) -> PipelineSummary {
        let predictor = sessions[0]
        // What an export needs and nobody says is an error before the work, not after it.
        let decider = exports.isEmpty && options.annotation == nil ? nil : try predictor.decider()
        let info = try runInfo(predictor, options)
        for export in exports {
            try within("--\(type(of: export.format).name) file \(export.path)") { () throws(LTError) in
                try export.format.check(info)
                for index in 0..<list.count { try export.format.check(image: list[index]) }
            }
        }
        let store = try PredictionStore.write(options.out, run: info, restart: options.restart)
        let run = PipelineRun(
            sessions: sessions, store: store, list: list, batch: batch,
            workers: options.threads, progress: progress, isCancelled: isCancelled)
        let result = Result { () throws(LTError) in try run.run() }
        do throws(LTError) {
            var summary = try result.get()
            summary.notes = predictor.plan.notes + summary.notes
            if let decider { try write(exports, options, of: store, decider, &summary, isCancelled) }
            try store.finish(complete: !summary.isStopped)
            return summary
        } catch {
            // What was written is safe either way; the error that stopped the run is the one to tell.
            let isComplete = (try? result.get()).map { !$0.isStopped } ?? false
            try? store.finish(complete: isComplete)
            throw error
        }
    }

    /// Writes the files that are made of a store.
    private static func write(
        _ exports: [(format: any PredictionFormat, path: String)], _ options: PipelineOptions,
        of store: PredictionStore, _ decider: PredictionDecider, _ summary: inout PipelineSummary,
        _ isCancelled: @escaping @Sendable () -> Bool
    ) throws(LTError) {
        for export in exports {
            let note = try store.export(as: export.format, to: export.path, decider: decider)
            if let note { summary.notes.append("\(export.path): \(note)") }
        }
        guard let annotation = options.annotation else { return }
        let folder = AnnotatedFolder(
            store: store, decider: decider, options: annotation, workers: options.threads, isCancelled: isCancelled)
        let (written, failed, firstFailure) = try folder.write()
        summary.notes.append("\(annotation.folder): \(written) annotated images")
        if let firstFailure {
            summary.notes.append("\(failed) images could not be annotated, the first: \(firstFailure)")
        }
        summary.unannotated = failed
    }

    /// What the layer and the flags say of detections, as the metadata spells it.
    private static func postprocess(_ layer: DecisionLayer) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return (try? encoder.encode(layer.postprocess ?? .init())).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
    }

    private static func runInfo(_ predictor: Predictor, _ options: PipelineOptions) throws(LTError) -> RunInfo {
        var settings = [
            "preprocess": try predictor.preprocess.json(), "precision": predictor.plan.options.precision.rawValue,
            "output": predictor.head.description,
        ]
        if predictor.plan.options.exact { settings["exact"] = "true" }
        if let task = options.settings.task { settings["task"] = task.rawValue }
        if let activation = options.settings.activation { settings["activation"] = activation.rawValue }
        if let labels = options.settings.labels {
            settings["labels"] = "sha256:" + SHA256.digest(of: labels.joined(separator: "\n"))
        }
        if let clip = predictor.clip {
            settings["clip"] =
                "\(clip.frames) frames, \(clip.sampling.rawValue), stride \(clip.stride), \(clip.layout.rawValue)"
        }
        if case .detections = predictor.head { settings["postprocess"] = postprocess(predictor.layer) }
        return RunInfo(
            model: predictor.model, modelDigest: predictor.digest, settings: settings,
            versions: ["longtail": longtailVersion], columns: predictor.columns, layer: predictor.layer)
    }
}

/// Runs `body` on a thread of its own and waits for it: OpenMP keeps a pool of helpers per calling thread.
public func onOwnThread<Value: Sendable>(_ name: String, _ body: @escaping @Sendable () -> Value) -> Value {
    nonisolated(unsafe) var value: Value?
    onOwnThreads(1, name) { _ in value = body() }
    guard let value else { preconditionFailure("the thread's body did not return") }
    return value
}

/// The same on `count` threads at a time, each with its number.
func onOwnThreads(_ count: Int, _ name: String, _ body: @escaping @Sendable (Int) -> Void) {
    let done = DispatchSemaphore(value: 0)
    for number in 0..<count {
        let thread = Thread {
            body(number)
            done.signal()
        }
        thread.name = name
        thread.stackSize = 1 << 24
        thread.start()
    }
    for _ in 0..<count { done.wait() }
}

extension RunInfo {
    /// Whether rows of both belong into one store.
    fileprivate func computesAs(_ other: RunInfo) -> Bool {
        modelDigest == other.modelDigest && settings == other.settings && columns == other.columns
    }
}
