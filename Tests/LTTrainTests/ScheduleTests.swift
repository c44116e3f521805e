// Schedules against the rates of the five systems.

import Foundation
import LTCore
import LTTrain
import Testing

@Suite struct ScheduleTests {
    /// The schedule that a recipe's section makes, as the trainer does.
    static func schedule(_ yaml: String, _ length: RunLength) throws -> any Schedule {
        let section = try RecipeSection(yaml: yaml)
        let name = try #require(try section.string("name"))
        let type = try #require(ScheduleTable.all.first { $0.name == name })
        return try type.init(section, length: length)
    }

    static func epochs(_ count: Int, of iterations: Int = 7) -> RunLength {
        RunLength(iterations: count * iterations, iterationsPerEpoch: iterations, countsEpochs: true)
    }

    static func entry(_ name: String) throws -> (hyper: [String: Any], inputs: [String: Any], outputs: [String: Any]) {
        let entry = try #require(try Fixtures.cases("lr_schedules.json").first { $0["case"] as? String == name })
        return (
            entry["hyper"] as? [String: Any] ?? [:], entry["inputs"] as? [String: Any] ?? [:],
            entry["outputs"] as? [String: Any] ?? [:]
        )
    }

    /// Whether every iteration of every epoch has the epoch's rate.
    static func expect(_ schedule: any Schedule, base: Double, _ rates: [Double], _ name: String) {
        #expect(!rates.isEmpty, "\(name)")
        for (epoch, rate) in rates.enumerated() {
            for iteration in [0, 3, 6] {
                #expect(
                    abs(base * schedule.factor(epoch * 7 + iteration) - rate) <= 1e-15 + 1e-12 * rate,
                    "\(name), epoch \(epoch), iteration \(iteration)")
            }
        }
    }

    @Test func warmUpAndStepsOfDetectron2() throws {
        let (hyper, inputs, outputs) = try Self.entry("eql_detectron2_1x")
        let schedule = try Self.schedule(
            "{name: step, milestones: [60000, 80000], warmup: {iterations: 1000, ratio: 0.001}}",
            RunLength(iterations: 90000, iterationsPerEpoch: 3500, countsEpochs: false))
        let rates = flat(outputs["lr"])
        #expect(rates.count == 13)
        for (iteration, rate) in zip(flat(inputs["iteration"]), rates) {
            #expect(abs(flat(hyper["base_lr"])[0] * schedule.factor(Int(iteration)) - rate) < 1e-15, "\(iteration)")
        }
    }

    @Test(arguments: ["db_mmcv_step", "bacl_mmcv_1x"])
    func warmUpAndStepsOfMMCV(name: String) throws {
        let (hyper, inputs, outputs) = try Self.entry(name)
        let steps = flat(hyper["steps"])
        let positions = try #require(inputs["epoch0_and_global_iter"] as? [[Int]])
        for (position, rate) in zip(positions, flat(outputs["lr"])) {
            // The vectors give epoch and iteration apart: an epoch length that brings both together.
            let (epoch, iteration) = (position[0], position[1])
            let length = epoch == 0 ? 1 << 20 : iteration / epoch
            let schedule = try Self.schedule(
                "{name: step, milestones: \(steps), warmup: {iterations: 500, ratio: \(flat(hyper["warmup_ratio"])[0])}}",
                Self.epochs(100, of: length))
            #expect(abs(flat(hyper["base_lr"])[0] * schedule.factor(iteration) - rate) < 1e-15, "\(name) \(position)")
        }
    }

    @Test func cosineThatStepsBeforeEachEpoch() throws {
        let outputs = try Self.entry("cdb_imagenet_cosine_step_before_epoch").outputs
        let schedule = try Self.schedule("{name: cosine, per: epoch}", Self.epochs(90))
        Self.expect(schedule, base: 0.2, flat(outputs["lr_of_epoch_1_to_90"]), "cosine")
    }

    @Test func milestonesInEpochs() throws {
        var outputs = try Self.entry("cdb_cifar_multistep").outputs
        var schedule = try Self.schedule("{name: step, milestones: [160, 210], gamma: 0.01}", Self.epochs(240))
        Self.expect(schedule, base: 0.1, flat(outputs["lr_by_epoch0"]), "CIFAR")
        outputs = try Self.entry("cdb_egtea_step").outputs
        schedule = try Self.schedule("{name: step, milestones: [60]}", Self.epochs(100))
        Self.expect(schedule, base: 0.001, flat(outputs["lr_by_epoch0"]), "EGTEA")
    }

    @Test func influenceBalanced() throws {
        let cases = try Fixtures.cases("ib_lr_schedule.json")
        #expect(!cases.isEmpty)
        for entry in cases {
            let hyper = try #require(entry["hyper"] as? [String: Any])
            let isTiny = hyper["script"] as? String != "cifar"
            let start =
                (hyper["loss_type"] as? String)?.hasPrefix("IB") == true
                ? ", start: \(Int(flat(hyper["start_ib_epoch"])[0]))" : ""
            let form = isTiny ? ", milestones: [90], gamma: 0.1" : ""
            let schedule = try Self.schedule(
                "{name: ib\(form)\(start)}", Self.epochs(Int(flat(hyper["epochs"])[0])))
            Self.expect(
                schedule, base: flat(hyper["base_lr"])[0],
                flat((entry["outputs"] as? [String: Any])?["lr_by_epoch0"]), "\(entry["case"] ?? "")")
        }
    }

    @Test func unitsOfMilestones() throws {
        let length = RunLength(iterations: 80, iterationsPerEpoch: 10, countsEpochs: true)
        func steps(_ yaml: String) throws -> [Int] {
            let schedule = try Self.schedule("{name: step, \(yaml)}", length)
            return (1..<80).filter { schedule.factor($0) < schedule.factor($0 - 1) }
        }
        #expect(try steps("milestones: [5, 7]") == [50, 70])
        #expect(try steps("milestones: [2.5, 7]") == [25, 70])
        #expect(try steps("milestones: [33], unit: iterations") == [33])
        #expect(try steps("milestones: [0.5, 0.75], unit: run") == [40, 60])
        for (yaml, words) in [
            ("milestones: [7, 5]", "ascending"), ("milestones: [1.5], unit: run", "shares of the run"),
            ("milestones: [1], unit: days", "epochs, iterations, run"),
        ] {
            let error = #expect(throws: LTError.self) { try steps(yaml) }
            #expect(error?.message.contains(words) ?? false)
        }
    }

    @Test func formsOfTheWarmUp() throws {
        let length = Self.epochs(20, of: 10)
        func factor(_ warmUp: String, _ iteration: Int) throws -> Double {
            try Self.schedule("{name: constant, warmup: \(warmUp)}", length).factor(iteration)
        }
        #expect(try abs(factor("{iterations: 10, ratio: 0.5}", 5) - 0.75) < 1e-15)
        #expect(try factor("{epochs: 2, ratio: 0.5}", 0) == 0.5 && factor("{epochs: 2, ratio: 0.5}", 20) == 1)
        #expect(try factor("{iterations: 10, ratio: 0.1, form: constant}", 9) == 0.1)
        #expect(try abs(factor("{iterations: 10, ratio: 0.01, form: exponential}", 5) - 0.1) < 1e-15)
        #expect(try abs(factor("{epochs: 5, per: epoch}", 13) - 0.4) < 1e-15)
        #expect(try factor("{epochs: 5, per: epoch}", 40) == 1)
    }

    @Test func fallingSchedulesReachTheirEnds() throws {
        let length = RunLength(iterations: 100, iterationsPerEpoch: 10, countsEpochs: false)
        for (yaml, half) in [
            ("{name: linear, final: 0.2}", 0.6), ("{name: poly, power: 2}", 0.25), ("{name: cosine, final: 0.1}", 0.55),
        ] {
            let schedule = try Self.schedule(yaml, length)
            #expect(schedule.factor(0) == 1)
            #expect(abs(schedule.factor(50) - half) < 1e-12)
        }
        #expect(try Self.schedule("{name: constant}", length).factor(99) == 1)
    }
}
