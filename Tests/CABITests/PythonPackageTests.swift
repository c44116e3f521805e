// The Python package of Examples/python, its tests run with the built library.

import Foundation
import Testing

@Suite struct PythonPackageTests {
    /// A Python with NumPy: Debian's, which `python3-numpy` serves, or the PATH's.
    private static let python: String? = ["/usr/bin/python3", "/usr/local/bin/python3", "python3"].first { python in
        (try? run([python, "-c", "import numpy"]).status) == 0
    }

    private static let products = URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath()
        .deletingLastPathComponent().path
    private static let library = products + "/liblongtail.so"

    /// Why a machine may skip tests: other Python packages, models of the user's, a library that is found anyway.
    private static let mayBeSkipped = [
        "not installed", "LONGTAIL_TEST_MODEL", "setuptools is older", "library is installed",
    ]

    @Test(.enabled(if: python != nil, "there is no python3 with NumPy (Debian: python3-numpy)"))
    func itsOwnTests() throws {
        try #require(FileManager.default.fileExists(atPath: Self.library), "liblongtail.so was not built")
        let package =
            URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().path + "/Examples/python"
        let python = try #require(Self.python)
        let tests = try Self.run(
            [python, "-m", "unittest", "discover", "--verbose", "--start-directory", package + "/tests"],
            ["LONGTAIL_LIBRARY": Self.library, "PYTHONPATH": package + "/src", "PYTHONDONTWRITEBYTECODE": "1"])
        #expect(tests.status == 0, "\(tests.output)")
        let lines = tests.output.split(separator: "\n")
        let count = lines.first { $0.hasPrefix("Ran ") }.flatMap { Int($0.split(separator: " ")[1]) }
        #expect(count ?? 0 >= 50, "\(tests.output)")
        for line in lines where line.contains(" ... skipped ") {
            #expect(Self.mayBeSkipped.contains { line.contains($0) }, "\(line)")
        }
    }

    /// Runs a program of the PATH to its end; output and errors come together.
    private static func run(
        _ command: [String], _ environment: [String: String] = [:]
    ) throws -> (status: Int32, output: String) {
        let process = Process()
        let pipe = Pipe()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = command
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let output = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: output, as: UTF8.self))
    }
}
