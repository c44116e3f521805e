// Plan and Session: what callers may get wrong, and the errors that tell them.

import LTCore
import LTGraph
import LTRuntime
import Testing

@Suite struct PlanTests {
    @Test func unknownOperatorNamesTheNode() throws {
        var builder = GraphBuilder(name: "g")
        let x = builder.input("x", .float32, ["N", 4])
        builder.output(builder.node("NoSuchOp", [x], name: "odd"), .float32, ["N", 4])
        do {
            _ = try Plan(builder.graph, on: ReferenceBackend())
            Issue.record("unknown operator was accepted")
        } catch {
            #expect(error.code == .unsupported)
            #expect(error.context == ["node 'odd' (NoSuchOp)"])
        }
    }

    /// Plans a graph on both backends and returns the error.
    private func error(_ change: (inout Graph) -> Void) throws -> LTError {
        var graph = try SessionTests.network()
        change(&graph)
        var errors: [LTError] = []
        for backend in BackendTable.all {
            do throws(LTError) {
                _ = try Plan(graph, on: backend, options: PlanOptions(threads: 1))
            } catch {
                errors.append(error)
            }
        }
        #expect(errors.count == BackendTable.all.count, "a broken model was accepted")
        return try #require(errors.first)
    }

    @Test func brokenModelsNameTheNode() throws {
        let missing = try error { $0.nodes[0].inputs[0] = "nothing" }
        #expect(missing.code == .malformed)
        #expect(missing.message == "nothing makes the input 'nothing'")
        #expect(missing.context == ["node 'Conv' (Conv)"])

        let cycle = try error { $0.nodes[0].inputs[0] = $0.nodes[1].outputs[0] }
        #expect(cycle.code == .malformed)
        #expect(cycle.message.contains("made by node 'Relu' (Relu), depends on this node"))

        let twice = try error { $0.nodes[1].outputs[0] = $0.nodes[0].outputs[0] }
        #expect(twice.code == .malformed)

        let rank = try error { $0.inputs[0].type = .tensor(.float32, ["N", 3, 20]) }
        #expect(rank.code == .shapeMismatch)
        #expect(rank.context == ["node 'Conv' (Conv)"])

        let channels = try error { $0.inputs[0].type = .tensor(.float32, ["N", 4, 20, 20]) }
        #expect(channels.code == .shapeMismatch)
        #expect(channels.context == ["node 'Conv' (Conv)"])

        let type = try error { $0.inputs[0].type = .tensor(.int64, ["N", 3, 20, 20]) }
        #expect(type.code == .typeMismatch)

        let output = try error { $0.outputs[0].name = "gone" }
        #expect(output.message == "nothing makes the output 'gone'")

        let none = try error { $0.outputs = [] }
        #expect(none.message == "the model has no outputs")
    }

    @Test func optionsAreChecked() throws {
        let graph = try SessionTests.network()
        for (options, code) in [
            (PlanOptions(threads: 0), LTError.Code.invalidArgument), (PlanOptions(maxBatch: 0), .invalidArgument),
        ] {
            do throws(LTError) {
                _ = try Plan(graph, on: CPUBackend(), options: options)
                Issue.record("accepted \(options)")
            } catch {
                #expect(error.code == code)
            }
        }
    }

    @Test func functionsAreInlined() throws {
        var function = Function()
        function.name = "Scale"
        function.domain = "local"
        function.inputs = ["a"]
        function.outputs = ["b"]
        function.attributeDefaults["slope"] = .float(0.5)
        function.opsets[""] = 17
        function.nodes = [
            Node(
                "LeakyRelu", inputs: ["a"], outputs: ["t"], attributes: ["alpha": .reference("slope", kind: 1)]),
            Node("Neg", inputs: ["t"], outputs: ["b"]),
        ]
        var builder = GraphBuilder(name: "calls")
        let x = builder.input("x", .float32, [3])
        let once = builder.node("Scale", [x], domain: "local")
        let twice = builder.node("Scale", [once], domain: "local", attributes: ["slope": .float(2)])
        builder.output(twice, as: "y", .float32, [3])
        var graph = builder.graph
        graph.opsets["local"] = 1
        graph.functions = [function]
        for device in ["reference", "cpu"] {
            let output = try run(graph, [("x", try Tensor([Float(-2), 0, 4]))], on: device)["y"]
            // -2 → -1 → 1 → -1; 4 → -4 → -8 → 8
            #expect(try output?.array(of: Float.self) == [-1, 0, 8])
        }
    }

    /// NonZero's shape comes with the data; what follows it runs by the shapes that arrive.
    @Test func shapesThatComeWithTheData() throws {
        var builder = GraphBuilder(name: "dynamic")
        let x = builder.input("x", .float32, ["N"])
        let zero = builder.initializer("zero", try Tensor(scalar: Float(0)))
        let weights = builder.initializer("weights", try Tensor([Float(1), 2, 3, 4], [1, 4]))
        let column = builder.initializer("column", try Tensor([Int64(-1), 1]))
        let positive = builder.node("NonZero", [builder.node("Greater", [x, zero])])
        let values = builder.node(
            "Gather",
            [
                x,
                builder.node(
                    "Reshape",
                    [
                        positive,
                        builder.initializer(
                            "flat", try Tensor([Int64(-1)])),
                    ]),
            ])
        let rows = builder.node("Reshape", [values, column])
        let product = builder.node("MatMul", [builder.node("Relu", [rows]), weights])
        builder.output(builder.node("Add", [product, zero]), as: "y", .float32, ["K", 4])
        for device in ["reference", "cpu"] {
            let plan = try Plan(builder.graph, on: try BackendTable.named(device), options: PlanOptions(threads: 1))
            let session = try Session(plan)
            for (input, expected) in [
                ([Float(-1), 2, -3], [Float(2), 4, 6, 8]), ([1, 0, 3], [1, 2, 3, 4, 3, 6, 9, 12]), ([-1], []),
            ] {
                let output = try #require(try session.run(["x": try Tensor(input)])["y"])
                #expect(output.dims == [expected.count / 4, 4], "\(device) \(input)")
                #expect(try output.array(of: Float.self) == expected)
            }
        }
    }
}
