// What lies between the trained parts of a detector, in standard operators, one graph each for one picture: anchors,
// proposals, regions, decisions. The exported file holds them; a trainer runs the same graphs without gradients.

import LTCore
import LTGraph
import OrderedCollections

extension RCNN {
    /// `images` [N, 3, height, width] and the levels p2 … p6 (only their sizes count) → `anchors.L` [h·w·A, 4] for each
    /// level, in pixels: places row by row, at each the ratios (height / width) in their order.
    public func anchorGraph() throws(LTError) -> Graph {
        var builder = GraphBuilder(name: "anchors")
        let images = builder.input("images", .float32, ["N", 3, "height", "width"])
        let picture = builder.node("Shape", [images], name: "size", attributes: Self.lastTwo)
        for (index, level) in Self.levels.enumerated() {
            let map = builder.input(level, .float32, ["N", .fixed(channels), .unknown, .unknown])
            let size = builder.node("Shape", [map], name: "\(level).size", attributes: Self.lastTwo)
            let distances =
                convention == .torchvision
                ? builder.node("Div", [picture, size], name: "\(level).distance")
                : try builder.ints([4 << index, 4 << index])
            let rows = try positions(&builder, size, distances, axis: 0)
            let columns = try positions(&builder, size, distances, axis: 1)
            let places = builder.node("Add", [rows, columns], name: "\(level).places")
            let shapes = builder.initializer("\(level).shapes", try shapes(side: anchors.sides[index]))
            let all = try builder.reshape(builder.node("Add", [places, shapes]), [-1, 4])
            builder.output(all, as: "anchors.\(level)", .float32, [.unknown, 4])
        }
        return builder.graph
    }

    private static let lastTwo: OrderedDictionary<String, Attribute> = ["start": .int(2), "end": .int(4)]

    /// Where the places of a level lie along an axis, as what is added to boxes: [h, 1, 1, 4] or [1, w, 1, 4].
    private func positions(
        _ builder: inout GraphBuilder, _ size: String, _ distances: String, axis: Int
    ) throws(LTError) -> String {
        let count = builder.gather(size, try builder.int(axis))
        let places = builder.node("Range", [try builder.int(0), count, try builder.int(1)])
        let pixels = builder.node("Mul", [places, builder.gather(distances, try builder.int(axis))])
        let column = try builder.unsqueeze(builder.cast(pixels, to: .float32), axis == 0 ? [1, 2, 3] : [0, 2, 3])
        return builder.node("Mul", [column, try builder.floats(axis == 0 ? [0, 1, 0, 1] : [1, 0, 1, 0])])
    }

    /// The anchors of a place about the origin, [A, 4].
    func shapes(side: Double) throws(LTError) -> Tensor {
        var values: [Float] = []
        for ratio in anchors.ratios {
            let root = Float(ratio).squareRoot()
            var (width, height) = (1 / root * Float(side) / 2, root * Float(side) / 2)
            if convention == .torchvision {
                (width, height) = (width.rounded(.toNearestOrEven), height.rounded(.toNearestOrEven))
            }
            values += [-width, -height, width, height]
        }
        return try Tensor(values, [anchors.ratios.count, 4])
    }

    /// For one picture and L in p2 … p6: `objectness.L` [K], `deltas.L` [K, 4], `anchors.L` [K, 4]; `size` [2], its height
    /// and width → `proposals` [R, 4] in pixels, the best first, and `scores` [R].
    public func proposalGraph(_ limits: ProposalLimits) throws(LTError) -> Graph {
        var builder = GraphBuilder(name: "proposals")
        let size = builder.input("size", .float32, [2])
        var (boxes, scores): ([String], [String]) = ([], [])
        for level in Self.levels {
            let objectness = builder.input("objectness.\(level)", .float32, [.symbolic(level)])
            let deltas = builder.input("deltas.\(level)", .float32, [.symbolic(level), 4])
            let anchors = builder.input("anchors.\(level)", .float32, [.symbolic(level), 4])
            let best = try builder.best(objectness, limits.before, name: "\(level).best")
            let decoded = try builder.decoded(
                builder.gather(deltas, best.positions), builder.gather(anchors, best.positions))
            let clipped = try builder.clipped(decoded, size: size)
            // What is too small falls below the threshold of suppression.
            let score = builder.node(
                "Where",
                [
                    try builder.areLarge(clipped, smallest.proposal), builder.node("Sigmoid", [best.values]),
                    try builder.floats([-1]),
                ], name: "\(level).scores")
            let kept = builder.node(
                "NonMaxSuppression",
                [
                    try builder.unsqueeze(clipped, [0]), try builder.unsqueeze(score, [0, 1]),
                    try builder.ints([limits.after]), try builder.floats([limits.overlap]), try builder.floats([-0.5]),
                ], name: "\(level).suppression")
            let positions = builder.gather(kept, try builder.int(2), axis: 1)
            boxes.append(builder.gather(clipped, positions, name: "\(level).proposals"))
            scores.append(builder.gather(score, positions))
        }
        let best = try builder.best(builder.concat(scores), limits.after, name: "best")
        let kept = builder.gather(builder.concat(boxes), best.positions)
        builder.output(kept, as: "proposals", .float32, ["R", 4])
        builder.output(best.values, as: "scores", .float32, ["R"])
        return builder.graph
    }

    /// For one picture: levels p2 … p5 [1, channels, h, w] and `boxes` [R, 4] → `regions` [R, channels, side, side], those
    /// of p2 first, and `order` [R]: the box of each. A box of √area s is cut from level ⌊4 + log₂(s / 224)⌋.
    public func regionGraph(side: Int) throws(LTError) -> Graph {
        var builder = GraphBuilder(name: "regions")
        let maps = Self.regionLevels.map {
            builder.input($0, .float32, [1, .fixed(channels), .unknown, .unknown])
        }
        let boxes = builder.input("boxes", .float32, ["R", 4])
        let corners = try builder.halves(boxes)
        let sides = builder.node("Sub", [corners[1], corners[0]], name: "sides")
        let area = builder.node("ReduceProd", [sides], attributes: ["axes": .ints([1]), "keepdims": .int(0)])
        let root = builder.node("Sqrt", [area], name: "root")
        // log₂ may come out a little below a whole number: the limits leave as much room as torchvision's 1e-6.
        let limits: [Float] = [112, 224, 448].map { $0 * 0.9999993 }
        var (parts, order): ([String], [String]) = ([], [])
        for (index, map) in maps.enumerated() {
            var tests: [String] = []
            if index > 0 {
                tests.append(builder.node("GreaterOrEqual", [root, try builder.floats([limits[index - 1]])]))
            }
            if index < limits.count { tests.append(builder.node("Less", [root, try builder.floats([limits[index]])])) }
            let isOnLevel = tests.count == 1 ? tests[0] : builder.node("And", tests)
            let rows = try builder.squeeze(builder.node("NonZero", [isOnLevel]), [0])
            let batch = builder.node("Mul", [rows, try builder.ints([0])])
            let part = builder.node(
                "RoiAlign", [map, builder.gather(boxes, rows), batch], name: "\(Self.regionLevels[index]).regions",
                attributes: [
                    "coordinate_transformation_mode": .string(regions.aligned ? "half_pixel" : "output_half_pixel"),
                    "output_height": .int(Int64(side)), "output_width": .int(Int64(side)),
                    "sampling_ratio": .int(Int64(regions.samples)),
                    "spatial_scale": .float(1 / Float(4 << index)),
                ])
            parts.append(part)
            order.append(rows)
        }
        builder.output(
            builder.concat(parts), as: "regions", .float32, ["R", .fixed(channels), .fixed(side), .fixed(side)])
        builder.output(builder.concat(order), as: "order", .int64, ["R"])
        return builder.graph
    }

    /// For one picture: `class_logits` [R, columns], `box_deltas` [R, regressed, 4], `proposals` [R, 4] and `size` [2], its
    /// height and width → `boxes` [D, 4] in pixels, `scores` [D], `labels` [D], classes counted from 0, the best first.
    public func decisionGraph(classes: Int) throws(LTError) -> Graph {
        var builder = GraphBuilder(name: "decisions")
        let (columns, regressed) = (classifier.columns(classes), classifier.regressed(classes))
        let logits = builder.input("class_logits", .float32, ["R", .fixed(columns)])
        let deltas = builder.input("box_deltas", .float32, ["R", .fixed(regressed), 4])
        let proposals = builder.input("proposals", .float32, ["R", 4])
        let size = builder.input("size", .float32, [2])
        // Suppression takes classes for pictures of a batch: each has boxes of its own.
        var codes = builder.transpose(deltas, [1, 0, 2])
        if regressed > classes {
            codes = builder.node(
                "Slice", [codes, try builder.ints([classifier.firstColumn]), try builder.ints([regressed])])
        }
        let decoded = try builder.decoded(codes, builder.unsqueeze(proposals, [0]), weights: Self.boxWeights)
        let boxes = try builder.clipped(decoded, size: size)
        let probabilities = builder.transpose(try builder.scores(logits, classifier, classes: classes), [1, 0])
        let scores = builder.node(
            "Where", [try builder.areLarge(boxes, smallest.detection), probabilities, try builder.floats([-1])])
        let kept = builder.node(
            "NonMaxSuppression",
            [
                boxes, try builder.unsqueeze(scores, [1]), try builder.ints([detections.count]),
                try builder.floats([detections.overlap]), try builder.floats([detections.score]),
            ], name: "suppression")
        // Positions (class, region) among the scores.
        let positions = builder.gather(kept, try builder.ints([0, 2]), axis: 1)
        let best = try builder.best(
            builder.node("GatherND", [scores, positions]), detections.count, name: "best")
        let chosen = builder.gather(positions, best.positions)
        builder.output(builder.node("GatherND", [boxes, chosen]), as: "boxes", .float32, ["D", 4])
        builder.output(best.values, as: "scores", .float32, ["D"])
        builder.output(builder.gather(chosen, try builder.int(0), axis: 1), as: "labels", .int64, ["D"])
        return builder.graph
    }
}
