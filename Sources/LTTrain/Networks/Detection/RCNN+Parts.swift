// The trained parts of a detector, one graph each, with their initial weights: detectron2's (Kaiming for convolutions of
// the body, Xavier for pyramid and linear layers, normal numbers of deviation 0.01 for RPN and classes, 0.001 for boxes and masks).

import LTCore
import LTGraph
import OrderedCollections

extension RCNN {
    /// What is trained. Trainer and exported file run the same graphs; R regions, C classes, A anchors a place.
    public struct Parts: Sendable {
        /// `images` [N, 3, height, width], sides multiples of 32 → for L in p2 … p6: `L` [N, channels, h, w],
        /// `objectness.L` [N, h·w·A], `deltas.L` [N, h·w·A, 4], in the order of the anchors.
        public var pyramid: Graph
        /// `regions` [R, channels, 7, 7] → `class_logits` [R, columns], `box_deltas` [R, regressed, 4], `features`
        /// [R, representation]: what the last layers see. Columns and regressed: `Classifier`.
        public var boxHead: Graph
        /// `regions` [R, channels, 14, 14] and `labels` [R], classes counted from 0 → `mask_logits` [R, 28, 28], the mask
        /// of that class.
        public var maskHead: Graph?
        /// All of them, in this order.
        public var all: [Graph] {
            get { [pyramid, boxHead] + (maskHead.map { [$0] } ?? []) }
            set {
                (pyramid, boxHead) = (newValue[0], newValue[1])
                maskHead = newValue.count > 2 ? newValue[2] : nil
            }
        }
    }

    /// The parts with fresh weights.
    public func parts(_ request: inout NetworkRequest) throws(LTError) -> Parts {
        var parts = Parts(pyramid: try pyramid(&request), boxHead: try boxHead(&request))
        if let masks { parts.maskHead = try maskHead(masks, &request) }
        return parts
    }

    private func pyramid(_ request: inout NetworkRequest) throws(LTError) -> Graph {
        var net = NetworkBuilder(name: "pyramid", input: "images", ["N", 3, "height", "width"], request)
        defer { request = net.request }
        net.epsilon = epsilon
        let stages = try body.stages(&net, prefix: "backbone.body.")
        var sum: String?
        var maps: [String] = []
        for (index, stage) in stages.enumerated().reversed() {
            let inner = try net.layer(
                "backbone.fpn.inner_blocks.\(index).0", [channels, stage.channels, 1, 1], .xavier)
            let outer = try net.layer("backbone.fpn.layer_blocks.\(index).0", [channels, channels, 3, 3], .xavier)
            var merged = net.conv(stage.value, inner, "inner.\(index)", kernel: 1)
            if let sum { merged = net.add(merged, try net.doubled(sum)) }
            sum = merged
            maps.insert(net.conv(merged, outer, "level", kernel: 3), at: 0)
        }
        maps.append(net.maxPool(maps[maps.count - 1], kernel: 1, stride: 2))

        let places = anchors.ratios.count
        let conv = try net.layer("rpn.head.conv.0.0", [channels, channels, 3, 3], .normal(0.01))
        let score = try net.layer("rpn.head.cls_logits", [places, channels, 1, 1], .normal(0.01))
        let delta = try net.layer("rpn.head.bbox_pred", [4 * places, channels, 1, 1], .normal(0.01))
        for (level, map) in zip(Self.levels, maps) {
            let hidden = net.relu(net.conv(map, conv, "rpn.conv", kernel: 3))
            let objectness = try net.builder.reshape(
                net.builder.transpose(net.conv(hidden, score, "rpn.score", kernel: 1), [0, 2, 3, 1]), [0, -1])
            let deltas = try net.builder.reshape(
                net.builder.transpose(net.conv(hidden, delta, "rpn.delta", kernel: 1), [0, 2, 3, 1]), [0, -1, 4])
            net.builder.output(map, as: level, .float32, ["N", .fixed(channels), .unknown, .unknown])
            net.builder.output(objectness, as: "objectness.\(level)", .float32, ["N", .unknown])
            net.builder.output(deltas, as: "deltas.\(level)", .float32, ["N", .unknown, 4])
        }
        return net.builder.graph
    }

    private func boxHead(_ request: inout NetworkRequest) throws(LTError) -> Graph {
        let side = Self.boxSide
        var net = NetworkBuilder(
            name: "box_head", input: "regions", ["R", .fixed(channels), .fixed(side), .fixed(side)], request)
        defer { request = net.request }
        let (columns, regressed) = (classifier.columns(request.classes), classifier.regressed(request.classes))
        let first = try net.layer("roi_heads.box_head.fc6", [representation, channels * side * side], .xavier)
        let second = try net.layer("roi_heads.box_head.fc7", [representation, representation], .xavier)
        let score = try net.layer(
            "roi_heads.box_predictor.cls_score", [columns, representation], .normal(0.01), bias: classifier.bias)
        let delta = try net.layer(
            "roi_heads.box_predictor.bbox_pred", [4 * regressed, representation], .normal(0.001))
        var x = net.builder.node("Flatten", [net.input], name: "flatten")
        x = net.relu(net.linear(x, first, "fc6"))
        x = net.relu(net.linear(x, second, "fc7"))
        let logits = net.linear(x, score, "cls_score")
        let deltas = try net.builder.reshape(net.linear(x, delta, "bbox_pred"), [0, regressed, 4])
        net.builder.output(logits, as: "class_logits", .float32, ["R", .fixed(columns)])
        net.builder.output(deltas, as: "box_deltas", .float32, ["R", .fixed(regressed), 4])
        net.builder.output(x, as: "features", .float32, ["R", .fixed(representation)])
        return net.builder.graph
    }

    /// Four 3×3 convolutions, one that doubles the side, and of the last layer the row of the region's class alone: a file for
    /// 1,200 classes would else compute 1,200 masks a region.
    private func maskHead(_ predictor: MaskPredictor, _ request: inout NetworkRequest) throws(LTError) -> Graph {
        let side = Self.maskRegionSide
        var net = NetworkBuilder(
            name: "mask_head", input: "regions", ["R", .fixed(channels), .fixed(side), .fixed(side)], request)
        defer { request = net.request }
        let labels = net.builder.input("labels", .int64, ["R"])
        var x = net.input
        for index in 0..<4 {
            let layer = try net.layer("roi_heads.mask_head.\(index).0", [channels, channels, 3, 3], .kaiming)
            x = net.relu(net.conv(x, layer, "conv", kernel: 3))
        }
        let doubling = try net.layer(
            "roi_heads.mask_predictor.conv5_mask", [channels, channels, 2, 2], .kaiming, bias: 0)
        x = net.builder.node(
            "ConvTranspose", [x, doubling.weight, doubling.bias], name: "conv5_mask",
            attributes: ["kernel_shape": .ints([2, 2]), "strides": .ints([2, 2])])
        x = net.relu(x)
        let layer = try net.layer(
            "roi_heads.mask_predictor.mask_fcn_logits",
            [classifier.regressed(request.classes), channels, 1, 1], predictor == .linear ? .normal(0.001) : .kaiming)
        let area = Self.maskSide * Self.maskSide
        var column = labels
        if classifier.firstColumn > 0 {
            column = net.builder.node("Add", [labels, try net.builder.ints([classifier.firstColumn])], name: "column")
        }
        x = try net.builder.reshape(x, [0, channels, area])
        var rows = try net.builder.reshape(net.builder.gather(layer.weight, column), [0, 1, channels])
        if predictor == .normalised {
            x = net.builder.node("Mul", [try net.unit(x, axis: 1), try net.builder.floats([20])], name: "scaled")
            rows = try net.unit(rows, axis: 2)
        }
        let bias = try net.builder.unsqueeze(net.builder.gather(layer.bias, column), [1, 2])
        x = net.add(net.builder.node("MatMul", [rows, x], name: "mask_fcn_logits"), bias)
        net.builder.output(
            try net.builder.reshape(x, [0, Self.maskSide, Self.maskSide]), as: "mask_logits", .float32,
            ["R", .fixed(Self.maskSide), .fixed(Self.maskSide)])
        return net.builder.graph
    }
}

extension NetworkBuilder {
    /// A layer's weight and bias by name.
    struct Layer { let (weight, bias): (String, String) }
    enum Initial {
        case normal(Double)
        /// Uniform in ±√(3 / fan-in).
        case xavier
        /// Normal, deviation √(2 / fan-out).
        case kaiming
    }

    /// Fresh weights of `dims` (outputs, inputs, kernel), named `name.weight` and `name.bias`.
    mutating func layer(_ name: String, _ dims: [Int], _ initial: Initial, bias: Double = 0) throws(LTError) -> Layer {
        let kernel = dims.dropFirst(2).reduce(1, *)
        let weight: Tensor
        switch initial {
        case .normal(let deviation): weight = try normal(dims, deviation: deviation)
        case .xavier:
            let bound = (3 / Double(dims[1] * kernel)).squareRoot()
            weight = try request.tensor(dims) { $0.uniform(-bound...bound) }
        case .kaiming: weight = try normal(dims, deviation: (2 / Double(dims[0] * kernel)).squareRoot())
        }
        return Layer(
            weight: builder.initializer("\(name).weight", weight),
            bias: builder.initializer("\(name).bias", try request.tensor([dims[0]]) { _ in bias }))
    }

    mutating func conv(_ x: String, _ layer: Layer, _ name: String, kernel: Int) -> String {
        builder.node(
            "Conv", [x, layer.weight, layer.bias], name: name, attributes: window(kernel: kernel, stride: 1))
    }
    mutating func linear(_ x: String, _ layer: Layer, _ name: String) -> String {
        builder.node("Gemm", [x, layer.weight, layer.bias], name: name, attributes: ["transB": .int(1)])
    }
    /// Each element four times, for twice the sides.
    mutating func doubled(_ x: String) throws(LTError) -> String {
        let attributes: OrderedDictionary<String, Attribute> = [
            "mode": .string("nearest"), "coordinate_transformation_mode": .string("asymmetric"),
            "nearest_mode": .string("floor"),
        ]
        return builder.node(
            "Resize", [x, "", try builder.floats([1, 1, 2, 2])], name: "doubled", attributes: attributes)
    }
    /// Vectors along an axis divided by their lengths (plus 1e-6).
    mutating func unit(_ x: String, axis: Int64) throws(LTError) -> String {
        let length = builder.node("ReduceL2", [x], attributes: ["axes": .ints([axis]), "keepdims": .int(1)])
        return builder.node("Div", [x, builder.node("Add", [length, try builder.floats([1e-6])])], name: "unit")
    }
}
