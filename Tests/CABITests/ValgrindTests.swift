// Hosts under valgrind: memcheck over a thousand load/predict/release cycles, helgrind over threads that share a model.

import Foundation
import Testing

private enum Valgrind {
    static let path = ["/usr/bin/valgrind", "/usr/local/bin/valgrind"].first {
        FileManager.default.isExecutableFile(atPath: $0)
    }
    static let suppressions = Repository.root + "/Tests/ABI"

    /// The library without what Swift says for debuggers, which valgrind of Debian 12 cannot read and ends at; the names of
    /// functions stay.
    private static let library = Result { () throws -> String in
        let folder = try Scene.folder() + "/valgrind"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let stripped = try execute(
            "/usr/bin/objcopy", ["--strip-debug", Repository.library, folder + "/liblongtail.so.0"])
        try #require(stripped.status == 0, "\(stripped.error)")
        return folder
    }

    /// Runs a host under a tool that ends with 99 when it finds something.
    static func run(
        _ tool: [String], _ host: String, _ arguments: [String], suppressions files: [String] = [],
        environment: [String: String] = [:]
    ) throws -> Outcome {
        let program = try #require(path)
        return try execute(
            program,
            tool + ["--error-exitcode=99", "--quiet"] + files.map { "--suppressions=\(suppressions)/\($0)" }
                + [try Host(host).path] + arguments,
            environment: environment.merging(["LD_LIBRARY_PATH": try library.get()]) { $1 }, limit: 900)
    }
}

@Suite(.enabled(if: Valgrind.path != nil, "no valgrind is installed (Debian: apt-get install valgrind)"))
struct ValgrindTests {
    #if DEBUG
        private static let cycles = 60
        private static let rounds = 2
    #else
        private static let cycles = 1000
        private static let rounds = 4
    #endif

    private static let memcheck = [
        "--tool=memcheck", "--leak-check=full", "--errors-for-leak-kinds=definite", "--show-leak-kinds=definite",
    ]

    private static let images = ["small.jpg", "turned.jpg", "picture.webp", "small.png"]

    /// On portable kernels: vector kernels multiply what lies behind a row by zero, and memcheck does not know that zero
    /// times anything is zero.
    @Test func loadingAndReleasingLosesNothing() throws {
        let result = try Valgrind.run(
            Self.memcheck, "cycles", [try Scene.folder(), String(Self.cycles), "small.png"],
            environment: ["LT_ISA": "portable"])
        #expect(result.status == 0 && result.output.isEmpty, "\(result.error.prefix(6000))")
    }

    @Test func decodersTouchNothingElse() throws {
        let result = try Valgrind.run(
            Self.memcheck, "cycles", [try Scene.folder(), String(Self.cycles / 20)] + Self.images,
            environment: ["LT_ISA": "portable"])
        #expect(result.status == 0 && result.output.isEmpty, "\(result.error.prefix(6000))")
    }

    /// The vector kernels, without looking at what is initialised.
    @Test func vectorKernelsStayInTheirMemory() throws {
        let result = try Valgrind.run(
            Self.memcheck + ["--undef-value-errors=no"], "cycles",
            [try Scene.folder(), String(Self.cycles / 20)] + Self.images)
        #expect(result.status == 0 && result.output.isEmpty, "\(result.error.prefix(6000))")
    }

    @Test func threadsWithSessionsOfTheirOwn() throws {
        let result = try Valgrind.run(
            ["--tool=helgrind"], "threads", [try Scene.folder(), "8", "1", String(Self.rounds)],
            suppressions: ["swift.supp"])
        #expect(result.status == 0 && result.output.isEmpty, "\(result.error.prefix(6000))")
    }

    /// With a word to helgrind about where libgomp's regions begin and end, see gomp_edges.c.
    @Test(.enabled(if: FileManager.default.fileExists(atPath: "/usr/include/valgrind/helgrind.h"), "no helgrind.h"))
    func threadsWithSessionsOfTwoThreads() throws {
        let edges = try Scene.folder() + "/gomp_edges.so"
        let compiled = try execute(
            "/usr/bin/gcc",
            [
                "-std=c99", "-Wall", "-Wextra", "-Werror", "-O1", "-fPIC", "-shared", "-o", edges,
                Repository.hosts + "/gomp_edges.c",
            ])
        try #require(compiled.status == 0, "\(compiled.error)")
        let result = try Valgrind.run(
            ["--tool=helgrind"], "threads", [try Scene.folder(), "2", "2", String(Self.rounds)],
            suppressions: ["swift.supp", "libgomp.supp"], environment: ["LD_PRELOAD": edges])
        #expect(result.status == 0 && result.output.isEmpty, "\(result.error.prefix(6000))")
    }

    /// The same without valgrind, at the pace of the machine.
    @Test(arguments: ["1", "2"]) func manyRounds(threads: String) throws {
        try Host("threads").expectSilence([try Scene.folder(), "8", threads, "50"])
    }
}
