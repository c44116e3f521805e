// Predictor: what it decides is what preprocessing, the graph's formula and the decision layer give by hand.

import Foundation
import LTCore
import LTDecision
import LTGraph
import LTImage
import LTPredictor
import LTRuntime
import Testing

/// A model whose outputs can be computed by hand: the means of the three channels, times a 3 × 2 matrix.
func tinyModel(batch: LTGraph.Dimension = "N", size: Int = 8, metadata: Bool = true) throws -> Graph {
    var builder = GraphBuilder(name: "tiny")
    let x = builder.input("image", .float32, [batch, 3, .fixed(size), .fixed(size)])
    let w = builder.initializer("w", try Tensor([1, -1, 2, 0.5, -3, 4] as [Float], [3, 2]))
    let pooled = builder.node("GlobalAveragePool", [x])
    let flat = builder.node("Flatten", [pooled], attributes: ["axis": .int(1)])
    builder.output(builder.node("MatMul", [flat, w]), as: "logits", .float32, [batch, 2])
    var graph = builder.graph
    if metadata {
        try DecisionLayer(
            task: .multilabel,
            preprocess: Preprocess(
                resize: .init(mode: .squash, size: .init(size)), mean: [0.5, 0.25, 0], std: [0.5, 1, 2]),
            labels: [.init(id: 3, name: "left"), .init(id: 5, name: "right")], activation: .sigmoid
        ).write(into: &graph)
    }
    return graph
}

/// An image of one colour.
func png(_ r: UInt8, _ g: UInt8, _ b: UInt8, side: Int = 8) throws -> [UInt8] {
    let image = try Image(width: side, height: side, channels: 3)
    for index in image.bytes.indices { image.bytes[index] = [r, g, b][index % 3] }
    return try image.encodedPNG()
}

func expected(_ r: Float, _ g: Float, _ b: Float) -> [Float] {
    let x = [(r / 255 - 0.5) / 0.5, (g / 255 - 0.25) / 1, b / 255 / 2]
    return [x[0] + 2 * x[1] - 3 * x[2], -x[0] + 0.5 * x[1] + 4 * x[2]]
}

func makePredictor(
    _ graph: Graph, on backend: any Backend = ReferenceBackend(), settings: ModelSettings = ModelSettings()
) throws(LTError) -> Predictor {
    try Predictor(graph, path: "tiny.onnx", digest: "d", on: backend, settings: settings)
}

@Suite struct PredictorTests {
    @Test(arguments: ["reference", "cpu"]) func decisionsAreTheFormulas(device: String) throws {
        let backend = try BackendTable.named(device)
        let predictor = try makePredictor(try tinyModel(), on: backend)
        #expect(predictor.columns == 2 && predictor.sampleShape?.dims == [3, 8, 8])
        let session = try predictor.makeSession()
        let colours: [(UInt8, UInt8, UInt8)] = [(255, 0, 10), (3, 200, 255), (128, 64, 0)]
        let results = try session.decide(try colours.map { try png($0.0, $0.1, $0.2, side: 19) })
        #expect(results.count == 3)
        for (result, colour) in zip(results, colours) {
            let decisions = try #require(try result.get().classes)
            let raw = expected(Float(colour.0), Float(colour.1), Float(colour.2))
            for (decision, raw) in zip(decisions, raw) {
                #expect(abs(decision.raw - raw) < 1e-5)
                #expect(abs(Double(decision.score) - 1 / (1 + exp(-Double(raw)))) < 1e-5)
                #expect(decision.isPositive == (decision.score >= 0.5))
            }
        }
    }

    @Test func anImageThatCannotBeReadFailsAlone() throws {
        let session = try makePredictor(try tinyModel()).makeSession()
        let good = try png(9, 99, 200)
        let results = try session.decide([[], good, Array(good.prefix(40)), Array("notes".utf8), good])
        #expect(results.map { (try? $0.get()) != nil } == [false, true, false, false, true])
        #expect(try results[1].get() == results[4].get())
        #expect(try session.decide([]).isEmpty)
    }

    @Test func interruptedDecisions() throws {
        let session = try makePredictor(try tinyModel()).makeSession()
        let images = [try png(9, 99, 200), try png(1, 2, 3)]
        let expected = try session.decide(images).map { try $0.get() }
        let cancellation = Cancellation()
        func code(_ interruption: Interruption) -> LTError.Code? {
            do throws(LTError) { _ = try session.decide(images, interruption: interruption) } catch {
                return error.code
            }
            return nil
        }
        #expect(code(Interruption(cancellation, deadline: .now + .seconds(3600))) == nil)
        cancellation.cancel()
        #expect(code(Interruption(cancellation)) == .cancelled)
        #expect(code(Interruption(deadline: .now - .seconds(1))) == .timedOut)
        let batch = try SampleBatch(session.predictor, capacity: 2)
        batch.append(try images[0].withUnsafeBytes { bytes in try session.predictor.prepare(bytes) })
        #expect(throws: LTError.self) { try session.predict(batch, interruption: Interruption(cancellation)) }
        #expect(try session.predict(batch).count == 1)
        #expect(try session.decide(images).map { try $0.get() } == expected)
    }

    @Test(arguments: [1, 3]) func aFixedBatchIsPadded(batch: Int) throws {
        let free = try makePredictor(try tinyModel()).makeSession()
        let predictor = try makePredictor(try tinyModel(batch: .fixed(batch)))
        #expect(predictor.input.fixedBatch == batch)
        let images = try (0..<5).map { try png(UInt8($0 * 40), 100, UInt8(255 - $0)) }
        let expected = try free.decide(images).map { try $0.get() }
        #expect(try predictor.makeSession().decide(images).map { try $0.get() } == expected)
    }

    /// A plan for at most so many images gets longer lists in pieces.
    @Test(arguments: [1, 2, 4]) func longListsAreSplit(most: Int) throws {
        let graph = try tinyModel()
        let images = try (0..<5).map { try png(UInt8($0 * 40), 100, 200) }
        let predictor = try Predictor(
            graph, path: "tiny", digest: "", on: ReferenceBackend(), options: PlanOptions(maxBatch: most))
        #expect(predictor.largestBatch == most)
        let whole = try Predictor(graph, path: "tiny", digest: "", on: ReferenceBackend()).makeSession().decide(images)
        let pieces = try predictor.makeSession().decide(images)
        #expect(try pieces.map { try $0.get() } == whole.map { try $0.get() })
    }

    @Test func whatNobodySaysIsAnErrorThatNamesTheFlag() throws {
        let bare = try tinyModel(metadata: false)
        func hint(_ change: (inout ModelSettings) -> Void) -> String? {
            var settings = ModelSettings()
            change(&settings)
            do throws(LTError) {
                _ = try makePredictor(bare, settings: settings).decider()
                return nil
            } catch { return error.hint }
        }
        #expect(hint { _ in }?.contains("--resize") == true)
        #expect(hint { $0.resize = .squash } == "give --mean")
        #expect(hint { ($0.resize, $0.mean) = (.squash, [0]) } == "give --std")
        #expect(hint { ($0.size, $0.mean, $0.std) = (.init(8), [0], [1]) } == "give --resize")
        #expect(hint { ($0.resize, $0.mean, $0.std) = (.squash, [0], [1]) } == "give --task")
        #expect(
            hint { ($0.resize, $0.mean, $0.std, $0.task) = (.squash, [0], [1], .multilabel) } == "give --activation")
        var settings = ModelSettings()
        settings.resize = .squash
        settings.mean = [0.5, 0.25, 0]
        settings.std = [0.5, 1, 2]
        settings.task = .multilabel
        settings.activation = .sigmoid
        let image = try png(200, 30, 4, side: 30)
        let flagged = try makePredictor(bare, settings: settings).makeSession().decide([image])[0].get()
        #expect(try makePredictor(try tinyModel()).makeSession().decide([image])[0].get() == flagged)
    }

    @Test(arguments: [1, 7, 91, 50_000]) func namesComeFromAFile(count: Int) throws {
        let path = FileManager.default.temporaryDirectory.path + "/lt-\(UUID().uuidString).txt"
        defer { try? FileManager.default.removeItem(atPath: path) }
        let names = (0..<count).map { "class \($0)" }
        try Data(names.joined(separator: "\n").utf8).write(to: URL(fileURLWithPath: path))
        #expect(try ModelSettings.names(inFile: path) == names)
    }

    @Test func flagsWinOverTheFile() throws {
        var settings = ModelSettings()
        settings.mean = [0]
        settings.activation = DecisionLayer.Activation.none
        settings.labels = ["a", "b"]
        let predictor = try makePredictor(try tinyModel(), settings: settings)
        #expect(predictor.preprocess.mean == [0] && predictor.preprocess.std == [0.5, 1, 2])
        #expect(predictor.layer.labels?.map(\.name) == ["a", "b"])
        settings.labels = ["a"]
        #expect(throws: LTError.self) { try makePredictor(try tinyModel(), settings: settings) }
    }

    @Test func preprocessingMustMakeWhatTheModelTakes() throws {
        func code(_ graph: Graph, _ change: (inout ModelSettings) -> Void = { _ in }) -> LTError.Code? {
            var settings = ModelSettings()
            change(&settings)
            do throws(LTError) { _ = try makePredictor(graph, settings: settings) } catch { return error.code }
            return nil
        }
        let graph = try tinyModel()
        #expect(code(graph) == nil)
        #expect(code(graph) { $0.size = .init(9) } == .shapeMismatch)
        #expect(code(graph) { $0.color = .grey } != nil)
        #expect(code(graph) { $0.layout = .nhwc } == .shapeMismatch)
        #expect(code(graph) { ($0.resize, $0.size) = (.shortest, .init(8)) } == .invalidArgument)
        #expect(code(graph) { ($0.resize, $0.size, $0.crop) = (.shortest, .init(9), .init(8)) } == nil)
        #expect(code(graph) { $0.output = "other" } == .notFound)
        var two = graph
        two.inputs.append(ValueInfo("second", .float32, [1]))
        #expect(code(two) == .unsupported)
        var integers = graph
        integers.inputs[0].type = .tensor(.uint8, ["N", 3, 8, 8])
        #expect(code(integers) == .typeMismatch)
        var flat = graph
        flat.inputs[0].type = .tensor(.float32, ["N", 192])
        #expect(code(flat) == .shapeMismatch)
    }

    @Test func digestIsTheFilesAndChangesWithExternalWeights() throws {
        let folder = FileManager.default.temporaryDirectory.path + "/lt-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let path = folder + "/m.onnx"
        try tinyModel().write(to: path)
        #expect(try Predictor(path, device: "reference").digest == SHA256.digest(ofFile: path))
        // The matrix in a file beside the model: as many bytes of TensorProto's fields external_data and data_location.
        var bytes = try tinyModel().serialized()
        let values: [Float] = [1, -1, 2, 0.5, -3, 4]
        let raw = values.withUnsafeBytes { Array($0) }
        let held = Data([0x4A, 24] + raw)
        let place: [UInt8] = [0x6A, 22, 0x0A, 8] + "location".utf8 + [0x12, 10] + "weights.bi".utf8 + [0x70, 1]
        bytes.replaceSubrange(try #require(Data(bytes).range(of: held)), with: place)
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        var digests: [String] = []
        for weights in [raw, raw.reversed(), raw] {
            try Data(weights).write(to: URL(fileURLWithPath: folder + "/weights.bi"))
            #expect(try Graph.read(path: path).externalFiles.map { $0.hasSuffix("/weights.bi") } == [true])
            let digest = try Predictor(path, device: "reference").digest
            #expect(try Predictor(path, cache: folder + "/cache").digest == digest)
            digests.append(digest)
        }
        #expect(digests[0] == digests[2] && digests[0] != digests[1])
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder + "/cache").isEmpty)
        #expect(throws: LTError.self) { try Predictor(folder + "/absent.onnx") }
        #expect {
            try Predictor(path, device: "cuda:0")
        } throws: {
            ($0 as? LTError)?.code == .unsupported && "\($0)".contains("device 'cuda:0'")
        }
    }
}

@Suite struct SelfTestTests {
    private func run(_ test: SelfTest, _ graph: Graph) throws(LTError) -> Float {
        try test.run(graph, on: ReferenceBackend(), options: PlanOptions())
    }

    @Test func passesOnWhatTheModelGivesAndFailsOnAnythingElse() throws {
        let graph = try tinyModel()
        let raw = expected(10, 200, 30)
        let output = SelfTest.Value(name: "logits", shape: [1, 2], values: raw)
        let image = SelfTest.Input.images([try png(10, 200, 30, side: 5)])
        #expect(try run(SelfTest(input: image, outputs: [output]), graph) < 1e-5)
        let zeros = SelfTest.Value(name: "image", shape: [1, 3, 8, 8], values: [Float](repeating: 0, count: 192))
        let none = SelfTest.Value(name: "logits", shape: [1, 2], values: [0, 0])
        #expect(try run(SelfTest(input: .tensors([zeros]), outputs: [none]), graph) == 0)
        func code(_ test: SelfTest) -> LTError.Code? {
            do throws(LTError) { _ = try run(test, graph) } catch { return error.code }
            return nil
        }
        var wrong = output
        wrong.values[1] += 0.01
        #expect(code(SelfTest(input: image, outputs: [wrong])) == .conflict)
        wrong.values[1] = .nan
        #expect(code(SelfTest(input: image, outputs: [wrong])) == .conflict)
        wrong.name = "other"
        #expect(code(SelfTest(input: image, outputs: [wrong])) == .notFound)
        #expect(code(SelfTest(input: image, outputs: [])) == .malformed)
        #expect(code(SelfTest(input: .images([[1, 2, 3]]), outputs: [output])) == .malformed)
        for files in [[], [try png(10, 200, 30), try png(10, 200, 30)]] {
            #expect(code(SelfTest(input: .images(files), outputs: [output])) == .shapeMismatch)
        }
    }

    @Test(arguments: ClipSampling.Layout.allCases) func theImagesOfAClipAreItsFrames(layout: ClipSampling.Layout) throws
    {
        let isFirst = layout == .tchw
        var builder = GraphBuilder(name: "clip", opset: 17)
        let x = builder.input("clip", .float32, ["N", 3, 3, 6, 6])
        let means = builder.node("ReduceMean", [x], attributes: ["axes": .ints([3, 4]), "keepdims": .int(0)])
        builder.output(means, as: "means", .float32, ["N", 3, 3])
        var graph = builder.graph
        var layer = DecisionLayer(
            task: .clip,
            preprocess: Preprocess(
                resize: .init(mode: .squash, size: .init(6)), scale: 1, mean: [0, 0, 0], std: [1, 1, 1]),
            clip: ClipSampling(frames: 3, sampling: .center, stride: 5, layout: layout))
        try layer.write(into: &graph)
        let files = try (1...3).map { try png(UInt8($0), UInt8(10 * $0), UInt8(100 + $0), side: 9) }
        let frames: [Float] = [1, 10, 101, 2, 20, 102, 3, 30, 103]
        let values = isFirst ? frames : (0..<9).map { frames[$0 % 3 * 3 + $0 / 3] }
        let output = SelfTest.Value(name: "means", shape: [1, 3, 3], values: values)
        #expect(try run(SelfTest(input: .images(files), outputs: [output]), graph) < 1e-5)
        func code(_ files: [[UInt8]]) -> LTError.Code? {
            do throws(LTError) { _ = try run(SelfTest(input: .images(files), outputs: [output]), graph) } catch {
                return error.code
            }
            return nil
        }
        #expect(code(files.reversed()) == .conflict)
        #expect(code([files[0]]) == .shapeMismatch && code(files + files) == .shapeMismatch)
        #expect(code([files[0], files[1], []]) == .malformed)
        layer.clip = nil
        try layer.write(into: &graph)
        #expect(code(files) == .invalidArgument)
    }
}
