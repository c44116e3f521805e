// Steps whose shapes come with the data: kernels chosen as they run, values that are appended to in loops, rows scattered by
// one index each.

import LTCore
import LTGraph
import LTRuntime
import Testing

@Suite struct DynamicStepTests {
    /// Both backends give the same for each feed, one session after the other's feeds, by the largest number of an output or 1.
    private func expectAgreement(_ graph: Graph, _ feeds: [[String: Tensor]], tolerance: Float = 2e-5) throws {
        let reference = try Session(try Plan(graph, on: ReferenceBackend(), options: PlanOptions(threads: 1)))
        for threads in [1, 2] {
            let session = try Session(try Plan(graph, on: CPUBackend(), options: PlanOptions(threads: threads)))
            for feed in feeds {
                let expected = try reference.run(feed)
                let made = try session.run(feed)
                for (name, value) in expected {
                    let worst = try difference(made[name], value)
                    let largest =
                        value.type == .float32 ? try value.array(of: Float.self).reduce(1) { max($0, abs($1)) } : 1
                    #expect(worst <= tolerance * largest, "\(name) \(value.shape): \(worst)")
                }
            }
        }
    }

    /// Rows of x that a score picks go through convolution, transposed convolution, pooling, products and views.
    @Test func kernelsFollowTheNumberOfRows() throws {
        var random = SeededGenerator(seed: 5)
        var builder = GraphBuilder(name: "rows")
        _ = builder.input("x", .float32, [.fixed(20), .fixed(21), .fixed(9), .fixed(11)])
        _ = builder.input("scores", .float32, [.fixed(20)])
        _ = builder.initializer("zero", try Tensor(scalar: Float(0)))
        _ = builder.initializer("w", try random.tensor([33, 21, 3, 3]))
        _ = builder.initializer("b", try random.tensor([33]))
        _ = builder.initializer("t", try random.tensor([33, 18, 2, 2]))
        _ = builder.initializer(
            "v",
            try Tensor(try random.tensor([33 * 7 * 9, 40]).array(of: Float.self).map { $0 / 500 }, [33 * 7 * 9, 40]))
        _ = builder.initializer("first", try Tensor([Int64(0)]))
        _ = builder.initializer("flat", try Tensor([Int64(-1), 33 * 7 * 9]))
        let places = builder.node("NonZero", [builder.node("Greater", ["scores", "zero"])])
        let rows = builder.node("Squeeze", [places, "first"])
        let picked = builder.node("Gather", ["x", rows])
        let y = builder.node("Relu", [builder.node("Conv", [picked, "w", "b"])])
        let wide = builder.node(
            "Sigmoid", [builder.node("ConvTranspose", [y, "t"], attributes: ["strides": .ints([2, 2])])])
        builder.output(wide, as: "wide", .float32, [])
        let linear = builder.node("MatMul", [builder.node("Reshape", [y, "flat"]), "v"])
        builder.output(builder.node("Softmax", [linear]), as: "linear", .float32, [])
        builder.output(
            builder.node("Transpose", [y], attributes: ["perm": .ints([0, 2, 3, 1])]), as: "turned", .float32, [])
        builder.output(builder.node("Unsqueeze", [picked, "first"]), as: "view", .float32, [])
        var graph = builder.graph
        for index in graph.outputs.indices { graph.outputs[index].type = nil }
        let x = try random.tensor([20, 21, 9, 11])
        var feeds: [[String: Tensor]] = []
        for count in [3, 20, 0, 1, 3, 7, 11, 13, 17, 3] {
            let scores = try Tensor((0..<20).map { Float($0 < count ? 1 : -1) })
            feeds.append(["x": x, "scores": scores])
        }
        // A sigmoid over sums of a thousand products shows how the convolution before rounds.
        try expectAgreement(graph, feeds, tolerance: 1e-4)
    }

    /// A model that scatters rows of updates into zeros by indices spread over the rows.
    private func scatter(rest: [Int]) throws -> Graph {
        var builder = GraphBuilder(name: "scatter")
        _ = builder.input("scores", .float32, [.fixed(30)])
        _ = builder.input("x", .float32, [.fixed(30)] + rest.map { Dimension.fixed($0) })
        _ = builder.initializer("zero", try Tensor(scalar: Float(0)))
        _ = builder.initializer("first", try Tensor([Int64(0)]))
        _ = builder.initializer("columns", try Tensor([Int64(-1)] + rest.map { _ in Int64(1) }))
        let shape = builder.node("Shape", ["x"])
        var last = builder.node("ConstantOfShape", [shape])
        for isPositive in [true, false] {
            let mask = builder.node(isPositive ? "Greater" : "Less", ["scores", "zero"])
            let rows = builder.node("Squeeze", [builder.node("NonZero", [mask]), "first"])
            let picked = builder.node("Gather", ["x", rows])
            let updates = builder.node(isPositive ? "Neg" : "Identity", [picked])
            let spread = builder.node(
                "Expand", [builder.node("Reshape", [rows, "columns"]), builder.node("Shape", [updates])])
            last = builder.node("ScatterElements", [last, spread, updates], attributes: ["axis": .int(0)])
            if isPositive { builder.output(builder.node("Neg", [last]), as: "between", .float32, []) }
        }
        builder.output(last, as: "y", .float32, [])
        var graph = builder.graph
        for index in graph.outputs.indices { graph.outputs[index].type = nil }
        return graph
    }

    @Test(arguments: [[40, 3], [7]]) func rowsAreScattered(rest: [Int]) throws {
        var random = SeededGenerator(seed: 6)
        let graph = try scatter(rest: rest)
        let x = try random.tensor([30] + rest)
        var feeds: [[String: Tensor]] = []
        for count in [5, 30, 0, 17] {
            let scores = try Tensor((0..<30).map { Float(($0 * 7) % 30 < count ? 1 : -1) })
            feeds.append(["x": x, "scores": scores])
        }
        try expectAgreement(graph, feeds, tolerance: 0)
        let plan = try Plan(graph, on: CPUBackend(), options: PlanOptions(threads: 1))
        #expect(try plan.rows(["x": x.shape, "scores": Shape([30])]).filter { $0.op == "ScatterRows" }.count == 2)
    }

    /// A loop whose body appends a row, and keeps another value that it changes.
    private func loop(rank: Int = 2) throws -> Graph {
        var body = Graph()
        body.opsets[""] = 17
        body.inputs = [
            ValueInfo("i", .int64, []), ValueInfo("c", .bool, []), ValueInfo("all", nil), ValueInfo("sum", nil),
        ]
        body.nodes = [
            Node("Gather", inputs: ["x", "i"], outputs: ["row"]),
            Node("Add", inputs: ["sum", "row"], outputs: ["sum_out"]),
            Node("Unsqueeze", inputs: ["sum_out", "first"], outputs: ["piece"]),
            Node("Concat", inputs: ["all", "piece"], outputs: ["all_out"], attributes: ["axis": .int(0)]),
            Node("Identity", inputs: ["c"], outputs: ["c_out"]),
        ]
        body.outputs = [ValueInfo("c_out", .bool, []), ValueInfo("all_out", nil), ValueInfo("sum_out", nil)]
        var graph = Graph()
        graph.opsets[""] = 17
        graph.inputs = [
            ValueInfo("trips", .int64, []), ValueInfo("start", .float32, ["M", "K"]),
            ValueInfo("x", .float32, ["N", "K"]), ValueInfo("sum", .float32, ["K"]),
        ]
        graph.initializers["first"] = try Tensor([Int64(0)])
        graph.nodes = [
            Node(
                "Loop", inputs: ["trips", "", "start", "sum"], outputs: ["y", "total"],
                attributes: ["body": .graph(body)])
        ]
        graph.outputs = [ValueInfo("y", nil), ValueInfo("total", nil)]
        return graph
    }

    @Test func appendedValuesAreCollected() throws {
        var random = SeededGenerator(seed: 8)
        let graph = try loop()
        let x = try random.tensor([9, 700])
        let sum = try random.tensor([700])
        var feeds: [[String: Tensor]] = []
        for (trips, rows) in [(9, 0), (0, 2), (5, 3), (1, 0), (0, 0)] {
            feeds.append([
                "trips": try Tensor(scalar: Int64(trips)), "start": try random.tensor([rows, 700]), "x": x, "sum": sum,
            ])
        }
        try expectAgreement(graph, feeds)
        let plan = try Plan(graph, on: CPUBackend(), options: PlanOptions(threads: 1))
        let shapes = try feeds[0].mapValues { tensor throws(LTError) in tensor.shape }
        #expect(try plan.rows(shapes).contains { $0.op == "AppendingLoop" })
    }

    @Test func appendedRowsHaveToFit() throws {
        var random = SeededGenerator(seed: 9)
        let feed: [String: Tensor] = [
            "trips": try Tensor(scalar: Int64(2)), "start": try random.tensor([2, 6]), "x": try random.tensor([3, 5]),
            "sum": try random.tensor([5]),
        ]
        for backend in [CPUBackend(), ReferenceBackend()] as [any Backend] {
            let session = try Session(try Plan(try loop(), on: backend, options: PlanOptions(threads: 1)))
            do throws(LTError) {
                _ = try session.run(feed)
                Issue.record("rows of 5 went behind rows of 6")
            } catch {
                #expect(error.code == .shapeMismatch)
            }
        }
    }
}
