// ONNXValue: what ONNX's test data files (input_0.pb, output_0.pb) hold: TensorProto, SequenceProto or OptionalProto.
// The file does not say which; the type of the model's input or output does.
// https://github.com/onnx/onnx/blob/main/onnx/onnx-data.proto

import CONNX
import LTCore

/// A value of one of ONNX's types.
public indirect enum ONNXValue: Sendable {
    case tensor(Tensor)
    case sequence([ONNXValue])
    case optional(ONNXValue?)

    /// Bytes of all elements.
    public var byteCount: Int {
        switch self {
        case .tensor(let tensor): tensor.byteCount
        case .sequence(let items): items.reduce(0) { $0 + $1.byteCount }
        case .optional(let value): value?.byteCount ?? 0
        }
    }

    /// Reads a value of the given type (nil: a tensor) and its name.
    /// - Throws: as `Tensor.read(protobuf:)`; `unsupported` for maps and sparse tensors.
    public static func read(protobuf bytes: [UInt8], as type: ValueType?) throws(LTError) -> (String, ONNXValue) {
        switch type {
        case .sequence?:
            guard let message = lending(bytes, lt_onnx_sequence_parse) else { throw connxError() }
            defer { lt_onnx_sequence_free(message) }
            return (try lt_onnx_sequence_name(message).text(), try sequence(message))
        case .optional?:
            guard let message = lending(bytes, lt_onnx_optional_parse) else { throw connxError() }
            defer { lt_onnx_optional_free(message) }
            return (try lt_onnx_optional_name(message).text(), try optional(message))
        case .map?, .opaque?: throw LTError(.unsupported, "a value that is neither tensor, sequence nor optional")
        case .tensor?, nil:
            let (name, tensor) = try Tensor.read(protobuf: bytes)
            return (name, .tensor(tensor))
        }
    }

    private static func reader() -> TensorReader { TensorReader(externalData: ExternalData(directory: nil)) }

    private static func sequence(_ message: OpaquePointer) throws(LTError) -> ONNXValue {
        var items: [ONNXValue] = []
        switch lt_onnx_sequence_elem_type(message) {
        case ElementKind.tensor:
            try each(message, lt_onnx_sequence_tensor_values_count, lt_onnx_sequence_tensor_values) {
                child throws(LTError) in items.append(.tensor(try reader().tensor(child)))
            }
        case ElementKind.sequence:
            try each(message, lt_onnx_sequence_sequence_values_count, lt_onnx_sequence_sequence_values) {
                child throws(LTError) in items.append(try sequence(child))
            }
        case let kind: throw ElementKind.unsupported(kind)
        }
        return .sequence(items)
    }

    private static func optional(_ message: OpaquePointer) throws(LTError) -> ONNXValue {
        switch lt_onnx_optional_elem_type(message) {
        case ElementKind.none: return .optional(nil)
        case ElementKind.tensor:
            guard let child = lt_onnx_optional_tensor_value(message) else { return .optional(nil) }
            return .optional(.tensor(try reader().tensor(child)))
        case ElementKind.sequence:
            guard let child = lt_onnx_optional_sequence_value(message) else { return .optional(nil) }
            return .optional(try sequence(child))
        case let kind: throw ElementKind.unsupported(kind)
        }
    }
}

/// Values of SequenceProto.elem_type and OptionalProto.elem_type.
private enum ElementKind {
    static let none: Int32 = 0
    static let tensor: Int32 = 1
    static let sequence: Int32 = 3

    static func unsupported(_ kind: Int32) -> LTError {
        LTError(.unsupported, "elements of kind \(kind), expected tensors (1) or sequences (3)")
    }
}
