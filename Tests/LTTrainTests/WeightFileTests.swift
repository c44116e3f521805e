// Weights from files that PyTorch and safetensors wrote (Utilities/fixtures/weights.py), what is refused, and damaged files.

import Foundation
import LTCore
import LTGraph
import LTTrain
import Testing

@Suite struct WeightFileTests {
    static func path(_ name: String) -> String { Fixtures.folder.appendingPathComponent("weights-\(name)").path }

    static func numbers(_ tensor: Tensor) throws -> [Double] {
        switch tensor.type {
        case .float32: try tensor.array(of: Float.self).map(Double.init)
        case .float64: try tensor.array(of: Double.self)
        case .float16: try tensor.array(of: Float16.self).map(Double.init)
        case .bfloat16: try tensor.array(of: BFloat16.self).map { Double($0.float) }
        case .bool: tensor.bytes.map { Double($0) }
        default: try tensor.wholeNumbers().map(Double.init)
        }
    }

    @Test(arguments: ["small.pth", "small-legacy.pth", "small.safetensors"]) func tensorsAreRead(_ name: String) throws
    {
        let json = try JSONSerialization.jsonObject(
            with: Data(contentsOf: URL(fileURLWithPath: Self.path("expected.json"))))
        let tensors = try #require((json as? [String: Any])?["tensors"] as? [String: [String: Any]])
        let file = try WeightFile.read(Self.path(name))
        #expect(Set(file.entries.keys) == Set(tensors.keys))
        for (key, expected) in tensors {
            let tensor = try file.tensor(key)
            #expect(tensor.dims == expected["shape"] as? [Int], "\(key)")
            #expect(deviation(try Self.numbers(tensor), flat(expected["values"])) < 1e-12, "\(key)")
        }
        #expect(file.entries["half"]?.type == .float16 && file.entries["bfloat"]?.type == .bfloat16)
        #expect(file.entries["double"]?.type == .float64 && file.entries["flags"]?.type == .bool)
    }

    @Test(arguments: ["nested.pth", "nested-legacy.pth"]) func checkpointsAreOpened(_ name: String) throws {
        let file = try WeightFile.read(Self.path(name))
        #expect(Set(file.entries.keys) == ["conv.weight", "parameter"])
        #expect(try file.tensor("conv.weight").dims == [4, 3, 2, 2])
    }

    @Test func dictsInDictsGetDots() throws {
        #expect(Array(try WeightFile.read(Self.path("tree.pth")).entries.keys) == ["head.weight", "bias"])
    }

    @Test func onnxFilesGiveInitializers() throws {
        let path = Fixtures.temporary() + ".onnx"
        defer { try? FileManager.default.removeItem(atPath: path) }
        var generator = SeededGenerator(seed: 1)
        let graph = try CIFARResNet(depth: 8, width: 4).graph(classes: 3, inputSize: 32, generator: &generator)
        try graph.write(to: path)
        let file = try WeightFile.read(path)
        #expect(
            try Self.numbers(file.tensor("linear.weight"))
                == Self.numbers(#require(graph.initializers["linear.weight"])))
    }

    @Test func whatIsNoTensorIsRefusedByName() {
        func message(_ name: String) -> String {
            let error = #expect(throws: LTError.self) { try WeightFile.read(Self.path(name)) }
            return error.map { "\($0.message) \($0.hint ?? "")" } ?? ""
        }
        #expect(message("call.pth").contains("getcwd"))
        #expect(message("module.pth").contains("torch.nn.modules.linear.Linear"))
        #expect(message("module.pth").contains("state_dict()"))
        #expect(message("quantised.pth").contains("_rebuild_qtensor"))
        #expect(message("compressed.pth").contains("is compressed"))
        #expect(message("plain.pth").contains("torch.save did not write"))
        #expect(message("nowhere.pth").contains("No such file"))
    }

    /// Cut and changed files end in errors, or in the tensors that the change did not reach; never in a trap.
    @Test(arguments: ["small.pth", "small-legacy.pth", "small.safetensors"]) func damagedFiles(_ name: String) throws {
        let whole = [UInt8](try Data(contentsOf: URL(fileURLWithPath: Self.path(name))))
        let path = Fixtures.temporary()
        defer { try? FileManager.default.removeItem(atPath: path) }
        func survives(_ bytes: [UInt8]) throws -> Bool {
            try Data(bytes).write(to: URL(fileURLWithPath: path))
            do {
                let file = try WeightFile.read(path)
                for key in file.entries.keys { _ = try file.tensor(key) }
                return true
            } catch is LTError { return false }
        }
        #expect(try survives(whole))
        for size in stride(from: 0, to: whole.count - 1, by: 61) { #expect(try !survives(Array(whole[..<size]))) }
        var generator = SeededGenerator(seed: 9)
        var failures = 0
        for _ in 0..<300 {
            var bytes = whole
            for _ in 0...generator.below(3) {
                bytes[generator.below(bytes.count)] = [0, 0xFF, 0x7F, UInt8(generator.below(256))][generator.below(4)]
            }
            if try !survives(bytes) { failures += 1 }
        }
        #expect(failures > 30)
    }

    @Test func sizesBeyondTheStorageAreRefused() throws {
        func safetensors(_ header: String) throws -> LTError? {
            let path = Fixtures.temporary()
            defer { try? FileManager.default.removeItem(atPath: path) }
            var data = withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Data($0) }
            data.append(Data(header.utf8))
            data.append(Data(count: 16))
            try data.write(to: URL(fileURLWithPath: path))
            do {
                _ = try WeightFile.read(path)
                return nil
            } catch { return error as? LTError }
        }
        #expect(try safetensors(#"{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}"#) == nil)
        #expect(try safetensors(#"{"a":{"dtype":"F32","shape":[5],"data_offsets":[0,20]}}"#)?.code == .malformed)
        #expect(try safetensors(#"{"a":{"dtype":"F32","shape":[-4],"data_offsets":[0,16]}}"#) != nil)
        #expect(
            try safetensors(
                #"{"a":{"dtype":"F32","shape":[9223372036854775807,2],"data_offsets":[0,16]}}"#) != nil)
        #expect(try safetensors(#"{"a":{"dtype":"F4","shape":[4],"data_offsets":[0,16]}}"#)?.code == .unsupported)
        #expect(
            try safetensors(
                #"{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,12]},"b":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}}"#
            )?.message.contains("overlaps") ?? false)
        #expect(try safetensors("[1]") != nil)
    }

    /// `Utilities/weights/msra_resnet.py` on a pickle in the layout of detectron2's MSRA/R-50.pkl (Utilities/fixtures/msra.py).
    @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/python3"), "no python3"))
    func msraWeightsAreConverted() throws {
        let folder = Fixtures.temporary()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("Utilities/weights/msra_resnet.py").path
        func convert(_ pickle: String) throws -> Int32 {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "/usr/bin/python3")
            process.arguments = [script, pickle, "\(folder)/msra.safetensors"]
            process.standardOutput = FileHandle.nullDevice
            process.standardError = FileHandle.nullDevice
            try process.run()
            process.waitUntilExit()
            return process.terminationStatus
        }
        #expect(try convert(Fixtures.folder.appendingPathComponent("msra-r50.pkl").path) == 0)
        let file = try WeightFile.read("\(folder)/msra.safetensors")
        var network = try RCNN(depth: 50, width: 2)
        network.body.strideIn1x1 = true
        var request = NetworkRequest(classes: 3, inputSize: 0, generator: SeededGenerator(seed: 1))
        var parts = try network.parts(&request)
        let notes = try parts.load(file, Recipe.Start(path: file.path, into: "backbone.body."))
        #expect(notes == ["\(file.path): not used: 'fc.bias', 'fc.weight'"])

        let weights = parts.pyramid.initializers
        for (name, origin, dims) in [
            ("conv1.weight", "conv1_w", [2, 3, 7, 7]), ("bn1.weight", "res_conv1_bn_s", [2]),
            ("layer1.0.conv1.weight", "res2_0_branch2a_w", [2, 2, 1, 1]),
            ("layer1.0.downsample.0.weight", "res2_0_branch1_w", [8, 2, 1, 1]),
            ("layer2.0.downsample.1.bias", "res3_0_branch1_bn_b", [16]),
            ("layer3.5.conv2.weight", "res4_5_branch2b_w", [8, 8, 3, 3]),
            ("layer4.2.bn3.weight", "res5_2_branch2c_bn_s", [64]),
        ] {
            let tensor = try #require(weights["backbone.body.\(name)"], "\(name)")
            let key = origin.utf8.enumerated().reduce(0) { $0 + ($1.offset + 1) * Int($1.element) }
            let expected = (0..<tensor.count).map { Float(($0 * 40503 + key) % 513 - 256) / 256 }
            let values = try tensor.array(of: Float.self)
            #expect(tensor.dims == dims && values == expected, "\(name)")
        }
        let statistics = try ["running_mean", "running_var"].map {
            try #require(weights["backbone.body.layer3.1.bn2.\($0)"]).array(of: Float.self)
        }
        #expect(statistics[0] == [Float](repeating: 0, count: 8))
        #expect(statistics[1].allSatisfy { $0 + 1e-5 == 1 })
        // Anything else in a pickle is refused, not run.
        #expect(try convert(Self.path("call.pth")) != 0)
    }
}
