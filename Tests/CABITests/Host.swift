// Host: the C programs of Tests/ABI/hosts, compiled against a header and run with the built library.

import Foundation
import Testing

/// A process that ran.
struct Outcome {
    /// The exit code; 128 + the signal's number for a process that a signal ended.
    var status: Int32
    var output: String
    var error: String
}

/// Runs a program to its end; what it writes goes to files, so that nothing waits for a full pipe.
/// - Parameter limit: seconds after which it is ended (status 128 + SIGKILL).
func execute(
    _ program: String, _ arguments: [String], environment: [String: String] = [:], limit: Double = 600
) throws -> Outcome {
    let folder = FileManager.default.temporaryDirectory.path + "/lt-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = arguments
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    process.standardInput = FileHandle.nullDevice
    for name in ["out", "err"] { _ = FileManager.default.createFile(atPath: "\(folder)/\(name)", contents: nil) }
    process.standardOutput = FileHandle(forWritingAtPath: "\(folder)/out")
    process.standardError = FileHandle(forWritingAtPath: "\(folder)/err")
    try process.run()
    let identifier = process.processIdentifier
    let watchdog = DispatchWorkItem { kill(identifier, SIGKILL) }
    DispatchQueue.global().asyncAfter(deadline: .now() + limit, execute: watchdog)
    process.waitUntilExit()
    watchdog.cancel()
    func text(_ name: String) -> String {
        String(decoding: FileManager.default.contents(atPath: "\(folder)/\(name)") ?? Data(), as: UTF8.self)
    }
    let code = process.terminationStatus
    return Outcome(
        status: process.terminationReason == .exit ? code : 128 + code, output: text("out"), error: text("err"))
}

enum Repository {
    static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path
    /// Where liblongtail.so and the tools lie: beside the test bundle.
    static let products = URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath()
        .deletingLastPathComponent().path
    static let library = products + "/liblongtail.so"
    static let currentHeader = root + "/Sources/CLongTail/include"
    static let hosts = root + "/Tests/ABI/hosts"
}

/// How a host is compiled.
enum Language: String, CaseIterable, CustomTestStringConvertible {
    case c, cxx

    var testDescription: String { rawValue }

    var command: [String] {
        switch self {
        case .c: ["/usr/bin/gcc", "-std=c99", "-x", "c"]
        case .cxx: ["/usr/bin/g++", "-std=c++17", "-x", "c++"]
        }
    }
}

/// A compiled host.
struct Host {
    let path: String

    /// - Parameters:
    ///   - name: the source file in Tests/ABI/hosts, without ".c".
    ///   - header: the folder of the longtail.h that it is compiled against.
    ///   - folder: where the source is instead.
    init(
        _ name: String, _ language: Language = .c, header: String = Repository.currentHeader,
        in folder: String = Repository.hosts
    ) throws {
        path = try Scene.folder() + "/\(name).\(language.rawValue)-\(UUID().uuidString.prefix(8))"
        // The library's soname has a version, the built file has not.
        let link = try Scene.folder() + "/liblongtail.so.0"
        if (try? FileManager.default.destinationOfSymbolicLink(atPath: link)) == nil {
            try? FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: Repository.library)
        }
        let compiler = language.command
        let result = try execute(
            compiler[0],
            compiler.dropFirst() + [
                "-Wall", "-Wextra", "-Werror", "-g", "-O1", "-I", header, "-I", folder,
                "\(folder)/\(name).c", "-x", "none", "-o", path, Repository.library, "-pthread",
                // LD_LIBRARY_PATH goes before it.
                "-Wl,--enable-new-dtags,-rpath,\(try Scene.folder())",
            ])
        try #require(result.status == 0, "\(name).c: \(result.error)")
        #expect(result.error.isEmpty && result.output.isEmpty)
    }

    func run(_ arguments: [String], environment: [String: String] = [:]) throws -> Outcome {
        try execute(path, arguments, environment: environment)
    }

    /// Runs a host that must be content and silent, and so must the library be.
    func expectSilence(
        _ arguments: [String], environment: [String: String] = [:], sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let result = try run(arguments, environment: environment)
        #expect(result.status == 0, "\(path): \(result.error.prefix(4000))", sourceLocation: sourceLocation)
        #expect(result.output.isEmpty, "\(result.output.prefix(2000))", sourceLocation: sourceLocation)
        #expect(result.error.isEmpty, "\(result.error.prefix(4000))", sourceLocation: sourceLocation)
    }
}
