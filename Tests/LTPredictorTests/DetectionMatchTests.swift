// DetectionMatch: the order of detections does not matter, their number, places, scores and masks do.

import Foundation
import LTCore
import LTDecision
import LTGraph
import LTPredictor
import LTRuntime
import Testing

@Suite struct DetectionMatchTests {
    private func code(_ body: () throws(LTError) -> Void) -> LTError.Code? {
        do throws(LTError) { try body() } catch { return error.code }
        return nil
    }

    private func scene(_ count: Int) throws -> [Detection] {
        var generator = SeededGenerator(seed: 4)
        var scene: [Detection] = []
        for index in 0..<count {
            // Scores in pairs that are as good as equal.
            let score = 1 - Float(index / 2) / 100
            let (x, y) = (Float(generator.uniform(0...50)), Float(generator.uniform(0...50)))
            let box = Box(x1: x, y1: y, x2: x + 20, y2: y + 20)
            let mask = try RunLengthMask(
                width: 100, height: 100, runs: [UInt32(index * 10), 5000, 5000 - UInt32(index * 10)])
            scene.append(Detection(category: index % 3, score: score, box: box, mask: mask))
        }
        return scene
    }

    @Test func nearTiesMaySwap() throws {
        let expected = try scene(40)
        var found = expected
        for index in stride(from: 0, to: 40, by: 2) {
            found.swapAt(index, index + 1)
            found[index].score += 5e-5
            found[index].box.x1 += 0.04
        }
        #expect(code { () throws(LTError) in try DetectionMatch.compare(found, expected) } == nil)
        #expect(code { () throws(LTError) in try DetectionMatch.compare([], []) } == nil)
    }

    @Test func whatDiffersIsTold() throws {
        let expected = try scene(10)
        func told(_ change: (inout [Detection]) -> Void) -> String {
            var found = expected
            change(&found)
            do throws(LTError) { try DetectionMatch.compare(found, expected) } catch {
                #expect(error.code == .conflict)
                return error.message
            }
            return ""
        }
        #expect(told { _ in } == "")
        #expect(told { $0.removeLast() }.contains("1 of 10 expected detections have no match, 0 of 9"))
        #expect(told { $0.append($0[9]) }.contains("0 of 10 expected detections have no match, 1 of 11"))
        #expect(told { $0[3].category = 7 }.contains("1 of 10"))
        #expect(told { $0[3].score += 2e-4 }.contains("1 of 10"))
        #expect(told { $0[3].box.y2 += 0.06 }.contains("the nearest found is label 0"))
        #expect(told { $0[3].box.y2 = .nan }.contains("1 of 10"))
        #expect(told { $0[3].mask = $0[9].mask }.contains("mask IoU"))
        #expect(told { $0[3].mask = nil }.contains("1 of 10"))
        #expect(told { $0 = [] }.contains("10 of 10"))
    }

    /// A case folder of `chosenModel`, with its outputs after `change`.
    private func verdict(
        _ graph: Graph, _ change: (inout [String: Tensor]) throws -> Void = { _ in }
    ) throws -> Verify.Verdict {
        let folder = FileManager.default.temporaryDirectory.path + "/lt-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try FileManager.default.createDirectory(atPath: folder + "/test_data_set_0", withIntermediateDirectories: true)
        try graph.write(to: folder + "/model.onnx")
        let plan = try LTRuntime.Plan(graph, on: ReferenceBackend())
        let shape = plan.inputs[0].name == "image" && graph.nodes[0].opType == "Shape" ? [3, 20, 40] : [2, 3, 16, 16]
        let image = try Tensor((0..<shape.reduce(1, *)).map { Float($0 % 7) / 7 }, shape)
        var outputs = try Session(plan).run(["image": image])
        try change(&outputs)
        func put(_ tensor: Tensor, _ name: String) throws {
            try Data(try tensor.protobuf(name: name)).write(
                to: URL(fileURLWithPath: "\(folder)/test_data_set_0/\(name).pb"))
        }
        try put(image, "input_0")
        for (index, output) in plan.outputs.enumerated() { try put(outputs[output.name]!, "output_\(index)") }
        return Verify.run(folder, on: ReferenceBackend()) { (graph, set) throws(LTError) in
            try DetectionMatch.compare(set, of: graph)
        }
    }

    private func passes(_ verdict: Verify.Verdict) -> Bool { if case .passed = verdict { true } else { false } }

    @Test func testCasesAreComparedAsDetections() throws {
        let graph = try chosenModel(metadata: false)
        #expect(passes(try verdict(graph)))
        func rows(_ tensor: Tensor, _ order: [Int]) throws -> Tensor {
            let width = tensor.count / 3
            if tensor.type == .int64 { return try Tensor(order.map { try tensor.array(of: Int64.self)[$0] }) }
            let values = try tensor.array(of: Float.self)
            return try Tensor(order.flatMap { values[$0 * width..<($0 + 1) * width] }, tensor.dims)
        }
        let shuffled = try verdict(graph) { outputs in
            for name in outputs.keys { outputs[name] = try rows(outputs[name]!, [2, 0, 1]) }
        }
        #expect(passes(shuffled))
        let moved = try verdict(graph) { outputs in
            var boxes = try outputs["boxes"]!.array(of: Float.self)
            boxes[0] += 0.5
            outputs["boxes"] = try Tensor(boxes, [3, 4])
        }
        #expect(!passes(moved))
        let fewer = try verdict(graph) { outputs in
            let scores = try outputs["scores"]!.array(of: Float.self)
            outputs["scores"] = try Tensor([scores[0], scores[1], -1])
        }
        #expect(!passes(fewer))
    }

    /// A self-test lists the best detections in any order; what scores less than the last of them is free.
    @Test func selfTestsCompareTheBestDetections() throws {
        let graph = try chosenModel()
        let image = SelfTest.Value(name: "image", shape: [3, 20, 40], values: (0..<2400).map { Float($0 % 7) / 7 })
        let outputs = try Session(try LTRuntime.Plan(graph, on: ReferenceBackend())).run([
            "image": try Tensor(image.values, image.shape)
        ])
        func test(_ rows: [Int], _ change: (String, inout [Float]) -> Void = { _, _ in }) throws -> SelfTest {
            SelfTest(
                input: .tensors([image]),
                outputs: try ["boxes", "labels", "masks", "scores"].map { name in
                    let output = try #require(outputs[name])
                    let all =
                        try output.type == .int64
                        ? output.array(of: Int64.self).map { Float($0) } : output.array(of: Float.self)
                    let width = output.count / 3
                    var values = rows.flatMap { all[$0 * width..<($0 + 1) * width] }
                    change(name, &values)
                    return SelfTest.Value(name: name, shape: [rows.count] + output.dims.dropFirst(), values: values)
                })
        }
        func code(_ test: SelfTest) -> LTError.Code? {
            self.code { () throws(LTError) in
                _ = try test.run(graph, on: ReferenceBackend(), options: PlanOptions())
            }
        }
        for rows in [[0, 1, 2], [1, 0], [1]] { #expect(code(try test(rows)) == nil) }
        // The best of all is not listed, or is listed otherwise.
        #expect(code(try test([0])) == .conflict)
        #expect(code(try test([0, 1]) { name, values in if name == "scores" { values[0] += 0.01 } }) == .conflict)
        #expect(code(try test([0, 1]) { name, values in if name == "boxes" { values[5] += 0.1 } }) == .conflict)
        #expect(code(try test([0, 1]) { name, values in if name == "labels" { values[0] = 1 } }) == .conflict)
        #expect(code(try test([0, 1]) { name, values in if name == "labels" { values[0] = 1.5 } }) == .notFound)
        #expect(
            code(try test([0, 1]) { name, values in if name == "masks" { values = values.map { 1 - $0 } } }) != nil)
    }

    @Test func candidatesAreComparedAfterSuppression() throws {
        let graph = try candidateModel()
        #expect(passes(try verdict(graph)))
        // What the second box says is suppressed.
        let other = try verdict(graph) { outputs in
            var scores = try outputs["scores"]!.array(of: Float.self)
            scores[2] -= 0.1
            outputs["scores"] = try Tensor(scores, outputs["scores"]!.dims)
        }
        #expect(passes(other))
        let wrong = try verdict(graph) { outputs in
            var scores = try outputs["scores"]!.array(of: Float.self)
            scores[0] -= 0.1
            outputs["scores"] = try Tensor(scores, outputs["scores"]!.dims)
        }
        #expect(!passes(wrong))
    }

    @Test func otherModelsAreErrors() throws {
        let verdict = try verdict(try tinyModel(size: 16))
        guard case .failed(let error) = verdict else {
            Issue.record("a classifier was compared as a detector")
            return
        }
        #expect(error.hint?.contains("--packed") == true)
    }
}
