// What the runtime's tests share: random tensors, graphs of one node, runs on both backends, files beside the tests.

import CLTKernels
import LTCore
import LTGraph
import LTRuntime
import OrderedCollections
import Testing

#if canImport(Glibc)
    import Glibc
#endif

typealias Attributes = OrderedDictionary<String, Attribute>

extension SeededGenerator {
    /// Normal numbers.
    mutating func tensor(_ dims: [Int]) throws -> Tensor {
        let count = dims.reduce(1, *)
        return try Tensor((0..<count).map { _ in Float(normal()) }, dims)
    }

    mutating func pick(_ range: ClosedRange<Int>) -> Int { range.lowerBound + below(range.count) }
}

/// A graph of one node. `inputs` are fed, `constants` are initializers; `order` says how the node takes them.
func graph(
    _ opType: String, inputs: [(String, Tensor)], constants: [(String, Tensor)] = [], order: [String]? = nil,
    attributes: Attributes = [:], opset: Int = 17
) -> Graph {
    var builder = GraphBuilder(name: "test", opset: opset)
    for (name, tensor) in inputs {
        _ = builder.input(name, tensor.type, tensor.dims.map { Dimension.fixed($0) })
    }
    for (name, tensor) in constants { _ = builder.initializer(name, tensor) }
    let names = order ?? (inputs + constants).map(\.0)
    let y = builder.node(opType, names, name: "node", attributes: attributes)
    builder.output(y, as: "y", .float32, [])
    var graph = builder.graph
    graph.outputs[0].type = nil
    return graph
}

/// Runs a graph once.
func run(
    _ graph: Graph, _ inputs: [(String, Tensor)], on device: String, threads: Int = 2, precision: Precision = .f32
) throws -> [String: Tensor] {
    let plan = try Plan(
        graph, on: try BackendTable.named(device), options: PlanOptions(threads: threads, precision: precision))
    return try Session(plan).run(Dictionary(uniqueKeysWithValues: inputs))
}

/// Where our own kernels multiply pairs of bfloat16: they stay near the reference backend and give the same bits for any number of
/// threads.
func expectNearAgreement(
    _ graph: Graph, _ inputs: [(String, Tensor)], tolerance: Float, _ comment: String = "",
    sourceLocation: SourceLocation = #_sourceLocation
) throws {
    guard lt_bf16_products() == LT_BF16_FAST else { return }
    let reference = try run(graph, inputs, on: "reference")
    let one = try run(graph, inputs, on: "cpu", threads: 1, precision: .bf16)
    let two = try run(graph, inputs, on: "cpu", threads: 2, precision: .bf16)
    for (name, expected) in reference {
        let worst = try difference(one[name], expected)
        #expect(worst <= tolerance, "\(comment) \(name): \(worst)", sourceLocation: sourceLocation)
        #expect(
            try one[name]?.array(of: Float.self) == two[name]?.array(of: Float.self), "\(comment) \(name)",
            sourceLocation: sourceLocation)
    }
}

/// The largest difference in units of the largest expected value.
func difference(_ actual: Tensor?, _ expected: Tensor?) throws -> Float {
    let actual = try #require(actual)
    let expected = try #require(expected)
    guard actual.shape == expected.shape, actual.type == expected.type else { return .infinity }
    let a = try actual.array(of: Float.self)
    let e = try expected.array(of: Float.self)
    var worst: Float = 0
    var scale: Float = .leastNormalMagnitude
    for (x, y) in zip(a, e) {
        if x.isNaN != y.isNaN { return .infinity }
        if x == y || x.isNaN { continue }
        worst = max(worst, abs(x - y))
        scale = max(scale, abs(y))
    }
    return worst / scale
}

/// Both backends agree on a graph.
func expectAgreement(
    _ graph: Graph, _ inputs: [(String, Tensor)], tolerance: Float = 1e-5, _ comment: String = "",
    sourceLocation: SourceLocation = #_sourceLocation
) throws {
    let reference = try run(graph, inputs, on: "reference")
    let cpu = try run(graph, inputs, on: "cpu")
    for (name, expected) in reference {
        let worst = try difference(cpu[name], expected)
        #expect(worst <= tolerance, "\(comment) output \(name): \(worst)", sourceLocation: sourceLocation)
    }
}

/// Path of a file beside the tests.
func fixture(_ path: String, file: String = #filePath) -> String {
    file.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/") + "/Fixtures/" + path
}

func readBytes(_ path: String) throws -> [UInt8] {
    let file = try #require(fopen(path, "rb"), "cannot open \(path)")
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
        let count = fread(&chunk, 1, chunk.count, file)
        if count == 0 { return bytes }
        bytes.append(contentsOf: chunk[..<count])
    }
}
