// GraphReader: ONNX messages as a Graph. Each message's fields are moved out and freed at once, what is left of it (fields
// we do not model, unknown fields) becomes `extra`; so a model takes its own size plus one tensor while it is read.

import CONNX
import LTCore
import OrderedCollections

struct GraphReader {
    let tensors: TensorReader

    /// Where elements lie that the message does not hold.
    private let elements: ModelFile?
    private let deferring: Bool

    init(directory: String?, elements: ModelFile? = nil, deferring: Bool = false) {
        tensors = TensorReader(externalData: ExternalData(directory: directory))
        self.elements = elements
        self.deferring = deferring
    }

    func model(_ message: OpaquePointer) throws(LTError) -> Graph {
        guard let graphMessage = lt_onnx_model_graph(message) else {
            throw LTError(.malformed, "the model has no graph: not an ONNX file")
        }
        guard lt_onnx_model_ir_version(message) > 0 else {
            throw LTError(.malformed, "the model has no IR version: not an ONNX file")
        }
        var graph = try self.graph(graphMessage, elements)
        graph.irVersion = lt_onnx_model_ir_version(message)
        graph.producerName = try lt_onnx_model_producer_name(message).text()
        graph.producerVersion = try lt_onnx_model_producer_version(message).text()
        graph.modelDomain = try lt_onnx_model_domain(message).text()
        graph.modelVersion = lt_onnx_model_model_version(message)
        graph.modelDocString = try lt_onnx_model_doc_string(message).text()
        graph.opsets = try opsets(message, lt_onnx_model_opset_import_count, lt_onnx_model_opset_import)
        try each(message, lt_onnx_model_functions_count, lt_onnx_model_functions) { child throws(LTError) in
            graph.functions.append(try function(child))
        }
        // A key written twice: the last one counts, the others are carried along.
        var entries: [(name: String, text: String)] = []
        try each(message, lt_onnx_model_metadata_props_count, lt_onnx_model_metadata_props) { entry throws(LTError) in
            entries.append((try lt_onnx_entry_key(entry).text(), try lt_onnx_entry_value(entry).text()))
        }
        let last = lastPositions(entries.map(\.name))
        for (position, (name, text)) in entries.enumerated() {
            if last[name] == position {
                graph.metadata[name] = text
            } else {
                graph.modelExtra += wireElement(14, wireField(1, Array(name.utf8)) + wireField(2, Array(text.utf8)))
            }
        }
        graph.modelExtra += taking(lt_onnx_model_extra(message))
        graph.externalFiles = tensors.externalData.files
        return graph
    }

    /// - Parameter elements: those of the initializers that lie in a file.
    func graph(_ message: OpaquePointer, _ elements: ModelFile? = nil) throws(LTError) -> Graph {
        var graph = Graph()
        // What belongs to a model stays empty in a subgraph.
        graph.irVersion = 0
        graph.name = try lt_onnx_graph_name(message).text()
        graph.docString = try lt_onnx_graph_doc_string(message).text()
        var position = 0
        try each(message, lt_onnx_graph_initializer_count, lt_onnx_graph_initializer) { child throws(LTError) in
            let name = try lt_onnx_tensor_name(child).text()
            let tensor = try within("initializer '\(name)'") { () throws(LTError) in
                try tensors.tensor(child, elements.map { ($0, position) }, deferring: deferring)
            }
            position += 1
            guard graph.initializers.updateValue(tensor, forKey: name) == nil else {
                throw LTError(.malformed, "two initializers are called '\(name)'")
            }
            let extra = taking(lt_onnx_tensor_extra(child))
            if !extra.isEmpty { graph.initializerExtras[name] = extra }
        }
        try each(message, lt_onnx_graph_node_count, lt_onnx_graph_node) { child throws(LTError) in
            graph.nodes.append(try node(child))
        }
        try each(message, lt_onnx_graph_input_count, lt_onnx_graph_input) { child throws(LTError) in
            graph.inputs.append(try valueInfo(child))
        }
        try each(message, lt_onnx_graph_output_count, lt_onnx_graph_output) { child throws(LTError) in
            graph.outputs.append(try valueInfo(child))
        }
        graph.valueInfos = try valueInfos(
            message, lt_onnx_graph_value_info_count, lt_onnx_graph_value_info, number: 13, extra: &graph.extra)
        for index in 0..<lt_onnx_graph_sparse_initializer_count(message) {
            graph.sparseInitializers.append(try lt_onnx_graph_sparse_initializer_name(message, index).text())
        }
        graph.extra += taking(lt_onnx_graph_extra(message))
        return graph
    }

    func function(_ message: OpaquePointer) throws(LTError) -> Function {
        var function = Function()
        function.name = try lt_onnx_function_name(message).text()
        function.domain = try lt_onnx_function_domain(message).text()
        return try within("function '\(function.name)'") { () throws(LTError) in
            function.overload = try lt_onnx_function_overload(message).text()
            function.inputs = try texts(message, lt_onnx_function_input_count, lt_onnx_function_input)
            function.outputs = try texts(message, lt_onnx_function_output_count, lt_onnx_function_output)
            function.attributeNames = try texts(message, lt_onnx_function_attribute_count, lt_onnx_function_attribute)
            (function.attributeDefaults, function.attributeExtras) = try attributes(
                message, lt_onnx_function_attribute_proto_count, lt_onnx_function_attribute_proto)
            try each(message, lt_onnx_function_node_count, lt_onnx_function_node) { child throws(LTError) in
                function.nodes.append(try node(child))
            }
            function.opsets = try opsets(
                message, lt_onnx_function_opset_import_count, lt_onnx_function_opset_import)
            function.valueInfos = try valueInfos(
                message, lt_onnx_function_value_info_count, lt_onnx_function_value_info, number: 12,
                extra: &function.extra)
            function.docString = try lt_onnx_function_doc_string(message).text()
            function.extra += taking(lt_onnx_function_extra(message))
            return function
        }
    }

    private func opsets(
        _ message: OpaquePointer, _ count: (OpaquePointer?) -> Int, _ item: (OpaquePointer?, Int) -> OpaquePointer?
    ) throws(LTError) -> OrderedDictionary<String, Int64> {
        var opsets: OrderedDictionary<String, Int64> = [:]
        try each(message, count, item) { child throws(LTError) in
            let domain = try lt_onnx_opset_domain(child).text()
            guard opsets.updateValue(lt_onnx_opset_version(child), forKey: domain) == nil else {
                throw LTError(.malformed, "the opset of domain '\(domain)' is imported twice")
            }
        }
        return opsets
    }

    func node(_ message: OpaquePointer) throws(LTError) -> Node {
        var node = Node(
            try lt_onnx_node_op_type(message).text(), name: try lt_onnx_node_name(message).text(),
            domain: try lt_onnx_node_domain(message).text(),
            inputs: try texts(message, lt_onnx_node_input_count, lt_onnx_node_input),
            outputs: try texts(message, lt_onnx_node_output_count, lt_onnx_node_output))
        return try within(node.label) { () throws(LTError) in
            node.overload = try lt_onnx_node_overload(message).text()
            node.docString = try lt_onnx_node_doc_string(message).text()
            (node.attributes, node.attributeExtras) = try attributes(
                message, lt_onnx_node_attribute_count, lt_onnx_node_attribute)
            node.extra = taking(lt_onnx_node_extra(message))
            return node
        }
    }
}
