// Every reason why CUDA cannot be used, from libraries that were made for it; none needs a GPU.

import Foundation
import LTCUDA
import LTCore
import Testing

@Suite struct CUDABackendTests {
    @Test func aMachineWithEverything() throws {
        let fake = try FakeLibraries(FakeLibraries.fitting)
        let machine = try CUDABackend.check(fake.search)
        #expect(machine.devices.map(\.number) == [0, 1] && machine.devices.map(\.name) == ["Fake A", "Fake B"])
        #expect(machine.devices.map(\.capability) == [ComputeCapability(9, 0), ComputeCapability(8, 6)])
        #expect(machine.devices.map(\.memory) == [1 << 30, 2 << 30])
        #expect(machine.devices.map(\.capability.architecture) == ["sm_90", "sm_86"])
        #expect(
            machine.versions == [
                .driver: CUDAVersion(12, 4), .nvrtc: CUDAVersion(12, 6), .cublasLt: CUDAVersion(12, 4),
                .cudnn: CUDAVersion(9, 1),
            ])
    }

    @Test func theDriversLibraryIsMissing() throws {
        let fake = try FakeLibraries()
        #expect(try fake.obstacle() == .missing(.driver, files: ["libcuda.so.1"]))
        // A folder of that name and a link to nothing are no library.
        try FileManager.default.createDirectory(atPath: fake.file("libcuda.so.1"), withIntermediateDirectories: true)
        #expect(try fake.obstacle() == .missing(.driver, files: ["libcuda.so.1"]))
        try FileManager.default.removeItem(atPath: fake.file("libcuda.so.1"))
        try FileManager.default.createSymbolicLink(
            atPath: fake.file("libcuda.so.1"), withDestinationPath: fake.file("nothing"))
        let obstacle = try fake.obstacle()
        #expect(obstacle == .missing(.driver, files: ["libcuda.so.1"]))
        #expect(obstacle.error.code == .unsupported)
        #expect(
            obstacle.error.message == "CUDA cannot be used: NVIDIA's driver was not found (libcuda.so.1)")
        #expect(obstacle.error.hint?.contains("LT_CUDA_PATH") == true)
    }

    /// Texts, and libraries that are cut off: where the loader would end the process, too.
    @Test func bytesThatAreNoLibrary() throws {
        let source = try FakeLibraries(["whole.so": []])
        let whole = try #require(FileManager.default.contents(atPath: source.file("whole.so")))
        let texts: [Data] = [Data("a text, not a library\n".utf8), Data()]
        for bytes in texts + stride(from: 1, to: whole.count / 2, by: 331).map({ whole.prefix($0) }) {
            let fake = try FakeLibraries()
            try fake.write(bytes, "libcuda.so.1")
            let obstacle = try fake.obstacle()
            guard case .unusable(.driver, let file, let reason) = obstacle else {
                Issue.record("\(bytes.count) bytes: \(obstacle)")
                continue
            }
            #expect(file == fake.file("libcuda.so.1") && !reason.isEmpty)
            #expect(obstacle.error.message.contains("NVIDIA's driver cannot be loaded: \(file): "))
        }
    }

    /// A library that needs one that is not there is not missing itself.
    @Test func whatALibraryNeedsIsMissing() throws {
        let fake = try FakeLibraries()
        try fake.add("libneeded.so")
        try fake.add("libcuda.so.1", linking: "libneeded.so")
        try FileManager.default.removeItem(atPath: fake.file("libneeded.so"))
        guard case .unusable(.driver, fake.file("libcuda.so.1"), let reason) = try fake.obstacle() else {
            Issue.record("\(try fake.obstacle())")
            return
        }
        #expect(reason.contains("libneeded.so"))
    }

    @Test(arguments: [
        ("libcuda.so.1", "cuDeviceGetName", CUDALibrary.driver), ("libcuda.so.1", "cuGetErrorString", .driver),
        ("libnvrtc.so.12", "nvrtcGetCUBIN", .nvrtc), ("libcublasLt.so.12", "cublasLtGetVersion", .cublasLt),
        ("libcudnn.so.9", "cudnnGetCudartVersion", .cudnn),
    ]) func aFunctionIsMissing(name: String, function: String, library: CUDALibrary) throws {
        let fake = try FakeLibraries(FakeLibraries.fitting, changing: [name: ["\(function)=absent"]])
        let obstacle = try fake.obstacle()
        #expect(obstacle == .lacksFunction(library, file: fake.file(name), function: function))
        #expect(
            obstacle.error.message
                == "CUDA cannot be used: \(library) has no function \(function) (\(fake.file(name)))")
    }

    @Test(arguments: [
        ("libcuda.so.1", "VERSION=11040", CUDALibrary.driver, CUDAVersion(11, 4), "CUDA version 11.4, expected 12.0"),
        ("libnvrtc.so.12", "VERSION=11080", .nvrtc, CUDAVersion(11, 8), "CUDA version 11.8, expected 12.0"),
        ("libcublasLt.so.12", "VERSION=111103", .cublasLt, CUDAVersion(11, 11), "CUDA version 11.11, expected 12.0"),
        ("libcudnn.so.9", "VERSION=8902", .cudnn, CUDAVersion(8, 9), "version 8.9, expected 9.0"),
    ]) func tooOld(name: String, macro: String, library: CUDALibrary, version: CUDAVersion, words: String) throws {
        let fake = try FakeLibraries(FakeLibraries.fitting, changing: [name: [macro]])
        let obstacle = try fake.obstacle()
        #expect(obstacle == .tooOld(library, file: fake.file(name), version: version))
        #expect(obstacle.error.message.contains("\(library) is of \(words) or newer (\(fake.file(name)))"))
    }

    /// The one library whose file name does not say its CUDA.
    @Test func builtForANewerCUDA() throws {
        let newer = ["VERSION=92600", "CUDART=13020"]
        let fake = try FakeLibraries(FakeLibraries.fitting, changing: ["libcudnn.so.9": newer])
        let obstacle = try fake.obstacle()
        #expect(
            obstacle
                == .tooNew(
                    .cudnn, file: fake.file("libcudnn.so.9"), cuda: CUDAVersion(13, 2), driver: CUDAVersion(12, 4)))
        #expect(obstacle.error.message.contains("built for CUDA 13.2, the driver goes up to CUDA 12.4"))
        let driver = try FakeLibraries(
            FakeLibraries.fitting, changing: ["libcudnn.so.9": newer, "libcuda.so.1": ["VERSION=13000"]])
        #expect(try CUDABackend.check(driver.search).versions[.cudnn] == CUDAVersion(9, 26))
    }

    @Test func noDevice() throws {
        for macro in ["INIT=100", "COUNT=0"] {
            let fake = try FakeLibraries(["libcuda.so.1": [macro]])
            let obstacle = try fake.obstacle()
            #expect(obstacle == .noDevice(driver: CUDAVersion(12, 4)))
            #expect(obstacle.error.message == "CUDA cannot be used: NVIDIA's driver (CUDA 12.4) shows no device")
            #expect(obstacle.error.hint?.contains("CUDA_VISIBLE_DEVICES") == true)
        }
    }

    @Test func functionsThatFail() throws {
        let unknown = try FakeLibraries(["libcuda.so.1": ["INIT=999"]]).obstacle()
        #expect(
            unknown.error.message
                == "CUDA cannot be used: cuInit of NVIDIA's driver failed with CUDA_ERROR_UNKNOWN (999): unknown error")
        let name = try FakeLibraries(["libcuda.so.1": ["NAME=7"]]).obstacle()
        #expect(
            name
                == .failed(
                    .driver, function: "cuDeviceGetName", code: 7, name: "an unknown code",
                    text: "the driver does not say more"))
        let compiler = try FakeLibraries(FakeLibraries.fitting, changing: ["libnvrtc.so.12": ["INIT=11"]])
        #expect(
            try compiler.obstacle()
                == .failed(
                    .nvrtc, function: "nvrtcVersion", code: 11, name: "NVRTC_ERROR_INTERNAL_ERROR",
                    text: compiler.file("libnvrtc.so.12")))
    }

    /// The first library that is missing is named; what a driver cannot run is not looked for.
    @Test func librariesAreMissing() throws {
        let fake = try FakeLibraries(["libcuda.so.1": [], "libnvrtc.so.13": ["VERSION=13020"]])
        let obstacle = try fake.obstacle()
        #expect(obstacle == .missing(.nvrtc, files: ["libnvrtc.so.12"]))
        #expect(obstacle.error.message == "CUDA cannot be used: NVRTC was not found (libnvrtc.so.12)")
        #expect(obstacle.error.hint?.contains("nvidia-cuda-nvrtc-cu12") == true)
        let newer = try FakeLibraries(["libcuda.so.1": ["VERSION=13010"]])
        #expect(try newer.obstacle() == .missing(.nvrtc, files: ["libnvrtc.so.13", "libnvrtc.so.12"]))
        try newer.add("libnvrtc.so.12", ["VERSION=12060"])
        try newer.add("libnvrtc.so.13", ["VERSION=13020"])
        #expect(try newer.obstacle() == .missing(.cublasLt, files: ["libcublasLt.so.13", "libcublasLt.so.12"]))
        try newer.add("libcublasLt.so.12", ["VERSION=120405"])
        #expect(try newer.obstacle() == .missing(.cudnn, files: ["libcudnn.so.9"]))
        try newer.add("libcudnn.so.9", ["VERSION=90100"])
        let versions = try CUDABackend.check(newer.search).versions
        #expect(versions[.nvrtc] == CUDAVersion(13, 2) && versions[.cublasLt] == CUDAVersion(12, 4))
    }

    /// Places in their order; the folders of a toolkit and of Python's packages.
    @Test func places() throws {
        let (first, second) = (try FakeLibraries(), try FakeLibraries())
        try second.add("libcuda.so.1", ["COUNT=1"])
        try second.add("lib64/libnvrtc.so.12", ["VERSION=12060"])
        try second.add("nvidia/cublas/lib/libcublasLt.so.12", ["VERSION=120405"])
        try second.add("nvidia/cudnn/lib/libcudnn.so.9", ["VERSION=90100"])
        let search = CUDASearch([.folder(first.path), .folder(second.path)])
        #expect(try CUDABackend.check(search).devices.count == 1)
        try first.add("libcuda.so.1")
        #expect(try CUDABackend.check(search).devices.count == 2)
        // The first file decides, even when a later one would do.
        try first.write("no library".utf8, "libnvrtc.so.12")
        guard
            case .unusable(.nvrtc, first.file("libnvrtc.so.12"), _)? = #expect(
                throws: CUDAObstacle.self, performing: { try CUDABackend.check(search) })
        else {
            Issue.record("a later library was taken")
            return
        }
    }
}
