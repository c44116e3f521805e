// The step of a detector (Ren et al., arXiv:1506.01497; He et al., arXiv:1703.06870): pyramid → losses of the anchors → proposals
// and objects → regions → class, box and mask losses of the regions. What is drawn is a function of the pass's seed and the
// picture's place among all processes' pictures.

import LTCore
import LTDecision
import LTGraph

extension DetectionTask {
    var lossParts: [String] {
        ["loss_objectness", "loss_rpn_box", "loss_class", "loss_box"] + (maskHead == nil ? [] : ["loss_mask"])
    }

    /// Feature maps of a batch, and what the anchors say.
    struct Maps {
        /// p2 … p5.
        var levels: [TorchTensor]
        /// [N, K] and [N, K, 4] of each level p2 … p6.
        var objectness: [TorchTensor]
        var deltas: [TorchTensor]
        /// K of each level.
        var anchors: [[Box]]
    }

    /// Elements per pixel of p2 … p5.
    static let scales = RCNN.regionLevels.indices.map { 1 / Double(4 << $0) }

    /// - Parameter images: [N, 3, height, width], sides multiples of 32.
    func maps(_ images: TorchTensor, _ mode: TorchMode) throws(LTError) -> Maps {
        let outputs = try pyramid.run(["images": try images.channelsLast()], mode: mode)
        func all(_ names: [String]) throws(LTError) -> [TorchTensor] {
            try names.map { name throws(LTError) in
                guard let value = outputs[name] else { throw LTError(.notFound, "the pyramid has no output '\(name)'") }
                return value
            }
        }
        let levels = try all(RCNN.levels)
        let boxes = try anchors.boxes(
            maps: levels.map { ($0.dims[2], $0.dims[3]) }, picture: (images.dims[2], images.dims[3]))
        return Maps(
            levels: Array(levels.prefix(RCNN.regionLevels.count)),
            objectness: try all(RCNN.levels.map { "objectness.\($0)" }),
            deltas: try all(RCNN.levels.map { "deltas.\($0)" }), anchors: boxes)
    }

    /// Regions cut from the pyramid, [R, channels, side, side].
    func cut(_ regions: [RoIAlign.Region], _ maps: Maps, side: Int) throws(LTError) -> TorchTensor {
        try RoIAlign(side: side, samples: network.regions.samples, aligned: network.regions.aligned)(
            maps.levels, scales: Self.scales, regions)
    }

    /// What the box head makes of regions.
    func judge(_ regions: TorchTensor, _ mode: TorchMode) throws(LTError) -> (
        logits: TorchTensor, deltas: TorchTensor, features: TorchTensor
    ) {
        let outputs = try boxHead.run(["regions": regions], mode: mode)
        guard let logits = outputs["class_logits"], let deltas = outputs["box_deltas"],
            let features = outputs["features"]
        else { throw LTError(.notFound, "an output of the box head is not there") }
        return (logits, deltas, features)
    }

    /// The loss of a batch.
    /// - Parameter first: the place of the first picture among all processes' pictures.
    func loss(_ samples: [Sample], first: Int, _ pass: TrainingPass) throws(LTError) -> PassLoss {
        let (mode, group) = (pass.mode, pass.mode.group)
        // One for each picture.
        var generators = samples.indices.map { SeededGenerator(seed: mode.seed, index: UInt64(first + $0)) }
        let batch = try padded(samples, group)
        let maps = try maps(batch.images, mode)

        let anchors = maps.anchors.flatMap { $0 }
        var targets: [RegionProposalLoss.Targets] = []
        for (index, sample) in samples.enumerated() {
            targets.append(options.anchorLoss.targets(anchors, sample.truth, &generators[index]))
        }
        let anchorLoss = try options.anchorLoss(
            objectness: maps.objectness, deltas: maps.deltas, targets, group: group)

        let proposals = try options.proposals(
            objectness: maps.objectness.map { tensor throws(LTError) in try tensor.detached() },
            deltas: maps.deltas.map { tensor throws(LTError) in try tensor.detached() }, anchors: maps.anchors,
            pictures: batch.sizes)
        var drawn: [SampledRegions] = []
        for (index, sample) in samples.enumerated() {
            let (height, width) = sample.size
            // A picture without any proposal is a region itself: there is always something to learn from.
            let own = proposals[index].boxes
            let whole = Box(x1: 0, y1: 0, x2: Float(width), y2: Float(height))
            drawn.append(options.regions(own.isEmpty ? [whole] : own, sample.truth, &generators[index]))
        }
        let regions = RegionBatch(drawn, classes: form.classes)
        let judged = try judge(cut(regions.regions, maps, side: RCNN.boxSide), mode)

        try learnStatistics(samples, maps, pass, &generators)
        var input = LossInput(
            judged.logits, try form.targets(regions.categories, like: judged.logits), epoch: pass.epoch,
            seed: mode.seed, group: group)
        if loss.usesFeatures {
            // What hallucination knows of features it has from boxes around the objects.
            input.features = loss is ForegroundBalance ? nil : judged.features
            input.classify = { [boxHead] (features) throws(LTError) in try boxHead.classify(features, mode: mode) }
        }
        let classLoss = try loss(input)
        let boxLoss = try options.boxLoss(
            judged.deltas, rows: regions.foreground,
            columns: regions.foregroundCategories.map { $0 + form.firstColumn },
            codes: regions.codes, group: group)
        var parts = [anchorLoss.objectness, anchorLoss.boxes, classLoss, boxLoss]
        if let maskHead { parts.append(try maskLoss(maskHead, samples, regions, maps, mode)) }
        var total = parts[0]
        for part in parts.dropFirst() { total = try total + part }
        return PassLoss(total: total, parts: parts)
    }

    /// Pictures filled up to the size that holds those of all processes.
    private func padded(_ samples: [Sample], _ group: any ProcessGroup) throws(LTError) -> PaddedBatch {
        var sides = [Double](repeating: 0, count: 2 * group.size)
        sides[2 * group.rank] = Double(samples.map(\.size.height).max() ?? 1)
        sides[2 * group.rank + 1] = Double(samples.map(\.size.width).max() ?? 1)
        try group.sum(&sides)
        let least = stride(from: 0, to: sides.count, by: 2).reduce((height: 1, width: 1)) {
            (max($0.height, Int(sides[$1])), max($0.width, Int(sides[$1 + 1])))
        }
        return try PaddedBatch(samples.map(\.image), multiple: RCNN.stride, least: least)
    }

    /// Feature hallucination learns from boxes around the objects (Qi et al., arXiv:2308.02213).
    private func learnStatistics(
        _ samples: [Sample], _ maps: Maps, _ pass: TrainingPass, _ generators: inout [SeededGenerator]
    ) throws(LTError) {
        guard let hallucination = (loss as? ForegroundBalance)?.hallucination, pass.epoch >= hallucination.startEpoch
        else { return }
        var regions: [RoIAlign.Region] = []
        var categories: [Int] = []
        for (index, sample) in samples.enumerated() where !sample.truth.boxes.isEmpty {
            let boxes = try FeatureHallucination.boxes(
                around: sample.truth.boxes.map { SIMD4(Double($0.x1), Double($0.y1), Double($0.x2), Double($0.y2)) },
                imageWidth: sample.size.width, imageHeight: sample.size.height,
                draws: FeatureHallucination.boxDraws(&generators[index]))
            regions += boxes.map {
                RoIAlign.Region(
                    image: index, box: Box(x1: Float($0[0]), y1: Float($0[1]), x2: Float($0[2]), y2: Float($0[3])))
            }
            for category in sample.truth.categories {
                categories += repeatElement(category, count: FeatureHallucination.boxesPerBox)
            }
        }
        if regions.isEmpty {
            // A process without an object takes part with background, which is no class: the others would wait.
            let (height, width) = samples.first?.size ?? (1, 1)
            regions = [RoIAlign.Region(image: 0, box: Box(x1: 0, y1: 0, x2: Float(width), y2: Float(height)))]
            categories = [form.classes]
        }
        try Torch.withoutGrad { () throws(LTError) in
            let judged = try judge(cut(regions, maps, side: RCNN.boxSide), pass.mode)
            try hallucination.learn(
                judged.features, targets: try form.targets(categories, like: judged.logits), group: pass.mode.group)
        }
    }

    private func maskLoss(
        _ head: TorchExecutor, _ samples: [Sample], _ regions: RegionBatch, _ maps: Maps, _ mode: TorchMode
    ) throws(LTError) -> TorchTensor {
        // Without an object every process still has gradients, which are 0.
        let isEmpty = regions.foreground.isEmpty
        let own = isEmpty ? Array(regions.regions.prefix(1)) : regions.foregroundRegions
        let labels = isEmpty ? own.map { _ in 0 } : regions.foregroundCategories
        let logits = try draw(head, try cut(own, maps, side: RCNN.maskRegionSide), labels, mode)
        var targets: [TorchTensor] = []
        for (image, sample) in samples.enumerated() {
            let rows = regions.foreground.indices.filter { regions.regions[regions.foreground[$0]].image == image }
            guard !rows.isEmpty else { continue }
            targets.append(
                try options.maskTargets(
                    rows.map { regions.regions[regions.foreground[$0]].box }, objects: rows.map { regions.objects[$0] },
                    masks: sample.masks, width: sample.size.width, height: sample.size.height))
        }
        guard isEmpty else { return try MaskLoss()(logits, .concatenated(targets, axis: 0), group: mode.group) }
        let nothing = try logits.part(0, from: 0, count: 0)
        return try MaskLoss()(nothing, nothing.detached(), group: mode.group) + logits.sum() * 0
    }

    /// The mask of each region's class, [R, 28, 28], before the sigmoid.
    func draw(_ head: TorchExecutor, _ regions: TorchTensor, _ labels: [Int], _ mode: TorchMode) throws(LTError)
        -> TorchTensor
    {
        let classes = try TorchTensor(try Tensor(labels.map(Int64.init)))
        guard let logits = try head.run(["regions": regions, "labels": classes], mode: mode)["mask_logits"] else {
            throw LTError(.notFound, "the mask head has no output 'mask_logits'")
        }
        return logits
    }
}
