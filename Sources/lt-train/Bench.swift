// lt-train bench: how long training steps of a recipe take.

import ArgumentParser
import Foundation
import LTTrain

struct Bench: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Time training steps of a recipe; writes no file.",
        discussion: "--classes makes the steps run on noise: the recipe's data need not be there.")

    @Argument(help: "The recipe, a YAML file.") var recipe: String
    @Option(help: "Steps that are timed.") var steps = 20
    @Option(help: "Steps before them.") var warmUp = 3
    @Option(help: "Train on images of noise with this many classes instead of the recipe's data.") var classes: Int?
    @Option(
        name: .customLong("set"),
        help: ArgumentHelp("Overrides a value of the recipe.", valueName: "key.path=value"))
    var overrides: [String] = []
    @Option(help: "Where to train: cpu, cuda or cuda:N. Default: the recipe's `device`, else cpu.")
    var device: String?

    @Option(help: "Threads of libtorch. Default: the recipe's `threads`, else the number of cores.")
    var threads: Int?
    @Flag(help: "JSON with every step instead of text.") var json = false

    func validate() throws {
        if let threads, !(1...1024).contains(threads) {
            throw ValidationError("--threads \(threads), expected 1 to 1024")
        }
        guard (1...1_000_000).contains(steps) else { throw ValidationError("--steps \(steps), expected 1 or more") }
        guard (0...1_000_000).contains(warmUp) else { throw ValidationError("--warm-up \(warmUp), expected 0 or more") }
        if let classes, !(2...100_000).contains(classes) {
            throw ValidationError("--classes \(classes), expected 2 to 100000")
        }
    }

    func run() throws {
        let measured = try TrainingRun(
            recipePath: recipe, overrides: overrides + (device.map { ["device=\($0)"] } ?? []), out: nil, resume: false,
            threads: threads
        ).benchmark(steps: steps, warmUp: warmUp, classes: classes)
        guard let times = measured else { return }
        if json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys]
            print(String(decoding: try encoder.encode(times), as: UTF8.self))
        } else {
            print(times)
        }
    }
}
