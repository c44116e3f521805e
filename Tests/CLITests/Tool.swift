// Tool: one of the built command-line tools as a process of its own. They lie beside the test bundle.

import Foundation

struct Tool {
    struct Result {
        /// The exit code; 128 + the signal's number for a process that a signal ended.
        var status: Int32
        var output: String
        var error: String
    }

    /// A process on its way; its output goes to files, so that nothing waits for a full pipe.
    final class Running {
        let process: Process
        let folder: String

        init(_ path: String, _ arguments: [String], in current: String?, environment: [String: String]) throws {
            folder = FileManager.default.temporaryDirectory.path + "/lt-\(UUID().uuidString)"
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            process = Process()
            process.executableURL = URL(fileURLWithPath: path)
            process.arguments = arguments
            process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
            if let current { process.currentDirectoryURL = URL(fileURLWithPath: current) }
            process.standardInput = FileHandle.nullDevice
            for (name, isError) in [("out", false), ("err", true)] {
                _ = FileManager.default.createFile(atPath: "\(folder)/\(name)", contents: nil)
                let handle = FileHandle(forWritingAtPath: "\(folder)/\(name)")
                if isError { process.standardError = handle } else { process.standardOutput = handle }
            }
            try process.run()
        }

        deinit { try? FileManager.default.removeItem(atPath: folder) }

        func finish() -> Result {
            process.waitUntilExit()
            func text(_ name: String) -> String {
                String(decoding: FileManager.default.contents(atPath: "\(folder)/\(name)") ?? Data(), as: UTF8.self)
            }
            let code = process.terminationStatus
            return Result(
                status: process.terminationReason == .exit ? code : 128 + code, output: text("out"), error: text("err"))
        }
    }

    let path: String

    init(path: String) { self.path = path }

    /// A tool by name.
    init(_ name: String) {
        let bundle = URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath()
        path = bundle.deletingLastPathComponent().appendingPathComponent(name).path
    }

    /// - Parameters:
    ///   - folder: the process's current folder; nil: the test's.
    ///   - environment: put over the test's.
    func start(
        _ arguments: [String], in folder: String? = nil, environment: [String: String] = [:]
    ) throws -> Running {
        try Running(path, arguments, in: folder, environment: environment)
    }
    func run(_ arguments: [String], in folder: String? = nil, environment: [String: String] = [:]) throws -> Result {
        try start(arguments, in: folder, environment: environment).finish()
    }
}
