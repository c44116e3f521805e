// lt-train losses: what a recipe can name.

import ArgumentParser
import LTTrain

struct Losses: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List the losses, samplers, schedules and networks that a recipe can name.")

    func run() {
        func list(_ title: String, _ entries: [(String, String)]) {
            print("\(title):")
            let width = entries.map(\.0.count).max() ?? 0
            for (name, summary) in entries {
                print("  \(name)\(String(repeating: " ", count: width - name.count))  \(summary)")
            }
        }
        list("losses", LossTable.all.map { ($0.name, "\($0.summary) (\($0.activation))") })
        list("samplers", SamplerTable.all.map { ($0.name, $0.summary) })
        list("schedules", ScheduleTable.all.map { ($0.name, $0.summary) })
        list("networks", NetworkTable.all.map { ($0.name, $0.summary) })
    }
}
