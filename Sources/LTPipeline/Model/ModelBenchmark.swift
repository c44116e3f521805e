// ModelBenchmark: how long a model takes: load, first run, then runs for a second or more, on one session thread.

import Foundation
import LTCore
import LTGraph
import LTPredictor
import LTRuntime

/// The times of one model; `Encodable` as `lt-infer bench --json`. Milliseconds are per batch.
public struct ModelBenchmark: Sendable, Encodable {
    public struct Options: Sendable {
        public var batch = 1
        public var threads = PlanOptions.availableThreads
        public var device = "cpu"
        public var precision = Precision.f32
        /// See `PlanOptions.exact`.
        public var exact = false
        /// The folder of a `WeightCache`.
        public var cache: String?
        /// A `.npy` file for the model's first input; random numbers when `nil`.
        public var input: String?
        /// Least time to measure and least number of runs.
        public var seconds = 2.0
        public var runs = 5
        /// Where to write a Chrome trace of the steps.
        public var profile: String?
        public init() {}
    }

    public let model: String
    public let device: String
    public let batch: Int
    public let threads: Int
    public let precision: String
    public let median_ms: Double
    public let min_ms: Double
    public let runs: Int
    /// Reading the file and making the plan.
    public let load_ms: Double
    /// The first run, which packs weights and makes kernels.
    public let first_ms: Double
    /// The greatest resident memory of the process so far.
    public let rss_mib: Double
    public let images_per_second: Double
    /// What was asked for and does not happen on this machine or with this file.
    public let notes: [String]
    /// Where the time goes, where it was asked for.
    public let profile: ModelProfile?

    /// Loads and runs a model.
    /// - Throws: errors of the model; `typeMismatch` for inputs that random numbers cannot fill.
    public static func run(_ model: String, _ options: Options) throws(LTError) -> ModelBenchmark {
        let result: Result<ModelBenchmark, LTError> = onOwnThread("lt-session") {
            do throws(LTError) { return .success(try measure(model, options)) } catch { return .failure(error) }
        }
        return try result.get()
    }

    private static func measure(_ model: String, _ options: Options) throws(LTError) -> ModelBenchmark {
        guard (1...4096).contains(options.batch) else {
            throw LTError(.invalidArgument, "batch \(options.batch), expected 1 … 4096")
        }
        var start = ContinuousClock.now
        func lap() -> Double {
            let now = ContinuousClock.now
            defer { start = now }
            return start.duration(to: now) / .milliseconds(1)
        }
        let backend = try BackendTable.named(options.device)
        ImageCodecs.register()
        let identity = FileIdentity(model)
        let graph = try Graph.read(path: model, deferring: true)
        let (plan, session): (Plan, Session) = try within("model \(model)") { () throws(LTError) in
            let cache = try options.cache.map { (folder) throws(LTError) in
                try WeightCache(folder, modelAt: model, identity, graph)
            }
            let plan = try Plan(
                graph, on: backend,
                options: PlanOptions(
                    threads: options.threads, precision: options.precision, exact: options.exact, cache: cache))
            return (plan, try Session(plan))
        }
        let load = lap()
        let feed = try within("model \(model)") { () throws(LTError) in try Self.feed(plan, options) }
        _ = lap()
        var times: [Double] = []
        var first = 0.0
        try within("model \(model)") { () throws(LTError) in
            _ = try session.run(feed)
            first = lap()
            var total = 0.0
            while times.count < options.runs || total < options.seconds * 1000, times.count < 100_000 {
                _ = try session.run(feed)
                times.append(lap())
                total += times[times.count - 1]
            }
        }
        var profile: ModelProfile?
        if let path = options.profile {
            var runs: [[StepProfile.Entry]] = []
            try within("model \(model)") { () throws(LTError) in
                while runs.count < 5 { runs.append(try session.profile(feed).steps) }
            }
            let made = ModelProfile(runs, threads: options.threads)
            try within("trace \(path)") { () throws(LTError) in
                try replaceFile(path, with: Array(made.trace.utf8))
            }
            profile = made
        }
        times.sort()
        let median = times[times.count / 2]
        let batch = feed.values.first?.dims.first ?? 1
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return ModelBenchmark(
            model: model, device: backend.name, batch: batch, threads: options.threads,
            precision: options.precision.rawValue, median_ms: median, min_ms: times[0], runs: times.count,
            load_ms: load,
            first_ms: first, rss_mib: Double(usage.ru_maxrss) / 1024, images_per_second: Double(batch) * 1000 / median,
            notes: plan.notes, profile: profile)
    }

    /// Seeded normal numbers for float inputs, zeros for integers.
    private static func feed(_ plan: Plan, _ options: Options) throws(LTError) -> [String: Tensor] {
        var feed: [String: Tensor] = [:]
        var given: Tensor?
        if let path = options.input { given = try Tensor(npyFile: path) }
        if let given, let input = plan.inputs.first, plan.inputs.count == 1 { return [input.name: given] }
        let shapes = try plan.inputShapes(batch: options.batch)
        for (index, input) in plan.inputs.enumerated() {
            if index == 0, let given {
                feed[input.name] = given
                continue
            }
            guard case .tensor(let type?, _)? = input.type, let shape = shapes[input.name] else { continue }
            guard type != .string else {
                throw LTError(.typeMismatch, "input '\(input.name)' holds strings", hint: "give --input X.npy")
            }
            let bytes = Tensor.byteCount(type, shape)
            let tensor = Tensor(type, shape, buffer: try Buffer.zeroed(byteCount: bytes))
            if type == .float32 {
                var generator = SeededGenerator(seed: 1)
                for position in 0..<tensor.count { tensor.elements(Float.self)[position] = Float(generator.normal()) }
            }
            feed[input.name] = tensor
        }
        return feed
    }
}

/// Pretty JSON of a report; sorted keys.
public func jsonText(_ value: some Encodable) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    // Our reports hold numbers, texts and lists only; an encoder refuses none of them but infinities.
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
        positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    guard let data = try? encoder.encode(value) else { return "{}" }
    return String(decoding: data, as: UTF8.self)
}

extension ModelBenchmark: CustomStringConvertible {
    public var description: String {
        String(
            format: "%@: batch %d, %d threads, %@ on %@: median %.3f ms, min %.3f ms of %d runs (%.1f images/s); "
                + "load %.0f ms, first run %.0f ms, %.0f MiB", model, batch, threads, precision, device, median_ms,
            min_ms,
            runs, images_per_second, load_ms, first_ms, rss_mib) + notes.map { "\nnote: \($0)" }.joined()
            + (profile.map { "\n\n\($0)" } ?? "")
    }
}
