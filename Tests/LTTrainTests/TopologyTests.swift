// Exported networks under the trainer: the small topologies of the runtime's tests against ONNX Runtime's outputs, and a
// training step through each. LT_TRAIN_CASES=DIR runs a folder of other cases (NAME/model.onnx, NAME/test_data_set_*).

import Foundation
import LTCore
import LTGraph
import LTTrain
import Testing

@Suite struct TopologyTests {
    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("LTRuntimeTests/Fixtures/topologies")

    static func cases(_ folder: URL) -> [URL] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        return names.sorted().map { folder.appendingPathComponent($0) }.filter {
            FileManager.default.fileExists(atPath: $0.appendingPathComponent("model.onnx").path)
        }
    }

    static func tensor(_ url: URL) throws -> Tensor {
        try Tensor.read(protobuf: [UInt8](try Data(contentsOf: url))).tensor
    }

    /// The greatest difference over the greatest number expected; loss of a training step; initializers that got no gradient.
    static func judge(_ url: URL) throws -> (difference: Double, loss: Double, missing: [String], zero: [String]) {
        let graph = try Graph.read(path: url.appendingPathComponent("model.onnx").path)
        let executor = try TorchExecutor(graph)
        let data = url.appendingPathComponent("test_data_set_0")
        let input = try TorchTensor(try tensor(data.appendingPathComponent("input_0.pb"))).channelsLast()
        let expected = try tensor(data.appendingPathComponent("output_0.pb")).array(of: Float.self)
        let actual = try executor.run(input, mode: .inference).array(of: Float.self)
        guard actual.count == expected.count else { return (.infinity, .nan, [], []) }
        let scale = expected.map { abs($0) }.max() ?? 1
        let difference = zip(actual, expected).map { abs($0 - $1) }.reduce(0) { $1.isNaN ? .infinity : max($0, $1) }
        for name in executor.trainableNames { try executor.initializers[name]?.setRequiresGrad(true) }
        let logits = try executor.run(input, mode: TorchMode(training: true))
        // Cross entropy with class 1 for every row, where the output is rows of classes; else of all numbers.
        let rows = try logits.reshaped([logits.dims[0], -1]).logSoftmax(axis: 1)
        var target = [Float](repeating: 0, count: rows.count)
        for row in 0..<rows.dims[0] { target[row * rows.dims[1] + 1] = -1 / Float(rows.dims[0]) }
        let loss = try (rows * TorchTensor(target, rows.dims)).sum()
        try loss.backward()
        var missing: [String] = []
        var zero: [String] = []
        for name in executor.trainableNames {
            guard let gradient = try executor.initializers[name]?.grad() else {
                missing.append(name)
                continue
            }
            let norm = try (gradient * gradient).sum().item()
            if !norm.isFinite { missing.append("\(name) (not finite)") }
            if norm == 0 { zero.append(name) }
        }
        return (Double(difference / max(scale, 1e-6)), try loss.item(), missing, zero)
    }

    @Test(arguments: cases(folder).map(\.lastPathComponent)) func topologiesAgreeAndTrain(_ name: String) throws {
        let (difference, loss, missing, _) = try Self.judge(Self.folder.appendingPathComponent(name))
        #expect(difference < 1e-4)
        #expect(loss.isFinite && missing.isEmpty, "\(missing)")
    }

    @Test(.enabled(if: ProcessInfo.processInfo.environment["LT_TRAIN_CASES"] != nil)) func otherCases() throws {
        let folder = try #require(ProcessInfo.processInfo.environment["LT_TRAIN_CASES"])
        for url in Self.cases(URL(fileURLWithPath: folder)) {
            do {
                let (difference, loss, missing, zero) = try Self.judge(url)
                let none = "\(zero.count) \(zero.prefix(4))"
                print("\(url.lastPathComponent): difference \(difference), loss \(loss), gradients of 0: \(none)")
                #expect(difference < 1e-4 && loss.isFinite && missing.isEmpty, "\(url.lastPathComponent): \(missing)")
            } catch { Issue.record("\(url.lastPathComponent): \(error)") }
        }
    }
}
