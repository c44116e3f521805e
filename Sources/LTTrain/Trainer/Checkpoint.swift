// Checkpoint: a run's state after an iteration, as one safetensors file (8 bytes header length, JSON header, raw
// little-endian tensors; https://github.com/huggingface/safetensors). Weights under their names, what the optimizer
// remembers under `optimizer/`, what the loss remembers under `loss/`.

import Foundation
import LTCore
import OrderedCollections

/// Weights, states, and how far the run is. Samplers, augmentation and dropout are functions of seed and iteration, so the
/// iteration is their whole state.
public struct Checkpoint: Sendable {
    /// Iterations done.
    public var iteration: Int
    /// Digest of the recipe that made it; another recipe cannot go on from here.
    public var recipeDigest: String
    public var tensors: OrderedDictionary<String, Tensor>
    /// An epoch ends at this iteration and was not measured yet.
    public var epochIsOpen = false
    /// The best epoch so far.
    public var best: Trainer.Best?

    public init(iteration: Int, recipeDigest: String, tensors: OrderedDictionary<String, Tensor>) {
        self.iteration = iteration
        self.recipeDigest = recipeDigest
        self.tensors = tensors
    }

    /// The tensors whose names begin with a prefix, without it.
    public func part(_ prefix: String) -> OrderedDictionary<String, Tensor> {
        var result: OrderedDictionary<String, Tensor> = [:]
        for (name, tensor) in tensors where name.hasPrefix(prefix) {
            result[String(name.dropFirst(prefix.count))] = tensor
        }
        return result
    }
    public mutating func add(_ prefix: String, _ part: OrderedDictionary<String, Tensor>) {
        for (name, tensor) in part { tensors[prefix + name] = tensor }
    }

    /// Writes the file; a crash leaves the old one or the new one.
    /// - Throws: `io`.
    public func write(to path: String) throws(LTError) {
        var metadata = ["format": Self.format, "iteration": "\(iteration)", "recipe": recipeDigest]
        if epochIsOpen { metadata["epoch_is_open"] = "true" }
        if let best {
            metadata["best_epoch"] = "\(best.epoch)"
            metadata["best_value"] = "\(best.value)"
        }
        var header: [String: Any] = ["__metadata__": metadata]
        var offset = 0
        for (name, tensor) in tensors {
            guard let dtype = Self.names.first(where: { $0.type == tensor.type })?.name else {
                throw LTError(.unsupported, "a checkpoint holds no tensor(\(tensor.type.onnxName))")
            }
            header[name] = [
                "dtype": dtype, "shape": tensor.dims, "data_offsets": [offset, offset + tensor.byteCount],
            ]
            offset += tensor.byteCount
        }
        var json: Data
        do {
            json = try JSONSerialization.data(withJSONObject: header, options: [.sortedKeys, .withoutEscapingSlashes])
        } catch {
            throw LTError(.invalidArgument, "the checkpoint's header is no JSON: \(error)")
        }
        while json.count % 8 != 0 { json.append(UInt8(ascii: " ")) }
        var bytes = Data(capacity: 8 + json.count + offset)
        withUnsafeBytes(of: UInt64(json.count).littleEndian) { bytes.append(contentsOf: $0) }
        bytes.append(json)
        for tensor in tensors.values { bytes.append(contentsOf: tensor.bytes) }
        try replaceFile(path, with: [UInt8](bytes))
    }

    /// Reads what `write` wrote.
    /// - Throws: `io`, `malformed`.
    public static func read(_ path: String) throws(LTError) -> Checkpoint {
        try within("checkpoint \(path)") { () throws(LTError) in
            let bytes = try readFile(path)
            var result: Result<Checkpoint, LTError> = .failure(LTError(.malformed, "empty"))
            bytes.withUnsafeBytes { raw in
                do throws(LTError) { result = .success(try parse(raw)) } catch { result = .failure(error) }
            }
            return try result.get()
        }
    }

    private static let format = "longtail-checkpoint-2"
    private static let names: [(name: String, type: ElementType)] = [
        ("F32", .float32), ("F64", .float64), ("I64", .int64), ("I32", .int32), ("U8", .uint8), ("BOOL", .bool),
        ("F16", .float16), ("BF16", .bfloat16),
    ]

    private static func parse(_ bytes: UnsafeRawBufferPointer) throws(LTError) -> Checkpoint {
        guard bytes.count >= 8 else { throw LTError(.malformed, "\(bytes.count) bytes are no safetensors file") }
        let length = UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))
        guard length <= UInt64(bytes.count - 8), length <= 100_000_000 else {
            throw LTError(.malformed, "the header has \(length) bytes, the file \(bytes.count)")
        }
        let start = 8 + Int(length)
        let parsed = try? JSONSerialization.jsonObject(with: Data(bytes[8..<start]))
        guard let header = parsed as? [String: Any], let metadata = header["__metadata__"] as? [String: String],
            let iteration = metadata["iteration"].flatMap({ Int($0) }), iteration >= 0, let recipe = metadata["recipe"]
        else { throw LTError(.malformed, "the header is not that of a checkpoint") }
        guard metadata["format"] == format else {
            throw LTError(.unsupported, "the format is '\(metadata["format"] ?? "")', this program reads '\(format)'")
        }
        var found: [(name: String, offset: Int, tensor: Tensor)] = []
        for (name, value) in header where name != "__metadata__" {
            guard let fields = value as? [String: Any], let dtype = fields["dtype"] as? String,
                let type = names.first(where: { $0.name == dtype })?.type, let dims = fields["shape"] as? [Int],
                let offsets = fields["data_offsets"] as? [Int], offsets.count == 2
            else { throw LTError(.malformed, "the header's entry '\(name)' is not that of a tensor") }
            let shape = try Shape(dims)
            let count = Tensor.byteCount(type, shape)
            guard offsets[0] >= 0, offsets[1] >= offsets[0], offsets[1] - offsets[0] == count,
                offsets[1] <= bytes.count - start
            else { throw LTError(.malformed, "tensor '\(name)' of shape \(shape) lies outside the file") }
            let tensor = try Tensor(type, shape)
            UnsafeMutableRawBufferPointer(start: tensor.rawPointer, count: count).copyMemory(
                from: UnsafeRawBufferPointer(rebasing: bytes[start + offsets[0]..<start + offsets[1]]))
            found.append((name, offsets[0], tensor))
        }
        var tensors: OrderedDictionary<String, Tensor> = [:]
        for entry in found.sorted(by: { ($0.offset, $0.name) < ($1.offset, $1.name) }) {
            tensors[entry.name] = entry.tensor
        }
        var checkpoint = Checkpoint(iteration: iteration, recipeDigest: recipe, tensors: tensors)
        checkpoint.epochIsOpen = metadata["epoch_is_open"] == "true"
        if let epoch = metadata["best_epoch"].flatMap({ Int($0) }),
            let value = metadata["best_value"].flatMap({ Double($0) })
        {
            checkpoint.best = Trainer.Best(epoch: epoch, value: value)
        }
        return checkpoint
    }
}

/// The bytes of a file.
/// - Throws: `io` naming the path and the reason.
func readFile(_ path: String) throws(LTError) -> Data {
    do { return try Data(contentsOf: URL(fileURLWithPath: path)) } catch {
        var isFolder: ObjCBool = false
        let exists = FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
        throw LTError(
            .io,
            "cannot read \(path): \(!exists ? "there is no such file" : isFolder.boolValue ? "it is a folder" : error.localizedDescription)"
        )
    }
}
