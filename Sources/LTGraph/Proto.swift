// What reader and writer share: bytes and text across CONNX's C API, repeated fields, failures as LTError.

import CONNX
import LTCore

/// Values of AttributeProto.type.
enum AttributeKind {
    static let float: Int32 = 1
    static let int: Int32 = 2
    static let string: Int32 = 3
    static let tensor: Int32 = 4
    static let graph: Int32 = 5
    static let floats: Int32 = 6
    static let ints: Int32 = 7
    static let strings: Int32 = 8
    static let tensors: Int32 = 9
    static let graphs: Int32 = 10
    static let type: Int32 = 13
    static let types: Int32 = 14
}

extension lt_onnx_bytes {
    var buffer: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: count == 0 ? nil : data, count: count) }
    var array: [UInt8] { Array(buffer) }

    /// - Throws: `malformed` when the bytes are not UTF-8.
    func text() throws(LTError) -> String {
        if count == 0 { return "" }
        guard let text = String(validating: buffer, as: UTF8.self) else {
            throw LTError(.malformed, "a name or text is not UTF-8: '\(String(decoding: buffer, as: UTF8.self))'")
        }
        return text
    }
}

/// Calls `body` with every message of a repeated field.
func each(
    _ message: OpaquePointer, _ count: (OpaquePointer?) -> Int, _ item: (OpaquePointer?, Int) -> OpaquePointer?,
    _ body: (OpaquePointer) throws(LTError) -> Void
) throws(LTError) {
    for index in 0..<count(message) {
        if let child = item(message, index) { try body(child) }
    }
}

/// The strings of a repeated field.
func texts(
    _ message: OpaquePointer, _ count: (OpaquePointer?) -> Int, _ item: (OpaquePointer?, Int) -> lt_onnx_bytes
) throws(LTError) -> [String] {
    var result: [String] = []
    for index in 0..<count(message) { result.append(try item(message, index).text()) }
    return result
}

/// The bytes of a buffer that CONNX hands over.
func taking(_ buffer: lt_onnx_buffer) -> [UInt8] {
    guard buffer.count > 0 else { return [] }
    defer { lt_onnx_buffer_free(buffer) }
    return Array(UnsafeRawBufferPointer(start: buffer.data, count: buffer.count))
}

/// Lends text to CONNX.
func lending<Result>(_ text: String, _ body: (lt_onnx_bytes) -> Result) -> Result {
    var text = text
    return text.withUTF8 { body(lt_onnx_bytes(data: UnsafeRawPointer($0.baseAddress), count: $0.count)) }
}

/// Lends bytes to CONNX.
func lending<Result>(_ bytes: [UInt8], _ body: (lt_onnx_bytes) -> Result) -> Result {
    bytes.withUnsafeBytes { body(lt_onnx_bytes(data: $0.baseAddress, count: $0.count)) }
}

/// A length-delimited field on the wire; nothing when it is empty. Appended to a serialized message it adds to the field.
func wireField(_ number: Int, _ payload: [UInt8]) -> [UInt8] {
    payload.isEmpty ? [] : wireElement(number, payload)
}

/// The same, written even when it is empty: one more element of a repeated field.
func wireElement(_ number: Int, _ payload: [UInt8]) -> [UInt8] {
    varint(number << 3 | 2) + varint(payload.count) + payload
}

private func varint(_ value: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    var rest = UInt64(value)
    while rest >= 0x80 {
        bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
        rest >>= 7
    }
    return bytes + [UInt8(rest)]
}

/// This thread's last failure in CONNX.
func connxError() -> LTError {
    let text = String(cString: lt_onnx_error())
    return switch lt_onnx_error_status() {
    case LT_ONNX_TOO_LARGE:
        LTError(.unsupported, text, hint: "keep large initializers as external data beside the model")
    case LT_ONNX_OUT_OF_MEMORY: LTError(.outOfMemory, text)
    case LT_ONNX_IO: LTError(.io, text)
    case LT_ONNX_INVALID: LTError(.malformed, "libonnx's checker refuses the model: \(text)")
    default: LTError(.malformed, text)
    }
}

/// A new message; nil is memory that ran out.
func made(_ message: OpaquePointer?) throws(LTError) -> OpaquePointer {
    guard let message else { throw connxError() }
    return message
}

/// A message as bytes.
func serialized(
    _ message: OpaquePointer, _ serialize: (OpaquePointer?, UnsafeMutablePointer<lt_onnx_buffer>?) -> lt_onnx_status
) throws(LTError) -> [UInt8] {
    var buffer = lt_onnx_buffer()
    guard serialize(message, &buffer) == LT_ONNX_OK else { throw connxError() }
    defer { lt_onnx_buffer_free(buffer) }
    return Array(UnsafeRawBufferPointer(start: buffer.data, count: buffer.count))
}
