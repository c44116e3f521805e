// lt-train losses: what a recipe can name.

import ArgumentParser
import LTTrain

struct Losses: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List the losses, and what else a recipe can name.")

    func run() {
        print("losses:")
        for loss in LossTable.all {
            print("  \(loss.name)  \(loss.summary) (\(loss.activation))")
            if !loss.paper.isEmpty { print("      paper     \(loss.paper)") }
            print("      formula   \(loss.formula)")
            if !loss.defaults.isEmpty { print("      defaults  \(loss.defaults)") }
        }
        func list(_ title: String, _ entries: [(String, String)]) {
            print("\(title):")
            let width = entries.map(\.0.count).max() ?? 0
            for (name, summary) in entries {
                print("  \(name)\(String(repeating: " ", count: width - name.count))  \(summary)")
            }
        }
        list("samplers", SamplerTable.all.map { ($0.name, $0.summary) })
        list("schedules", ScheduleTable.all.map { ($0.name, $0.summary) })
        list("optimizers", UpdateRuleTable.all.map { ($0.name, $0.summary) })
        list("networks", NetworkTable.all.map { ($0.name, $0.summary) })
        list("data formats", DataFormatTable.all.map { ($0.name, $0.summary) })
    }
}
