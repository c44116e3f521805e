// lt-infer: runs ONNX models on folders of images, and looks into them. One file per subcommand.

import ArgumentParser
import Foundation
import LTCore
import LTPipeline
import LTRuntime

@main
struct LongTailInfer: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lt-infer",
        abstract: "Run recognition models (ONNX) on folders of images.",
        discussion: """
            Exit codes: 0 success, 1 failure, 2 done but some images failed, 64 usage, 130 stopped by Ctrl-C.
            """,
        version: longtailVersion,
        subcommands: [Run.self, Inspect.self, Plan.self, Verify.self, PreprocessImage.self, Bench.self, Devices.self])

    static func main() {
        ThreadWaiting.configureProcess()
        do {
            var command = try parseAsRoot()
            try command.run()
        } catch let error as LTError {
            note("lt-infer: \(error)")
            exit(withError: ExitCode.failure)
        } catch {
            exit(withError: error)
        }
    }

    /// Writes a line to standard error.
    static func note(_ text: String) { FileHandle.standardError.write(Data((text + "\n").utf8)) }
}
