// Operator: the meaning of one ONNX op. One file under Operators/ holds one operator: its schema, its typed attributes,
// what its outputs look like, and `run`, the plain reference kernel that every fast kernel is tested against.

import LTCore
import LTGraph

/// What is known of a value before anything runs.
public struct Facts: Sendable {
    public var type: ElementType
    /// `nil`: the rank is unknown; a `nil` dimension is known only when the model runs.
    public var dims: [Int?]?
    /// The value itself where it is known already (initializers, folded constants).
    public var value: Tensor?
    /// Some of the elements, where `value` is not known.
    public var partial: PartialElements?

    public init(_ type: ElementType, _ dims: [Int?]?, value: Tensor? = nil) {
        self.type = type
        self.dims = dims
        self.value = value
    }

    public init(_ tensor: Tensor) { self.init(tensor.type, tensor.dims, value: tensor) }

    /// The shape, when every dimension is known.
    public var shape: Shape? {
        guard let dims else { return nil }
        var known: [Int] = []
        for dim in dims {
            guard let dim else { return nil }
            known.append(dim)
        }
        return try? Shape(known)
    }
}

/// The versions of ONNX's own domain.
public enum Opset {
    /// The newest whose operators were compared with ours; a later one may change a meaning, so it is refused.
    public static let latest = 25
}

/// What ONNX's schema says of an operator, as far as this implementation supports it.
public struct OperatorSchema: Sendable {
    public let name: String
    public let domain: String
    /// The opset versions that are honoured.
    public let opsets: ClosedRange<Int>
    public let inputs: ClosedRange<Int>
    public let outputs: ClosedRange<Int>
    /// Element types accepted for the first input (other inputs state theirs in the operator).
    public let types: Set<ElementType>

    public init(
        _ name: String, domain: String = "", opsets: ClosedRange<Int>, inputs: ClosedRange<Int>,
        outputs: ClosedRange<Int> = 1...1, types: Set<ElementType>
    ) {
        self.name = name
        self.domain = domain
        self.opsets = opsets
        self.inputs = inputs
        self.outputs = outputs
        self.types = types
    }
}

/// A node as an operator sees it: the node and the opset of its domain.
public struct OperatorNode: Sendable {
    public let node: Node
    public let opset: Int
    public init(_ node: Node, opset: Int) {
        self.node = node
        self.opset = opset
    }

    /// A seed for operators that draw numbers and are given none: from the name of the first output, by FNV-1a.
    var nameSeed: UInt64 {
        (node.outputs.first ?? "").utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    }
}

/// What is known of a value of any kind before anything runs.
public enum ValueFacts: Sendable {
    case tensor(Facts)
    /// A sequence or an optional, with its type as far as it is known.
    case container(ValueType)
}

/// Infers what the subgraphs of one node give; captured values are known to it.
public protocol BodyInference {
    func infer(_ body: String, _ inputs: [ValueFacts]) throws(LTError) -> [ValueFacts]
}

/// Runs the subgraphs of one node, named by the attributes that hold them; captured values are bound already.
public protocol BodyRunner {
    func run(_ body: String, _ inputs: [ONNXValue]) throws(LTError) -> [ONNXValue]
}

/// One ONNX operator with its attributes read. Operators on tensors alone are `Operator`s; those on sequences and
/// optionals, and those with subgraphs, conform to this protocol itself.
public protocol ValueOperator: Sendable {
    static var schema: OperatorSchema { get }
    /// Reads and checks the attributes.
    init(_ node: OperatorNode) throws(LTError)
    /// Types and, as far as they can be known, shapes (and cheap values) of the outputs. `nil` inputs are absent.
    func infer(_ inputs: [ValueFacts?], _ bodies: any BodyInference) throws(LTError) -> [ValueFacts]
    /// The reference kernel. It checks what the data must satisfy; it never traps on data.
    func run(_ inputs: [ONNXValue?], _ bodies: any BodyRunner) throws(LTError) -> [ONNXValue]
}

/// An operator on tensors.
public protocol Operator: ValueOperator {
    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts]
    func run(_ inputs: [Tensor?]) throws(LTError) -> [Tensor]
}

extension Operator {
    public func infer(_ inputs: [ValueFacts?], _ bodies: any BodyInference) throws(LTError) -> [ValueFacts] {
        try infer(try inputs.tensors()).map { .tensor($0) }
    }

    public func run(_ inputs: [ONNXValue?], _ bodies: any BodyRunner) throws(LTError) -> [ONNXValue] {
        try run(try inputs.tensors()).map { .tensor($0) }
    }
}
