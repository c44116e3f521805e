// GraphBuilder: names are unique, outputs are rewired.

import LTCore
import LTGraph
import Testing

@Suite struct GraphBuilderTests {
    @Test func valuesAndNodesOfOneNameGetNumbers() throws {
        var builder = GraphBuilder(name: "g")
        var x = builder.input("x", .float32, ["N", 4])
        for _ in 0..<3 { x = builder.node("Relu", [x], name: "relu") }
        let parts = builder.nodes("Split", [x], outputs: 2, name: "relu")
        builder.output(parts[1], as: "y", .float32, ["N", 2])
        let nodes = builder.graph.nodes
        #expect(nodes.map(\.name) == ["relu", "relu_1", "relu_2", "relu_3"])
        #expect(Set(nodes.flatMap(\.outputs)).count == 5)
        #expect(nodes[3].outputs == ["relu.0", "y"])
        #expect(nodes[2].inputs == nodes[1].outputs)
        try builder.graph.validate()
    }
}
