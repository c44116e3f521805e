// Safetensors: 8 bytes header length, a JSON header (name → dtype, shape, data_offsets; texts under __metadata__), raw
// little-endian tensors. https://github.com/huggingface/safetensors#format

import Foundation
import LTCore
import OrderedCollections

/// A safetensors file, open for reading.
struct SafetensorsFile {
    let metadata: [String: String]
    let entries: OrderedDictionary<String, WeightFile.Entry>

    private static let types: [(name: String, type: ElementType)] = [
        ("F32", .float32), ("F64", .float64), ("I64", .int64), ("I32", .int32), ("I16", .int16), ("I8", .int8),
        ("U64", .uint64), ("U32", .uint32), ("U16", .uint16), ("U8", .uint8), ("BOOL", .bool), ("F16", .float16),
        ("BF16", .bfloat16),
    ]
    /// The format's own bound.
    private static let maximumHeader = 100_000_000

    /// - Throws: `malformed`, `unsupported` naming a dtype, `io`.
    init(_ file: RandomAccessFile) throws(LTError) {
        guard file.size >= 8 else { throw LTError(.malformed, "\(file.size) bytes are no safetensors file") }
        let length = try file.read(at: 0, count: 8).number(UInt64.self, at: 0)
        guard length <= file.size - 8, length <= Self.maximumHeader else {
            throw LTError(.malformed, "the header has \(length) bytes, the file \(file.size)")
        }
        let start = 8 + length
        let bytes = try file.read(at: 8, count: length)
        let parsed = try? JSONSerialization.jsonObject(with: Data(bytes.bytes))
        guard let header = parsed as? [String: Any] else { throw LTError(.malformed, "the header is no JSON object") }
        metadata = header["__metadata__"] as? [String: String] ?? [:]
        var found: [(name: String, offset: Int, entry: WeightFile.Entry)] = []
        for (name, value) in header where name != "__metadata__" {
            guard let fields = value as? [String: Any], let dtype = fields["dtype"] as? String,
                let dims = fields["shape"] as? [Int], let offsets = fields["data_offsets"] as? [Int], offsets.count == 2
            else { throw LTError(.malformed, "the header's entry '\(name)' is not that of a tensor") }
            guard let type = Self.types.first(where: { $0.name == dtype })?.type else {
                throw LTError(.unsupported, "tensor '\(name)' of dtype \(dtype)")
            }
            let shape = try Shape(dims)
            guard offsets[0] >= 0, offsets[1] >= offsets[0], offsets[1] - offsets[0] == Tensor.byteCount(type, shape),
                offsets[1] <= file.size - start
            else { throw LTError(.malformed, "tensor '\(name)' of shape \(shape) lies outside the file") }
            let offset = start + offsets[0]
            let entry = WeightFile.Entry(type: type, shape: shape) { () throws(LTError) in
                try file.tensor(type, shape, at: offset)
            }
            found.append((name, offsets[0], entry))
        }
        var entries: OrderedDictionary<String, WeightFile.Entry> = [:]
        var end = 0
        for item in found.sorted(by: { ($0.offset, $0.name) < ($1.offset, $1.name) }) {
            guard item.offset >= end else { throw LTError(.malformed, "tensor '\(item.name)' overlaps another one") }
            end = item.offset + Tensor.byteCount(item.entry.type, item.entry.shape)
            entries[item.name] = item.entry
        }
        self.entries = entries
    }

    /// Writes a file, tensor by tensor; a crash leaves the old one or the new one.
    /// - Throws: `io`; `unsupported` for a type that the format lacks.
    static func write(
        _ tensors: OrderedDictionary<String, Tensor>, metadata: [String: String], to path: String
    ) throws(LTError) {
        var header: [String: Any] = ["__metadata__": metadata]
        var offset = 0
        for (name, tensor) in tensors {
            guard let dtype = types.first(where: { $0.type == tensor.type })?.name else {
                throw LTError(.unsupported, "tensor(\(tensor.type.onnxName)) has no place in a safetensors file")
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
            throw LTError(.invalidArgument, "the header is no JSON: \(error)")
        }
        while json.count % 8 != 0 { json.append(UInt8(ascii: " ")) }
        var start = withUnsafeBytes(of: UInt64(json.count).littleEndian) { Data($0) }
        start.append(json)
        try replaceFile(path) { descriptor throws(LTError) in
            let head = try Tensor([UInt8](start))
            try withExtendedLifetime(head) { () throws(LTError) in try write(head.bytes, descriptor) }
            for tensor in tensors.values { try write(tensor.bytes, descriptor) }
        }
    }

    private static func write(_ bytes: UnsafeRawBufferPointer, _ descriptor: Int32) throws(LTError) {
        var rest = bytes
        while let base = rest.baseAddress, !rest.isEmpty {
            let count = Foundation.write(descriptor, base, rest.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw systemError("wrote \(bytes.count - rest.count) of \(bytes.count) bytes") }
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
    }
}
