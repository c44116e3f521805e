// Broken models give errors that name what is wrong and where; the same through validate() and through a file.

import LTCore
import LTGraph
import Testing

/// x → Relu 'a' → y, IR 8, opset 17.
func relu() throws -> Graph {
    var builder = GraphBuilder(name: "g")
    let x = builder.input("x", .float32, ["N", 3])
    builder.output(builder.node("Relu", [x], name: "a"), as: "y", .float32, ["N", 3])
    return builder.graph
}

@Suite struct GraphValidateTests {
    private func fails(_ graph: Graph, _ code: LTError.Code, _ message: String, _ context: [String] = []) throws {
        let direct = #expect(throws: LTError.self) { try graph.validate() }
        #expect(direct == LTError(code, message, context: context))
        let bytes = try graph.serialized()
        let read = #expect(throws: LTError.self) { try Graph.read(bytes: bytes) }
        #expect(read == direct)
    }

    @Test func goodGraphPasses() throws {
        let graph = try relu()
        try graph.validate()
        try graph.check()
    }

    @Test func missingInput() throws {
        var graph = try relu()
        graph.nodes[0].inputs = ["nobody"]
        try fails(graph, .malformed, "nothing makes the input 'nobody'", ["node 'a' (Relu)"])
    }

    @Test func missingOutput() throws {
        var graph = try relu()
        graph.outputs.append(ValueInfo("z", .float32, []))
        try fails(graph, .malformed, "nothing makes the output 'z'")
    }

    @Test func namesMadeTwice() throws {
        var graph = try relu()
        graph.nodes.append(Node("Abs", name: "b", inputs: ["x"], outputs: ["y"]))
        try fails(graph, .malformed, "the value 'y' is made twice", ["node 'b' (Abs)"])
        graph.nodes[1].outputs = ["x"]
        try fails(graph, .malformed, "the value 'x' is made twice", ["node 'b' (Abs)"])
        graph = try relu()
        graph.inputs.append(graph.inputs[0])
        try fails(graph, .malformed, "two inputs are called 'x'")
    }

    @Test func unsortedAndCyclic() throws {
        var graph = try relu()
        graph.nodes = [
            Node("Abs", name: "b", inputs: ["t"], outputs: ["y"]),
            Node("Relu", name: "a", inputs: ["x"], outputs: ["t"]),
        ]
        try fails(
            graph, .malformed,
            "the input 't' is made later, by node 'a' (Relu): nodes must be in topological order", ["node 'b' (Abs)"])
        graph.nodes[1].inputs = ["y"]
        try fails(
            graph, .malformed, "nodes form a cycle: 't', made by node 'a' (Relu), depends on this node",
            ["node 'b' (Abs)"])
    }

    @Test func subgraphsSeeOuterValues() throws {
        var branch = Graph()
        branch.irVersion = 0
        branch.name = "branch"
        branch.nodes = [Node("Abs", name: "inner", inputs: ["x"], outputs: ["t"])]
        branch.outputs = [ValueInfo("t", .float32, ["N", 3])]
        var graph = try relu()
        graph.inputs.append(ValueInfo("c", .bool, []))
        graph.nodes[0] = Node(
            "If", name: "if", inputs: ["c"], outputs: ["y"],
            attributes: ["then_branch": .graph(branch), "else_branch": .graph(branch)])
        try graph.check()
        branch.nodes[0].inputs = ["y"]
        graph.nodes[0].attributes["else_branch"] = .graph(branch)
        try fails(
            graph, .malformed, "nothing makes the input 'y'",
            ["node 'inner' (Abs)", "attribute 'else_branch'", "node 'if' (If)"])
    }

    @Test func nestingIsBounded() throws {
        func nested(_ depth: Int) throws -> Graph {
            var graph = try relu()
            for _ in 0..<depth {
                var inner = graph
                inner.inputs = []
                inner.opsets = [:]
                graph = try relu()
                graph.nodes[0].attributes["body"] = .graph(inner)
            }
            return graph
        }
        let deepest = try nested(Graph.maximumNesting)
        _ = try Graph.read(bytes: try deepest.serialized())
        let deeper = try nested(Graph.maximumNesting + 1)
        let error = #expect(throws: LTError.self) { try deeper.validate() }
        #expect(error?.message == "graphs nest deeper than 30")
        // Libprotobuf stops first.
        let far = try nested(200).serialized()
        let parsing = #expect(throws: LTError.self) { try Graph.read(bytes: far) }
        #expect(parsing?.code == .malformed && parsing?.message.contains("nest too deeply") == true)
    }

    @Test func hugeDimensions() throws {
        var graph = try relu()
        graph.inputs[0].type = .tensor(.float32, [.fixed(1 << 40), .fixed(1 << 40)])
        let error = #expect(throws: LTError.self) { try graph.validate() }
        #expect(error?.code == .shapeMismatch && error?.context == ["value 'x'"])
    }

    @Test func initializersFillTheirShape() throws {
        // TensorProto { dims … data_type 1 name "w" raw_data of 4 bytes }
        func model(dims: [UInt8]) -> [UInt8] {
            let tensor = [0x0A, UInt8(dims.count)] + dims + [0x10, 1, 0x42, 1, 0x77, 0x4A, 4, 0, 0, 0, 0]
            let graph = [0x2A, UInt8(tensor.count)] + tensor
            return [0x08, 8, 0x3A, UInt8(graph.count)] + graph
        }
        _ = try Graph.read(bytes: model(dims: [1]))
        let small = #expect(throws: LTError.self) { try Graph.read(bytes: model(dims: [2])) }
        #expect(
            small
                == LTError(
                    .shapeMismatch, "4 bytes of raw_data, tensor(float) of shape [2] needs 8",
                    context: ["initializer 'w'"]))
        let huge: [UInt8] = [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F]
        #expect(throws: LTError.self) { try Graph.read(bytes: model(dims: huge + huge)) }
        #expect(throws: LTError.self) { try Graph.read(bytes: model(dims: huge)) }
        // 2^58 elements: the largest order that a Shape allows.
        let large: [UInt8] = [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x04]
        #expect(throws: LTError.self) { try Graph.read(bytes: model(dims: large)) }
        #expect(throws: LTError.self) {
            try Graph.read(bytes: model(dims: [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1]))
        }
    }

    @Test func functionsMayNotCallThemselves() throws {
        var graph = try relu()
        graph.opsets["f"] = 1
        for (name, callee) in [("A", "B"), ("B", "A")] {
            var function = Function()
            function.name = name
            function.domain = "f"
            function.inputs = ["i"]
            function.outputs = ["o"]
            function.nodes = [Node(callee, name: "call", domain: "f", inputs: ["i"], outputs: ["o"])]
            graph.functions.append(function)
        }
        try fails(graph, .malformed, "functions call each other in a circle", ["function 'A'"])
        graph.functions[1].nodes[0].opType = "Relu"
        graph.functions[1].nodes[0].domain = ""
        try graph.validate()
        graph.functions[1].nodes[0].inputs = ["j"]
        try fails(graph, .malformed, "nothing makes the input 'j'", ["node 'call' (Relu)", "function 'B'"])
        graph.functions[1] = graph.functions[0]
        try fails(graph, .malformed, "two functions are called 'A' in domain 'f'")
    }

    @Test func notAModel() {
        for bytes in [[], Array("PK\u{3}\u{4} something else".utf8), [0x08, 0x08], [0x3A, 0x00]] {
            let error = #expect(throws: LTError.self) { try Graph.read(bytes: bytes) }
            #expect(error?.code == .malformed)
        }
    }
}
