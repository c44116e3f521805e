// WeightFile: named tensors of a file, read one at a time: .safetensors, PyTorch's .pth in both of its formats, ONNX.
// What the file is is seen from its first bytes, not from its name.

import Foundation
import LTCore
import LTGraph
import OrderedCollections

/// The tensors of a file by name.
public struct WeightFile: Sendable {
    /// A tensor that lies in the file.
    public struct Entry: Sendable {
        public var type: ElementType
        public var shape: Shape
        /// Reads the elements, row-major.
        var load: @Sendable () throws(LTError) -> Tensor
    }

    public let path: String
    /// By name, in the file's order; without the prefix `module.` of data-parallel training when every name has it.
    public let entries: OrderedDictionary<String, Entry>

    init(path: String, entries: OrderedDictionary<String, Entry>) {
        self.path = path
        let prefix = "module."
        if !entries.isEmpty, entries.keys.allSatisfy({ $0.hasPrefix(prefix) && $0.count > prefix.count }) {
            var stripped: OrderedDictionary<String, Entry> = [:]
            for (name, entry) in entries { stripped[String(name.dropFirst(prefix.count))] = entry }
            self.entries = stripped
        } else {
            self.entries = entries
        }
    }

    /// Opens a file and reads its table of contents.
    /// - Throws: `io`; `malformed`; `unsupported` naming what is refused.
    public static func read(_ path: String) throws(LTError) -> WeightFile {
        try within("weights \(path)") { () throws(LTError) in
            let file = try RandomAccessFile(path)
            let start = try file.read(at: 0, count: min(file.size, 16))
            let bytes = Array(start.bytes)
            if bytes.starts(with: [0x50, 0x4B, 3, 4]) || bytes.starts(with: [0x50, 0x4B, 5, 6]) {
                return WeightFile(path: path, entries: try TorchArchive(file).entries())
            }
            // A pickle of protocol 2 to 5 that begins with a number: the magic of the older format.
            if bytes.count > 2, bytes[0] == 0x80, (2...5).contains(bytes[1]) {
                return WeightFile(path: path, entries: try TorchLegacyFile(file).entries())
            }
            // A header's length, then JSON.
            if bytes.count > 8, bytes[8] == UInt8(ascii: "{"), bytes[6] == 0, bytes[7] == 0 {
                return WeightFile(path: path, entries: try SafetensorsFile(file).entries)
            }
            if bytes.count > 262, try file.isTar() {
                throw LTError(
                    .unsupported, "a tar archive of PyTorch before 0.1.10",
                    hint: "save the state dict again with torch.save")
            }
            var entries: OrderedDictionary<String, Entry> = [:]
            for (name, tensor) in try Graph.read(path: path).preparedForTraining().initializers {
                entries[name] = Entry(type: tensor.type, shape: tensor.shape) { () throws(LTError) in tensor }
            }
            return WeightFile(path: path, entries: entries)
        }
    }

    /// The elements of a tensor.
    /// - Throws: `notFound`; `io`.
    public func tensor(_ name: String) throws(LTError) -> Tensor {
        guard let entry = entries[name] else { throw LTError(.notFound, "\(path) has no tensor '\(name)'") }
        return try within("weights \(path)") { () throws(LTError) in
            try within("tensor '\(name)'") { () throws(LTError) in try entry.load() }
        }
    }
}

extension Tensor {
    /// The same numbers in float32.
    /// - Throws: `unsupported` for types that are no floating-point numbers.
    func float32() throws(LTError) -> Tensor {
        switch type {
        case .float32: return self
        case .float64: return try converted(Double.self) { Float($0) }
        case .float16: return try converted(Float16.self) { Float($0) }
        case .bfloat16: return try converted(BFloat16.self) { $0.float }
        default: throw LTError(.unsupported, "a tensor of \(type.onnxName), expected floating-point numbers")
        }
    }

    private func converted<Element: TensorElement>(_: Element.Type, _ body: (Element) -> Float) throws(LTError)
        -> Tensor
    {
        let result = try Tensor(.float32, shape)
        let (from, to) = (elements(Element.self), result.elements(Float.self))
        for index in to.indices { to[index] = body(from[index]) }
        return result
    }
}
