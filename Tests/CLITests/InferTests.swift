// lt-infer as a process: kills, Ctrl-C, full disks, exit codes, what goes to standard output.

import Foundation
import LTCore
import LTDecision
import LTGraph
import LTImage
import LTPredictions
import Testing

@Suite struct InferTests {
    /// A tiny model and `count` images of 40×30 pixels in a folder of their own.
    private func scene(_ count: Int) throws -> (folder: TemporaryFolder, model: String, images: String) {
        let folder = try TemporaryFolder()
        let model = try folder.writeTinyModel()
        for number in 0..<count { try folder.writeJPEG(number, String(format: "images/%04d.jpg", number)) }
        return (folder, model, folder.file("images"))
    }

    @Test func killedAtTwentyRandomMomentsTheRowsAreThoseOfAnUninterruptedRun() throws {
        let (folder, model, images) = try scene(120)
        try folder.write(Array("no image".utf8), "images/0050-bad.jpg")
        let arguments = ["run", model, images, "--batch", "4", "--quiet", "--out"]
        let started = Date()
        #expect(try Tool("lt-infer").run(arguments + [folder.file("whole.db")]).status == 2)
        let whole = try rows(folder.file("whole.db"))
        #expect(whole.count == 121)
        let duration = Date().timeIntervalSince(started)
        var generator = SeededGenerator(seed: 20)
        var attempts = 0
        var kills = 0
        while kills < 20 {
            let out = folder.file("killed\(attempts).db")
            // Kills come during the whole of a run; each store is killed up to three times before it may finish.
            for _ in 0..<3 where kills < 20 {
                let tool = try Tool("lt-infer").start(arguments + [out])
                Thread.sleep(forTimeInterval: generator.uniform(0...1) * duration)
                kill(tool.process.processIdentifier, SIGKILL)
                if tool.finish().status == 128 + SIGKILL { kills += 1 }
            }
            #expect(try Tool("lt-infer").run(arguments + [out]).status == 2)
            #expect(try rows(out) == whole)
            #expect(!FileManager.default.fileExists(atPath: out + "-wal"))
            attempts += 1
            try #require(attempts < 100, "runs end before they can be killed")
        }
    }

    @Test func controlCClosesTheStoreAndTheRunGoesOn() throws {
        let (folder, model, images) = try scene(400)
        let arguments = ["run", model, images, "--batch", "2", "--quiet", "--out"]
        #expect(try Tool("lt-infer").run(arguments + [folder.file("whole.db")]).status == 0)
        var stopped = 0
        for (attempt, signal) in [SIGINT, SIGTERM, SIGINT, SIGTERM].enumerated() {
            let out = folder.file("stopped\(attempt).db")
            let tool = try Tool("lt-infer").start(arguments + [out])
            // As soon as there is a store, in the middle of the run.
            while tool.process.isRunning, !FileManager.default.fileExists(atPath: out + "-wal") { usleep(500) }
            kill(tool.process.processIdentifier, signal)
            let status = tool.finish().status
            guard status != 0 else { continue }
            #expect(status == 130)
            #expect(!FileManager.default.fileExists(atPath: out + "-wal"))
            let store = try PredictionStore.read(out)
            #expect(try !store.isFinished() && store.counts().total < 400)
            stopped += 1
            #expect(try Tool("lt-infer").run(arguments + [out]).status == 0)
            #expect(try rows(out) == rows(folder.file("whole.db")))
        }
        #expect(stopped > 0)
    }

    @Test func aFullDiskIsAnErrorThatSaysWhatIsSafe() throws {
        let (folder, model, images) = try scene(300)
        let out = folder.file("p.db")
        let tool = Tool("lt-infer")
        let command = "ulimit -f 64; exec \"$0\" \"$@\""
        let result = try Tool(path: "/bin/bash").run(
            ["-c", command, tool.path, "run", model, images, "--batch", "8", "--out", out])
        #expect(result.status == 1)
        #expect(result.error.contains("io:") && result.error.contains("images written before are safe"))
        let safe = try rows(out)
        #expect(!safe.isEmpty && safe.count < 300)
        #expect(try tool.run(["run", model, images, "--batch", "8", "--out", out]).status == 0)
        _ = try tool.run(["run", model, images, "--batch", "8", "--out", folder.file("whole.db")])
        #expect(try rows(out) == rows(folder.file("whole.db")))
    }

    @Test func exitCodesAndStreams() throws {
        let (folder, model, images) = try scene(3)
        let tool = Tool("lt-infer")
        let good = try tool.run(["run", model, images, "--out", folder.file("p.db"), "--jsonl", "-"])
        #expect(good.status == 0)
        #expect(good.output.split(separator: "\n").count == 3 && good.output.hasPrefix("{\"image\":"))
        #expect(good.error.contains("3 images: 3 computed, 0 failed"))
        let csv = folder.file("p.csv")
        #expect(try tool.run(["run", model, images, "--out", folder.file("p.db"), "--csv", csv]).status == 0)
        #expect(try String(contentsOfFile: csv, encoding: .utf8).split(separator: "\r\n").count == 4)
        try folder.write([1, 2, 3], "images/zzz.png")
        #expect(try tool.run(["run", model, images, "--out", folder.file("p.db")]).status == 2)
        for bad in [
            ["run", model, images], ["run", model, "--out", "x"], ["nothing"],
            ["run", model, images, "--out", "x", "--shard", "3/2"],
        ] {
            #expect(try tool.run(bad).status == 64)
        }
        let other = try folder.writeTinyModel("other.onnx", seed: 9)
        let refused = try tool.run(["run", other, images, "--out", folder.file("p.db")])
        #expect(refused.status == 1 && refused.error.contains("--restart"))
        #expect(refused.error.contains(try SHA256.digest(ofFile: model)))
        #expect(refused.error.contains(try SHA256.digest(ofFile: other)))
    }

    @Test func preprocessInspectPlanVerifyBench() throws {
        let (folder, model, images) = try scene(1)
        let tool = Tool("lt-infer")
        let npy = folder.file("x.npy")
        #expect(try tool.run(["preprocess", model, images + "/0000.jpg", "--out", npy]).status == 0)
        let tensor = try Tensor(npyFile: npy)
        #expect(tensor.dims == [1, 3, 16, 16] && tensor.type == .float32)
        let inspected = try tool.run(["inspect", model, "--json"])
        let json = try #require(
            try JSONSerialization.jsonObject(with: Data(inspected.output.utf8)) as? [String: Any])
        #expect(json["parameters"] as? Int == 8 * 27 + 32)
        #expect(json["flops"] as? Int == 2 * (8 * 16 * 16 * 27 + 32))
        #expect((json["operators"] as? [String: Int])?["Conv"] == 1)
        #expect(try tool.run(["inspect", model]).output.contains("selftest    yes"))
        #expect(try tool.run(["plan", model]).output.hasPrefix("node"))
        let verified = try tool.run(["verify", model])
        #expect(verified.status == 0 && verified.output == "1 passed, 0 failed\n")
        let wrong = try folder.writeTinyModel("wrong.onnx", testOffset: 0.1)
        let failed = try tool.run(["verify", model, wrong])
        #expect(failed.status == 1 && failed.output.contains("1 passed, 1 failed\n"))
        let bench = try tool.run([
            "bench", model, "--batch", "2", "--seconds", "0.01", "--json", "--profile", folder.file("t.json"),
        ])
        let times = try #require(try JSONSerialization.jsonObject(with: Data(bench.output.utf8)) as? [String: Any])
        for key in ["median_ms", "min_ms", "runs", "load_ms", "first_ms", "rss_mib"] { #expect(times[key] is NSNumber) }
        let profile = try #require(times["profile"] as? [String: Any])
        let peak = try #require(profile["peak_gflops"] as? Double)
        let steps = try #require(profile["steps"] as? [[String: Any]])
        let convolution = try #require(steps.first { ($0["op"] as? String)?.contains("Conv") == true })
        #expect(peak > 0.1 && (convolution["gflops"] as? Double ?? 0) > 0)
        let table = try tool.run(["bench", model, "--seconds", "0.01", "--profile", folder.file("t.json")]).output
        #expect(table.contains("float32 peak") && table.contains("of peak") && table.contains("Conv"))
        let trace = try JSONSerialization.jsonObject(
            with: try Data(contentsOf: URL(fileURLWithPath: folder.file("t.json"))))
        #expect(((trace as? [String: Any])?["traceEvents"] as? [Any])?.isEmpty == false)
    }

    /// The second run reads what the first one packed, and sees the same scores; without the folder they are the same too.
    @Test func packedWeightsAreKept() throws {
        let (folder, _, images) = try scene(3)
        var random = SeededGenerator(seed: 3)
        var builder = GraphBuilder(name: "wide")
        let x = builder.input("image", .float32, ["N", 3, 16, 16])
        let flat = builder.node("Flatten", [x], attributes: ["axis": .int(1)])
        let w = builder.initializer("w", try Tensor((0..<768 * 40).map { _ in Float(random.normal()) }, [768, 40]))
        builder.output(builder.node("MatMul", [flat, w]), as: "logits", .float32, ["N", 40])
        var graph = builder.graph
        try DecisionLayer(
            task: .multilabel, preprocess: Preprocess(resize: .init(mode: .squash, size: .init(16))),
            labels: (0..<40).map { .init(id: $0, name: "\($0)") }, activation: .sigmoid
        ).write(into: &graph)
        try graph.write(to: folder.file("wide.onnx"))
        var runs: [[StoredImage]] = []
        for (index, options) in [[], ["--cache", folder.file("kept")], ["--cache", folder.file("kept")]].enumerated() {
            let store = folder.file("\(index).db")
            let result = try Tool("lt-infer").run(["run", folder.file("wide.onnx"), images, "--out", store] + options)
            #expect(result.status == 0, "\(result.error)")
            runs.append(try rows(store))
        }
        #expect(runs[0].count == 3 && runs.allSatisfy { $0 == runs[0] })
        let files = try FileManager.default.subpathsOfDirectory(atPath: folder.file("kept"))
        #expect(files.count { $0.hasSuffix(".weights") } == 1)
        let digest = try SHA256.digest(ofFile: folder.file("wide.onnx"))
        #expect(files.contains { $0.hasPrefix(digest) && $0.hasSuffix(".weights") })
        let bad = try Tool("lt-infer").run(["bench", folder.file("wide.onnx"), "--cache", folder.file("wide.onnx")])
        #expect(bad.status == 1 && bad.error.contains("wide.onnx is not a folder"), "\(bad.error)")
    }

    @Test func badModelsAreErrors() throws {
        let (folder, _, images) = try scene(1)
        for (name, words) in try folder.writeBadModels() {
            let result = try Tool("lt-infer").run(["run", folder.file(name), images, "--out", folder.file("p.db")])
            #expect(result.status == 1, "\(name)")
            #expect(result.error.hasPrefix("lt-infer: ") && result.error.contains(words), "\(name): \(result.error)")
            #expect(!FileManager.default.fileExists(atPath: folder.file("p.db")))
        }
    }
}

func rows(_ path: String) throws -> [StoredImage] {
    var rows: [StoredImage] = []
    try PredictionStore.read(path).forEach { rows.append($0) }
    return rows
}
