// Checkpoint: a run's state after an iteration, as one safetensors file. Weights under their names, what the optimizer
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
        try SafetensorsFile.write(tensors, metadata: metadata, to: path)
    }

    /// Reads what `write` wrote.
    /// - Throws: `io`, `malformed`.
    public static func read(_ path: String) throws(LTError) -> Checkpoint {
        try within("checkpoint \(path)") { () throws(LTError) in
            let file = try SafetensorsFile(try RandomAccessFile(path))
            let metadata = file.metadata
            guard let iteration = metadata["iteration"].flatMap({ Int($0) }), iteration >= 0,
                let recipe = metadata["recipe"]
            else { throw LTError(.malformed, "the header is not that of a checkpoint") }
            guard metadata["format"] == format else {
                throw LTError(
                    .unsupported, "the format is '\(metadata["format"] ?? "")', this program reads '\(format)'")
            }
            var tensors: OrderedDictionary<String, Tensor> = [:]
            for (name, entry) in file.entries { tensors[name] = try entry.load() }
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

    private static let format = "longtail-checkpoint-2"
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
