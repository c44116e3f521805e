// Packed weights in a folder: later plans read them and give the same bits, files that do not fit are made anew, and kernels that
// pack otherwise than before say so by a new format.

import CLTKernels
import Foundation
import LTCore
import LTGraph
import LTRuntime
import Testing

@Suite struct WeightCacheTests {
    private static let digest = String(repeating: "a", count: 64)

    /// A folder that goes with the value.
    private final class Folder {
        let path = FileManager.default.temporaryDirectory.path + "/lt-\(UUID().uuidString)"
        deinit { try? FileManager.default.removeItem(atPath: path) }

        /// The files of weights, with their folder.
        var files: [String] {
            let all = FileManager.default.enumerator(atPath: path)?.compactMap { $0 as? String } ?? []
            return all.filter { $0.hasSuffix(".weights") }.map { "\(path)/\($0)" }.sorted()
        }
    }

    /// Convolutions that take Winograd's form, direct sums and a product of matrices, and a product; all of 64 KiB and more.
    private static func network() throws -> (graph: Graph, input: Tensor) {
        var random = SeededGenerator(seed: 5)
        var builder = GraphBuilder(name: "net", opset: 17)
        func weights(_ name: String, _ dims: [Int]) throws -> String {
            let values = try random.tensor(dims).array(of: Float.self)
            let share = 1 / Float(dims.dropFirst().reduce(1, *)).squareRoot()
            return builder.initializer(name, try Tensor(values.map { $0 * share }, dims))
        }
        let x = builder.input("x", .float32, [.symbolic("n"), .fixed(64), .fixed(20), .fixed(20)])
        let three = builder.node(
            "Conv", [x, try weights("three", [64, 64, 3, 3])], attributes: ["pads": .ints([1, 1, 1, 1])])
        let strided = builder.node(
            "Conv", [three, try weights("strided", [128, 64, 3, 3])], attributes: ["strides": .ints([2, 2])])
        let one = builder.node("Conv", [strided, try weights("one", [160, 128, 1, 1])])
        let flat = builder.node("Flatten", [builder.node("GlobalAveragePool", [one])])
        let y = builder.node("Gemm", [flat, try weights("full", [160, 130])])
        builder.output(y, as: "y", .float32, [.symbolic("n"), .fixed(130)])
        return (builder.graph, try random.tensor([2, 64, 20, 20]))
    }

    private static func result(
        _ cache: WeightCache?, _ batch: Int = 2, exact: Bool = false, threads: Int = 2
    ) throws -> [Float] {
        let (graph, input) = try network()
        let plan = try Plan(
            graph, on: CPUBackend(), options: PlanOptions(threads: threads, exact: exact, cache: cache))
        let count = batch * 64 * 400
        let part = try Tensor(Array(try input.array(of: Float.self).prefix(count)), [batch, 64, 20, 20])
        return try #require(try Session(plan).run(["x": part])["y"]).array(of: Float.self)
    }

    @Test func laterPlansReadWhatTheFirstPacked() throws {
        let folder = Folder()
        let expected = try Self.result(nil)
        let cache = try WeightCache(folder.path, model: Self.digest)
        #expect(try Self.result(cache) == expected)
        let files = folder.files
        #expect(files.count == 4)
        #expect(try Self.result(cache) == expected)
        #expect(try Self.result(cache, 1) == Array(expected.prefix(130)))
        #expect(try Self.result(cache, threads: 1) == expected)
        #expect(folder.files == files)
        // Another model, and another form of the same convolution, have files of their own.
        #expect(try Self.result(try WeightCache(folder.path, model: String(repeating: "b", count: 64))) == expected)
        #expect(folder.files.count == 8)
        if lt_isa_level() != LT_ISA_PORTABLE {
            _ = try Self.result(cache, exact: true)
            #expect(folder.files.count == 9)
        }
        // What the files hold is what is computed with.
        for file in folder.files {
            var bytes = try Data(contentsOf: URL(fileURLWithPath: file))
            bytes.replaceSubrange(0..<1 << 16, with: [UInt8](repeating: 0, count: 1 << 16))
            try bytes.write(to: URL(fileURLWithPath: file))
        }
        #expect(try Self.result(cache) != expected)
    }

    @Test func filesThatDoNotFitAreMadeAnew() throws {
        let folder = Folder()
        let cache = try WeightCache(folder.path, model: Self.digest)
        let expected = try Self.result(cache)
        let files = folder.files
        let whole = try files.map { try Data(contentsOf: URL(fileURLWithPath: $0)) }
        func spoil(_ change: (Data, URL) throws -> Void) throws {
            for (file, bytes) in zip(files, whole) { try change(bytes, URL(fileURLWithPath: file)) }
            #expect(try Self.result(cache) == expected)
            #expect(folder.files == files)
            #expect(try files.map { try Data(contentsOf: URL(fileURLWithPath: $0)) } == whole)
        }
        try spoil { try $0.dropLast().write(to: $1) }
        try spoil { try Data().write(to: $1) }
        try spoil { try ($0 + [0]).write(to: $1) }
        try spoil { bytes, file in
            var other = bytes
            other[other.count - 60] ^= 1
            try other.write(to: file)
        }
        try spoil { try FileManager.default.removeItem(at: $1) }
    }

    @Test func runsGoOnWithoutTheFolder() throws {
        let folder = Folder()
        let cache = try WeightCache(folder.path, model: Self.digest)
        let expected = try Self.result(cache)
        let (graph, input) = try Self.network()
        let session = try Session(try Plan(graph, on: CPUBackend(), options: PlanOptions(threads: 2, cache: cache)))
        _ = try session.run(["x": input])
        try FileManager.default.removeItem(atPath: folder.path)
        #expect(try session.run(["x": input])["y"]?.array(of: Float.self) == expected)
        // A folder that is not there any more, and a file where the model's folder would be: nothing is kept.
        #expect(try Self.result(cache) == expected)
        let blocked = Folder()
        let other = try WeightCache(blocked.path, model: Self.digest)
        let level = lt_isa_level().rawValue
        let name = "\(Self.digest)-\(longtailVersion)-f32-isa\(level)-1"
        try Data().write(to: URL(fileURLWithPath: "\(blocked.path)/\(name)"))
        #expect(try Self.result(other) == expected)
        #expect(blocked.files.isEmpty)
    }

    @Test func foldersThatCannotBeAreErrors() throws {
        let folder = Folder()
        let missing = #expect(throws: LTError.self) { try WeightCache("\(folder.path)/no/such", model: Self.digest) }
        #expect(missing?.message.contains("cannot make the cache \(folder.path)/no/such") == true)
        try Data().write(to: URL(fileURLWithPath: folder.path))
        let file = #expect(throws: LTError.self) { try WeightCache(folder.path, model: Self.digest) }
        #expect(file?.message == "the cache \(folder.path) is not a folder")
    }

    @Test func digestsAreRememberedForTheFile() throws {
        let folder = Folder()
        _ = try WeightCache(folder.path, model: "")
        var made = 0
        func digest(_ identity: FileIdentity) throws -> String {
            try WeightCache.digest(of: identity, in: folder.path) { () throws(LTError) in
                made += 1
                return Self.digest
            }
        }
        // A file of the package, older than what its clock can tell apart.
        let identity = try #require(FileIdentity(#filePath))
        try #require(identity.isSettled)
        #expect(try [digest(identity), digest(identity)] == [Self.digest, Self.digest])
        #expect(made == 1)
        // One that has just been written may be written again without showing it.
        let path = "\(folder.path)/fresh"
        try Data([1]).write(to: URL(fileURLWithPath: path))
        let fresh = try #require(FileIdentity(path))
        #expect(try [digest(fresh), digest(fresh)] == [Self.digest, Self.digest])
        #expect(made == 3)
        try Data([1, 2]).write(to: URL(fileURLWithPath: path))
        #expect(FileIdentity(path) != fresh)
        #expect(FileIdentity("\(folder.path)/nothing") == nil)
        // Notes that hold something else are not believed.
        let notes = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".digest") }
        #expect(notes.count == 1)
        try Data("../../../etc".utf8).write(to: URL(fileURLWithPath: "\(folder.path)/\(notes[0])"))
        #expect(try digest(identity) == Self.digest)
        #expect(made == 4)
    }

    /// Whoever changes one of these changes what lies in the folders of users: raise `PackedFiles.format`, then write the new
    /// digest here.
    @Test func kernelsPackAsTheFormatSays() throws {
        let level = Int(lt_isa_level().rawValue)
        func digest(_ count: Int, _ pack: (UnsafeMutablePointer<Float>) -> Void) -> String {
            let memory = UnsafeMutablePointer<Float>.allocate(capacity: count)
            defer { memory.deallocate() }
            memory.initialize(repeating: 0, count: count)
            pack(memory)
            return String(SHA256.digest(of: UnsafeRawBufferPointer(start: memory, count: count * 4)).prefix(12))
        }
        let (columns, channels, padded, taps) = (150, 70, 80, 9)
        let weights = (0..<columns * padded * taps).map { Float($0) }
        let panels = digest(lt_gemm_packed_count(channels, columns)) {
            lt_gemm_pack(weights, columns, 1, channels, columns, $0)
        }
        let transposed = digest(lt_gemm_packed_count(channels, columns)) {
            lt_gemm_pack(weights, 1, channels, channels, columns, $0)
        }
        let windows = digest(lt_gemm_packed_count(taps * padded, columns)) {
            lt_gemm_pack_windows(weights, columns, channels, padded, taps, $0)
        }
        var shape = lt_winograd_shape()
        (shape.batch, shape.inputs, shape.outputs) = (1, Int64(channels), Int64(columns))
        (shape.in, shape.out, shape.pad) = ((1, 14, 14), (1, 14, 14), (0, 1, 1))
        var plan = lt_winograd_plan()
        try #require(lt_winograd_make(&shape, Int32(level), 1, &plan))
        let winograd = digest(plan.weight_bytes / 4) { lt_winograd_pack(&plan, weights, $0) }
        #expect([panels, transposed, windows, winograd] == Self.packed[level])
        guard lt_bf16_products() == LT_BF16_FAST else { return }
        let depth = channels / 2
        let pairs = digest(lt_gemm_packed_count(depth, columns)) {
            lt_gemm_pack_pairs(weights, columns, 1, depth, columns, $0)
        }
        let transposedPairs = digest(lt_gemm_packed_count(depth, columns)) {
            lt_gemm_pack_pairs(weights, 1, channels, depth, columns, $0)
        }
        let windowsOfPairs = digest(lt_gemm_packed_count(taps * padded / 2, columns)) {
            lt_gemm_pack_windows_pairs(weights, columns, channels, padded, taps, $0)
        }
        #expect([pairs, transposedPairs, windowsOfPairs] == Self.packedPairs)
    }

    private static let packedPairs = ["9673ac33aceb", "c6c43132cde6", "642cac0bf290"]

    /// By level: portable, AVX2, AVX-512.
    private static let packed = [
        ["21e0f8be86eb", "77b1bdf34d00", "7bc4ae26100e", "cf63eb1646bb"],
        ["21e0f8be86eb", "77b1bdf34d00", "7bc4ae26100e", "cf63eb1646bb"],
        ["afbc16544a33", "ded5f09bc6ab", "1e14c3094e10", "31cb140e49aa"],
    ]
}
