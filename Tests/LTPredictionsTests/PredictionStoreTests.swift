// The store: what is written comes back, a run goes on where it stopped, and what is no store of this run is refused.

import Foundation
import LTCore
import LTDecision
import LTPredictions
import Testing

/// A folder of its own that goes away with the test.
final class TemporaryFolder {
    let path: String
    init() throws {
        path = FileManager.default.temporaryDirectory.path + "/lt-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }
    deinit { try? FileManager.default.removeItem(atPath: path) }
    func file(_ name: String) -> String { path + "/" + name }
}

func makeRun(model: String = "m", settings: [String: String] = ["precision": "f32"]) -> RunInfo {
    let layer = DecisionLayer(
        task: .multilabel, labels: [.init(id: 7, name: "cat"), .init(id: 9, name: "dog, \"wet\"")], activation: .sigmoid
    )
    return RunInfo(
        model: model + ".onnx", modelDigest: SHA256.digest(of: model), settings: settings, versions: ["lt": "0"],
        columns: 2, layer: layer)
}

func image(_ name: String, _ scores: [Float]) -> StoredImage {
    StoredImage(
        path: name, stamp: FileStamp(size: 10, modified: 20), digest: SHA256.digest(of: name), width: 4, height: 3,
        outcome: .scores(scores))
}

func broken(_ name: String, stamp: FileStamp? = FileStamp(size: 1, modified: 2)) -> StoredImage {
    StoredImage(path: name, stamp: stamp, digest: nil, outcome: .failed("malformed: no image"))
}

func contents(_ store: PredictionStore) throws -> [StoredImage] {
    var all: [StoredImage] = []
    try store.forEach { all.append($0) }
    return all
}

func code(_ body: () throws -> Void) -> LTError.Code? {
    do { try body() } catch { return (error as? LTError)?.code }
    return nil
}

@Suite struct PredictionStoreTests {
    @Test func whatIsWrittenComesBackInOrder() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("p.db")
        let rows = [
            image("z.jpg", [1.5, -.infinity]), broken("b.jpg"), image("a.jpg", [.nan, 0x1p-149]),
            broken("c", stamp: nil),
        ]
        let writer = try PredictionStore.write(path, run: makeRun())
        try writer.write(Array(rows[..<2]))
        try writer.write(Array(rows[2...]))
        try writer.finish(complete: true)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["p.db"])
        let store = try PredictionStore.read(path)
        #expect(store.run == makeRun())
        #expect(try store.isFinished())
        let counts = try store.counts()
        #expect(counts.scored == 2 && counts.failed == 2)
        let back = try contents(store)
        #expect(back.map(\.path) == rows.map(\.path))
        #expect(Array(back[..<2]) == Array(rows[..<2]))
        #expect(back[3] == rows[3])
        guard case .scores(let scores) = back[2].outcome else {
            Issue.record("no scores")
            return
        }
        #expect(scores[0].isNaN && scores[1] == 0x1p-149)
    }

    @Test func resumeKnowsUnchangedImagesAndReplacesChangedOnesInPlace() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("p.db")
        let first = try PredictionStore.write(path, run: makeRun())
        try first.write([image("a", [1, 2]), image("b", [3, 4]), broken("c"), broken("d", stamp: nil)])
        try first.finish(complete: false)
        #expect(try PredictionStore.read(path).isFinished() == false)
        let second = try PredictionStore.write(path, run: makeRun())
        let stamp = FileStamp(size: 10, modified: 20)
        #expect(try second.hasPrediction(path: "a", stamp: stamp) == true)
        #expect(try second.hasPrediction(path: "a", stamp: FileStamp(size: 10, modified: 21)) == nil)
        #expect(try second.hasPrediction(path: "a", stamp: FileStamp(size: 11, modified: 20)) == nil)
        #expect(try second.hasPrediction(path: "c", stamp: FileStamp(size: 1, modified: 2)) == false)
        #expect(try second.hasPrediction(path: "d", stamp: stamp) == nil)
        try second.write([broken("b"), image("c", [5, 6]), image("e", [7, 8])])
        try second.finish(complete: true)
        let rows = try contents(try PredictionStore.read(path))
        #expect(rows.map(\.path) == ["a", "b", "c", "d", "e"])
        #expect(rows[1] == broken("b"))
        #expect(rows[2] == image("c", [5, 6]))
    }

    @Test func anUnfinishedStoreIsReadThroughItsWAL() throws {
        let folder = try TemporaryFolder()
        let writer = try PredictionStore.write(folder.file("p.db"), run: makeRun())
        try writer.write([image("a", [1, 2])])
        // What a kill leaves behind: the files as they are while the run goes on.
        for suffix in ["", "-wal"] {
            try FileManager.default.copyItem(atPath: folder.file("p.db" + suffix), toPath: folder.file("q.db" + suffix))
        }
        // The same with a -wal that cannot be opened: refused, not passed over.
        try FileManager.default.copyItem(atPath: folder.file("p.db"), toPath: folder.file("s.db"))
        try FileManager.default.createDirectory(atPath: folder.file("s.db-wal"), withIntermediateDirectories: true)
        try writer.finish(complete: true)
        let store = try PredictionStore.read(folder.file("q.db"))
        #expect(try contents(store) == [image("a", [1, 2])])
        #expect(try store.isFinished() == false)
        do throws(LTError) {
            _ = try PredictionStore.read(folder.file("s.db"))
            Issue.record("opened without its -wal")
        } catch {
            #expect(error.code == .io && "\(error)".contains("-wal"))
        }
    }

    @Test func anotherModelOrSettingsAreRefusedWithBothDigests() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("p.db")
        let store = try PredictionStore.write(path, run: makeRun())
        try store.write([image("a", [1, 2])])
        try store.finish(complete: true)
        let before = try Data(contentsOf: URL(fileURLWithPath: path))
        let bf16 = makeRun(settings: ["precision": "bf16"])
        let cases = [
            (makeRun(model: "other"), [makeRun().modelDigest, makeRun(model: "other").modelDigest, "other.onnx"]),
            (bf16, [makeRun().settingsDigest, bf16.settingsDigest, "precision: f32 there, bf16 here"]),
        ]
        for (run, words) in cases {
            do throws(LTError) {
                _ = try PredictionStore.write(path, run: run)
                Issue.record("not refused")
            } catch {
                #expect(error.code == .conflict)
                for word in words + ["--restart"] { #expect("\(error)".contains(word)) }
            }
        }
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == before)
        let restarted = try PredictionStore.write(path, run: makeRun(model: "other"), restart: true)
        #expect(try restarted.counts().total == 0)
        try restarted.finish(complete: true)
    }

    @Test func oneWriterAtATime() throws {
        let folder = try TemporaryFolder()
        let store = try PredictionStore.write(folder.file("p.db"), run: makeRun())
        try store.write([image("a", [1, 2])])
        #expect(code { _ = try PredictionStore.write(folder.file("p.db"), run: makeRun()) } == .conflict)
        #expect(code { _ = try PredictionStore.read(folder.file("p.db")) } == .conflict)
        try store.finish(complete: true)
    }

    @Test func aBatchIsWrittenWholeOrNotAtAll() throws {
        let folder = try TemporaryFolder()
        let store = try PredictionStore.write(folder.file("p.db"), run: makeRun())
        try store.write([image("a", [1, 2])])
        #expect(code { try store.write([image("b", [1, 2]), image("c", [1, 2, 3])]) } == .shapeMismatch)
        #expect(try contents(store).map(\.path) == ["a"])
        try store.finish(complete: false)
    }

    @Test func filesThatAreNoStoreAreErrorsAndStay() throws {
        let folder = try TemporaryFolder()
        let text = Data(String(repeating: "these are notes, no store. ", count: 400).utf8)
        let path = folder.file("notes.txt")
        try text.write(to: URL(fileURLWithPath: path))
        #expect(code { _ = try PredictionStore.read(path) } == .malformed)
        #expect(code { _ = try PredictionStore.write(path, run: makeRun()) } == .malformed)
        #expect(code { _ = try PredictionStore.write(path, run: makeRun(), restart: true) } == .conflict)
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == text)
        #expect(code { _ = try PredictionStore.read(folder.file("absent.db")) } == .io)
        #expect(code { _ = try PredictionStore.read(folder.path) } == .io)
        #expect(code { _ = try PredictionStore.write(folder.path, run: makeRun()) } == .io)
        #expect(code { _ = try PredictionStore.write(folder.file("no/such/p.db"), run: makeRun()) } == .io)
        #expect(code { _ = try PredictionStore.write("/proc/p.db", run: makeRun()) } == .io)
        try Data().write(to: URL(fileURLWithPath: folder.file("empty.db")))
        #expect(code { _ = try PredictionStore.read(folder.file("empty.db")) } == .malformed)
    }

    @Test func damagedStoresNeverTrap() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("p.db")
        let store = try PredictionStore.write(path, run: makeRun())
        try store.write((0..<200).map { image("folder/image-\($0).jpg", [Float($0), 1]) })
        try store.finish(complete: true)
        let whole = try Data(contentsOf: URL(fileURLWithPath: path))
        let damaged = folder.file("d.db")
        func readAll(_ bytes: Data) throws -> Int {
            try bytes.write(to: URL(fileURLWithPath: damaged))
            return try contents(try PredictionStore.read(damaged)).count
        }
        for length in [1, 50, 100, 4096, whole.count / 2, whole.count - 4096] {
            #expect(throws: LTError.self) { try readAll(whole.prefix(length)) }
        }
        var generator = SeededGenerator(seed: 5)
        for _ in 0..<300 {
            var bytes = whole
            for _ in 0..<8 { bytes[generator.below(bytes.count)] = UInt8(generator.below(256)) }
            do { _ = try readAll(bytes) } catch { #expect(error is LTError) }
        }
        // Another program's SQLite file, and a store of a later version.
        var other = whole
        other[68] = 0
        #expect(code { _ = try readAll(other) } == .malformed)
        var later = whole
        later[63] = 9
        #expect(code { _ = try readAll(later) } == .unsupported)
    }
}
