// Plan and Session: what callers may get wrong, and the errors that tell them.

import LTCore
import LTGraph
import LTRuntime
import Testing

@Suite struct PlanTests {
    @Test func devicesByName() throws {
        #expect(try BackendTable.named("cpu").name == "cpu")
        #expect(try BackendTable.named("reference").name == "reference")
        #expect(throws: LTError.self) { try BackendTable.named("tpu") }
        do {
            _ = try BackendTable.named("cuda:0")
            Issue.record("cuda:0 was accepted")
        } catch {
            #expect(error.code == .unsupported)
            #expect(error.message.contains("not built yet"))
        }
    }

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
}
