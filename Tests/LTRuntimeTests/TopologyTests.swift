// Tiny networks against ONNX Runtime's outputs (Utilities/fixtures/topologies.py), on both backends.

import LTCore
import LTGraph
import LTRuntime
import Testing

@Suite struct TopologyTests {
    static let names = [
        "residual", "inverted", "gates", "dense_blocks", "dense_odd", "shuffle", "grouped", "dilated", "signal",
        "volume", "pools",
    ]
    /// Transformers, by exporters that spell out shape arithmetic: opset 17, 18 (TorchDynamo), 14 (layer normalisation too).
    static let transformers = ["windows", "windows_18", "tokens_14"]

    @Test(arguments: names + transformers, ["reference", "cpu"]) func agreesWithONNXRuntime(
        name: String, device: String
    ) throws {
        let folder = fixture("topologies/\(name)")
        let graph = try Graph.read(path: folder + "/model.onnx")
        let input = try Tensor.read(protobuf: try readBytes(folder + "/test_data_set_0/input_0.pb")).tensor
        let expected = try Tensor.read(protobuf: try readBytes(folder + "/test_data_set_0/output_0.pb")).tensor
        for threads in [1, 2] {
            let output = try run(graph, [("input", input)], on: device, threads: threads)["output"]
            #expect(try difference(output, expected) <= 1e-5)
        }
    }

    @Test(arguments: transformers, [true, false]) func noShapeArithmeticIsLeft(name: String, isBatchOpen: Bool) throws {
        var graph = try Graph.read(path: fixture("topologies/\(name)") + "/model.onnx")
        guard case .tensor(let type?, var dims?)? = graph.inputs[0].type else { throw LTError(.malformed, "no shape") }
        if !isBatchOpen { dims[0] = .fixed(2) }
        graph.inputs[0].type = .tensor(type, dims)
        let plan = try Plan(graph, on: CPUBackend(), options: PlanOptions(threads: 1))
        let rows = try plan.rows(try plan.inputShapes(batch: 2))
        let computing: Set = [
            "Activation", "Add", "Concat", "Conv", "Flatten", "FusedAttention", "FusedConv", "Gather", "GatherRows",
            "GlobalAveragePool", "LayerNormalization", "Linear", "MatMul", "Mul", "Pad", "ReduceMean", "Reorder",
            "Reshape", "Slice",
            "Softmax",
            "Squeeze", "Transpose", "Unsqueeze",
        ]
        #expect(Set(rows.map(\.op)).subtracting(computing) == [])
        #expect(rows.filter { $0.kernel == "reference" && $0.op != "Pad" } == [])
    }
}

/// A network in 8 bits as quantisation tools write it (Utilities/fixtures/quantised.py). Sums of another order may round to
/// the next step of a quantised value, so up to two of 255 steps are allowed; kernels by themselves are compared exactly
/// (ConformanceTests).
@Suite struct QuantisedNetworkTests {
    @Test(arguments: ["qdq_channels", "qdq_int8", "qoperator", "dynamic"], ["reference", "cpu"])
    func agreesWithONNXRuntime(name: String, device: String) throws {
        let folder = fixture("quantised/\(name)")
        let graph = try Graph.read(path: folder + "/model.onnx")
        let input = try Tensor.read(protobuf: try readBytes(folder + "/test_data_set_0/input_0.pb")).tensor
        let expected = try Tensor.read(protobuf: try readBytes(folder + "/test_data_set_0/output_0.pb")).tensor
        let output = try run(graph, [("input", input)], on: device)["output"]
        #expect(try difference(output, expected) <= 2.0 / 255)
    }
}
