// What losses remember: over processes, over interruptions, from validations.

import Foundation
import LTCore
import LTTrain
import OrderedCollections
import Testing

/// What threads leave behind.
private final class ThreadResults<Value: Sendable>: @unchecked Sendable {
    let lock = NSCondition()
    var values: [Int: Result<Value, any Error>] = [:]
}

/// Threads as processes: sums wait for every rank, and add in the order of ranks.
final class ThreadGroup: @unchecked Sendable {
    let size: Int
    private let condition = NSCondition()
    private var parts: [[Double]?]
    private var sum: [Double] = []
    private var left = 0
    private(set) var sums = 0

    init(size: Int) {
        self.size = size
        parts = Array(repeating: nil, count: size)
    }

    struct Rank: ProcessGroup {
        let group: ThreadGroup
        let rank: Int
        var size: Int { group.size }
        var localRank: Int { rank }
        var localSize: Int { size }
        func sum(_ memory: UnsafeMutableRawBufferPointer, _ type: ElementType) throws(LTError) {
            switch type {
            case .float64: try sum(memory.bindMemory(to: Double.self), { $0 }, { $0 })
            case .float32: try sum(memory.bindMemory(to: Float.self), { Double($0) }, { Float($0) })
            default: throw LTError(.unsupported, "a sum of tensor(\(type.onnxName))")
            }
        }
        private func sum<Element>(
            _ memory: UnsafeMutableBufferPointer<Element>, _ wide: (Element) -> Double, _ narrow: (Double) -> Element
        ) throws(LTError) {
            let total = try group.add(memory.map(wide), rank: rank)
            for index in memory.indices { memory[index] = narrow(total[index]) }
        }
    }

    private func add(_ part: [Double], rank: Int) throws(LTError) -> [Double] {
        condition.lock()
        defer { condition.unlock() }
        let limit = Date(timeIntervalSinceNow: 20)
        while left > 0 {
            guard condition.wait(until: limit) else { throw LTError(.library, "a process left the others waiting") }
        }
        parts[rank] = part
        if parts.allSatisfy({ $0 != nil }) {
            let all = parts.compactMap { $0 }
            guard Set(all.map(\.count)).count == 1 else { throw LTError(.library, "processes sum different tensors") }
            sum = all.dropFirst().reduce(all[0]) { zip($0, $1).map(+) }
            left = size
            sums += 1
            condition.broadcast()
        }
        while left == 0 {
            guard condition.wait(until: limit) else { throw LTError(.library, "a process left the others waiting") }
        }
        let result = sum
        left -= 1
        parts[rank] = nil
        if left == 0 { condition.broadcast() }
        return result
    }

    /// Runs a body per rank on threads of their own; their results in order.
    static func run<Value: Sendable>(
        _ size: Int, _ body: @escaping @Sendable (any ProcessGroup) throws -> Value
    ) throws -> [Value] {
        let group = ThreadGroup(size: size)
        let results = ThreadResults<Value>()
        for rank in 0..<size {
            let thread = Thread {
                let value = Result { try body(Rank(group: group, rank: rank)) }
                results.lock.lock()
                results.values[rank] = value
                results.lock.broadcast()
                results.lock.unlock()
            }
            thread.stackSize = 8 << 20
            thread.start()
        }
        results.lock.lock()
        while results.values.count < size { results.lock.wait() }
        results.lock.unlock()
        return try (0..<size).map { try #require(results.values[$0]).get() }
    }
}

/// A rank whose sums are its own.
private struct LoneRank: ProcessGroup {
    var rank: Int
    var size: Int { 1 }
    var localRank: Int { rank }
    var localSize: Int { 1 }
    func sum(_ memory: UnsafeMutableRawBufferPointer, _ type: ElementType) throws(LTError) {}
}

@Suite struct LossStateTests {
    private static func state(_ loss: any Loss) throws -> [String: [Double]] {
        var result: [String: [Double]] = [:]
        for (name, tensor) in try loss.state() { result[name] = try tensor.array(of: Double.self) }
        return result
    }

    /// Three steps of two processes, each on half of the batch, are three steps on the batch: values, gradients, state.
    @Test(arguments: LossProbe.everyLoss)
    func twoProcessesAreOne(_ name: String, _ yaml: String) throws {
        // One of the processes sees background only in the second step.
        let probes = [
            LossProbe(seed: 21), LossProbe(seed: 22, emptyRows: name == "bacl" ? [0, 1, 2, 3] : []),
            LossProbe(seed: 23),
        ]
        let whole = try probes[0].loss(name, yaml)
        let alone = try probes.map { try $0.run(whole) }
        let expected = try Self.state(whole)
        let halves = try ThreadGroup.run(2) { group in
            let loss = try probes[0].loss(name, yaml)
            let results = try probes.map {
                try $0.run(loss, rows: group.rank == 0 ? 0..<4 : 4..<8, group: group)
            }
            return (results, try Self.state(loss))
        }
        for step in probes.indices {
            let (first, second) = (halves[0].0[step], halves[1].0[step])
            #expect(abs((first.value + second.value) / 2 - alone[step].value) < 1e-12, "step \(step)")
            #expect(
                deviation((first.logits + second.logits).map { $0 / 2 }, alone[step].logits) < 1e-12, "step \(step)")
        }
        #expect(halves[0].1 == halves[1].1)
        for (key, values) in expected {
            let off = deviation(halves[0].1[key] ?? [], values)
            #expect(off < 1e-12, "\(key)")
        }
    }

    static let stateful = [
        ("cdb-ce", "tau: dynamic"), ("cdb-focal", ""), ("bacl", "hallucination: {sampled_num_features: 3}"),
        ("bacl", ""), ("seesaw", ""),
    ]

    /// An interrupted loss goes on with the same bits.
    @Test(arguments: stateful)
    func stateIsTakenUp(_ name: String, _ yaml: String) throws {
        let probes = (0..<6).map { LossProbe(seed: 40 + $0, draws: $0) }
        func step(_ loss: any Loss, _ index: Int) throws -> [Double] {
            let result = try probes[index].run(loss)
            try loss.update(LossValidation(recall: [0.9, 0.5, nil, 0.25, Double(index) / 10], epoch: index))
            return [result.value] + result.logits
        }
        let whole = try probes[0].loss(name, yaml)
        let expected = try (0..<6).map { try step(whole, $0) }
        let first = try probes[0].loss(name, yaml)
        var actual = try (0..<3).map { try step(first, $0) }
        let saved = try first.state()
        #expect(!saved.isEmpty)
        let second = try probes[0].loss(name, yaml)
        try second.restore(saved)
        actual += try (3..<6).map { try step(second, $0) }
        #expect(actual == expected)
        // What does not fit is named, and nothing of it is taken.
        for key in saved.keys {
            var broken = saved
            broken[key] = nil
            let missing = #expect(throws: LTError.self) { try second.restore(broken) }
            #expect(missing?.message.contains("'\(key)'") ?? false)
            broken[key] = try Tensor([1.0, 2, 3])
            let misfit = #expect(throws: LTError.self) { try second.restore(broken) }
            #expect(misfit?.code == .shapeMismatch)
        }
    }

    @Test func difficultyFollowsValidations() throws {
        let probe = LossProbe()
        let loss = try #require(try probe.loss("cdb-ce", "tau: 1, update_every: 2") as? CDBCrossEntropy)
        #expect(loss.usesValidation && loss.difficulty.weights == [1, 1, 1, 1, 1])
        try loss.update(LossValidation(recall: [0.5, 0.75, nil, 1, 0], epoch: 0))
        #expect(loss.difficulty.values == [0.5, 0.25, 1, 0, 1])
        let expected = [0.5, 0.25, 1, 0, 1].map { $0 * 5 / 2.75 }
        #expect(deviation(loss.difficulty.weights, expected) < 1e-12)
        // Every second epoch: not after epoch 1.
        try loss.update(LossValidation(recall: [1, 1, 1, 1, 1], epoch: 1))
        #expect(loss.difficulty.values == [0.5, 0.25, 1, 0, 1])
        // All solved: equal weights.
        try loss.update(LossValidation(recall: [1, 1, 1, 1, 1], epoch: 2))
        #expect(loss.difficulty.weights == [1, 1, 1, 1, 1])
        #expect(throws: LTError.self) { try loss.update(LossValidation(recall: [1], epoch: 4)) }
    }

    /// Draws are a function of the seed, and each process's own where they concern its images alone.
    @Test func drawsFollowTheSeed() throws {
        func value(_ name: String, _ yaml: String, seed: UInt64, rank: Int = 0) throws -> Double {
            let probe = LossProbe(draws: seed)
            let result = try probe.run(probe.loss(name, yaml), group: LoneRank(rank: rank))
            return result.value
        }
        for (name, yaml) in [("bacl", "hallucination: {}"), ("softmax-eql", "lambda: 1, probability: 0.5")] {
            #expect(try value(name, yaml, seed: 1) == value(name, yaml, seed: 1))
            #expect(try value(name, yaml, seed: 1) != value(name, yaml, seed: 2))
        }
        let dropped = ("softmax-eql", "lambda: 1, probability: 0.5")
        #expect(try value(dropped.0, dropped.1, seed: 1) != value(dropped.0, dropped.1, seed: 1, rank: 1))
        // Suppression is decided once for a batch of all processes, in the share γ of them.
        let values = try (0..<400).map { try value("eql", "lambda: 1, probability: 0.8", seed: $0) }
        let suppressed = try value("eql", "lambda: 1", seed: 0)
        let share = Double(values.filter { $0 == suppressed }.count) / 400
        #expect(Set(values).count == 2 && abs(share - 0.8) < 0.08)
        #expect(
            try value("eql", "lambda: 1, probability: 0.5", seed: 3)
                == value("eql", "lambda: 1, probability: 0.5", seed: 3, rank: 1))
    }

    /// Whole runs in which the loss sees features and classifies others.
    @Test(arguments: [
        "{name: bacl, hallucination: {sampled_num_features: 2, start_epoch: 1}}", "{name: ib, start_epoch: 1}",
        "{name: cdb-ce, tau: dynamic, focal_gamma: 2}", "{name: seesaw}",
    ])
    func runsWithFeaturesGoOnToTheBit(loss: String) throws {
        let overrides = [
            "loss=\(loss)", "network={name: resnet, blocks: [1, 1], width: 4}", "sampler.name=uniform",
            "validate={val: {annotations: a, images: b}}", "epochs=3", "iterations=null", "checkpoint_every=100",
        ]
        let (whole, parts) = (Fixtures.temporary(), Fixtures.temporary())
        defer { for folder in [whole, parts] { try? FileManager.default.removeItem(atPath: folder) } }
        let set = ValidationTests.singleLabels
        #expect(try ValidationTests.trainer(overrides, out: whole, set: set).run())
        for cut in [2, 5] {
            let ended = try ValidationTests.trainer(overrides, out: parts, set: set) {
                $0.resume = cut > 2
                $0.stopAfter = cut
            }.run()
            #expect(!ended)
        }
        #expect(try ValidationTests.trainer(overrides, out: parts, set: set) { $0.resume = true }.run())
        for name in ["checkpoint.safetensors", "model.onnx"] {
            #expect(try TrainerTests.bytes(whole, name) == TrainerTests.bytes(parts, name), "\(name)")
        }
    }

    @Test func hallucinationNeedsItsParts() throws {
        let probe = LossProbe()
        let loss = try probe.loss("bacl", "hallucination: {}")
        #expect(loss.usesFeatures)
        _ = try probe.run(loss)
        let logits = try TorchTensor(probe.logits(), [probe.rows, 5])
        let targets = try TorchTensor(probe.targets(), [probe.rows, 5])
        let plain = LossInput(logits, targets)
        let narrow = try TorchTensor([Double](repeating: 1, count: 8), [8, 1])
        let misfit = LossInput(logits, targets, features: narrow)
        let influence = try probe.loss("ib", "start_epoch: 0")
        let errors = [Self.error(loss, plain), Self.error(loss, misfit), Self.error(influence, plain)]
        #expect(errors[0]?.message.contains("no classifier") ?? false)
        #expect(errors[1]?.code == .shapeMismatch)
        #expect(errors[2]?.message.contains("no features") ?? false)
    }

    private static func error(_ loss: any Loss, _ input: LossInput) -> LTError? {
        do throws(LTError) {
            _ = try loss(input)
            return nil
        } catch {
            return error
        }
    }
}
