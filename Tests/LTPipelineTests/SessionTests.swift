// Several sessions in one run: the same rows in the same order, stops, slow and failing devices, settings that make no sense.

import Foundation
import LTCore
import LTGraph
import LTPipeline
import LTPredictions
import LTPredictor
import LTRuntime
import Testing

@Suite struct SessionTests {
    @Test func severalSessionsWriteTheRowsOfOne() throws {
        let folder = try TemporaryFolder()
        let model = try folder.writeModel()
        try folder.writeImages(45)
        try folder.write([1, 2, 3], "images/010-bad.jpg")
        _ = try run(model, [folder.file("images")], out: folder.file("one.db"), threads: 1)
        let one = try rows(folder.file("one.db"))
        for attempt in 0..<6 {
            let out = folder.file("\(attempt).db")
            let progress = Progress()
            let summary = try run(
                model, [folder.file("images")], out: out, batch: 4, threads: 2 + attempt % 3, sessions: 2 + attempt % 3,
                progress: { progress.note($0.done) })
            #expect(summary.computed == 45 && summary.failed == 1 && !summary.isStopped)
            #expect(summary.firstFailure?.contains("010-bad.jpg") == true)
            #expect(try rows(out) == one)
            // Told of each batch, one after the other.
            #expect(progress.values.last == 46 && progress.values == progress.values.sorted())
        }
        // More sessions than batches.
        _ = try run(model, [folder.file("images")], out: folder.file("few.db"), batch: 40, threads: 4, sessions: 4)
        #expect(try rows(folder.file("few.db")).map(\.path) == one.map(\.path))
    }

    @Test func aStoppedRunGoesOnWithAnyNumberOfSessions() throws {
        let folder = try TemporaryFolder()
        let model = try folder.writeModel()
        try folder.writeImages(30)
        _ = try run(model, [folder.file("images")], out: folder.file("whole.db"), threads: 1)
        let whole = try rows(folder.file("whole.db"))
        for limit in 0..<7 {
            let out = folder.file("stopped\(limit).db")
            let done = Counter()
            let first = try run(
                model, [folder.file("images")], out: out, threads: 3, sessions: 3, isCancelled: { done.count >= limit },
                progress: { _ in done.add() })
            // What was dealt when the stop came is finished.
            #expect(first.isStopped || first.computed == 30)
            #expect(try rows(out) == Array(whole.prefix(first.computed)))
            let second = try run(model, [folder.file("images")], out: out, threads: 2, sessions: 2)
            #expect(second.reused == first.computed && second.done == 30)
            #expect(try rows(out) == whole)
        }
    }

    @Test func aSlowDeviceKeepsTheOrder() throws {
        let folder = try TemporaryFolder()
        let model = try folder.writeModel()
        try folder.writeImages(40)
        let images = ImageSources(paths: [folder.file("images")])
        let slow = Unsteady(name: "slow:0", milliseconds: 20)
        let fast = Unsteady(name: "fast:0")
        let graph = try Graph.read(path: model)
        let sessions = try [slow, fast].map { try Predictor(graph, path: model, digest: "d", on: $0) }
        var options = PipelineOptions(out: folder.file("p.db"))
        options.batch = 2
        let summary = try Pipeline.run(on: sessions, images: images, options: options)
        #expect(summary.computed == 40)
        #expect(try rows(options.out).map(\.path) == rows(options.out).map(\.path).sorted())
        // Batches are dealt as they are asked for.
        #expect(slow.runs.count + fast.runs.count == 20 && fast.runs.count > slow.runs.count)
    }

    @Test func aFailingDeviceStopsTheRunAndLosesNothing() throws {
        let folder = try TemporaryFolder()
        let model = try folder.writeModel()
        try folder.writeImages(80)
        let images = ImageSources(paths: [folder.file("images")])
        let graph = try Graph.read(path: model)
        func predictors(_ backends: [Unsteady]) throws -> [Predictor] {
            try backends.map { try Predictor(graph, path: model, digest: "d", on: $0) }
        }
        var options = PipelineOptions(out: folder.file("whole.db"))
        options.batch = 2
        _ = try Pipeline.run(on: try predictors([Unsteady(name: "good:0")]), images: images, options: options)
        let whole = try rows(options.out)
        options.out = folder.file("p.db")
        // It breaks in its second run, late, so that the other one's batches wait for its own to be written.
        let broken = Unsteady(name: "broken:1", milliseconds: 60, runsBeforeFailure: 1)
        let good = Unsteady(name: "good:0")
        let devices = try predictors([good, broken])
        let error = try #require(
            failure { () throws(LTError) in
                try Pipeline.run(on: devices, images: images, options: options)
            })
        #expect(error.code == .library && error.description.contains("session 2, on broken:1"))
        let kept = try rows(options.out)
        #expect(kept.count == 2 * good.runs.count + 2)
        #expect(try PredictionStore.read(options.out).isFinished() == false)
        let rest = try Pipeline.run(on: try predictors([good, good]), images: images, options: options)
        #expect(rest.reused == kept.count && rest.done == 80)
        #expect(try rows(options.out).sorted { $0.path < $1.path } == whole)
    }

    @Test func shortMemoryNamesTheBatchToTry() throws {
        let folder = try TemporaryFolder()
        let model = try folder.writeModel()
        try folder.writeImages(9)
        let small = Unsteady(name: "small:0", runsBeforeFailure: 0, failure: LTError(.outOfMemory, "no room for 1 TiB"))
        let graph = try Graph.read(path: model)
        let predictor = try Predictor(graph, path: model, digest: "d", on: small)
        var options = PipelineOptions(out: folder.file("p.db"))
        for (batch, sessions, hint) in [
            (8, 1, "--batch 4"), (8, 2, "--batch 4"), (1, 2, "--sessions 1"), (1, 1, "one image"),
        ] {
            options.batch = batch
            let settings = options
            let failure = failure { () throws(LTError) in
                try Pipeline.run(
                    on: Array(repeating: predictor, count: sessions),
                    images: ImageSources(paths: [folder.file("images")]), options: settings)
            }
            #expect(failure?.code == .outOfMemory && failure?.hint?.contains(hint) == true)
        }
    }

    @Test func automaticSessionsShareTheThreads() {
        for (threads, images, expected) in [
            (1, 1000, 1), (2, 1000, 2), (2, 63, 1), (2, 64, 2), (3, 1000, 3), (4, 1000, 4), (4, 70, 2), (5, 1000, 1),
            (6, 1000, 3), (16, .max, 4),
        ] { #expect(Pipeline.automaticSessions(threads: threads, images: images, batch: 8) == expected) }
    }

    @Test func sessionsThatMakeNoSenseAreErrors() throws {
        let folder = try TemporaryFolder()
        let model = try folder.writeModel()
        let other = try folder.writeModel("other.onnx", seed: 2)
        try folder.writeImages(2)
        let (images, out) = ([folder.file("images")], folder.file("p.db"))
        for (threads, sessions) in [(2, 0), (2, 3), (1, -1), (4, Int.max)] {
            #expect(
                code { _ = try run(model, images, out: out, threads: threads, sessions: sessions) } == .invalidArgument)
        }
        let options = PipelineOptions(out: out)
        let sources = ImageSources(paths: images)
        #expect(code { _ = try Pipeline.run(on: [], images: sources, options: options) } == .invalidArgument)
        let mixed = try [Predictor(model), Predictor(other)]
        #expect(code { _ = try Pipeline.run(on: mixed, images: sources, options: options) } == .invalidArgument)
        let differing = try [Predictor(model), Predictor(model, options: PlanOptions(exact: true))]
        #expect(code { _ = try Pipeline.run(on: differing, images: sources, options: options) } == .invalidArgument)
        var zero = PipelineOptions(out: out)
        zero.batch = 0
        #expect(code { _ = try Pipeline.run(model: model, images: sources, options: zero) } == .invalidArgument)
        zero.batch = nil
        zero.threads = 0
        #expect(code { _ = try Pipeline.run(model: model, images: sources, options: zero) } == .invalidArgument)
        #expect(!FileManager.default.fileExists(atPath: out))
    }
}

private func failure(_ body: () throws(LTError) -> PipelineSummary) -> LTError? {
    do throws(LTError) { _ = try body() } catch { return error }
    return nil
}

/// What was told, in order.
private final class Progress: Sendable {
    private let told = Lock<[Int]>([])
    var values: [Int] { told.withLock { $0 } }
    func note(_ value: Int) { told.withLock { $0.append(value) } }
}

/// The reference backend on a device that is slow, or that breaks down.
private struct Unsteady: Backend {
    let name: String
    var milliseconds: UInt32 = 0
    var runsBeforeFailure = Int.max
    var failure = LTError(.library, "the device fell off the bus")
    /// Runs that succeeded.
    let runs = Counter()

    func compile(_ graph: Graph, _ options: PlanOptions) throws(LTError) -> any BackendPlan {
        Bound(device: self, plan: try ReferenceBackend().compile(graph, options))
    }

    struct Bound: BackendPlan {
        let device: Unsteady
        let plan: any BackendPlan
        func makeSession() throws(LTError) -> any BackendSession { Running(self, try plan.makeSession()) }
        func rows(_ inputs: [Shape]) throws(LTError) -> [PlanRow] { try plan.rows(inputs) }
    }

    final class Running: BackendSession {
        let bound: Bound
        let session: any BackendSession
        init(_ bound: Bound, _ session: any BackendSession) { (self.bound, self.session) = (bound, session) }
        func run(
            _ inputs: [ONNXValue], profile: StepProfile?, interruption: Interruption
        ) throws(LTError) -> [ONNXValue] {
            usleep(bound.device.milliseconds * 1000)
            guard bound.device.runs.count < bound.device.runsBeforeFailure else {
                throw bound.device.failure
            }
            bound.device.runs.add()
            return try session.run(inputs, profile: profile, interruption: interruption)
        }
    }
}
