// Passes: what several nodes spell becomes one, means the same, and what only looks alike stays.

import LTCore
import LTGraph
import LTRuntime
import Testing

@Suite struct PassTests {
    private struct Spelling {
        var axes: [Int64] = [-1]
        var squares = "Pow"
        var scale: [Int]? = [6]
        var bias: [Int]? = [6]
        var opset = 14
    }

    /// A layer normalisation of [N, 5, 6] as exporters spell it before opset 17.
    private func normalisation(_ spelling: Spelling) throws -> Graph {
        var random = SeededGenerator(seed: 3)
        var builder = GraphBuilder(name: "g", opset: spelling.opset)
        let x = builder.input("x", .float32, ["N", 5, 6])
        let axes = builder.initializer("axes", try Tensor(spelling.axes))
        func mean(_ value: String) -> String {
            spelling.opset < 18
                ? builder.node("ReduceMean", [value], attributes: ["axes": .ints(spelling.axes)])
                : builder.node("ReduceMean", [value, axes])
        }
        let distance = builder.node("Sub", [x, mean(x)])
        let two = builder.initializer("two", try Tensor(scalar: Float(2)))
        let square = builder.node(spelling.squares, [distance, spelling.squares == "Pow" ? two : distance])
        let epsilon = builder.initializer("epsilon", try Tensor(scalar: Float(1e-3)))
        let root = builder.node("Sqrt", [builder.node("Add", [mean(square), epsilon])])
        var y = builder.node("Div", [distance, root])
        if let dims = spelling.scale {
            y = builder.node("Mul", [y, builder.initializer("scale", try random.tensor(dims))])
        }
        if let dims = spelling.bias {
            y = builder.node("Add", [builder.initializer("bias", try random.tensor(dims)), y])
        }
        builder.output(y, as: "y", .float32, ["N", 5, 6])
        return builder.graph
    }

    /// The operators of the plan for a batch of two; the outputs must agree with the reference.
    private func operators(_ graph: Graph) throws -> [String] {
        var random = SeededGenerator(seed: 4)
        let x = try random.tensor([2, 5, 6])
        let expected = try run(graph, [("x", x)], on: "reference")["y"]
        #expect(try difference(try run(graph, [("x", x)], on: "cpu")["y"], expected) <= 1e-5)
        let plan = try Plan(graph, on: CPUBackend(), options: PlanOptions(threads: 1))
        return try plan.rows(["x": x.shape]).map(\.op)
    }

    @Test func layerNormalisationIsOneNode() throws {
        for spelling in [
            Spelling(), Spelling(squares: "Mul"), Spelling(scale: nil, bias: nil), Spelling(bias: nil),
            Spelling(opset: 18), Spelling(axes: [1, 2], scale: [5, 6], bias: [5, 6]),
        ] {
            #expect(try operators(try normalisation(spelling)) == ["LayerNormalization"], "\(spelling)")
        }
        // A bias of another shape stays an addition; a scale that varies with the row is no part of it either.
        let rows = try operators(try normalisation(Spelling(bias: [5, 1])))
        #expect(rows == ["LayerNormalization", "Add"])
        #expect(try operators(try normalisation(Spelling(scale: [5, 1]))).contains("Mul"))
        // Statistics over other axes than the last ones.
        let channels = try operators(try normalisation(Spelling(axes: [1])))
        #expect(!channels.contains("LayerNormalization"))
    }

    @Test(arguments: 0..<3) func geluIsOneNode(spelling: Int) throws {
        var builder = GraphBuilder(name: "g")
        let x = builder.input("x", .float32, ["N", 5, 6])
        func number(_ name: String, _ value: Float) throws -> String {
            builder.initializer(name, try Tensor(scalar: value))
        }
        let half = try number("half", 0.5)
        let erf = builder.node("Erf", [builder.node("Div", [x, try number("root", Float(2).squareRoot())])])
        let sum = builder.node("Add", [erf, try number("one", 1)])
        let y =
            switch spelling {
            case 0: builder.node("Mul", [builder.node("Mul", [x, sum]), half])
            case 1: builder.node("Mul", [builder.node("Mul", [x, half]), sum])
            default: builder.node("Mul", [x, builder.node("Mul", [half, sum])])
            }
        builder.output(y, as: "y", .float32, ["N", 5, 6])
        #expect(try operators(builder.graph) == ["Activation"])
    }

    @Test func copiesOfEverythingDisappear() throws {
        var builder = GraphBuilder(name: "g")
        let x = builder.input("x", .float32, ["N", 5, 6])
        let none = builder.initializer("none", try Tensor([Int64](repeating: 0, count: 6)))
        let shape = builder.node("Shape", [x])
        let ends = builder.initializer("ends", try Tensor([Int64.max]))
        let zero = builder.initializer("zero", try Tensor([Int64(0)]))
        let padded = builder.node("Pad", [x, none])
        let cut = builder.node("Slice", [padded, zero, ends, builder.initializer("axis", try Tensor([Int64(1)]))])
        let expanded = builder.node("Expand", [cut, shape])
        let turned = builder.node("Transpose", [expanded], attributes: ["perm": .ints([0, 1, 2])])
        builder.output(builder.node("Relu", [turned]), as: "y", .float32, ["N", 5, 6])
        #expect(try operators(builder.graph) == ["Relu"])
    }

    /// Reshapes to [N, 30], whose 30 is computed from the shape: known before N is.
    @Test func shapeArithmeticOverAnOpenBatch() throws {
        var builder = GraphBuilder(name: "g")
        let x = builder.input("x", .float32, ["N", 5, 6])
        let shape = builder.node("Shape", [x])
        func at(_ index: Int64) throws -> String {
            builder.node("Gather", [shape, builder.initializer("at\(index)", try Tensor([index]))])
        }
        let wanted = builder.nodes(
            "Concat", [try at(0), builder.node("Mul", [try at(1), try at(2)])], outputs: 1,
            attributes: ["axis": .int(0)])
        let flat = builder.node("Reshape", [x, wanted[0]])
        // Only a constant of known rank and width makes this a Linear.
        var random = SeededGenerator(seed: 5)
        let y = builder.node("MatMul", [flat, builder.initializer("w", try random.tensor([30, 4]))])
        builder.output(y, as: "y", .float32, ["N", 4])
        #expect(try operators(builder.graph) == ["Reshape", "Linear"])
    }
}
