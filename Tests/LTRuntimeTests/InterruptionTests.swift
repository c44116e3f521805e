// Interrupted runs: before they begin, inside loops, by a flag of another thread and by a deadline; the session goes on
// as if nothing had been.

import Foundation
import LTCore
import LTGraph
import LTRuntime
import Testing

@Suite struct InterruptionTests {
    /// How the long loop stands in the model.
    enum Place: CaseIterable { case model, branch, scan }

    private func graph(_ nodes: [Node], inputs: [ValueInfo] = [], outputs: [ValueInfo]) -> Graph {
        var graph = Graph()
        graph.opsets[""] = 17
        (graph.nodes, graph.inputs, graph.outputs) = (nodes, inputs, outputs)
        return graph
    }

    /// y: x, trips times turned and shifted.
    private func model(_ place: Place) throws -> Graph {
        let vector = ValueType.tensor(.float32, [.fixed(4)])
        var body = graph(
            [
                Node("Identity", inputs: ["go"], outputs: ["on"]), Node("Neg", inputs: ["v"], outputs: ["n"]),
                Node("Add", inputs: ["n", "one"], outputs: ["w"]),
            ],
            inputs: [ValueInfo("i", .int64, []), ValueInfo("go", .bool, []), ValueInfo("v", vector)],
            outputs: [ValueInfo("on", .bool, []), ValueInfo("w", vector)])
        body.initializers["one"] = try Tensor([Float(1.25)])
        func loop(_ from: String, _ to: String) -> Node {
            Node("Loop", name: "long", inputs: ["trips", "", from], outputs: [to], attributes: ["body": .graph(body)])
        }
        let inputs = [
            ValueInfo("trips", .int64, []), ValueInfo("x", vector), ValueInfo("choice", .bool, []),
            ValueInfo("rows", .float32, ["R", 4]),
        ]
        let node: Node
        switch place {
        case .model: node = loop("x", "y")
        case .branch:
            let other = graph([Node("Neg", inputs: ["x"], outputs: ["b"])], outputs: [ValueInfo("b", vector)])
            node = Node(
                "If", name: "if", inputs: ["choice"], outputs: ["y"],
                attributes: [
                    "then_branch": .graph(graph([loop("x", "b")], outputs: [ValueInfo("b", vector)])),
                    "else_branch": .graph(other),
                ])
        case .scan:
            let row = graph(
                [Node("Add", inputs: ["state", "row"], outputs: ["sum"]), loop("sum", "next")],
                inputs: [ValueInfo("state", vector), ValueInfo("row", vector)], outputs: [ValueInfo("next", vector)])
            node = Node(
                "Scan", name: "scan", inputs: ["x", "rows"], outputs: ["y"],
                attributes: ["body": .graph(row), "num_scan_inputs": .int(1)])
        }
        return graph([node], inputs: inputs, outputs: [ValueInfo("y", vector)])
    }

    private func feed(trips: Int64) throws -> [String: Tensor] {
        [
            "trips": try Tensor(scalar: trips), "x": try Tensor([1, 2, 3, 4] as [Float]),
            "choice": try Tensor(scalar: true),
            "rows": try Tensor([Float](repeating: 0.5, count: 16), [4, 4]),
        ]
    }

    private func error(_ session: Session, trips: Int64, _ interruption: Interruption) throws -> LTError? {
        let feed = try feed(trips: trips)
        do throws(LTError) { _ = try session.run(feed, interruption: interruption) } catch { return error }
        return nil
    }

    @Test(arguments: ["cpu", "reference"], Place.allCases) func aSessionGoesOn(device: String, place: Place) throws {
        let plan = try Plan(
            try model(place), on: try BackendTable.named(device), options: PlanOptions(threads: 1))
        let session = try Session(plan)
        let cancellation = Cancellation()
        func bits(_ interruption: Interruption = .none) throws -> [UInt32] {
            let outputs = try session.run(try feed(trips: 41), interruption: interruption)
            return try #require(outputs["y"]).array(of: Float.self).map(\.bitPattern)
        }
        let first = try bits()
        #expect(try bits(Interruption(cancellation, deadline: .now + .seconds(3600))) == first)

        // Before it begins.
        cancellation.cancel()
        #expect(try error(session, trips: 41, Interruption(cancellation))?.code == .cancelled)
        #expect(try error(session, trips: 41, Interruption(deadline: .now - .seconds(1)))?.code == .timedOut)
        #expect(try bits() == first)
        cancellation.reset()
        #expect(try bits(Interruption(cancellation)) == first)

        // While it loops: seconds of work, and the only node of the model.
        Thread.detachNewThread {
            usleep(30_000)
            cancellation.cancel()
        }
        #expect(try error(session, trips: 1 << 16, Interruption(cancellation))?.code == .cancelled)
        #expect(try bits() == first)
        let late = try error(session, trips: 1 << 16, Interruption(deadline: .now + .milliseconds(30)))
        #expect(late?.code == .timedOut)
        #expect(late?.message.contains("expected at most") == true)
        #expect(try bits() == first)
    }

    @Test(arguments: ["cpu", "reference"]) func loopsOverNothingEndToo(device: String) throws {
        // The body hands its inputs on: no node stands between two iterations.
        let body = graph(
            [], inputs: [ValueInfo("i", .int64, []), ValueInfo("go", .bool, []), ValueInfo("v", .float32, [1])],
            outputs: [ValueInfo("go", .bool, []), ValueInfo("v", .float32, [1])])
        let model = graph(
            [Node("Loop", inputs: ["trips", "", "x"], outputs: ["y"], attributes: ["body": .graph(body)])],
            inputs: [ValueInfo("trips", .int64, []), ValueInfo("x", .float32, [1])],
            outputs: [ValueInfo("y", .float32, [1])])
        let session = try Session(
            try Plan(model, on: try BackendTable.named(device), options: PlanOptions(threads: 1)))
        let x = try Tensor([Float(3)])
        let cancellation = Cancellation()
        let outer: [String: Tensor] = ["trips": try Tensor(scalar: Int64(1 << 16)), "x": x]
        // Endless, unless somebody ends it.
        Thread.detachNewThread {
            usleep(5_000)
            cancellation.cancel()
        }
        var ended: LTError?
        while ended == nil {
            do throws(LTError) { _ = try session.run(outer, interruption: Interruption(cancellation)) } catch {
                ended = error
            }
        }
        #expect(ended?.code == .cancelled)
        let y = try session.run(["trips": try Tensor(scalar: Int64(5)), "x": x])["y"]
        #expect(try y?.array(of: Float.self) == [3])
    }
}
