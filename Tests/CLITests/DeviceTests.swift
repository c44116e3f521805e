// --device of the tools: CUDA devices that cannot be used end a command with the reason, `auto` says what it chose.

import Foundation
import LTCore
import Testing

@Suite struct DeviceTests {
    /// A tiny model, images in folders of classes, and a folder for LT_CUDA_PATH.
    private func scene() throws -> (folder: TemporaryFolder, model: String, environment: [String: String]) {
        let folder = try TemporaryFolder()
        let model = try folder.writeTinyModel()
        for number in 0..<4 { try folder.writeJPEG(number, "images/\(["w", "x", "y", "z"][number])/\(number).jpg") }
        return (folder, model, ["LT_CUDA_PATH": folder.file("cuda")])
    }

    /// Compiles a stand-in for one of NVIDIA's libraries.
    private func addLibrary(_ name: String, _ macro: String, to folder: TemporaryFolder) throws {
        let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().path
        try folder.write([], "cuda/\(name)")
        let made = try Tool(path: "/usr/bin/gcc").run([
            "-shared", "-fPIC", "-w", "-D\(macro)", "\(tests)/LTCUDATests/Fixtures/fake_cuda.c", "-o",
            folder.file("cuda/\(name)"),
        ])
        try #require(made.status == 0, "\(made.error)")
    }

    private func commands(_ folder: TemporaryFolder, _ model: String) -> [(tool: String, arguments: [String])] {
        [
            ("lt-infer", ["run", model, folder.file("images"), "--out", folder.file("p.db")]),
            ("lt-infer", ["plan", model]), ("lt-infer", ["verify", model]),
            ("lt-infer", ["bench", model, "--seconds", "0.01", "--json"]),
            ("lt-eval", ["model", model, "--data", folder.file("images")]),
        ]
    }

    @Test func cudaIsStrictAndAutoSaysWhatItChose() throws {
        let (folder, model, environment) = try scene()
        try folder.write(Array("no library".utf8), "cuda/libcuda.so.1")
        let file = folder.file("cuda/libcuda.so.1")
        let reason = "CUDA cannot be used: NVIDIA's driver cannot be loaded: \(file): "
        for (tool, arguments) in commands(folder, model) {
            let strict = try Tool(tool).run(arguments + ["--device", "cuda:0"], environment: environment)
            #expect(strict.status == 1 && strict.output.isEmpty, "\(arguments)")
            #expect(strict.error.hasPrefix("\(tool): unsupported: \(reason)"), "\(strict.error)")
            #expect(strict.error.contains("\n  in device 'cuda:0'\nhint: "))
            #expect(!FileManager.default.fileExists(atPath: folder.file("p.db")))

            let automatic = try Tool(tool).run(arguments + ["--device", "auto"], environment: environment)
            let cpu = try Tool(tool).run(arguments + ["--device", "cpu"], environment: environment)
            #expect(automatic.status == 0 && cpu.status == 0, "\(arguments): \(automatic.error)")
            #expect(automatic.error.hasPrefix("note: device auto is cpu: \(reason)"), "\(automatic.error)")
            #expect(!cpu.error.contains("auto"))
            if arguments[0] == "bench" {
                #expect(automatic.output.contains("\"device\" : \"cpu\""))
            } else {
                #expect(automatic.output == cpu.output, "\(arguments)")
            }
            try? FileManager.default.removeItem(atPath: folder.file("p.db"))
        }
    }

    @Test func namesThatMakeNoSense() throws {
        for (device, words) in [
            ("cuda:x", "'x' is not the number"), ("cuda:0,cuda:0", "twice"), ("gpu", "no device 'gpu'"),
        ] {
            let result = try Tool("lt-infer").run(["plan", "none.onnx", "--device", device])
            #expect(result.status == 1 && result.output.isEmpty && result.error.contains(words), "\(result.error)")
        }
    }

    /// A machine with a driver, libraries and devices: what is missing are kernels.
    @Test func devicesThatNothingRunsOn() throws {
        let (folder, model, environment) = try scene()
        try addLibrary("libcuda.so.1", "VERSION=12040", to: folder)
        let first = try Tool("lt-infer").run(["devices"], environment: environment)
        #expect(first.status == 0 && first.output.hasPrefix("cpu        ") && first.output.contains("\nreference  "))
        #expect(first.error.isEmpty)
        try addLibrary("libnvrtc.so.12", "VERSION=12060", to: folder)
        try addLibrary("libcublasLt.so.12", "VERSION=120405", to: folder)
        try addLibrary("libcudnn.so.9", "VERSION=90100", to: folder)
        let lines = try Tool("lt-infer").run(["devices"], environment: environment).output.split(separator: "\n")
        #expect(
            lines.dropFirst(2) == [
                "cuda:0     Fake A, compute capability 9.0, 1024 MiB",
                "cuda:1     Fake B, compute capability 8.6, 2048 MiB",
                "           NVIDIA's driver 12.4, NVRTC 12.6, cuBLASLt 12.4, cuDNN 9.1",
                "           not used: this build has no CUDA kernels",
            ])
        for (device, words) in [
            ("cuda:1", "this build has no CUDA kernels to run on Fake B"),
            ("cuda:0,cuda:1", "this build has no CUDA kernels to run on Fake A, Fake B"),
            ("cuda:2", "no device cuda:2, expected one of cuda:0 (Fake A), cuda:1 (Fake B)"),
        ] {
            let result = try Tool("lt-infer").run(["plan", model, "--device", device], environment: environment)
            #expect(result.status == 1 && result.output.isEmpty)
            #expect(result.error.hasPrefix("lt-infer: unsupported: \(words)\n  in device '\(device)'\n"))
        }
        let automatic = try Tool("lt-infer").run(["plan", model, "--device", "auto"], environment: environment)
        #expect(automatic.status == 0)
        #expect(automatic.error == "note: device auto is cpu: this build has no CUDA kernels to run on Fake A\n")
        // The system's loader finds them, too.
        let system = try Tool("lt-infer").run(
            ["devices"], environment: ["LT_CUDA_PATH": "", "LD_LIBRARY_PATH": folder.file("cuda")])
        #expect(system.output.contains("cuda:1     Fake B"))
    }

    /// Nothing of NVIDIA's is opened for other devices, however broken it is.
    @Test func otherDevicesOpenNothing() throws {
        let (folder, model, environment) = try scene()
        try folder.write([], "cuda/libcuda.so.1")
        let trace = try Tool(path: "/usr/bin/env").run(
            [
                "LD_DEBUG=files", Tool("lt-infer").path, "run", model, folder.file("images"), "--out",
                folder.file("p.db"),
            ],
            environment: environment)
        #expect(trace.status == 0 && trace.error.contains("libc.so.6"))
        for name in ["libcuda", "libnvrtc", "libcublas", "libcudnn"] { #expect(!trace.error.contains(name)) }
    }
}
