// TensorReader: a TensorProto as a Tensor, from raw_data, from the typed fields, or from a file beside the model.
// Sizes are compared with the shape before anything is allocated.
// https://onnx.ai/onnx/repo-docs/IR.html#tensors

import CONNX
import LTCore

struct TensorReader {
    let externalData: ExternalData

    /// Reads the elements. The message keeps its fields; its `extra` gives their memory back.
    /// - Parameters:
    ///   - left: the file that may hold them instead, and which of its initializers the tensor is.
    ///   - deferring: whether they may stay there until somebody needs them.
    func tensor(
        _ message: OpaquePointer, _ left: (file: ModelFile, index: Int)? = nil, deferring: Bool = false
    ) throws(LTError) -> Tensor {
        let code = lt_onnx_tensor_data_type(message)
        guard code != 0 else { throw LTError(.malformed, "the tensor has no element type") }
        guard let type = ElementType(rawValue: code) else {
            throw LTError(.unsupported, "element type \(code) is not known, the newest known is 26 (int2)")
        }
        let dims = UnsafeBufferPointer(start: lt_onnx_tensor_dims(message), count: lt_onnx_tensor_dims_count(message))
        let shape = try Shape(dims.map { Int($0) })
        if lt_onnx_tensor_data_location(message) == 1 {
            return try external(message, type, shape, deferring: deferring && type != .bool)
        }
        if type == .string { return try strings(message, shape) }
        if let (file, index) = left, let count = file.byteCount(index) {
            try expect(count, Tensor.byteCount(type, shape), "bytes of raw_data", type, shape)
            let buffer = try file.buffer(index, deferring: deferring && type != .bool)
            return clean(Tensor(type, shape, buffer: buffer))
        }
        if lt_onnx_tensor_has_raw_data(message) {
            let raw = lt_onnx_tensor_raw_data(message).buffer
            try expect(raw.count, Tensor.byteCount(type, shape), "bytes of raw_data", type, shape)
            let tensor = try Tensor(type, shape)
            tensor.rawPointer.copy(raw)
            return clean(tensor)
        }
        return clean(try typed(message, type, shape))
    }

    private func typed(_ message: OpaquePointer, _ type: ElementType, _ shape: Shape) throws(LTError) -> Tensor {
        let count = shape.count
        switch type {
        case .float32, .complex64:
            let values = UnsafeBufferPointer(
                start: lt_onnx_tensor_float_data(message), count: lt_onnx_tensor_float_data_count(message))
            try expect(values.count, type == .complex64 ? 2 * count : count, "numbers in float_data", type, shape)
            return try copied(UnsafeRawBufferPointer(values), type, shape)
        case .float64, .complex128:
            let values = UnsafeBufferPointer(
                start: lt_onnx_tensor_double_data(message), count: lt_onnx_tensor_double_data_count(message))
            try expect(values.count, type == .complex128 ? 2 * count : count, "numbers in double_data", type, shape)
            return try copied(UnsafeRawBufferPointer(values), type, shape)
        case .int64:
            let values = UnsafeBufferPointer(
                start: lt_onnx_tensor_int64_data(message), count: lt_onnx_tensor_int64_data_count(message))
            try expect(values.count, count, "numbers in int64_data", type, shape)
            return try copied(UnsafeRawBufferPointer(values), type, shape)
        case .uint32, .uint64:
            let values = UnsafeBufferPointer(
                start: lt_onnx_tensor_uint64_data(message), count: lt_onnx_tensor_uint64_data_count(message))
            try expect(values.count, count, "numbers in uint64_data", type, shape)
            if type == .uint64 { return try copied(UnsafeRawBufferPointer(values), type, shape) }
            return try narrowed(values, UInt32.self, type, shape)
        default:
            let values = UnsafeBufferPointer(
                start: lt_onnx_tensor_int32_data(message), count: lt_onnx_tensor_int32_data_count(message))
            // Types below 8 bits: each number holds one byte of packed elements.
            let expected = type.bits < 8 ? Tensor.byteCount(type, shape) : count
            try expect(values.count, expected, "numbers in int32_data", type, shape)
            switch type.bits {
            case 32: return try copied(UnsafeRawBufferPointer(values), type, shape)
            case 16: return try narrowed(values, UInt16.self, type, shape)
            default: return try narrowed(values, UInt8.self, type, shape)
            }
        }
    }

    private func copied(
        _ values: UnsafeRawBufferPointer, _ type: ElementType, _ shape: Shape
    ) throws(LTError) -> Tensor {
        let tensor = try Tensor(type, shape)
        tensor.rawPointer.copy(values)
        return tensor
    }

    private func narrowed<Wide: FixedWidthInteger, Narrow: FixedWidthInteger>(
        _ values: UnsafeBufferPointer<Wide>, _: Narrow.Type, _ type: ElementType, _ shape: Shape
    ) throws(LTError) -> Tensor {
        let tensor = try Tensor(type, shape)
        let target = tensor.rawPointer.assumingMemoryBound(to: Narrow.self)
        for index in values.indices { target[index] = Narrow(truncatingIfNeeded: values[index]) }
        return tensor
    }

    private func strings(_ message: OpaquePointer, _ shape: Shape) throws(LTError) -> Tensor {
        let count = lt_onnx_tensor_string_data_count(message)
        try expect(count, shape.count, "strings in string_data", .string, shape)
        let values = try texts(message, lt_onnx_tensor_string_data_count, lt_onnx_tensor_string_data)
        return try Tensor(strings: values, shape.dims)
    }

    private func external(
        _ message: OpaquePointer, _ type: ElementType, _ shape: Shape, deferring: Bool
    ) throws(LTError) -> Tensor {
        guard type != .string else { throw LTError(.malformed, "strings cannot be external data") }
        var entries: [String: String] = [:]
        try each(message, lt_onnx_tensor_external_data_count, lt_onnx_tensor_external_data) { entry throws(LTError) in
            entries[try lt_onnx_entry_key(entry).text()] = try lt_onnx_entry_value(entry).text()
        }
        let buffer = try externalData.read(
            entries, byteCount: Tensor.byteCount(type, shape), deferring: deferring)
        return clean(Tensor(type, shape, buffer: buffer))
    }

    private func expect(
        _ actual: Int, _ expected: Int, _ what: String, _ type: ElementType, _ shape: Shape
    ) throws(LTError) {
        guard actual == expected else {
            throw LTError(
                .shapeMismatch, "\(actual) \(what), tensor(\(type.onnxName)) of shape \(shape) needs \(expected)")
        }
    }

    /// A Swift Bool must be 0 or 1; files hold any byte.
    private func clean(_ tensor: Tensor) -> Tensor {
        guard tensor.type == .bool else { return tensor }
        let bytes = tensor.rawPointer.assumingMemoryBound(to: UInt8.self)
        for index in 0..<tensor.count where bytes[index] > 1 { bytes[index] = 1 }
        return tensor
    }
}

extension UnsafeMutableRawPointer {
    fileprivate func copy(_ source: UnsafeRawBufferPointer) {
        if let base = source.baseAddress { copyMemory(from: base, byteCount: source.count) }
    }
}

extension Tensor {
    /// Reads a serialized TensorProto (the `.pb` files of ONNX test data) and its name.
    /// - Throws: `malformed`, `shapeMismatch` when the data do not fill the shape, `unsupported` element types.
    public static func read(protobuf bytes: [UInt8]) throws(LTError) -> (name: String, tensor: Tensor) {
        guard let message = lending(bytes, lt_onnx_tensor_parse) else { throw connxError() }
        defer { lt_onnx_tensor_free(message) }
        let name = try lt_onnx_tensor_name(message).text()
        return (name, try TensorReader(externalData: ExternalData(directory: nil)).tensor(message))
    }

    /// The tensor as a serialized TensorProto.
    /// - Throws: `unsupported` beyond 2 GB, `outOfMemory`.
    public func protobuf(name: String = "") throws(LTError) -> [UInt8] {
        lt_onnx_error_clear()
        let message = try made(lt_onnx_tensor_new())
        defer { lt_onnx_tensor_free(message) }
        try GraphWriter().write(self, name: name, to: message)
        return try serialized(message, lt_onnx_tensor_serialize)
    }
}
