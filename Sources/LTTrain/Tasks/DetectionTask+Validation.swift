// Validation of a detector: its detections, judged by LVIS's or COCO's rules as `lt-eval detection` does; with a mask head masks too.

import LTCore
import LTData
import LTDecision
import LTEval
import LTGraph
import LTImage

extension DetectionTask {
    /// What overlaps: boxes, then masks where the network has them.
    private var overlaps: [DetectionProtocol.IoUType] { maskHead == nil ? [.bbox] : [.bbox, .segm] }

    private static func prefix(_ overlap: DetectionProtocol.IoUType) -> String { overlap == .bbox ? "" : "segm_" }

    var metrics: [EpochMetrics.Entry] {
        overlaps.flatMap {
            EpochMetrics.detection(prefix: Self.prefix($0), isFederated: sets.allSatisfy(\.isFederated))
        }
    }

    /// Checks that the splits have the classes of the training set.
    static func check(_ splits: [DetectionSplit], against training: DetectionSet) throws(LTError) {
        for split in splits {
            try within("validation split '\(split.name)'") { () throws(LTError) in
                let own = split.dataset.categories.map { DecisionLayer.Label(id: $0.id, name: $0.name) }
                guard own == training.labels else {
                    let first = zip(own, training.labels).first { $0 != $1 }
                    let detail = first.map { ": '\($0.name)' (\($0.id)), expected '\($1.name)' (\($1.id))" } ?? ""
                    throw LTError(
                        .shapeMismatch,
                        "its \(own.count) classes are not the training set's \(training.labels.count)\(detail)",
                        hint: "classes are compared by id and name, in order")
                }
                guard !split.dataset.images.isEmpty else { throw LTError(.notFound, "it has no images") }
                if split.dataset.archive == nil { try split.dataset.requireFiles() }
            }
        }
    }

    func measure(_ split: Int, run: RunContext) throws(LTError) -> Measurement {
        let found = try detections(sets[split].dataset, run)
        var metrics = EpochMetrics()
        for overlap in overlaps {
            let report = try evaluation(sets[split], found, overlap, run).report()
            metrics.add(
                report,
                EpochMetrics.detection(prefix: Self.prefix(overlap), isFederated: sets[split].isFederated))
        }
        return Measurement(metrics: metrics)
    }

    func reports(_ provenance: [ReportJSON.Member], run: RunContext) throws(LTError) -> [(name: String, report: Report)]
    {
        var reports: [(name: String, report: Report)] = []
        for split in sets {
            try within("validation split '\(split.name)'") { () throws(LTError) in
                let found = try detections(split.dataset, run)
                for overlap in overlaps {
                    var own = provenance
                    own.insert(.init("split", .string(split.name)), at: 1)
                    own.append(.init("iou_type", .string(overlap.rawValue)))
                    let report = try evaluation(split, found, overlap, run).report(provenance: own, figures: true)
                    reports.append((Self.reportName(split, overlap), report))
                }
            }
        }
        return reports
    }

    var reportNames: [String] {
        sets.flatMap { split in overlaps.map { Self.reportName(split, $0) } }
    }

    private static func reportName(_ split: DetectionSplit, _ overlap: DetectionProtocol.IoUType) -> String {
        overlap == .bbox ? split.name : "\(split.name)-\(overlap.rawValue)"
    }

    func trainingReport(_ provenance: [ReportJSON.Member]) -> Report {
        .ofTraining(
            task: "detection", images: training.count, training.counts, training.labels, recipe.groups,
            provenance + [.init("recipe", .string(recipe.text))])
    }

    private func evaluation(
        _ split: DetectionSplit, _ found: [[Detection]], _ overlap: DetectionProtocol.IoUType, _ run: RunContext
    ) throws(LTError) -> DetectionEvaluation {
        var rules = split.isFederated ? DetectionProtocol.lvis : .coco
        rules.iouType = overlap
        let truth = try DetectionTruth(split.dataset, rules: rules)
        var results = DetectionResults()
        for (position, image) in DetectionTruth.order(split.dataset).enumerated() {
            try results.append(found[image], image: position, rules: rules)
        }
        return try DetectionEvaluation(results, truth, rules: rules, threads: run.threads)
    }

    /// The detections of each image.
    /// - Parameter run: its processes share the images out, and all get the whole.
    private func detections(_ dataset: Dataset, _ run: RunContext) throws(LTError) -> [[Detection]] {
        let (group, count) = (run.group, dataset.images.count)
        let rounds = (count + group.size - 1) / group.size
        let own = min(count, group.rank * rounds)..<min(count, (group.rank + 1) * rounds)
        let (samples, writer) = (dataset.samples, TensorWriter(recipe.input.preprocess))
        let maker = Prefetcher<PictureSlot>.Maker(
            choose: { [$0] }, begin: { _ in PictureSlot() },
            fill: { (slot, _, _, sample) throws(LTError) in
                try within("image \(samples[sample].name)") { () throws(LTError) in
                    let image = try samples[sample].image(writer.preprocess.decodeOptions)
                    let geometry = try writer.preprocess.geometry(width: image.width, height: image.height)
                    let tensor = try Tensor(.float32, Shape([3, geometry.height, geometry.width]))
                    try writer.apply(image, into: tensor.elements())
                    slot.picture = (tensor, geometry)
                }
            })
        let prefetcher = Prefetcher(maker, range: own, threads: run.threads, ahead: 4, chunk: 1)
        defer { prefetcher.stop() }
        let head = try DetectionHead(try network.detector(parts()), decisionLayer)
        var result = [[Detection]](repeating: [], count: count)
        for round in 0..<rounds {
            try run.check(group)
            guard round < own.count else { continue }
            guard let (image, geometry) = try prefetcher.next().picture else {
                throw LTError(.notFound, "a picture that was loaded is not there")
            }
            result[own.lowerBound + round] = try head.detections(try outputs(image), geometry: geometry)
        }
        return try group.size == 1 ? result : gathered(result, own, dataset, group)
    }

    /// What every process found, in every process.
    private func gathered(
        _ lists: [[Detection]], _ own: Range<Int>, _ dataset: Dataset, _ group: any ProcessGroup
    ) throws(LTError) -> [[Detection]] {
        let encoded = lists.map { $0.flatMap(\.numbers) }
        var lengths = encoded.map { Double($0.count) }
        try group.sum(&lengths)
        let starts = lengths.reduce(into: [0]) { $0.append($0[$0.count - 1] + Int($1)) }
        var all = [Double](repeating: 0, count: starts[lists.count])
        for image in own {
            all.replaceSubrange(starts[image]..<starts[image] + encoded[image].count, with: encoded[image])
        }
        try group.sum(&all)
        var result: [[Detection]] = []
        for (index, image) in dataset.images.enumerated() {
            var rest = all[starts[index]..<starts[index + 1]]
            var list: [Detection] = []
            while !rest.isEmpty {
                list.append(try Detection(&rest, width: image.width ?? 0, height: image.height ?? 0))
            }
            result.append(list)
        }
        return result
    }
}

/// A picture in the making.
private final class PictureSlot: @unchecked Sendable {
    var picture: (image: Tensor, geometry: ImageGeometry)?
}

extension Detection {
    /// Category, score, box, the number of the mask's runs (−1: none), these.
    fileprivate var numbers: [Double] {
        [Double(category), Double(score), Double(box.x1), Double(box.y1), Double(box.x2), Double(box.y2)]
            + [mask.map { Double($0.runs.count) } ?? -1] + (mask?.runs.map(Double.init) ?? [])
    }

    /// Takes what `numbers` gave from the front.
    fileprivate init(_ numbers: inout ArraySlice<Double>, width: Int, height: Int) throws(LTError) {
        let head = Array(numbers.prefix(7))
        numbers = numbers.dropFirst(7)
        self.init(
            category: Int(head[0]), score: Float(head[1]),
            box: Box(x1: Float(head[2]), y1: Float(head[3]), x2: Float(head[4]), y2: Float(head[5])))
        guard head[6] >= 0 else { return }
        mask = try RunLengthMask(width: width, height: height, runs: numbers.prefix(Int(head[6])).map { UInt32($0) })
        numbers = numbers.dropFirst(Int(head[6]))
    }
}
