// lt-train: trains long-tailed recognition models and exports complete ONNX files. One file per subcommand.

import ArgumentParser
import Foundation
import LTCore
import LTTrain

@main
struct LongTailTrain: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lt-train",
        abstract: "Train long-tailed recognition models and export them to ONNX.",
        discussion: "Exit codes: 0 success, 1 failure or stopped by Ctrl-C (--resume goes on), 64 usage.",
        version: longtailVersion,
        subcommands: [Synth.self, LongTailSelection.self, Run.self, Bench.self, Losses.self])

    static func main() {
        Torch.configureProcess()
        do {
            var command = try parseAsRoot()
            try command.run()
        } catch let error as LTError {
            FileHandle.standardError.write(Data("lt-train: \(error)\n".utf8))
            exit(withError: ExitCode.failure)
        } catch {
            exit(withError: error)
        }
    }
}
