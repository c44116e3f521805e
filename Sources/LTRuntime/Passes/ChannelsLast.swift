// Transposes between NCHW and NHWC around depthwise convolutions, sums and averages disappear: what comes from a channels-last
// value is computed channels last, and only readers that need NCHW see a Transpose.

import LTCore
import LTGraph
import OrderedCollections

struct ChannelsLast: Pass {
    func apply(_ graph: Graph) throws(LTError) -> Graph {
        guard graph.nodes.contains(where: { $0.opType == "Transpose" }),
            let facts = try ifPossible({ () throws(LTError) in try Inference(graph) })
        else { return graph }
        var writer = Writer(graph, facts)
        for node in graph.nodes { try writer.write(node) }
        guard writer.converted else { return graph }
        return try RemoveDeadCode().apply(writer.result)
    }

    private struct Writer {
        let graph: Graph
        let facts: Inference
        var result: Graph
        /// Whether anything but copies changed.
        var converted = false
        private var taken: Set<String>
        /// NCHW value → the same value channels last.
        private var last: [String: String] = [:]
        private var renamed: [String: String] = [:]
        private let outputs: Set<String>

        init(_ graph: Graph, _ facts: Inference) {
            self.graph = graph
            self.facts = facts
            result = graph
            result.nodes = []
            taken = graph.valueNames
            outputs = Set(graph.outputs.map(\.name)).union(graph.nodes.flatMap(\.capturedNames))
        }

        private mutating func fresh(_ base: String) -> String {
            var (name, number) = (base, 1)
            while !taken.insert(name).inserted {
                name = "\(base)_\(number)"
                number += 1
            }
            return name
        }

        mutating func write(_ original: Node) throws(LTError) {
            var node = original
            node.inputs = node.inputs.map { renamed[$0] ?? $0 }
            guard node.isDefaultDomain, let output = node.singleOutput, facts[output]?.type == .float32 else {
                result.nodes.append(node)
                return
            }
            switch node.opType {
            case "Transpose":
                let perm = try node.ints("perm")
                if perm == [0, 3, 1, 2] {
                    last[output] = node.inputs[0]
                } else if perm == [0, 2, 3, 1], let twin = last[node.inputs[0]], !outputs.contains(output) {
                    renamed[output] = twin
                    return
                }
                result.nodes.append(node)
            case "Conv":
                if let twin = last[node.inputs[0]], try convolve(node, twin, output) { return }
                result.nodes.append(node)
            case "Add", "Sub", "Mul", "Relu", "Sigmoid", "Tanh", "Clip", "Gelu":
                if try combine(node, output) { return }
                result.nodes.append(node)
            case "GlobalAveragePool", "ReduceMean":
                if try average(node, output) { return }
                result.nodes.append(node)
            default: result.nodes.append(node)
            }
        }

        /// Notes that `twin` is `output` channels last, and makes `output` of it for those who want it.
        private mutating func finish(_ output: String, _ twin: String, _ node: Node) {
            last[output] = twin
            result.nodes.append(
                Node(
                    "Transpose", name: node.name + "/NCHW", inputs: [twin], outputs: [output],
                    attributes: ["perm": .ints([0, 3, 1, 2])]))
            converted = true
        }

        /// The mean over all pixels.
        private mutating func average(_ node: Node, _ output: String) throws(LTError) -> Bool {
            guard let twin = last[node.inputs[0]] else { return false }
            var keeps = true
            if node.opType == "ReduceMean" {
                var axes = try node.ints("axes")
                if node.inputs.count > 1 { axes = try graph.initializers[node.inputs[1]]?.integers("axes") }
                guard let axes, Set(axes.map { $0 < 0 ? $0 + 4 : $0 }) == [2, 3] else { return false }
                keeps = try node.int("keepdims") ?? 1 != 0
            }
            let name = keeps ? fresh(output + "/last") : output
            var mean = Node(
                "ReduceMean", name: node.name, inputs: [twin], outputs: [name],
                attributes: ["axes": .ints([1, 2]), "keepdims": .int(keeps ? 1 : 0)])
            mean.opset = 13
            result.nodes.append(mean)
            if keeps { finish(output, name, node) } else { converted = true }
            return true
        }

        /// Elementwise functions of values that all exist channels last, or are constants of one number per channel.
        private mutating func combine(_ node: Node, _ output: String) throws(LTError) -> Bool {
            guard let dims = facts[output]?.dims, dims.count == 4, let first = node.inputs.first else { return false }
            let isBinary = ["Add", "Sub", "Mul"].contains(node.opType)
            var inputs: [String] = []
            for name in node.inputs {
                if !isBinary, name != first {
                    inputs.append(name)
                } else if let twin = last[name], facts[name]?.dims.map({ $0 == dims }) ?? false {
                    inputs.append(twin)
                } else if let tensor = graph.initializers[name], tensor.type == .float32, tensor.count == 1 {
                    inputs.append(name)
                } else if let tensor = graph.initializers[name], tensor.type == .float32,
                    [3, 4].contains(tensor.shape.rank), let channels = dims[1], tensor.count == channels,
                    tensor.dims[tensor.shape.rank - 3] == channels
                {
                    let constant = fresh(name + "/last")
                    result.initializers[constant] = try tensor.reshaped(try Shape([channels]))
                    inputs.append(constant)
                } else {
                    return false
                }
            }
            guard inputs.contains(where: { graph.initializers[$0] == nil && result.initializers[$0] == nil }) else {
                return false
            }
            var twin = node
            twin.inputs = inputs
            let name = fresh(output + "/last")
            twin.outputs = [name]
            result.nodes.append(twin)
            finish(output, name, node)
            return true
        }

        private mutating func convolve(_ node: Node, _ twin: String, _ output: String) throws(LTError) -> Bool {
            guard node.inputs.count >= 2, let weights = graph.initializers[node.inputs[1]], weights.type == .float32,
                weights.shape.rank == 4, let dims = facts[node.inputs[0]]?.dims, dims.count == 4,
                ["NOTSET", ""].contains(try node.string("auto_pad") ?? ""),
                (try node.ints("dilations") ?? [1, 1]).allSatisfy({ $0 == 1 })
            else { return false }
            let bias = node.inputs.count > 2 && !node.inputs[2].isEmpty ? node.inputs[2] : nil
            if let bias { guard graph.initializers[bias]?.count == weights.dims[0] else { return false } }
            let strides = try node.ints("strides") ?? [1, 1]
            let pads = try node.ints("pads") ?? [0, 0, 0, 0]
            let kernel = Array(weights.dims.dropFirst(2))
            guard strides.count == 2, pads.count == 4, pads.allSatisfy({ $0 >= 0 }), strides.allSatisfy({ $0 > 0 })
            else { return false }
            if try node.int("group") ?? 1 == weights.dims[0], weights.dims[1] == 1, dims[1] == weights.dims[0],
                weights.dims[0] >= 16
            {
                let turned = fresh(node.inputs[1] + "/last")
                result.initializers[turned] = try weights.strided(
                    try Shape(kernel + [weights.dims[0]]), [kernel[1], 1, kernel[0] * kernel[1]])
                let name = fresh(output + "/last")
                result.nodes.append(
                    Node(
                        "DepthwiseConv", name: node.name, domain: DepthwiseConvOperator.schema.domain,
                        inputs: [twin, turned] + (bias.map { [$0] } ?? []), outputs: [name],
                        attributes: [
                            "strides": .ints(strides.map { Int64($0) }), "pads": .ints(pads.map { Int64($0) }),
                        ]))
                result.opsets["longtail"] = 1
                finish(output, name, node)
                return true
            }
            return try patches(node, twin, output, weights, bias, strides, pads, dims)
        }

        /// A convolution whose windows do not overlap is a product with the patches: those of NHWC are rows of kernel_width · C.
        private mutating func patches(
            _ node: Node, _ twin: String, _ output: String, _ weights: Tensor, _ bias: String?, _ strides: [Int],
            _ pads: [Int], _ dims: [Int?]
        ) throws(LTError) -> Bool {
            let kernel = Array(weights.dims.dropFirst(2))
            guard try node.int("group") ?? 1 == 1, kernel == strides, pads == [0, 0, 0, 0], let height = dims[2],
                let width = dims[3], kernel[0] > 0, kernel[1] > 0, height > 0, width > 0, height % kernel[0] == 0,
                width % kernel[1] == 0, weights.dims[1] == dims[1]
            else { return false }
            let (maps, channels) = (weights.dims[0], weights.dims[1])
            let depth = kernel[0] * kernel[1] * channels
            func add(
                _ opType: String, _ inputs: [String], _ suffix: String,
                _ attributes: OrderedDictionary<String, Attribute> = [:]
            ) -> String {
                let name = fresh(output + "/" + suffix)
                var made = Node(opType, name: name, inputs: inputs, outputs: [name], attributes: attributes)
                made.opset = 13
                result.nodes.append(made)
                return name
            }
            func reshape(_ value: String, _ shape: [Int], _ suffix: String) throws(LTError) -> String {
                let name = fresh(output + "/" + suffix + "Shape")
                result.initializers[name] = try Tensor(shape.map { Int64($0) })
                return add("Reshape", [value, name], suffix)
            }
            let (rows, columns) = (height / kernel[0], width / kernel[1])
            var patches = twin
            if kernel != [1, 1] {
                let cut = try reshape(twin, [-1, rows, kernel[0], columns, kernel[1] * channels], "cut")
                let turned = add("Transpose", [cut], "turned", ["perm": .ints([0, 1, 3, 2, 4])])
                patches = try reshape(turned, [-1, rows, columns, depth], "patches")
            }
            // [M, C, kh, kw] as [kh · kw · C, M].
            let matrix = fresh(node.inputs[1] + "/patches")
            let plane = kernel[0] * kernel[1]
            let buffer = try Buffer(byteCount: weights.byteCount) { target throws(LTError) in
                let target = target.assumingMemoryBound(to: Float.self)
                try weights.withBytes { bytes throws(LTError) in
                    let source = bytes.assumingMemoryBound(to: Float.self)
                    for tap in 0..<plane {
                        for channel in 0..<channels {
                            let row = target + (tap * channels + channel) * maps
                            for map in 0..<maps { row[map] = source[(map * channels + channel) * plane + tap] }
                        }
                    }
                }
            }
            result.initializers[matrix] = Tensor(.float32, try Shape([depth, maps]), buffer: buffer)
            var product = add("MatMul", [patches, matrix], "product")
            if let bias { product = add("Add", [product, bias], "last") }
            finish(output, product, node)
            return true
        }
    }
}
