// GraphWriter: a Graph as ONNX messages. Each message starts from its `extra` and gets the modelled fields on top.
// Elements are written as raw_data, whatever encoding they were read from; empty texts are left out.

import CONNX
import LTCore
import OrderedCollections

struct GraphWriter {
    /// Builds a ModelProto, which the caller frees with lt_onnx_model_free.
    func model(_ graph: Graph) throws(LTError) -> OpaquePointer {
        lt_onnx_error_clear()
        let message = try made(lt_onnx_model_new())
        do throws(LTError) {
            try write(model: graph, to: message)
            // Setters record what goes wrong instead of throwing.
            guard lt_onnx_error_status() == LT_ONNX_OK else { throw connxError() }
        } catch {
            lt_onnx_model_free(message)
            throw error
        }
        return message
    }

    private func write(model graph: Graph, to message: OpaquePointer) throws(LTError) {
        lending(graph.modelExtra) { lt_onnx_model_merge(message, $0) }
        lt_onnx_model_set_ir_version(message, graph.irVersion)
        set(message, graph.producerName, lt_onnx_model_set_producer_name)
        set(message, graph.producerVersion, lt_onnx_model_set_producer_version)
        set(message, graph.modelDomain, lt_onnx_model_set_domain)
        if graph.modelVersion != 0 { lt_onnx_model_set_model_version(message, graph.modelVersion) }
        set(message, graph.modelDocString, lt_onnx_model_set_doc_string)
        try write(opsets: graph.opsets, to: message, lt_onnx_model_add_opset_import)
        for (key, value) in graph.metadata {
            let entry = try made(lt_onnx_model_add_metadata_props(message))
            lending(key) { lt_onnx_entry_set_key(entry, $0) }
            lending(value) { lt_onnx_entry_set_value(entry, $0) }
        }
        for function in graph.functions {
            try write(function, to: try made(lt_onnx_model_add_functions(message)))
        }
        try write(graph, to: try made(lt_onnx_model_make_graph(message)))
    }

    func write(_ graph: Graph, to message: OpaquePointer) throws(LTError) {
        lending(graph.extra) { lt_onnx_graph_merge(message, $0) }
        set(message, graph.name, lt_onnx_graph_set_name)
        set(message, graph.docString, lt_onnx_graph_set_doc_string)
        for node in graph.nodes {
            let child = try made(lt_onnx_graph_add_node(message))
            try within(node.label) { () throws(LTError) in try write(node, to: child) }
        }
        for (name, tensor) in graph.initializers {
            let child = try made(lt_onnx_graph_add_initializer(message))
            if let extra = graph.initializerExtras[name] { lending(extra) { lt_onnx_tensor_merge(child, $0) } }
            try within("initializer '\(name)'") { () throws(LTError) in try write(tensor, name: name, to: child) }
        }
        for info in graph.inputs { try write(info, to: try made(lt_onnx_graph_add_input(message))) }
        for info in graph.outputs { try write(info, to: try made(lt_onnx_graph_add_output(message))) }
        for info in graph.valueInfos.values { try write(info, to: try made(lt_onnx_graph_add_value_info(message))) }
    }

    private func write(_ function: Function, to message: OpaquePointer) throws(LTError) {
        lending(function.extra) { lt_onnx_function_merge(message, $0) }
        set(message, function.name, lt_onnx_function_set_name)
        set(message, function.domain, lt_onnx_function_set_domain)
        set(message, function.overload, lt_onnx_function_set_overload)
        set(message, function.docString, lt_onnx_function_set_doc_string)
        for name in function.inputs { lending(name) { lt_onnx_function_add_input(message, $0) } }
        for name in function.outputs { lending(name) { lt_onnx_function_add_output(message, $0) } }
        for name in function.attributeNames { lending(name) { lt_onnx_function_add_attribute(message, $0) } }
        try write(
            function.attributeDefaults, extras: function.attributeExtras, to: message,
            lt_onnx_function_add_attribute_proto)
        try write(opsets: function.opsets, to: message, lt_onnx_function_add_opset_import)
        for node in function.nodes {
            try write(node, to: try made(lt_onnx_function_add_node(message)))
        }
        for info in function.valueInfos.values {
            try write(info, to: try made(lt_onnx_function_add_value_info(message)))
        }
    }

    private func write(
        opsets: OrderedDictionary<String, Int64>, to message: OpaquePointer,
        _ add: (OpaquePointer?) -> OpaquePointer?
    ) throws(LTError) {
        for (domain, version) in opsets {
            let child = try made(add(message))
            set(child, domain, lt_onnx_opset_set_domain)
            lt_onnx_opset_set_version(child, version)
        }
    }

    private func write(_ node: Node, to message: OpaquePointer) throws(LTError) {
        lending(node.extra) { lt_onnx_node_merge(message, $0) }
        for name in node.inputs { lending(name) { lt_onnx_node_add_input(message, $0) } }
        for name in node.outputs { lending(name) { lt_onnx_node_add_output(message, $0) } }
        set(message, node.name, lt_onnx_node_set_name)
        set(message, node.opType, lt_onnx_node_set_op_type)
        set(message, node.domain, lt_onnx_node_set_domain)
        set(message, node.overload, lt_onnx_node_set_overload)
        set(message, node.docString, lt_onnx_node_set_doc_string)
        try write(node.attributes, extras: node.attributeExtras, to: message, lt_onnx_node_add_attribute)
    }

    /// Sets a text, unless it is empty.
    func set(_ message: OpaquePointer, _ text: String, _ setter: (OpaquePointer?, lt_onnx_bytes) -> Void) {
        if !text.isEmpty { lending(text) { setter(message, $0) } }
    }
}
