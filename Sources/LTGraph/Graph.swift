// Graph: an ONNX model as plain values, bound to no device. What we do not model (unknown fields, training info,
// quantisation annotations) is carried along as serialized bytes in `extra`, so that reading and writing lose nothing.
// https://onnx.ai/onnx/repo-docs/IR.html

import LTCore
import OrderedCollections

/// An ONNX graph. The main graph of a file also carries what ONNX keeps in ModelProto: opsets, functions, metadata.
/// Subgraphs of If, Loop and Scan are graphs too; their model-level fields stay empty and the main graph's hold.
public struct Graph: Sendable {
    public var name = ""
    /// In topological order.
    public var nodes: [Node] = []
    public var initializers: OrderedDictionary<String, Tensor> = [:]
    /// Initializer → its serialized TensorProto without name, type, shape and elements (doc string, metadata).
    public var initializerExtras: [String: [UInt8]] = [:]
    /// Names of the sparse initializers, which `extra` carries.
    public var sparseInitializers: [String] = []
    /// Inputs as written; before IR 4 this lists initializers too. See `runtimeInputs`.
    public var inputs: [ValueInfo] = []
    public var outputs: [ValueInfo] = []
    /// Types that the file states of intermediate values.
    public var valueInfos: OrderedDictionary<String, ValueInfo> = [:]
    public var docString = ""
    /// Serialized GraphProto with the fields that have no place above.
    public var extra: [UInt8] = []

    // Model level
    public var irVersion: Int64 = 8
    /// Domain ("" is ai.onnx) → version.
    public var opsets: OrderedDictionary<String, Int64> = [:]
    public var functions: [Function] = []
    /// metadata_props of the model, in file order.
    public var metadata: OrderedDictionary<String, String> = [:]
    public var producerName = ""
    public var producerVersion = ""
    public var modelDomain = ""
    public var modelVersion: Int64 = 0
    public var modelDocString = ""
    /// The files beside the model that it was read from: what it has of external data. Writing puts all of it inside.
    public var externalFiles: [String] = []
    /// Serialized ModelProto with the fields that have no place above.
    public var modelExtra: [UInt8] = []

    public init() {}

    /// The inputs that a caller must feed: those without an initializer of the same name.
    public var runtimeInputs: [ValueInfo] { inputs.filter { initializers[$0.name] == nil } }
    /// The version of the default domain; 1 when the file names none.
    public var opset: Int { Int(clamping: opsets[""] ?? opsets["ai.onnx"] ?? 1) }
}

/// One operation: `outputs = opType(inputs)`. An empty name stands for an absent optional input or output.
public struct Node: Sendable {
    public var name: String
    public var opType: String
    public var domain: String
    public var overload = ""
    public var inputs: [String]
    public var outputs: [String]
    public var attributes: OrderedDictionary<String, Attribute>
    /// The version of the node's domain where it is another one than the graph's: nodes of functions that were inlined.
    /// Files have no place for it.
    public var opset: Int?
    /// Attribute → its serialized AttributeProto without name and value (doc string, name of a tensor value).
    public var attributeExtras: [String: [UInt8]] = [:]
    public var docString = ""
    public var extra: [UInt8] = []

    public init(
        _ opType: String, name: String = "", domain: String = "", inputs: [String], outputs: [String],
        attributes: OrderedDictionary<String, Attribute> = [:]
    ) {
        self.opType = opType
        self.name = name
        self.domain = domain == "ai.onnx" ? "" : domain
        self.inputs = inputs
        self.outputs = outputs
        self.attributes = attributes
    }

    /// How errors and reports call the node: by name, else by its first output.
    public var label: String { "node '\(name.isEmpty ? outputs.first ?? "" : name)' (\(opType))" }
}

/// The value of an attribute.
public indirect enum Attribute: Sendable {
    case float(Float)
    case int(Int64)
    /// Bytes, by convention UTF-8.
    case string([UInt8])
    case tensor(Tensor)
    case graph(Graph)
    case type(ValueType)
    case floats([Float])
    case ints([Int64])
    case strings([[UInt8]])
    case tensors([Tensor])
    case graphs([Graph])
    case types([ValueType])
    /// Inside a function: the caller's attribute of this name.
    case reference(String, kind: Int32)
    /// A kind that we carry but do not interpret (sparse tensors): the serialized AttributeProto.
    case opaque([UInt8])

    public static func string(_ text: String) -> Attribute { .string(Array(text.utf8)) }
}

/// A function local to the model.
public struct Function: Sendable {
    public var name = ""
    public var domain = ""
    public var overload = ""
    public var inputs: [String] = []
    public var outputs: [String] = []
    /// Attributes without a default.
    public var attributeNames: [String] = []
    public var attributeDefaults: OrderedDictionary<String, Attribute> = [:]
    /// As `Node.attributeExtras`, of the defaults.
    public var attributeExtras: [String: [UInt8]] = [:]
    public var nodes: [Node] = []
    public var opsets: OrderedDictionary<String, Int64> = [:]
    public var valueInfos: OrderedDictionary<String, ValueInfo> = [:]
    public var docString = ""
    public var extra: [UInt8] = []
    public init() {}
}

/// A named value with its type, as far as the file states it.
public struct ValueInfo: Sendable {
    public var name: String
    public var type: ValueType?
    public var docString = ""
    public var extra: [UInt8] = []

    public init(_ name: String, _ type: ValueType? = nil) {
        self.name = name
        self.type = type
    }

    /// A dense tensor.
    public init(_ name: String, _ type: ElementType, _ dims: [Dimension]) {
        self.init(name, .tensor(type, dims))
    }
}

/// The type of a value. `nil` dimensions: the rank is unknown.
public indirect enum ValueType: Sendable, Equatable {
    case tensor(ElementType?, [Dimension]?)
    case sequence(ValueType?)
    case optional(ValueType?)
    case map(key: ElementType, value: ValueType?)
    /// Sparse tensors and types newer than this reader: the serialized TypeProto.
    case opaque([UInt8])
}

/// One dimension of a tensor's type.
public enum Dimension: Sendable, Equatable, ExpressibleByIntegerLiteral, ExpressibleByStringLiteral {
    case fixed(Int)
    case symbolic(String)
    case unknown

    public init(integerLiteral value: Int) { self = .fixed(value) }
    public init(stringLiteral value: String) { self = .symbolic(value) }

    public var fixed: Int? { if case .fixed(let size) = self { size } else { nil } }
}
