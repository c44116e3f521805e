// FakeLibraries: a folder of stand-ins for NVIDIA's libraries, compiled from Fixtures/fake_cuda.c.

import Foundation
import LTCUDA
import Testing

/// What a process has opened at a path stays open: a variant of a library wants a folder of its own.
final class FakeLibraries {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.path + "/lt-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }
    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// A driver of CUDA 12.4 with two devices, and libraries that fit it.
    static let fitting: KeyValuePairs<String, [String]> = [
        "libcuda.so.1": [], "libnvrtc.so.12": ["VERSION=12060"], "libcublasLt.so.12": ["VERSION=120405"],
        "libcudnn.so.9": ["VERSION=90100"],
    ]

    /// - Parameters:
    ///   - libraries: names, each with the macros of its stand-in.
    ///   - changes: put over them.
    convenience init(
        _ libraries: KeyValuePairs<String, [String]>, changing changes: KeyValuePairs<String, [String]> = [:]
    ) throws {
        try self.init()
        for (name, macros) in libraries {
            try add(name, changes.first { $0.key == name }?.value ?? macros)
        }
    }

    /// Nothing but this folder.
    var search: CUDASearch { CUDASearch([.folder(path)]) }
    func file(_ name: String) -> String { "\(path)/\(name)" }

    /// Compiles a library.
    func add(_ name: String, _ macros: [String] = [], linking other: String? = nil) throws {
        let source = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(
            "Fixtures/fake_cuda.c"
        ).path
        let compiler = Process()
        compiler.executableURL = URL(fileURLWithPath: "/usr/bin/gcc")
        let folder = URL(fileURLWithPath: file(name)).deletingLastPathComponent()
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        compiler.arguments =
            ["-shared", "-fPIC", "-w", source, "-o", file(name)] + macros.map { "-D\($0)" }
            + (other.map { ["-Wl,--no-as-needed", file($0)] } ?? [])
        try compiler.run()
        compiler.waitUntilExit()
        try #require(compiler.terminationStatus == 0)
    }

    func write(_ bytes: some Collection<UInt8>, _ name: String) throws {
        try Data(bytes).write(to: URL(fileURLWithPath: file(name)))
    }

    func obstacle(sourceLocation: SourceLocation = #_sourceLocation) throws -> CUDAObstacle {
        try #require(
            #expect(throws: CUDAObstacle.self, sourceLocation: sourceLocation) { try CUDABackend.check(search) })
    }
}
