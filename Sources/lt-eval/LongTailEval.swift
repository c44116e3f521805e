// lt-eval: measures and calibrates. One file per subcommand.

import ArgumentParser
import Foundation
import LTCore
import LTRuntime

@main
struct LongTailEval: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lt-eval",
        abstract: "Measure predictions, fit calibration and decision thresholds.",
        discussion:
            "Results go to stdout. Exit codes: 0 success, 1 failure, 2 done without some of the images, 64 usage.",
        version: longtailVersion,
        subcommands: [
            Classification.self, Detection.self, Compare.self, Calibrate.self, Model.self, ReportCommand.self,
        ])

    static func main() {
        ThreadWaiting.configureProcess()
        do {
            var command = try parseAsRoot()
            try command.run()
        } catch let error as LTError {
            FileHandle.standardError.write(Data("lt-eval: \(error)\n".utf8))
            exit(withError: ExitCode.failure)
        } catch {
            exit(withError: error)
        }
    }
}

/// Done, but some images had no scores.
let incomplete = ExitCode(2)
