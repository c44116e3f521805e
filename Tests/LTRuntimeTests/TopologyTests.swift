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

    @Test(arguments: names, ["reference", "cpu"]) func agreesWithONNXRuntime(name: String, device: String) throws {
        let folder = fixture("topologies/\(name)")
        let graph = try Graph.read(path: folder + "/model.onnx")
        let input = try Tensor.read(protobuf: try readBytes(folder + "/test_data_set_0/input_0.pb")).tensor
        let expected = try Tensor.read(protobuf: try readBytes(folder + "/test_data_set_0/output_0.pb")).tensor
        for threads in [1, 2] {
            let output = try run(graph, [("input", input)], on: device, threads: threads)["output"]
            #expect(try difference(output, expected) <= 1e-5)
        }
    }
}
