// If, Loop, Scan, sequences and functions in whole graphs, on both backends: captured values, changing shapes, nesting,
// branches that fit no shape, errors that name the node.

import LTCore
import LTGraph
import LTRuntime
import Testing

@Suite struct ControlFlowTests {
    private func scalar(_ value: Int64) throws -> Tensor { try Tensor(scalar: value) }

    private func outputs(_ graph: Graph, _ feed: [String: ONNXValue]) throws -> [String: ONNXValue] {
        var last: [String: ONNXValue] = [:]
        for (index, backend) in BackendTable.all.enumerated() {
            let session = try Session(try Plan(graph, on: backend, options: PlanOptions(threads: 1)))
            // Twice: programs and memory are used again.
            _ = try session.run(values: feed)
            let results = try session.run(values: feed)
            if index > 0 {
                for (name, value) in results { try Verify.compare(value, try #require(last[name])) }
            }
            last = results
        }
        return last
    }

    private func floats(_ value: ONNXValue?) throws -> [Float] {
        guard case .tensor(let tensor)? = value else { return [] }
        return try tensor.array(of: Float.self)
    }

    private func graph(_ nodes: [Node], inputs: [ValueInfo], outputs: [ValueInfo]) -> Graph {
        var graph = Graph()
        graph.opsets[""] = 17
        (graph.nodes, graph.inputs, graph.outputs) = (nodes, inputs, outputs)
        return graph
    }

    /// cond ? x · w (captured) : -x
    private func choice() throws -> Graph {
        let then = graph(
            [Node("Mul", inputs: ["x", "w"], outputs: ["t"])], inputs: [], outputs: [ValueInfo("t", .float32, ["N"])])
        let otherwise = graph(
            [Node("Neg", inputs: ["x"], outputs: ["t"])], inputs: [], outputs: [ValueInfo("t", .float32, ["N"])])
        var model = graph(
            [
                Node("Abs", inputs: ["y"], outputs: ["x"]),
                Node(
                    "If", name: "choose", inputs: ["cond"], outputs: ["z"],
                    attributes: ["then_branch": .graph(then), "else_branch": .graph(otherwise)]),
                Node("Add", inputs: ["z", "x"], outputs: ["out"]),
            ],
            inputs: [ValueInfo("cond", .bool, []), ValueInfo("y", .float32, ["N"])],
            outputs: [ValueInfo("out", .float32, ["N"])])
        model.initializers["w"] = try Tensor([Float(10)])
        return model
    }

    @Test func branchesSeeTheValuesAround() throws {
        let y = ONNXValue.tensor(try Tensor([Float(1), -2, 3]))
        for (condition, expected) in [(true, [11, 22, 33] as [Float]), (false, [0, 0, 0])] {
            let made = try outputs(try choice(), ["cond": .tensor(try Tensor(scalar: condition)), "y": y])
            #expect(try floats(made["out"]) == expected)
        }
    }

    @Test func knownConditionsLeaveNoBranch() throws {
        var model = try choice()
        model.inputs.removeFirst()
        model.initializers["cond"] = try Tensor(scalar: true)
        let made = try outputs(model, ["y": .tensor(try Tensor([Float(1), -2]))])
        #expect(try floats(made["out"]) == [11, 22])
        let plan = try Plan(model, on: CPUBackend(), options: PlanOptions(threads: 1))
        #expect(try !plan.rows(["y": Shape([2])]).contains { $0.op == "If" })
    }

    @Test func branchesThatFitNoShapeMayStandUnused() throws {
        var model = try choice()
        // Two outputs of three elements each: no split of three.
        let broken = graph(
            [Node("Split", inputs: ["x"], outputs: ["t", "u"])], inputs: [], outputs: [ValueInfo("t", .float32, ["N"])])
        model.nodes[1].attributes["else_branch"] = .graph(broken)
        let feed: [String: ONNXValue] = ["y": .tensor(try Tensor([Float(1), -2, 3]))]
        let condition = ONNXValue.tensor(try Tensor(scalar: true))
        #expect(try floats(try outputs(model, feed.merging(["cond": condition]) { $1 })["out"]) == [11, 22, 33])
        for backend in BackendTable.all {
            let session = try Session(try Plan(model, on: backend, options: PlanOptions(threads: 1)))
            do throws(LTError) {
                _ = try session.run(values: feed.merging(["cond": .tensor(try Tensor(scalar: false))]) { $1 })
                Issue.record("a split that does not divide was run")
            } catch {
                #expect(error.code == .shapeMismatch)
                #expect(error.context.contains("node 'choose' (If)"))
            }
        }
    }

    /// Appends x · i to a growing value; the scan output is the sum so far.
    private func growing(_ trips: Int64?) throws -> Graph {
        var body = graph(
            [
                Node("Cast", inputs: ["i"], outputs: ["f"], attributes: ["to": .int(1)]),
                Node("Mul", inputs: ["x", "f"], outputs: ["step"]),
                Node("Concat", inputs: ["all", "step"], outputs: ["more"], attributes: ["axis": .int(0)]),
                Node("ReduceSum", inputs: ["more"], outputs: ["sum"], attributes: ["keepdims": .int(0)]),
                Node("Less", inputs: ["sum", "limit"], outputs: ["go"]),
            ],
            inputs: [ValueInfo("i", .int64, []), ValueInfo("c", .bool, []), ValueInfo("all", .float32, ["K"])],
            outputs: [
                ValueInfo("go", .bool, []), ValueInfo("more", .float32, ["L"]), ValueInfo("sum", .float32, []),
            ])
        body.initializers["limit"] = try Tensor(scalar: Float(1000))
        var model = graph(
            [
                Node(
                    "Loop", name: "grow", inputs: [trips == nil ? "" : "trips", "", "x"], outputs: ["grown", "sums"],
                    attributes: ["body": .graph(body)])
            ],
            inputs: [ValueInfo("x", .float32, ["N"])],
            outputs: [ValueInfo("grown", .float32, ["M"]), ValueInfo("sums", .float32, ["T"])])
        if let trips { model.initializers["trips"] = try scalar(trips) }
        return model
    }

    @Test(arguments: [0, 1, 5, 40]) func loopsCarryGrowingValues(_ trips: Int) throws {
        let made = try outputs(try growing(Int64(trips)), ["x": .tensor(try Tensor([Float(1), 0.5]))])
        var expected: [Float] = [1, 0.5]
        var sums: [Float] = []
        while sums.count < trips, sums.last ?? 0 < 1000 {
            expected += [Float(sums.count), Float(sums.count) * 0.5]
            sums.append(expected.reduce(0, +))
        }
        #expect(try floats(made["grown"]) == expected)
        #expect(try floats(made["sums"]) == sums)
    }

    @Test func conditionsEndLoops() throws {
        let made = try outputs(try growing(nil), ["x": .tensor(try Tensor([Float(2)]))])
        #expect(try #require(try floats(made["sums"]).last) >= 1000)
    }

    @Test func loopsNestAndCaptureThroughLevels() throws {
        // Σ over i < 3 of Σ over j < 4 of x · w.
        let inner = graph(
            [
                Node("Mul", inputs: ["x", "w"], outputs: ["p"]), Node("Add", inputs: ["a", "p"], outputs: ["b"]),
                Node("Identity", inputs: ["cj"], outputs: ["dj"]),
            ],
            inputs: [ValueInfo("j", .int64, []), ValueInfo("cj", .bool, []), ValueInfo("a", .float32, ["N"])],
            outputs: [ValueInfo("dj", .bool, []), ValueInfo("b", .float32, ["N"])])
        let outer = graph(
            [
                Node("Loop", inputs: ["four", "", "s"], outputs: ["t"], attributes: ["body": .graph(inner)]),
                Node("Identity", inputs: ["ci"], outputs: ["di"]),
            ],
            inputs: [ValueInfo("i", .int64, []), ValueInfo("ci", .bool, []), ValueInfo("s", .float32, ["N"])],
            outputs: [ValueInfo("di", .bool, []), ValueInfo("t", .float32, ["N"])])
        var model = graph(
            [
                Node("Exp", inputs: ["x0"], outputs: ["x"]),
                Node("Loop", inputs: ["three", "", "x0"], outputs: ["y"], attributes: ["body": .graph(outer)]),
            ],
            inputs: [ValueInfo("x0", .float32, ["N"])], outputs: [ValueInfo("y", .float32, ["N"])])
        model.initializers["three"] = try scalar(3)
        model.initializers["four"] = try scalar(4)
        model.initializers["w"] = try Tensor(scalar: Float(2))
        let made = try outputs(model, ["x0": .tensor(try Tensor([Float(0), 0]))])
        #expect(try floats(made["y"]) == [24, 24])
    }

    @Test func sequencesArePassedInAndOut() throws {
        let model = graph(
            [
                Node("SequenceInsert", inputs: ["s", "x"], outputs: ["t"]),
                Node("ConcatFromSequence", inputs: ["t"], outputs: ["y"], attributes: ["axis": .int(0)]),
            ],
            inputs: [
                ValueInfo("s", .sequence(.tensor(.float32, ["N"]))), ValueInfo("x", .float32, ["M"]),
            ],
            outputs: [ValueInfo("t", .sequence(.tensor(.float32, nil))), ValueInfo("y", .float32, ["K"])])
        let feed: [String: ONNXValue] = [
            "s": .sequence([.tensor(try Tensor([Float(1)]))]), "x": .tensor(try Tensor([Float(2), 3])),
        ]
        let made = try outputs(model, feed)
        #expect(try floats(made["y"]) == [1, 2, 3])
        guard case .sequence(let items)? = made["t"] else {
            Issue.record("no sequence came out")
            return
        }
        #expect(items.count == 2)
        let session = try Session(try Plan(model, on: CPUBackend()))
        #expect(throws: LTError.self) { try session.run(values: ["s": feed["x"]!, "x": feed["x"]!]) }
    }

    @Test func functionsWithBranchesKeepTheirOpset() throws {
        // Opset 12's Squeeze has axes as an attribute; the model is of opset 17.
        let then = graph(
            [Node("Squeeze", inputs: ["a"], outputs: ["s"], attributes: ["axes": .ints([0])])], inputs: [],
            outputs: [ValueInfo("s")])
        let otherwise = graph([Node("Identity", inputs: ["a"], outputs: ["s"])], inputs: [], outputs: [ValueInfo("s")])
        var function = Function()
        (function.name, function.domain, function.inputs, function.outputs) = ("Drop", "local", ["a", "c"], ["b"])
        function.opsets[""] = 12
        function.nodes = [
            Node(
                "If", inputs: ["c"], outputs: ["b"],
                attributes: ["then_branch": .graph(then), "else_branch": .graph(otherwise)])
        ]
        var model = graph(
            [
                Node("Drop", name: "one", domain: "local", inputs: ["x", "c"], outputs: ["y"]),
                Node("Drop", name: "two", domain: "local", inputs: ["x", "c"], outputs: ["z"]),
            ],
            inputs: [ValueInfo("x", .float32, [1, "N"]), ValueInfo("c", .bool, [])],
            outputs: [ValueInfo("y"), ValueInfo("z")])
        model.opsets["local"] = 1
        model.functions = [function]
        let x = try Tensor([Float(1), 2], [1, 2])
        for (condition, rank) in [(true, 1), (false, 2)] {
            let made = try outputs(model, ["x": .tensor(x), "c": .tensor(try Tensor(scalar: condition))])
            for name in ["y", "z"] {
                guard case .tensor(let tensor)? = made[name] else { continue }
                #expect(tensor.shape.rank == rank)
            }
        }
    }

    @Test func endlessLoopsEnd() throws {
        // A body that stacks what it is given: the scan output may not grow without bound.
        let body = graph(
            [Node("Identity", inputs: ["c"], outputs: ["d"]), Node("Identity", inputs: ["x"], outputs: ["y"])],
            inputs: [ValueInfo("i", .int64, []), ValueInfo("c", .bool, [])],
            outputs: [ValueInfo("d", .bool, []), ValueInfo("y", .float32, ["N"])])
        var model = graph(
            [Node("Loop", name: "endless", inputs: ["", ""], outputs: ["all"], attributes: ["body": .graph(body)])],
            inputs: [ValueInfo("x", .float32, ["N"])], outputs: [ValueInfo("all")])
        model.outputs[0].type = nil
        let session = try Session(try Plan(model, on: ReferenceBackend()))
        let x = ONNXValue.tensor(try Tensor(.float32, try Shape([1 << 24])))
        do throws(LTError) {
            _ = try session.run(values: ["x": x])
            Issue.record("an endless loop ended")
        } catch {
            #expect(error.code == .outOfMemory)
            #expect(error.context.contains("node 'endless' (Loop)"))
        }
    }
}
