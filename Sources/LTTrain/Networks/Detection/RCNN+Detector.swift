// The exported detector: the trained parts and what lies between them in one graph, from picture to detections.

import LTCore
import LTDecision
import LTGraph
import LTImage

extension RCNN {
    /// One graph of `parts`: `images` [1, 3, height, width] of any size → `boxes` [D, 4] in pixels, `scores` [D], `labels`
    /// [D], classes counted from 0, the best first; with masks `masks` [D, 28, 28], probabilities over the box.
    ///
    /// Pictures are filled with zeros, right and at the bottom, up to multiples of 32; boxes are cut at the edges of what was
    /// given.
    /// - Throws: `shapeMismatch` for parts of another network.
    public func detector(_ parts: Parts) throws(LTError) -> Graph {
        guard let logits = parts.boxHead.outputs.first(where: { $0.name == "class_logits" }),
            case .tensor(_, let dims?)? = logits.type, let columns = dims.last?.fixed,
            columns > classifier.columns(0), (parts.maskHead != nil) == (masks != nil)
        else { throw LTError(.shapeMismatch, "the parts are not those of this network") }
        var builder = GraphBuilder(name: "rcnn")
        let images = builder.input("images", .float32, [1, 3, "height", "width"])
        let sides = builder.node("Shape", [images], name: "sides", attributes: ["start": .int(2), "end": .int(4)])
        let size = builder.cast(sides, to: .float32)
        // −side modulo 32.
        let missing = builder.node(
            "Mod", [builder.node("Sub", [try builder.ints([0]), sides]), try builder.ints([Self.stride])])
        let pads = builder.concat([try builder.ints([0, 0, 0, 0, 0, 0]), missing])
        let padded = builder.node("Pad", [images, pads], name: "padded")

        var values = builder.inline(parts.pyramid, prefix: "pyramid/", inputs: ["images": padded])
        var inputs = values
        inputs["images"] = padded
        let anchors = try anchorGraph()
        values.merge(builder.inline(anchors, prefix: "anchors/", inputs: inputs.filter(anchors.takes))) { $1 }
        values["size"] = size
        // One picture: no batch from here on.
        inputs = values
        for level in Self.levels {
            for (name, dims) in [("objectness.\(level)", [-1]), ("deltas.\(level)", [-1, 4])] {
                if let value = values[name] { inputs[name] = try builder.reshape(value, dims) }
            }
        }
        let proposals = try proposalGraph(self.proposals)
        let proposed = builder.inline(proposals, prefix: "proposals/", inputs: inputs.filter(proposals.takes))

        values["boxes"] = proposed["proposals"]
        let boxRegions = try regionGraph(side: Self.boxSide)
        let cut = builder.inline(boxRegions, prefix: "box_regions/", inputs: values.filter(boxRegions.takes))
        var judged = builder.inline(parts.boxHead, prefix: "box_head/", inputs: cut.filter(parts.boxHead.takes))
        // Rows stay in the order of the regions; so the proposals follow them.
        judged["proposals"] = builder.gather(proposed["proposals"] ?? "", cut["order"] ?? "")
        judged["size"] = size
        let decisions = try decisionGraph(classes: columns - classifier.columns(0))
        let decided = builder.inline(decisions, prefix: "decisions/", inputs: judged.filter(decisions.takes))
        if let maskHead = parts.maskHead {
            values["boxes"] = decided["boxes"]
            let maskRegions = try regionGraph(side: Self.maskRegionSide)
            var cut = builder.inline(maskRegions, prefix: "mask_regions/", inputs: values.filter(maskRegions.takes))
            let order = cut["order"] ?? ""
            cut["labels"] = builder.gather(decided["labels"] ?? "", order)
            let drawn = builder.inline(maskHead, prefix: "mask_head/", inputs: cut.filter(maskHead.takes))
            // The inverse of a permutation is what sorts it.
            let sorted = builder.nodes(
                "TopK", [order, builder.node("Shape", [order])], outputs: 2, name: "inverse",
                attributes: ["axis": .int(0), "largest": .int(0)])
            let logits = builder.gather(drawn["mask_logits"] ?? "", sorted[1])
            values["masks"] = builder.node("Sigmoid", [logits])
        }
        builder.output(decided["boxes"] ?? "", as: "boxes", .float32, ["D", 4])
        builder.output(decided["scores"] ?? "", as: "scores", .float32, ["D"])
        builder.output(decided["labels"] ?? "", as: "labels", .int64, ["D"])
        if let masks = values["masks"] {
            builder.output(masks, as: "masks", .float32, ["D", .fixed(Self.maskSide), .fixed(Self.maskSide)])
        }
        return builder.graph
    }

    /// What a file says of this detector's outputs; labels, counts and provenance are the caller's.
    public func decisionLayer(preprocess: Preprocess) -> DecisionLayer {
        var layer = DecisionLayer(
            task: masks == nil ? .detection : .segmentation, preprocess: preprocess,
            activation: DecisionLayer.Activation.none)
        var postprocess = DecisionLayer.Postprocess(
            scoreThreshold: detections.score, maxDetections: detections.count)
        postprocess.outputs = [.boxes: "boxes", .scores: "scores", .labels: "labels"]
        postprocess.boxFormat = .xyxy
        postprocess.boxUnit = .pixels
        postprocess.labelValues = .index
        postprocess.background = DecisionLayer.Postprocess.Background.none
        if masks != nil {
            postprocess.outputs?[.masks] = "masks"
            postprocess.maskFrame = .box
        }
        layer.postprocess = postprocess
        return layer
    }
}

extension Graph {
    /// Whether an entry of a dictionary is for one of the inputs.
    fileprivate func takes(_ entry: Dictionary<String, String>.Element) -> Bool {
        inputs.contains { $0.name == entry.key }
    }
}
