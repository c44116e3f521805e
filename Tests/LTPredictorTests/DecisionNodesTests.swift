// Scores and decisions by nodes of the graph are the Decider's: every method and activation, at old and new opsets.

import LTCore
import LTDecision
import LTGraph
import LTPredictor
import LTRuntime
import Testing

@Suite struct DecisionNodesTests {
    static let classes = 5

    /// A graph that hands its input on.
    private func graph(opset: Int) -> Graph {
        var builder = GraphBuilder(name: "plain", opset: opset)
        let x = builder.input("x", .float32, ["N", .fixed(Self.classes)])
        builder.output(builder.node("Identity", [x]), as: "logits", .float32, ["N", .fixed(Self.classes)])
        return builder.graph
    }

    private static func layers() -> [(String, DecisionLayer)] {
        var random = SeededGenerator(seed: 11)
        func numbers(_ range: ClosedRange<Double>) -> [Float] {
            (0..<classes).map { _ in Float(random.uniform(range)) }
        }
        let curves = (0..<classes).map { index -> (x: [Float], y: [Float]) in
            let count = [1, 2, 9, 4, 30][index]
            return (
                (0..<count).map { _ in Float(random.uniform(-6...6)) }.sorted(),
                (0..<count).map { _ in Float(random.uniform()) }.sorted()
            )
        }
        let perClass: [Calibration.Method?] = [
            nil, .temperature([1.7]), .platt(a: numbers(-2 ... -0.3), b: numbers(-1...3)),
            .beta(a: numbers(0...2), b: numbers(0...2), c: numbers(-2...2)),
            .isotonic(x: curves.map(\.x), y: curves.map(\.y)),
        ]
        var layers: [(String, DecisionLayer)] = []
        func add(_ task: DecisionLayer.Task, _ activation: DecisionLayer.Activation, _ method: Calibration.Method?) {
            for thresholds in [nil, Thresholds(objective: "f1", values: [0.1, nil, 0.3, 0.25, 0.6])] {
                layers.append(
                    (
                        "\(task) \(method?.name ?? "plain") \(thresholds == nil ? "" : "thresholds")",
                        DecisionLayer(
                            task: task, activation: activation, calibration: method.map { Calibration($0) },
                            thresholds: thresholds)
                    ))
            }
        }
        for method in perClass {
            add(.multilabel, .sigmoid, method)
            add(.multiclass, .softmax, method)
        }
        add(.multilabel, .sigmoid, .temperature(numbers(0.5...2)))
        add(.multiclass, .softmax, .vector(w: numbers(0.5...2), b: numbers(-1...1)))
        return layers
    }

    @Test(arguments: [8, 12, 13, 17, 21]) func nodesAreTheDecider(opset: Int) throws {
        var random = SeededGenerator(seed: 5)
        let rows = 40
        // Rows of equal scores, too.
        let raw = (0..<rows * Self.classes).map { $0 < 3 * Self.classes ? Float($0 / 7) : Float(random.normal() * 4) }
        for (name, layer) in Self.layers() {
            var layer = layer
            var graph = graph(opset: opset)
            let plain = graph.nodes.count
            try layer.addOutputs(to: &graph)
            #expect(layer.outputs == .init(raw: "logits", scores: "scores", decisions: "decisions"))
            #expect(graph.outputs.map(\.name) == ["logits", "scores", "decisions"])
            try layer.write(into: &graph)
            try graph.validate()
            let plan = try Plan(graph, on: ReferenceBackend())
            let outputs = try Session(plan).run(["x": try Tensor(raw, [rows, Self.classes])])
            let scores = try #require(outputs["scores"]).array(of: Float.self)
            let decisions = try #require(outputs["decisions"]).array(of: Bool.self)

            let decider = try Decider(layer, classCount: Self.classes)
            let expected = try decider.scores(raw)
            for (a, b) in zip(scores, expected) { #expect(abs(a - b) <= 4e-6 * max(1, abs(b)), "\(name) \(opset)") }
            for row in 0..<rows {
                let cells = row * Self.classes..<(row + 1) * Self.classes
                // What the graph decides is exactly what its own scores say.
                #expect(Array(decisions[cells]) == decider.positives(scores[cells]), "\(name) \(opset)")
            }
            // Again: replaced, not doubled; and taken out without a trace.
            var again = graph
            let read = try DecisionLayer(reading: graph)
            #expect(read.outputs == layer.outputs)
            layer = read
            try layer.addOutputs(to: &again)
            #expect(again.nodes.count == graph.nodes.count && again.outputs.count == 3)
            layer.removeOutputs(from: &again)
            #expect(again.nodes.count == plain && again.outputs.count == 1 && again.initializers.isEmpty)
            #expect(layer.outputs == nil)
        }
    }

    @Test func takenNamesAndBadGraphs() throws {
        var layer = DecisionLayer(task: .multilabel, activation: .sigmoid)
        var builder = GraphBuilder(name: "taken")
        let x = builder.input("scores", .float32, ["N", .fixed(2)])
        builder.output(builder.node("Neg", [x]), as: "decisions", .float32, ["N", .fixed(2)])
        var graph = builder.graph
        try layer.addOutputs(to: &graph)
        #expect(layer.outputs == .init(raw: "decisions", scores: "scores_2", decisions: "decisions_2"))
        try graph.validate()

        var old = self.graph(opset: 7)
        let error = #expect(throws: LTError.self) { try layer.addOutputs(to: &old) }
        #expect(error?.description.contains("opset 7, nodes for scores and decisions need 8") == true)
        var detector = DecisionLayer(task: .detection, activation: .sigmoid)
        var other = self.graph(opset: 17)
        #expect(throws: LTError.self) { try detector.addOutputs(to: &other) }
        var unsaid = DecisionLayer(task: .multilabel)
        #expect(throws: LTError.self) { try unsaid.addOutputs(to: &other) }
    }

    /// Who asks for the calibrated output is told that it would be calibrated twice.
    @Test func calibratedOutputIsNotCalibratedAgain() throws {
        var graph = try tinyModel()
        var layer = try DecisionLayer(reading: graph)
        layer.calibration = Calibration(.platt(a: [-2, -1], b: [1, 0]))
        try layer.addOutputs(to: &graph)
        try layer.write(into: &graph)
        let predictor = try makePredictor(graph)
        let raw = try makePredictor(try tinyModel())
        let image = try png(200, 100, 50)
        let own = try #require(try predictor.makeSession().decide([image])[0].get().classes)
        let plain = try #require(try raw.makeSession().decide([image])[0].get().classes)
        #expect(own.map(\.raw) == plain.map(\.raw))
        var settings = ModelSettings()
        settings.output = "scores"
        let error = #expect(throws: LTError.self) { try makePredictor(graph, settings: settings) }
        #expect(error?.description.contains("'scores' is calibrated already") == true)
    }
}
