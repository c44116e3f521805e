// Pipeline: rows in input order whatever the threads do, damaged files as rows, resume, shards, errors.

import Foundation
import LTCore
import LTPipeline
import LTPredictions
import LTPredictor
import Synchronization
import Testing

@Suite struct PipelineTests {
    @Test func rowsAreInInputOrderAndDoNotDependOnThreads() throws {
        let folder = try TemporaryFolder()
        let model = try folder.writeModel()
        try folder.writeImages(23, "images/b/")
        try folder.writeImages(5, "images/a/")
        try folder.write(try jpeg(77), "images/Z.JPG")
        let summary = try run(model, [folder.file("images")], out: folder.file("1.db"), threads: 1)
        #expect(summary.total == 29 && summary.computed == 29 && summary.failed == 0 && !summary.isStopped)
        let first = try rows(folder.file("1.db"))
        let names =
            ["Z.JPG"] + (0..<5).map { String(format: "a/%03d.jpg", $0) }
            + (0..<23).map { String(format: "b/%03d.jpg", $0) }
        #expect(first.map(\.path) == names.map { folder.file("images/" + $0) })
        #expect(first.allSatisfy { $0.width == 24 && $0.height == 20 && $0.digest?.count == 64 })
        // Decoded and computed one by one, the scores are the same.
        let session = try Predictor(model).makeSession()
        for row in first {
            guard case .scores(let scores) = row.outcome else {
                Issue.record("\(row.path) failed")
                continue
            }
            let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: row.path)))
            let decisions = try #require(try session.decide([bytes])[0].get().classes)
            for (decision, score) in zip(decisions, scores) { #expect(abs(decision.raw - score) < 1e-4) }
        }
        for attempt in 0..<5 {
            let out = folder.file("again\(attempt).db")
            _ = try run(model, [folder.file("images")], out: out, threads: 1 + attempt % 2 * 3)
            let again = try rows(out)
            #expect(again.map(\.path) == first.map(\.path) && again.map(\.digest) == first.map(\.digest))
            if attempt % 2 == 0 { #expect(again == first) }
        }
        #expect(try PredictionStore.read(folder.file("1.db")).isFinished())
    }

    @Test func damagedFilesAreRowsWithTheirErrors() throws {
        let folder = try TemporaryFolder()
        let model = try folder.writeModel()
        try folder.writeImages(6)
        let whole = try jpeg(5)
        try folder.write(Array(whole.prefix(whole.count / 2)), "images/002-truncated.jpg")
        try folder.write([], "images/003-empty.jpg")
        try folder.write(Array("a shopping list".utf8), "images/004-text.jpg")
        try folder.write(Array("GIF89a".utf8), "images/005.gif")
        try folder.write(Array("notes".utf8), "images/notes.txt")
        try folder.write(hugePNG(), "images/huge.png")
        var flipped = whole
        flipped[1] ^= 0xFF
        try folder.write(flipped, "images/flipped.jpg")
        let summary = try run(model, [folder.file("images")], out: folder.file("p.db"))
        #expect(summary.total == 12 && summary.computed == 6 && summary.failed == 6 && summary.passedOver == 1)
        let all = try rows(folder.file("p.db"))
        var failed: [String: String] = [:]
        for row in all {
            if case .failed(let reason) = row.outcome {
                failed[URL(fileURLWithPath: row.path).lastPathComponent] = reason
            }
        }
        #expect(
            Set(failed.keys) == [
                "002-truncated.jpg", "003-empty.jpg", "004-text.jpg", "005.gif", "huge.png", "flipped.jpg",
            ])
        #expect(failed.values.allSatisfy { $0.contains(": ") && $0.count > 12 })
        #expect(failed["huge.png"]?.contains("30000×30000") == true)
        // The images beside them have the scores that they have alone, and a second run has nothing to do.
        let alone = folder.file("alone.db")
        _ = try run(model, (0..<6).map { folder.file(String(format: "images/%03d.jpg", $0)) }, out: alone)
        #expect(try rows(alone) == all.filter { failed[URL(fileURLWithPath: $0.path).lastPathComponent] == nil })
        let again = try run(model, [folder.file("images")], out: folder.file("p.db"))
        #expect(again.computed == 0 && again.reused == 6 && again.failed == 6)
    }

    /// A PNG file that says 30,000 × 30,000 pixels and ends there.
    private func hugePNG() -> [UInt8] {
        var bytes: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
        let header: [UInt8] = Array("IHDR".utf8) + [0, 0, 0x75, 0x30, 0, 0, 0x75, 0x30, 8, 2, 0, 0, 0]
        var crc: UInt32 = 0xFFFF_FFFF
        for byte in header {
            crc ^= UInt32(byte)
            for _ in 0..<8 { crc = crc & 1 == 1 ? 0xEDB8_8320 ^ (crc >> 1) : crc >> 1 }
        }
        crc ^= 0xFFFF_FFFF
        bytes += [0, 0, 0, 13] + header + (0..<4).map { UInt8(truncatingIfNeeded: crc >> (24 - 8 * $0)) }
        return bytes + [0, 0, 0, 0] + Array("IDAT".utf8) + [0x35, 0xAF, 0x06, 0x1E]
    }

    @Test func aStoppedRunGoesOnAndEndsTheSame() throws {
        let folder = try TemporaryFolder()
        let model = try folder.writeModel()
        try folder.writeImages(30)
        try folder.write([1, 2, 3], "images/010-bad.jpg")
        _ = try run(model, [folder.file("images")], out: folder.file("whole.db"))
        let whole = try rows(folder.file("whole.db"))
        for batches in 0..<9 {
            let out = folder.file("stopped\(batches).db")
            // Stops after so many batches, then goes on, time and again.
            var attempts = 0
            while true {
                let limit = attempts > 20 ? 1000 : max(batches, attempts == 0 ? 0 : 1)
                let done = Counter()
                let summary = try run(
                    model, [folder.file("images")], out: out, isCancelled: { done.count >= limit },
                    progress: { _ in done.add() })
                attempts += 1
                if !summary.isStopped { break }
                #expect(try PredictionStore.read(out).isFinished() == false)
                #expect(FileManager.default.fileExists(atPath: out + "-wal") == false)
            }
            #expect(try rows(out) == whole)
            #expect(try PredictionStore.read(out).isFinished())
        }
    }

    @Test func changedAndNewImagesAreDoneAgain() throws {
        let folder = try TemporaryFolder()
        let model = try folder.writeModel()
        try folder.writeImages(8)
        _ = try run(model, [folder.file("images")], out: folder.file("p.db"))
        let before = try rows(folder.file("p.db"))
        try folder.write(try jpeg(500), "images/003.jpg")
        try folder.write(try jpeg(501), "images/000-new.jpg")
        let summary = try run(model, [folder.file("images")], out: folder.file("p.db"))
        #expect(summary.computed == 2 && summary.reused == 7)
        let after = try rows(folder.file("p.db"))
        #expect(after.prefix(8).map(\.path) == before.map(\.path))
        #expect(after.count == 9 && after[3] != before[3] && after[4] == before[4])
        _ = try run(model, [folder.file("images/003.jpg")], out: folder.file("q.db"))
        #expect(try rows(folder.file("q.db"))[0].digest == after[3].digest)
    }

    @Test func shardsPartTheImagesByPosition() throws {
        let folder = try TemporaryFolder()
        let model = try folder.writeModel()
        try folder.writeImages(11)
        _ = try run(model, [folder.file("images")], out: folder.file("whole.db"))
        let whole = try rows(folder.file("whole.db"))
        var parts: [String: String?] = [:]
        for index in 1...3 {
            let out = folder.file("\(index).db")
            _ = try run(model, [folder.file("images")], out: out, shard: (index, 3))
            let part = try rows(out)
            #expect(part.map(\.path) == whole.indices.filter { $0 % 3 == index - 1 }.map { whole[$0].path })
            for row in part { parts[row.path] = row.digest }
        }
        #expect(parts.count == whole.count)
    }

    @Test func listsNameTheImages() throws {
        let folder = try TemporaryFolder()
        let model = try folder.writeModel()
        try folder.writeImages(3)
        let lines = ["images/002.jpg", "images/gone.jpg", "images/000.jpg"].map { folder.file($0) }
        try folder.write(Array((lines.joined(separator: "\r\n") + "\n\n").utf8), "list.txt")
        var options = PipelineOptions(out: folder.file("p.db"))
        options.batch = 2
        let summary = try Pipeline.run(
            model: model, images: ImageSources(paths: [], list: folder.file("list.txt")), options: options)
        #expect(summary.computed == 2 && summary.failed == 1)
        let stored = try rows(folder.file("p.db"))
        #expect(stored.map(\.path) == lines && stored[1].stamp == nil)
        // What could not be read is tried again.
        try folder.write(try jpeg(9), "images/gone.jpg")
        let again = try Pipeline.run(
            model: model, images: ImageSources(paths: [], list: folder.file("list.txt")), options: options)
        #expect(again.computed == 1 && again.reused == 2 && again.failed == 0)
    }

    @Test func badPlacesAndStoresAreErrors() throws {
        let folder = try TemporaryFolder()
        let model = try folder.writeModel()
        let other = try folder.writeModel("other.onnx", seed: 2)
        try folder.writeImages(3)
        let (images, out) = ([folder.file("images")], folder.file("p.db"))
        #expect(code { _ = try run(model, [folder.file("nowhere")], out: out) } == .io)
        #expect(code { _ = try run(folder.file("nowhere.onnx"), images, out: out) } == .io)
        try FileManager.default.createDirectory(atPath: folder.file("empty"), withIntermediateDirectories: true)
        #expect(code { _ = try run(model, [folder.file("empty")], out: out) } == .notFound)
        #expect(code { _ = try run(model, images, out: folder.path) } == .io)
        #expect(code { _ = try run(model, images, out: "/proc/p.db") } == .io)
        #expect(code { _ = try run(model, images, out: out, batch: 0) } == .invalidArgument)
        #expect(!FileManager.default.fileExists(atPath: out))
        _ = try run(model, images, out: out)
        let stored = try rows(out)
        #expect(code { _ = try run(other, images, out: out) } == .conflict)
        #expect(try rows(out) == stored)
        _ = try run(other, images, out: out, restart: true)
        #expect(try rows(out) != stored)
    }

    @Test func aModelExportedForOneBatchRuns() throws {
        let folder = try TemporaryFolder()
        let model = try folder.writeModel()
        let fixed = try folder.writeModel("fixed.onnx", batch: 4)
        try folder.writeImages(10)
        _ = try run(model, [folder.file("images")], out: folder.file("a.db"))
        let summary = try run(fixed, [folder.file("images")], out: folder.file("b.db"), batch: nil)
        #expect(summary.batch == 4 && summary.computed == 10)
        #expect(try rows(folder.file("a.db")).map(\.path) == rows(folder.file("b.db")).map(\.path))
    }
}

/// A counter that closures share.
final class Counter: Sendable {
    private let value = Atomic<Int>(0)
    var count: Int { value.load(ordering: .relaxed) }
    @discardableResult func add() -> Int { value.add(1, ordering: .relaxed).newValue }
}
