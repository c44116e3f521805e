// What NVRTC makes of sources, where it is installed: a GPU is not needed.

import Foundation
import LTCUDA
import LTCore
import Testing

/// The installed NVRTC, or why there is none.
private let installed: Result<NVRTC, CUDAObstacle> = Result { () throws(CUDAObstacle) in try NVRTC() }
private let absence: Comment = {
    if case .failure(let obstacle) = installed { return "\(obstacle.error.message)" }
    return "NVRTC is installed"
}()

@Suite(.enabled(if: (try? installed.get()) != nil, absence)) struct NVRTCTests {
    static let source = """
        extern "C" __global__ void scale(float *x, float factor, int count) {
            int index = blockIdx.x * blockDim.x + threadIdx.x;
            if (index < count) x[index] *= FACTOR * factor;
        }
        """

    private func compile(
        _ source: String = Self.source, _ capability: ComputeCapability = ComputeCapability(9, 0),
        options: [String] = ["--define-macro=FACTOR=2.0f"], cache: CubinCache? = nil
    ) throws -> [UInt8] {
        try installed.get().compile(source, named: "scale.cu", for: capability, options: options, cache: cache)
    }

    /// ELF files for NVIDIA's machines (e_machine 190) that hold the kernel; the same bytes each time.
    @Test(arguments: [ComputeCapability(8, 0), ComputeCapability(9, 0), ComputeCapability(10, 0)])
    func compilesFor(capability: ComputeCapability) throws {
        let nvrtc = try installed.get()
        guard capability.major < 10 || nvrtc.version >= CUDAVersion(12, 8) else {
            #expect(throws: LTError.self) { try compile(Self.source, capability) }
            return
        }
        let cubin = try compile(Self.source, capability)
        #expect(cubin.prefix(4) == [0x7F, 0x45, 0x4C, 0x46] && cubin.count > 64)
        #expect(cubin[18] == 190 && cubin[19] == 0)
        #expect(Data(cubin).range(of: Data(".text.scale".utf8)) != nil)
        #expect(try compile(Self.source, capability) == cubin)
        #expect(try compile(Self.source, ComputeCapability(8, 6)) != cubin)
    }

    @Test func errorsHoldTheLog() throws {
        let missing = try #require(#expect(throws: LTError.self) { try compile(options: []) })
        #expect(missing.code == .library && missing.message.contains("NVRTC_ERROR_COMPILATION"))
        #expect(missing.message.contains("scale.cu(3)") && missing.message.contains("FACTOR"))
        #expect(missing.context == ["compiling scale.cu for sm_90"])
        let unknown = try #require(#expect(throws: LTError.self) { try compile(Self.source, ComputeCapability(1, 0)) })
        #expect(unknown.code == .library && unknown.context == ["compiling scale.cu for sm_10"])
        let endless = String(repeating: "?", count: 200) + "\n"
        let long = try #require(
            #expect(throws: LTError.self) { try compile(String(repeating: endless, count: 2000)) })
        #expect(long.message.utf8.count < 10_000)
    }

    @Test func theCacheGivesBackWhatWasCompiled() throws {
        let folder = FileManager.default.temporaryDirectory.path + "/lt-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let cache = CubinCache(folder: folder)
        let cubin = try compile(cache: cache)
        #expect(try compile() == cubin)
        let name = try #require(try FileManager.default.contentsOfDirectory(atPath: folder).first)
        let path = "\(folder)/\(name)"
        let stored = try #require(FileManager.default.contents(atPath: path))
        // What the file holds is what comes back: nothing is compiled again.
        let other = [UInt8]("other".utf8)
        try Data(SHA256.digest(of: other).utf8 + other).write(to: URL(fileURLWithPath: path))
        #expect(try compile(cache: cache) == other)
        // A file that was damaged is replaced.
        for damaged in [stored.dropLast(), Data(), stored.prefix(64), Data(repeating: 0x41, count: 5000)] {
            try Data(damaged).write(to: URL(fileURLWithPath: path))
            #expect(try compile(cache: cache) == cubin)
            #expect(FileManager.default.contents(atPath: path) == stored)
        }
        // Another source, architecture or option is another file.
        _ = try compile(Self.source + "\n", cache: cache)
        _ = try compile(Self.source, ComputeCapability(8, 0), cache: cache)
        _ = try compile(options: ["--define-macro=FACTOR=3.0f"], cache: cache)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder).count == 4)
        // Without a place to write, the code comes all the same.
        #expect(try compile(cache: CubinCache(folder: "/dev/null/none")) == cubin)
    }
}
