// Losses of region proposals, boxes and masks against torchvision's, with gradients; what classes' losses are given.

import LTCore
import LTDecision
import LTTrain
import Testing

@Suite struct DetectionLossTests {
    @Test func proposalLossesAreTorchvisions() throws {
        let reference = try DetectionReference(part: "rpn_loss")
        let anchors = reference.boxes("anchors")
        var loss = RegionProposalLoss()
        loss.assigner = BoxAssigner(
            high: Float(try reference.double("high")), low: Float(try reference.double("low")), lowQuality: 0)
        let truth = try reference.list("truth").map { boxes($0) }
        let targets = truth.map { objects in
            let assignment = loss.assigner.assign(anchors, to: objects)
            // The script's draw: positions that are multiples of three.
            let drawn = stride(from: 0, to: anchors.count, by: 3)
            return loss.targets(
                anchors, objects, assignment,
                BalancedBoxSampler.Sample(
                    foreground: drawn.filter { assignment[$0] >= 0 },
                    background: drawn.filter { assignment[$0] == BoxAssigner.background }))
        }
        #expect(targets.allSatisfy { !$0.codes.isEmpty })
        // In two levels.
        func levels(_ key: String, _ width: Int) throws -> [TorchTensor] {
            let (all, total) = (reference.numbers(key), anchors.count)
            return try [0..<144, 144..<total].map { level in
                var values: [Float] = []
                for image in 0..<2 {
                    let start = (image * total + level.lowerBound) * width
                    values += all[start..<start + level.count * width].map { Float($0) }
                }
                let tensor = try TorchTensor(values, width > 1 ? [2, level.count, width] : [2, level.count])
                try tensor.setRequiresGrad(true)
                return tensor
            }
        }
        func joined(_ levels: [TorchTensor]) throws -> [Double] {
            let parts = try levels.map { try $0.gradient }
            return parts.flatMap { $0.prefix($0.count / 2) } + parts.flatMap { $0.suffix($0.count / 2) }
        }
        let (scores, deltas) = (try levels("scores", 1), try levels("deltas", 4))
        let result = try loss(objectness: scores, deltas: deltas, targets)
        #expect(abs(try result.objectness.item() - reference.double("score_loss")) < 1e-5)
        #expect(abs(try result.boxes.item() - reference.double("box_loss")) < 1e-5)
        try (result.objectness + result.boxes).backward()
        #expect(deviation(try joined(scores), reference.numbers("score_gradient")) < 1e-6)
        #expect(deviation(try joined(deltas), reference.numbers("delta_gradient")) < 1e-6)
    }

    @Test func picturesWithoutObjectsTrainObjectnessAlone() throws {
        let loss = RegionProposalLoss(beta: 0)
        let anchors = (0..<40).map { Box(x1: Float($0), y1: 0, x2: Float($0 + 9), y2: 9) }
        var generator = SeededGenerator(seed: 1)
        let targets = loss.targets(anchors, PictureObjects(boxes: [], categories: []), &generator)
        let scores = try TorchTensor([Float](repeating: 0, count: 40), [1, 40])
        let deltas = try TorchTensor([Float](repeating: 1, count: 160), [1, 40, 4])
        try deltas.setRequiresGrad(true)
        let result = try loss(objectness: [scores], deltas: [deltas], [targets])
        // ln 2 of each.
        #expect(abs(try result.objectness.item() - 0.6931472) < 1e-6)
        #expect(try result.boxes.item() == 0)
        try result.boxes.backward()
        #expect(try deltas.gradient.allSatisfy { $0 == 0 })
    }

    @Test func boxAndClassLossesAreTorchvisions() throws {
        let reference = try DetectionReference(part: "box_loss")
        // torchvision's labels: 0 is background, which has the first column.
        let labels = reference.ints("labels")
        let form = try ClassifierForm(classes: 3, background: .first, activation: "softmax")
        let categories = labels.map { $0 == 0 ? form.classes : $0 - 1 }
        let rows = labels.indices.filter { labels[$0] > 0 }
        let (logits, deltas) = (try reference.tensor("logits", grad: true), try reference.tensor("deltas", grad: true))
        let all = codes(reference["targets"])
        let boxes = try BoxLoss()(
            deltas, rows: rows, columns: rows.map { form.firstColumn + categories[$0] }, codes: rows.map { all[$0] })
        let classes = try SoftmaxCrossEntropy()(logits, form.targets(categories, like: logits))
        #expect(abs(try boxes.item() - reference.double("box_loss")) < 1e-5)
        #expect(abs(try classes.item() - reference.double("class_loss")) < 1e-5)
        try (boxes + classes).backward()
        #expect(deviation(try logits.gradient, reference.numbers("logit_gradient")) < 1e-6)
        #expect(deviation(try deltas.gradient, reference.numbers("delta_gradient")) < 1e-6)
    }

    @Test func betaZeroIsTheAbsoluteDifference() throws {
        let deltas = try TorchTensor([Float(1), 2, 3, 4, 5, 6, 7, 8], [2, 1, 4])
        let loss = try BoxLoss(beta: 0)(deltas, rows: [1], columns: [0], codes: [SIMD4(5, 5, 5, 9)])
        // (0 + 1 + 2 + 1) / 2 regions.
        #expect(try loss.item() == 2)
    }

    @Test func theLastClassIsRegressedToo() throws {
        // Three classes without background among the columns: background is category 3, not column 2.
        let form = try ClassifierForm(classes: 3, background: .none, activation: "sigmoid")
        let sampled = SampledRegions(
            boxes: [Box(x1: 0, y1: 0, x2: 4, y2: 4), Box(x1: 4, y1: 4, x2: 8, y2: 8)], objects: [0], categories: [2],
            codes: [SIMD4(1, 1, 1, 1)])
        let batch = RegionBatch([sampled], classes: 3)
        #expect(batch.categories == [2, 3] && batch.foreground == [0])
        let deltas = try TorchTensor([Float](repeating: 0, count: 24), [2, 3, 4])
        try deltas.setRequiresGrad(true)
        let loss = try BoxLoss(beta: 0)(
            deltas, rows: batch.foreground, columns: batch.foregroundCategories.map { form.firstColumn + $0 },
            codes: batch.codes)
        #expect(try loss.item() == 2)
        try loss.backward()
        let touched = try deltas.gradient.indices.filter { try deltas.gradient[$0] != 0 }
        #expect(touched == [8, 9, 10, 11])
    }

    @Test func processesMeanIsTheWholeBatchsLoss() throws {
        let (deltas, codes) = (
            try TorchTensor([Float](repeating: 0, count: 12), [3, 1, 4]), [SIMD4<Float>(1, 1, 1, 1)]
        )
        // Another process has five regions: a mean of four.
        struct Two: ProcessGroup {
            let rank = 0
            let size = 2
            let localRank = 0
            let localSize = 2
            func sum(_ memory: UnsafeMutableRawBufferPointer, _ type: ElementType) throws(LTError) {
                memory.bindMemory(to: Double.self)[0] += 5
            }
        }
        let loss = try BoxLoss(beta: 0)(deltas, rows: [0], columns: [0], codes: codes, group: Two())
        #expect(try loss.item() == 1)
    }

    @Test func boxLossRefusesWhatIsNotThere() throws {
        let deltas = try TorchTensor([Float](repeating: 0, count: 24), [2, 3, 4])
        #expect(throws: LTError.self) { try BoxLoss()(deltas, rows: [2], columns: [0], codes: [.zero]) }
        #expect(throws: LTError.self) { try BoxLoss()(deltas, rows: [0], columns: [3], codes: [.zero]) }
        #expect(throws: LTError.self) { try BoxLoss()(deltas, rows: [0], columns: [0], codes: []) }
    }

    @Test func maskLossIsTorchvisions() throws {
        let reference = try DetectionReference(part: "masks")
        let logits = try reference.tensor("logits", grad: true)
        let loss = try MaskLoss()(logits, reference.tensor("targets"))
        #expect(abs(try loss.item() - reference.double("loss")) < 1e-5)
        try loss.backward()
        #expect(deviation(try logits.gradient, reference.numbers("gradient")) < 1e-6)
        // The same masks among those of other categories.
        let side = try reference.int("side")
        let own = reference.numbers("logits").map { Float($0) }
        var values: [Float] = []
        for row in 0..<4 {
            values += [Float](repeating: 3, count: side * side)
            values += own[row * side * side..<(row + 1) * side * side]
        }
        let wide = try TorchTensor(values, [4, 2, side, side])
        let same = try MaskLoss()(wide, reference.tensor("targets"), columns: [1, 1, 1, 1])
        #expect(try same.item() == loss.item())
        let none = try MaskLoss()(TorchTensor([Float](), [0, 28, 28]), TorchTensor([Float](), [0, 28, 28]))
        #expect(try none.item() == 0)
        #expect(throws: LTError.self) { try MaskLoss()(logits, TorchTensor([Float](), [0, 7, 7])) }
    }

    @Test func classTargetsFollowTheForm() throws {
        let categories = [1, 2, 0]
        func targets(_ background: DecisionLayer.Postprocess.Background, _ activation: String) throws -> [Double] {
            let form = try ClassifierForm(classes: 2, background: background, activation: activation)
            let logits = try TorchTensor([Float](repeating: 0, count: 3 * form.columns), [3, form.columns])
            return try form.targets(categories, like: logits).doubles()
        }
        #expect(try targets(.first, "softmax") == [0, 0, 1, 1, 0, 0, 0, 1, 0])
        #expect(try targets(.last, "softmax") == [0, 1, 0, 0, 0, 1, 1, 0, 0])
        #expect(try targets(.none, "sigmoid") == [0, 1, 0, 0, 1, 0])
        #expect(try targets(.last, "sigmoid") == [0, 1, 0, 0, 1, 0])
        #expect(throws: LTError.self) { try ClassifierForm(classes: 2, background: .none, activation: "softmax") }
        #expect(throws: LTError.self) { try ClassifierForm(classes: 2, background: .first, activation: "sigmoid") }
        let form = try ClassifierForm(classes: 2, background: .none, activation: "sigmoid")
        let logits = try TorchTensor([Float](repeating: 0, count: 2), [1, 2])
        #expect(throws: LTError.self) { try form.targets([3], like: logits) }
        #expect(throws: LTError.self) { try form.targets([0, 1], like: logits) }
    }

    @Test func lossesOfClassesTakeTheTargets() throws {
        // Rows of a class and of background; 0 everywhere is ln 2 an element.
        let ln2 = 0.6931471805599453
        let eql = try ClassifierForm(classes: 2, background: .none, activation: Equalization.activation)
        var logits = try TorchTensor([Double](repeating: 0, count: 4), [2, 2])
        // Class 1 is rare: the row of class 0 does not discourage it, background does.
        let equalization = Equalization(frequencies: [0.5, 0.0001])
        #expect(abs(try equalization(logits, eql.targets([0, 2], like: logits)).item() - 1.5 * ln2) < 1e-12)
        let bacl = try ClassifierForm(classes: 2, background: .last, activation: ForegroundBalance.activation)
        logits = try TorchTensor([Double](repeating: 0, count: 6), [2, 3])
        let balance = try ForegroundBalance(classes: 2)
        #expect(abs(try balance(logits, bacl.targets([0, 2], like: logits)).item() - 3 * ln2) < 1e-12)
    }
}
