// Reading and writing loses nothing: the fixtures of Utilities/fixtures/graph_roundtrip.py come back byte for byte
// (in canonical form: elements in raw_data, no explicitly empty texts).

import LTCore
import LTGraph
import Testing

@Suite struct GraphRoundTripTests {
    /// `X.onnx` comes back as `X.expected.onnx`: its canonical form, made by ONNX's own library.
    @Test(arguments: ["functions", "everything", "typed", "external", "legacy"])
    func bytesComeBack(name: String) throws {
        let graph = try Graph.read(path: fixture(name + ".onnx"))
        #expect(try graph.serialized() == contents(fixture(name + ".expected.onnx")))
    }

    @Test func functionsAreValues() throws {
        let graph = try Graph.read(path: fixture("functions.onnx"))
        #expect(graph.irVersion == 10 && graph.opset == 21)
        #expect(graph.functions.map(\.overload) == ["", "two"])
        let leaky = try #require(graph.functions.first)
        #expect(leaky.attributeNames == ["needed"])
        guard case .float(0.25)? = leaky.attributeDefaults["slope"] else {
            Issue.record("default of slope: \(String(describing: leaky.attributeDefaults["slope"]))")
            return
        }
        guard case .reference("slope", kind: 1)? = leaky.nodes.first?.attributes["alpha"] else {
            Issue.record("alpha does not refer to slope")
            return
        }
        #expect(graph.nodes[1].overload == "two")
        #expect(try graph.nodes[1].float("slope") == 0.5)
        #expect(graph.metadata == ["first": "1", "second": "zwei ü", "empty": ""])
        #expect(!graph.isCheckable)
    }

    @Test func everythingIsSeen() throws {
        let graph = try Graph.read(path: fixture("everything.onnx"))
        #expect(graph.inputs[0].type == .tensor(.float32, [.symbolic("N"), .fixed(3), .unknown]))
        #expect(graph.inputs[1].type == .tensor(.bool, []))
        #expect(graph.valueInfos["words"]?.type == .sequence(.tensor(.string, nil)))
        #expect(graph.valueInfos["o"]?.type == .map(key: .int64, value: .tensor(.float32, [1])))
        #expect(graph.sparseInitializers == ["sp"])
        #expect(try graph.nodes[1].tensor("value")?.array(of: Int64.self) == [1, -1])
        #expect(try graph.nodes[0].graph("then_branch")?.nodes.first?.name == "outer_values")
        let odd = graph.nodes[4]
        #expect(odd.inputs == ["x", "", "sp"] && odd.outputs == ["o", "", "o2"] && odd.domain == "custom")
        #expect(try odd.ints("ints") == [1 << 62, -1])
        guard case .type(.optional(.tensor(.string, [.unknown])))? = odd.attributes["type"] else {
            Issue.record("type attribute")
            return
        }
    }

    @Test func elementsOfEveryEncoding() throws {
        let tensors = try Graph.read(path: fixture("typed.onnx")).initializers
        #expect(tensors.count == 28)
        for type in ElementType.allCases where type != .string {
            let number = type.rawValue < 10 ? "0\(type.rawValue)" : "\(type.rawValue)"
            let tensor = try #require(tensors["t" + number])
            #expect(tensor.type == type && tensor.dims == [3])
        }
        #expect(try tensors["t01"]?.array(of: Float.self) == [1.5, -2, 0.25])
        #expect(try tensors["t03"]?.array(of: Int8.self) == [-128, 127, 3])
        #expect(try tensors["t09"]?.array(of: Bool.self) == [true, false, true])
        #expect(try tensors["t10"]?.array(of: Float16.self) == [1.5, -2, 0.1])
        #expect(try tensors["t12"]?.array(of: UInt32.self) == [1 << 31 + 9, 1, 0])
        #expect(try tensors["t13"]?.array(of: UInt64.self) == [1 << 63 + 5, 1, 2])
        // int4: -8, 7 | -1; int2: -2, 1, -1 (first element in the low bits).
        #expect(tensors["t22"].map { Array($0.bytes) } == [0x78, 0x0F])
        #expect(tensors["t26"].map { Array($0.bytes) } == [0b11_01_10])
        #expect(tensors["text"]?.strings == ["ä", ""])
        #expect(tensors["none"]?.dims == [0, 7] && tensors["one"]?.dims == [])
    }

    /// What LongTail changes is written, what it carries stays.
    @Test func changesAndExtrasMix() throws {
        var graph = try Graph.read(path: fixture("everything.onnx"))
        graph.metadata["lt.task"] = "multilabel"
        graph.inputs[0].type = .tensor(.float32, [1, 3])
        graph.nodes[1].attributes["value"] = .int(7)
        let again = try Graph.read(bytes: try graph.serialized())
        #expect(again.metadata["lt.task"] == "multilabel")
        #expect(again.inputs[0].type == .tensor(.float32, [1, 3]))
        #expect(again.inputs[0].extra.count > 0 && again.inputs[0].docString == "pixels")
        #expect(try again.nodes[1].int("value") == 7)
        #expect(again.modelExtra == graph.modelExtra && again.extra == graph.extra)
    }

    @Test func repeatedMetadataIsCarried() throws {
        var graph = Graph()
        graph.modelExtra = [0x72, 0x06, 0x0A, 0x01, 0x6B, 0x12, 0x01, 0x31]  // metadata_props { key "k" value "1" }
        graph.metadata["k"] = "2"
        let bytes = try graph.serialized()
        let again = try Graph.read(bytes: bytes)
        #expect(again.metadata == ["k": "2"])
        #expect(try again.serialized() == bytes)
    }

    @Test func repeatedDescriptionsAreCarried() throws {
        var graph = Graph()
        graph.extra = [0x6A, 0x03, 0x0A, 0x01, 0x76]  // value_info { name "v" }
        graph.valueInfos["v"] = ValueInfo("v", .float32, [3])
        let bytes = try graph.serialized()
        let again = try Graph.read(bytes: bytes)
        #expect(again.valueInfos["v"]?.type == .tensor(.float32, [3]))
        #expect(try again.serialized() == bytes)
    }

    @Test func sequencesAndOptionals() throws {
        let sequence = try #require(contents(fixture("sequence.pb")))
        guard case ("s", .sequence(let items)) = try ONNXValue.read(protobuf: sequence, as: .sequence(nil)),
            case .tensor(let a) = items[0], case .tensor(let b) = items[1]
        else {
            Issue.record("not a sequence of two tensors")
            return
        }
        #expect(try a.array(of: Float.self) == [1, 2])
        #expect(try b.array(of: Int64.self) == [3] && b.dims == [])
        let optional = try #require(contents(fixture("optional.pb")))
        guard case ("o", .optional(.sequence(let inner)?)) = try ONNXValue.read(protobuf: optional, as: .optional(nil))
        else {
            Issue.record("not an optional sequence")
            return
        }
        #expect(inner.count == 2)
        let none = try #require(contents(fixture("optional-empty.pb")))
        guard case (_, .optional(nil)) = try ONNXValue.read(protobuf: none, as: .optional(nil)) else {
            Issue.record("not an empty optional")
            return
        }
    }
}
