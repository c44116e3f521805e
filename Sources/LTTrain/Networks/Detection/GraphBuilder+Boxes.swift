// GraphBuilder: constants and the arithmetic of boxes [x1, y1, x2, y2] in standard operators.

import LTCore
import LTGraph

extension GraphBuilder {
    /// A list of whole numbers; equal lists are one initializer.
    mutating func ints(_ values: [Int]) throws(LTError) -> String {
        let name = "ints\(values)"
        if graph.initializers[name] != nil { return name }
        return initializer(name, try Tensor(values.map { Int64($0) }))
    }
    /// A whole number without dimensions.
    mutating func int(_ value: Int) throws(LTError) -> String {
        let name = "int \(value)"
        return graph.initializers[name] != nil ? name : initializer(name, try Tensor(scalar: Int64(value)))
    }
    /// A list of numbers; equal lists are one initializer.
    mutating func floats(_ values: [Float]) throws(LTError) -> String {
        let name = "floats\(values)"
        return graph.initializers[name] != nil ? name : initializer(name, try Tensor(values))
    }

    mutating func reshape(_ x: String, _ dims: [Int], name: String? = nil) throws(LTError) -> String {
        node("Reshape", [x, try ints(dims)], name: name)
    }
    mutating func squeeze(_ x: String, _ axes: [Int]) throws(LTError) -> String {
        node("Squeeze", [x, try ints(axes)])
    }
    mutating func unsqueeze(_ x: String, _ axes: [Int]) throws(LTError) -> String {
        node("Unsqueeze", [x, try ints(axes)])
    }
    mutating func transpose(_ x: String, _ order: [Int64]) -> String {
        node("Transpose", [x], attributes: ["perm": .ints(order)])
    }
    mutating func gather(_ x: String, _ indices: String, axis: Int64 = 0, name: String? = nil) -> String {
        node("Gather", [x, indices], name: name, attributes: ["axis": .int(axis)])
    }
    mutating func concat(_ parts: [String], axis: Int64 = 0, name: String? = nil) -> String {
        node("Concat", parts, name: name, attributes: ["axis": .int(axis)])
    }
    mutating func cast(_ x: String, to type: ElementType) -> String {
        node("Cast", [x], attributes: ["to": .int(Int64(type.rawValue))])
    }
    /// The last axis from one position to another.
    mutating func columns(_ x: String, from start: Int, to end: Int) throws(LTError) -> String {
        node("Slice", [x, try ints([start]), try ints([end]), try ints([-1])])
    }
    /// The last axis in two halves of two.
    mutating func halves(_ x: String) throws(LTError) -> [String] {
        nodes("Split", [x, try ints([2, 2])], outputs: 2, attributes: ["axis": .int(-1)])
    }
    /// The k best of a list: values and positions, best first; of fewer than k all.
    mutating func best(_ list: String, _ k: Int, name: String) throws(LTError) -> (values: String, positions: String) {
        let size = node("Min", [node("Shape", [list]), try ints([k])])
        let outputs = nodes("TopK", [list, size], outputs: 2, name: name, attributes: ["axis": .int(0)])
        return (outputs[0], outputs[1])
    }

    /// Boxes of codes (Girshick et al., arXiv:1311.2524, appendix C): codes [K, 4] or [C, K, 4] to `references` [K, 4] or
    /// [1, K, 4] by centre, in units of the reference's size, and logarithm of the size, which grows to 1000/16 times at most.
    /// - Parameter weights: divisors of the codes; nil: all 1.
    mutating func decoded(_ codes: String, _ references: String, weights: [Float]? = nil) throws(LTError) -> String {
        let corners = try halves(references)
        let size = node("Sub", [corners[1], corners[0]], name: "size")
        let centre = node("Add", [corners[0], node("Mul", [size, try floats([0.5])])], name: "centre")
        let scaled = try weights.map { weights throws(LTError) in node("Div", [codes, try floats(weights)]) } ?? codes
        let parts = try halves(scaled)
        let middle = node("Add", [node("Mul", [parts[0], size]), centre])
        let growth = node("Exp", [node("Min", [parts[1], try floats([4.135166556742356])])])
        let half = node("Mul", [node("Mul", [growth, size]), try floats([0.5])])
        return concat([node("Sub", [middle, half]), node("Add", [middle, half])], axis: -1, name: "decoded")
    }

    /// Boxes cut at the picture's edges.
    /// - Parameter size: height and width in pixels.
    mutating func clipped(_ boxes: String, size: String) throws(LTError) -> String {
        let limit = gather(size, try ints([1, 0, 1, 0]))
        return node("Min", [node("Max", [boxes, try floats([0])]), limit], name: "clipped")
    }

    /// Whether both sides of each box are so long.
    mutating func areLarge(_ boxes: String, _ side: Float) throws(LTError) -> String {
        let corners = try halves(boxes)
        let shorter = node(
            "ReduceMin", [node("Sub", [corners[1], corners[0]])],
            attributes: ["axes": .ints([-1]), "keepdims": .int(0)]
        )
        return node("GreaterOrEqual", [shorter, try floats([side])])
    }
}
