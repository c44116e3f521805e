// Typed access to a node's attributes: absent gives nil, another kind than asked for is an error that names both.

import LTCore

extension Node {
    public func int(_ name: String) throws(LTError) -> Int? {
        switch attributes[name] {
        case nil: return nil
        case .int(let value): return Int(value)
        case let other?: throw mismatch(name, other, "int")
        }
    }

    public func float(_ name: String) throws(LTError) -> Float? {
        switch attributes[name] {
        case nil: return nil
        case .float(let value): return value
        case let other?: throw mismatch(name, other, "float")
        }
    }

    public func string(_ name: String) throws(LTError) -> String? {
        switch attributes[name] {
        case nil: return nil
        case .string(let bytes): return String(decoding: bytes, as: UTF8.self)
        case let other?: throw mismatch(name, other, "string")
        }
    }

    public func ints(_ name: String) throws(LTError) -> [Int]? {
        switch attributes[name] {
        case nil: return nil
        case .ints(let values): return values.map { Int($0) }
        case let other?: throw mismatch(name, other, "ints")
        }
    }

    public func floats(_ name: String) throws(LTError) -> [Float]? {
        switch attributes[name] {
        case nil: return nil
        case .floats(let values): return values
        case let other?: throw mismatch(name, other, "floats")
        }
    }

    public func strings(_ name: String) throws(LTError) -> [String]? {
        switch attributes[name] {
        case nil: return nil
        case .strings(let values): return values.map { String(decoding: $0, as: UTF8.self) }
        case let other?: throw mismatch(name, other, "strings")
        }
    }

    public func tensor(_ name: String) throws(LTError) -> Tensor? {
        switch attributes[name] {
        case nil: return nil
        case .tensor(let value): return value
        case let other?: throw mismatch(name, other, "tensor")
        }
    }

    public func graph(_ name: String) throws(LTError) -> Graph? {
        switch attributes[name] {
        case nil: return nil
        case .graph(let value): return value
        case let other?: throw mismatch(name, other, "graph")
        }
    }

    /// The node's subgraphs by the names of the attributes that hold them.
    package var bodies: [String: Graph] {
        var bodies: [String: Graph] = [:]
        for (name, attribute) in attributes {
            if case .graph(let graph) = attribute { bodies[name] = graph }
        }
        return bodies
    }

    private func mismatch(_ name: String, _ actual: Attribute, _ expected: String) -> LTError {
        LTError(.typeMismatch, "attribute '\(name)' is of kind \(actual.kindName), expected \(expected)")
    }
}

extension Attribute {
    /// The ONNX name of the kind, for messages.
    public var kindName: String {
        switch self {
        case .float: "float"
        case .int: "int"
        case .string: "string"
        case .tensor: "tensor"
        case .graph: "graph"
        case .type: "type_proto"
        case .floats: "floats"
        case .ints: "ints"
        case .strings: "strings"
        case .tensors: "tensors"
        case .graphs: "graphs"
        case .types: "type_protos"
        case .reference: "reference"
        case .opaque: "opaque (sparse tensors, or newer than this reader)"
        }
    }
}
