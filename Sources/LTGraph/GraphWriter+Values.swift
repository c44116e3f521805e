// GraphWriter: tensors, attributes, value infos and types.

import CONNX
import LTCore
import OrderedCollections

extension GraphWriter {
    func write(_ tensor: Tensor, name: String, to message: OpaquePointer) throws(LTError) {
        // Protobuf's strings hold less than 2 GB.
        guard tensor.byteCount <= Int(Int32.max) else {
            throw LTError(.unsupported, "\(tensor.byteCount) bytes, a protobuf message holds at most 2 GB")
        }
        set(message, name, lt_onnx_tensor_set_name)
        let dims = tensor.dims.map { Int64($0) }
        if !dims.isEmpty { lt_onnx_tensor_set_dims(message, dims, dims.count) }
        lt_onnx_tensor_set_data_type(message, tensor.type.rawValue)
        if tensor.type == .string {
            for text in tensor.strings { lending(text) { lt_onnx_tensor_add_string_data(message, $0) } }
        } else {
            lt_onnx_tensor_set_raw_data(
                message, lt_onnx_bytes(data: UnsafeRawPointer(tensor.rawPointer), count: tensor.byteCount))
        }
    }

    func write(
        _ attributes: OrderedDictionary<String, Attribute>, extras: [String: [UInt8]], to message: OpaquePointer,
        _ add: (OpaquePointer?) -> OpaquePointer?
    ) throws(LTError) {
        for (name, value) in attributes {
            let child = try made(add(message))
            if let extra = extras[name] { lending(extra) { lt_onnx_attribute_merge(child, $0) } }
            try within("attribute '\(name)'") { () throws(LTError) in try write(value, to: child) }
            lending(name) { lt_onnx_attribute_set_name(child, $0) }
        }
    }

    private func write(_ value: Attribute, to message: OpaquePointer) throws(LTError) {
        // An extra made for a tensor or type value does not fit another kind of value.
        if case .tensor = value {} else { lt_onnx_attribute_clear_t(message) }
        if case .type = value {} else { lt_onnx_attribute_clear_tp(message) }
        switch value {
        case .float(let number):
            kind(message, AttributeKind.float)
            lt_onnx_attribute_set_f(message, number)
        case .int(let number):
            kind(message, AttributeKind.int)
            lt_onnx_attribute_set_i(message, number)
        case .string(let bytes):
            kind(message, AttributeKind.string)
            lending(bytes) { lt_onnx_attribute_set_s(message, $0) }
        case .tensor(let tensor):
            kind(message, AttributeKind.tensor)
            try write(tensor, name: "", to: try made(lt_onnx_attribute_make_t(message)))
        case .graph(let graph):
            kind(message, AttributeKind.graph)
            try write(graph, to: try made(lt_onnx_attribute_make_g(message)))
        case .type(let type):
            kind(message, AttributeKind.type)
            try write(type, to: try made(lt_onnx_attribute_make_tp(message)))
        case .floats(let numbers):
            kind(message, AttributeKind.floats)
            lt_onnx_attribute_set_floats(message, numbers, numbers.count)
        case .ints(let numbers):
            kind(message, AttributeKind.ints)
            lt_onnx_attribute_set_ints(message, numbers, numbers.count)
        case .strings(let list):
            kind(message, AttributeKind.strings)
            for bytes in list { lending(bytes) { lt_onnx_attribute_add_strings(message, $0) } }
        case .tensors(let list):
            kind(message, AttributeKind.tensors)
            for tensor in list {
                try write(tensor, name: "", to: try made(lt_onnx_attribute_add_tensors(message)))
            }
        case .graphs(let list):
            kind(message, AttributeKind.graphs)
            for graph in list { try write(graph, to: try made(lt_onnx_attribute_add_graphs(message))) }
        case .types(let list):
            kind(message, AttributeKind.types)
            for type in list { try write(type, to: try made(lt_onnx_attribute_add_type_protos(message))) }
        case .reference(let name, let code):
            if code != 0 { kind(message, code) }
            lending(name) { lt_onnx_attribute_set_ref_attr_name(message, $0) }
        case .opaque(let bytes):
            lending(bytes) { lt_onnx_attribute_merge(message, $0) }
        }
    }

    private func kind(_ message: OpaquePointer, _ code: Int32) { lt_onnx_attribute_set_type(message, code) }

    func write(_ info: ValueInfo, to message: OpaquePointer) throws(LTError) {
        lending(info.extra) { lt_onnx_value_info_merge(message, $0) }
        lending(info.name) { lt_onnx_value_info_set_name(message, $0) }
        set(message, info.docString, lt_onnx_value_info_set_doc_string)
        if let type = info.type { try write(type, to: try made(lt_onnx_value_info_make_type(message))) }
    }

    private func write(_ type: ValueType, to message: OpaquePointer) throws(LTError) {
        switch type {
        case .tensor(let element, let dims):
            let child = try made(lt_onnx_type_make_tensor_type(message))
            if let element { lt_onnx_tensor_type_set_elem_type(child, element.rawValue) }
            if let dims {
                try write(dims, to: try made(lt_onnx_tensor_type_make_shape(child)))
            } else {
                lt_onnx_tensor_type_clear_shape(child)
            }
        case .sequence(let inner):
            let child = try made(lt_onnx_type_make_sequence_type(message))
            if let inner { try write(inner, to: try made(lt_onnx_sequence_type_make_elem_type(child))) }
        case .optional(let inner):
            let child = try made(lt_onnx_type_make_optional_type(message))
            if let inner { try write(inner, to: try made(lt_onnx_optional_type_make_elem_type(child))) }
        case .map(let key, let value):
            let child = try made(lt_onnx_type_make_map_type(message))
            lt_onnx_map_type_set_key_type(child, key.rawValue)
            if let value { try write(value, to: try made(lt_onnx_map_type_make_value_type(child))) }
        case .opaque(let bytes):
            lending(bytes) { lt_onnx_type_merge(message, $0) }
        }
    }

    private func write(_ dims: [Dimension], to message: OpaquePointer) throws(LTError) {
        // The extra holds as many dimensions as the file had, with their denotations; another rank has no use for them.
        if lt_onnx_shape_dim_count(message) != dims.count { lt_onnx_shape_clear_dim(message) }
        let existing = lt_onnx_shape_dim_count(message)
        for (index, dim) in dims.enumerated() {
            let child = try made(
                index < existing ? lt_onnx_shape_dim(message, index) : lt_onnx_shape_add_dim(message))
            switch dim {
            case .fixed(let size): lt_onnx_dimension_set_dim_value(child, Int64(size))
            case .symbolic(let symbol): lending(symbol) { lt_onnx_dimension_set_dim_param(child, $0) }
            case .unknown: break
            }
        }
    }
}
