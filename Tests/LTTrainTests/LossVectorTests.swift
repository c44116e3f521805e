// Losses against vectors made with the official code in double precision (Fixtures, or the folder LT_LOSS_VECTORS: same
// formats, other cases). Every file and case there must be read: a file nobody knows, or a case of a kind nobody compares,
// fails.

import Foundation
import LTCore
import LTTrain
import Testing

/// A case of a vector file, its numbers read as tensors of one type.
struct VectorCase {
    var name: String
    var fields: [String: Any]
    var type: ElementType

    var hyper: [String: Any] { fields["hyper"] as? [String: Any] ?? [:] }
    var inputs: [String: Any] { fields["inputs"] as? [String: Any] ?? [:] }
    var outputs: [String: Any] { fields["outputs"] as? [String: Any] ?? [:] }
    var before: [String: Any] { fields["state_before"] as? [String: Any] ?? [:] }
    /// The iterations of a loss with memory; a case without them is one.
    var iterations: [VectorCase] {
        guard let list = fields["iterations"] as? [[String: Any]] else { return [self] }
        return list.map { VectorCase(name: name, fields: $0, type: type) }
    }

    func number(_ key: String) throws -> Double { try #require(flat(hyper[key]).first, "\(name): no hyper.\(key)") }
    func int(_ key: String) throws -> Int { Int(try number(key)) }
    func labels(_ json: Any?) -> [Int] { flat(json).map { Int($0) } }

    func tensor(_ json: Any?) throws -> TorchTensor { try TorchTensor(flat(json), dims(json)).cast(type) }
    func leaf(_ json: Any?) throws -> TorchTensor {
        let result = try tensor(json)
        try result.setRequiresGrad(true)
        return result
    }
    /// [N, classes]; a label equal to `classes` is a row of zeros.
    func oneHot(_ labels: [Int], classes: Int) throws -> TorchTensor {
        var values = [Double](repeating: 0, count: labels.count * classes)
        for (row, label) in labels.enumerated() where label < classes { values[row * classes + label] = 1 }
        return try TorchTensor(values, [labels.count, classes]).cast(type)
    }
    func counts(_ images: [Int], total: Int? = nil) -> ClassCounts {
        ClassCounts(
            names: images.indices.map { "class \($0)" }, images: images, total: total ?? images.reduce(0, +))
    }
    func classWeights(_ json: Any?) -> ClassWeights { flat(json).isEmpty ? .none : ClassWeights(flat(json)) }

    var hasExtremeLogits: Bool { flat(inputs["logits"]).contains { abs($0) >= 50 } }

    /// Whether some output is not a number, for which an error, NaN or a documented fallback will do.
    var hasNaN: Bool {
        iterations.contains { $0.outputs.values.contains { flat($0).contains(where: \.isNaN) } }
    }
}

/// Numbers of ours beside those of the file.
struct Compared {
    var what: String
    var actual: [Double]
    var expected: [Double]

    init(_ what: String, _ actual: [Double], _ expected: Any?) {
        (self.what, self.actual, self.expected) = (what, actual, flat(expected))
    }
    init(_ what: String, _ actual: TorchTensor?, _ expected: Any?) throws {
        self.init(what, try actual?.doubles() ?? [], expected)
    }

    /// The greatest |a − b| / max(1, |b|) where b is a number; infinite where a is none, or counts differ.
    var deviation: Double {
        guard actual.count == expected.count, !expected.isEmpty else { return .infinity }
        var worst = 0.0
        for (a, b) in zip(actual, expected) {
            if b.isNaN {
                if a.isInfinite { return .infinity }
            } else if a != b {
                let difference = Swift.abs(a - b) / Swift.max(1, Swift.abs(b))
                worst = difference.isNaN ? .infinity : Swift.max(worst, difference)
            }
        }
        return worst
    }
}

extension TorchTensor {
    func doubles() throws -> [Double] {
        let wide = try cast(.float64)
        return try wide.array(of: Double.self)
    }
}

@Suite struct LossVectorTests {
    typealias Reader = @Sendable (VectorCase) throws -> [Compared]

    /// Who compares which file.
    static let readers: [(file: String, read: Reader)] = [
        ("db_resample_loss.json", LossVectors.distributionBalanced),
        ("db_aux_losses.json", LossVectors.plainLosses),
        ("cdb_ce.json", LossVectors.cdbCrossEntropy),
        ("cdb_ce_imagenet.json", LossVectors.cdbImageNet),
        ("cdb_weights_helper.json", LossVectors.cdbWeights),
        ("cdb_baselines.json", LossVectors.cdbBaselines),
        ("eql_loss.json", LossVectors.equalization),
        ("bacl_bce.json", LossVectors.rowsOfCrossEntropy),
        ("bacl_fcbl.json", LossVectors.foregroundBalance),
        ("bacl_fhm.json", LossVectors.hallucination),
        ("bacl_stat_boxes.json", LossVectors.boxes),
        ("ib_losses.json", LossVectors.influenceBalanced),
        ("ib_baseline_losses.json", LossVectors.baselines),
        ("ib_class_weights.json", LossVectors.classWeights),
    ]

    /// Files of the same folder that other suites compare.
    static let elsewhere: [String: String] = [
        "db_metrics.json": "EpochMetricsTests", "cdb_metrics.json": "EpochMetricsTests",
        "db_pareto.json": "LongTailVectorTests of LTDataTests",
        "cdb_imbalance.json": "LongTailVectorTests of LTDataTests",
        "ib_imbalance.json": "LongTailVectorTests of LTDataTests",
        "db_class_aware_sampler.json": "SamplerTests", "eql_repeat_factor.json": "BalancedSamplerTests",
        "ib_lr_schedule.json": "ScheduleTests", "lr_schedules.json": "ScheduleTests",
        "resnet_cifar_blocks.json": "TorchExecutorTests",
    ]

    /// Compares every case of every file; returns how many cases ran, and the greatest deviation.
    static func compare(_ type: ElementType, tolerance: (_ file: String, _ entry: VectorCase) -> Double) throws -> (
        ran: Int, worst: Double
    ) {
        var ran = 0
        var worst = 0.0
        for (file, read) in readers where FileManager.default.fileExists(atPath: path(file)) {
            let cases = try Fixtures.cases(file)
            #expect(!cases.isEmpty, "\(file) has no cases")
            for (index, fields) in cases.enumerated() {
                let name = "\(file) \(fields["case"] as? String ?? "\(index)")"
                let entry = VectorCase(name: name, fields: fields, type: type)
                ran += 1
                let numbers: [Compared]
                do {
                    numbers = try read(entry)
                } catch let error as LTError {
                    #expect(entry.hasNaN, "\(name): \(error)")
                    continue
                } catch {
                    Issue.record("\(name): \(error)")
                    continue
                }
                #expect(!numbers.isEmpty, "\(name): nothing was compared")
                let limit = tolerance(file, entry)
                for number in numbers {
                    let deviation = number.deviation
                    worst = max(worst, deviation)
                    #expect(deviation <= limit, "\(name): \(number.what) differs by \(deviation)")
                }
            }
        }
        return (ran, worst)
    }

    static func path(_ file: String) -> String { Fixtures.vectors.appendingPathComponent(file).path }

    @Test func everyCaseEqualsTheOfficialCode() throws {
        let (ran, worst) = try Self.compare(.float64) { _, _ in 1e-9 }
        print("loss vectors: \(ran) cases ran in float64, greatest deviation \(worst), of \(Fixtures.vectors.path)")
        #expect(ran > 0)
    }

    /// In training's float32: 1e-4, and 1e-3 for the influence-balanced losses of logits ±50.
    @Test func everyCaseIsCloseInFloat32() throws {
        let (ran, worst) = try Self.compare(.float32) { file, entry in
            file == "ib_losses.json" && entry.hasExtremeLogits ? 1e-3 : 1e-4
        }
        print("loss vectors: \(ran) cases ran in float32, greatest deviation \(worst)")
        #expect(ran > 0)
    }

    @Test func everyFileOfTheFolderIsRead() throws {
        let known = Set(Self.readers.map(\.file)).union(Self.elsewhere.keys)
        let names = try FileManager.default.contentsOfDirectory(atPath: Fixtures.vectors.path)
        if Fixtures.vectors != Fixtures.folder {
            for name in names where name.hasSuffix(".json") { #expect(known.contains(name), "nobody reads \(name)") }
        } else {
            for reader in Self.readers { #expect(names.contains(reader.file), "\(reader.file) is not there") }
        }
    }

    @Test func aDifferenceIsSeen() {
        #expect(Compared("", [1, 2], [1.0, 2.0 + 1e-8] as [Any]).deviation > 1e-9)
        #expect(Compared("", [1], [1.0, 2.0] as [Any]).deviation == .infinity)
        #expect(Compared("", [.nan], [1.0] as [Any]).deviation == .infinity)
        #expect(Compared("", [.infinity], ["NaN"] as [Any]).deviation == .infinity)
        #expect(Compared("", [3], ["NaN"] as [Any]).deviation == 0)
        #expect(Compared("", [], [] as [Any]).deviation == .infinity)
    }
}

/// What each file's cases are compared with, a function per file.
enum LossVectors {
    /// The value, its gradient with respect to the logits, in the names of the files.
    static func valueAndGradient(_ value: TorchTensor, _ logits: TorchTensor, _ outputs: [String: Any]) throws
        -> [Compared]
    {
        try value.backward()
        return [
            Compared("loss", [try value.item()], outputs["loss"] ?? outputs["loss_cls"]),
            try Compared("gradient", logits.grad(), outputs["grad_logits"]),
        ]
    }
}
