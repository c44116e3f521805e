// GraphReader: attributes, value infos and types.

import CONNX
import LTCore
import OrderedCollections

extension GraphReader {
    func attributes(
        _ message: OpaquePointer, _ count: (OpaquePointer?) -> Int, _ item: (OpaquePointer?, Int) -> OpaquePointer?
    ) throws(LTError) -> (OrderedDictionary<String, Attribute>, [String: [UInt8]]) {
        var attributes: OrderedDictionary<String, Attribute> = [:]
        var extras: [String: [UInt8]] = [:]
        try each(message, count, item) { child throws(LTError) in
            let name = try lt_onnx_attribute_name(child).text()
            let (value, extra) = try within("attribute '\(name)'") { () throws(LTError) in try attribute(child) }
            guard attributes.updateValue(value, forKey: name) == nil else {
                throw LTError(.malformed, "two attributes are called '\(name)'")
            }
            if !extra.isEmpty { extras[name] = extra }
        }
        return (attributes, extras)
    }

    private func attribute(_ message: OpaquePointer) throws(LTError) -> (Attribute, extra: [UInt8]) {
        let reference = try lt_onnx_attribute_ref_attr_name(message).text()
        let kind = kind(message)
        var inner: [UInt8] = []
        let value: Attribute
        if !reference.isEmpty {
            value = .reference(reference, kind: kind)
        } else {
            switch kind {
            case AttributeKind.float: value = .float(lt_onnx_attribute_f(message))
            case AttributeKind.int: value = .int(lt_onnx_attribute_i(message))
            case AttributeKind.string: value = .string(lt_onnx_attribute_s(message).array)
            case AttributeKind.tensor:
                guard let child = lt_onnx_attribute_t(message) else { throw empty("tensor") }
                let name = lt_onnx_tensor_name(child).array
                value = .tensor(try tensors.tensor(child))
                inner = wireField(5, wireField(8, name) + taking(lt_onnx_tensor_extra(child)))
            case AttributeKind.graph:
                guard let child = lt_onnx_attribute_g(message) else { throw empty("graph") }
                value = .graph(try graph(child))
            case AttributeKind.type:
                guard let child = lt_onnx_attribute_tp(message) else { throw empty("type") }
                let (type, extra) = try self.type(child)
                value = .type(type ?? .opaque([]))
                inner = wireField(14, extra)
            case AttributeKind.floats:
                value = .floats(
                    Array(
                        UnsafeBufferPointer(
                            start: lt_onnx_attribute_floats(message), count: lt_onnx_attribute_floats_count(message))))
            case AttributeKind.ints:
                value = .ints(
                    Array(
                        UnsafeBufferPointer(
                            start: lt_onnx_attribute_ints(message), count: lt_onnx_attribute_ints_count(message))))
            case AttributeKind.strings:
                value = .strings(
                    (0..<lt_onnx_attribute_strings_count(message)).map { lt_onnx_attribute_strings(message, $0).array })
            case AttributeKind.tensors:
                // A list whose elements carry more than we model (names, say) stays as it is.
                let whole = try serialized(message, lt_onnx_attribute_serialize)
                var list: [Tensor] = []
                var bare = true
                try each(message, lt_onnx_attribute_tensors_count, lt_onnx_attribute_tensors) {
                    child throws(LTError) in
                    list.append(try tensors.tensor(child))
                    bare = bare && lt_onnx_tensor_name(child).count == 0 && taking(lt_onnx_tensor_extra(child)).isEmpty
                }
                guard bare else { return (.opaque(whole), []) }
                value = .tensors(list)
            case AttributeKind.graphs:
                var list: [Graph] = []
                try each(message, lt_onnx_attribute_graphs_count, lt_onnx_attribute_graphs) {
                    child throws(LTError) in list.append(try graph(child))
                }
                value = .graphs(list)
            case AttributeKind.types:
                let whole = try serialized(message, lt_onnx_attribute_serialize)
                var list: [ValueType] = []
                var bare = true
                try each(message, lt_onnx_attribute_type_protos_count, lt_onnx_attribute_type_protos) {
                    child throws(LTError) in
                    let (type, extra) = try self.type(child)
                    list.append(type ?? .opaque([]))
                    bare = bare && extra.isEmpty
                }
                guard bare else { return (.opaque(whole), []) }
                value = .types(list)
            default:
                return (.opaque(try serialized(message, lt_onnx_attribute_serialize)), [])
            }
        }
        return (value, taking(lt_onnx_attribute_extra(message)) + inner)
    }

    private func empty(_ kind: String) -> LTError { LTError(.malformed, "an attribute of kind \(kind) has no value") }

    /// The kind as stated, or, in files from before IR 2 that state none, as the fields show it; 0 when nothing does.
    private func kind(_ message: OpaquePointer) -> Int32 {
        let stated = lt_onnx_attribute_type(message)
        if stated != 0 { return stated }
        if lt_onnx_attribute_has_f(message) { return AttributeKind.float }
        if lt_onnx_attribute_has_i(message) { return AttributeKind.int }
        if lt_onnx_attribute_has_s(message) { return AttributeKind.string }
        if lt_onnx_attribute_t(message) != nil { return AttributeKind.tensor }
        if lt_onnx_attribute_g(message) != nil { return AttributeKind.graph }
        if lt_onnx_attribute_floats_count(message) > 0 { return AttributeKind.floats }
        if lt_onnx_attribute_ints_count(message) > 0 { return AttributeKind.ints }
        if lt_onnx_attribute_strings_count(message) > 0 { return AttributeKind.strings }
        if lt_onnx_attribute_tensors_count(message) > 0 { return AttributeKind.tensors }
        if lt_onnx_attribute_graphs_count(message) > 0 { return AttributeKind.graphs }
        return 0
    }

    /// - Parameter extra: takes the earlier descriptions of a value that is described twice, as elements of field `number`.
    func valueInfos(
        _ message: OpaquePointer, _ count: (OpaquePointer?) -> Int, _ item: (OpaquePointer?, Int) -> OpaquePointer?,
        number: Int, extra: inout [UInt8]
    ) throws(LTError) -> OrderedDictionary<String, ValueInfo> {
        var all: [ValueInfo] = []
        try each(message, count, item) { child throws(LTError) in all.append(try valueInfo(child)) }
        let last = lastPositions(all.map(\.name))
        var infos: OrderedDictionary<String, ValueInfo> = [:]
        for (position, info) in all.enumerated() {
            if last[info.name] == position {
                infos[info.name] = info
            } else {
                let earlier = try made(lt_onnx_value_info_new())
                defer { lt_onnx_value_info_free(earlier) }
                try GraphWriter().write(info, to: earlier)
                extra += wireElement(number, try serialized(earlier, lt_onnx_value_info_serialize))
            }
        }
        return infos
    }

    /// Where each name stands last.
    func lastPositions(_ names: [String]) -> [String: Int] {
        Dictionary(names.enumerated().map { ($1, $0) }, uniquingKeysWith: { $1 })
    }

    func valueInfo(_ message: OpaquePointer) throws(LTError) -> ValueInfo {
        var info = ValueInfo(try lt_onnx_value_info_name(message).text())
        return try within("the type of '\(info.name)'") { () throws(LTError) in
            var inner: [UInt8] = []
            if let child = lt_onnx_value_info_type(message) {
                let (type, extra) = try self.type(child)
                info.type = type
                inner = wireField(2, extra)
            }
            info.docString = try lt_onnx_value_info_doc_string(message).text()
            info.extra = taking(lt_onnx_value_info_extra(message)) + inner
            return info
        }
    }

    /// The type, and as extra what it holds beside it (denotations), in the shape of a TypeProto.
    func type(_ message: OpaquePointer) throws(LTError) -> (type: ValueType?, extra: [UInt8]) {
        if let child = lt_onnx_type_tensor_type(message) {
            let code = lt_onnx_tensor_type_elem_type(child)
            let element = ElementType(rawValue: code)
            if code != 0 && element == nil { return (.opaque(try serialized(message, lt_onnx_type_serialize)), []) }
            var dims: [Dimension]?
            var dimExtras: [UInt8] = []
            if let shape = lt_onnx_tensor_type_shape(child) {
                (dims, dimExtras) = try self.dims(shape)
            }
            let extra = taking(lt_onnx_tensor_type_extra(child)) + wireField(2, dimExtras)
            return (.tensor(element, dims), taking(lt_onnx_type_extra(message)) + wireField(1, extra))
        }
        if let child = lt_onnx_type_sequence_type(message) {
            let (inner, innerExtra) = try optionalType(lt_onnx_sequence_type_elem_type(child))
            let extra = taking(lt_onnx_sequence_type_extra(child)) + wireField(1, innerExtra)
            return (.sequence(inner), taking(lt_onnx_type_extra(message)) + wireField(4, extra))
        }
        if let child = lt_onnx_type_optional_type(message) {
            let (inner, innerExtra) = try optionalType(lt_onnx_optional_type_elem_type(child))
            let extra = taking(lt_onnx_optional_type_extra(child)) + wireField(1, innerExtra)
            return (.optional(inner), taking(lt_onnx_type_extra(message)) + wireField(9, extra))
        }
        if let child = lt_onnx_type_map_type(message),
            let key = ElementType(rawValue: lt_onnx_map_type_key_type(child))
        {
            let (inner, innerExtra) = try optionalType(lt_onnx_map_type_value_type(child))
            let extra = taking(lt_onnx_map_type_extra(child)) + wireField(2, innerExtra)
            return (.map(key: key, value: inner), taking(lt_onnx_type_extra(message)) + wireField(5, extra))
        }
        let bytes = try serialized(message, lt_onnx_type_serialize)
        return (bytes.isEmpty ? nil : .opaque(bytes), [])
    }

    private func optionalType(_ message: OpaquePointer?) throws(LTError) -> (ValueType?, [UInt8]) {
        guard let message else { return (nil, []) }
        return try type(message)
    }

    private func dims(_ message: OpaquePointer) throws(LTError) -> ([Dimension], extra: [UInt8]) {
        var dims: [Dimension] = []
        var extras: [[UInt8]] = []
        try each(message, lt_onnx_shape_dim_count, lt_onnx_shape_dim) { child throws(LTError) in
            if lt_onnx_dimension_has_dim_value(child) {
                // Some exporters write -1 for a dimension that they do not know.
                let value = lt_onnx_dimension_dim_value(child)
                dims.append(value < 0 ? .unknown : .fixed(Int(value)))
            } else {
                let symbol = try lt_onnx_dimension_dim_param(child).text()
                dims.append(symbol.isEmpty ? .unknown : .symbolic(symbol))
            }
            extras.append(taking(lt_onnx_dimension_extra(child)))
        }
        var extra = taking(lt_onnx_shape_extra(message))
        // One element per dimension or none: the writer puts them back by position.
        if extras.contains(where: { !$0.isEmpty }) {
            for item in extras { extra += wireElement(1, item) }
        }
        return (dims, extra)
    }
}
