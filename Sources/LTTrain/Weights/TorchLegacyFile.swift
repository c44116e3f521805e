// TorchLegacyFile: PyTorch's .pth before 1.6: pickles of a magic number, the protocol, the system and the object, then the
// list of the storages' keys, then for each the number of its elements (8 bytes) and the elements.
// Layout: torch/serialization.py, _legacy_save.

import LTCore
import OrderedCollections

struct TorchLegacyFile {
    private let file: RandomAccessFile
    /// 0x1950a86a20f9469cfc6c, low byte first.
    private static let magic: [UInt8] = [0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19]
    /// The pickles lie at the front; files that need more are read whole.
    private static let front = 1 << 26

    init(_ file: RandomAccessFile) { self.file = file }

    func entries() throws(LTError) -> OrderedDictionary<String, WeightFile.Entry> {
        do { return try entries(try file.read(at: 0, count: min(file.size, Self.front))) } catch {
            guard file.size > Self.front, error.code == .malformed else { throw error }
            return try entries(try file.read(at: 0, count: file.size))
        }
    }

    private func entries(_ bytes: Buffer) throws(LTError) -> OrderedDictionary<String, WeightFile.Entry> {
        let (magic, afterMagic) = try TorchPickle.read(bytes)
        guard case .long(let number) = magic, number == Self.magic else {
            throw LTError(.unsupported, "a pickle that torch.save did not write")
        }
        let (version, afterVersion) = try TorchPickle.read(bytes, at: afterMagic)
        guard version.whole == 1001 else {
            throw LTError(.unsupported, "protocol \(version.whole ?? 0), expected 1001")
        }
        let (system, afterSystem) = try TorchPickle.read(bytes, at: afterVersion)
        if case .bool(false)? = system["little_endian"] {
            throw LTError(.unsupported, "storages of big-endian numbers")
        }
        let (root, afterRoot) = try TorchPickle.read(bytes, at: afterSystem)
        let (keys, afterKeys) = try TorchPickle.read(bytes, at: afterRoot)
        let references = try TorchPickle.references(root)
        var widths: [String: Int] = [:]
        try TorchPickle.storageWidths(root, into: &widths)
        var places: [String: (start: Int, elements: Int)] = [:]
        var offset = afterKeys
        for key in keys.elements ?? [] {
            guard let key = key.text ?? key.whole.map(String.init), let width = widths[key] else {
                throw LTError(.malformed, "a storage that no tensor uses")
            }
            let count = try file.read(at: offset, count: 8).number(UInt64.self, at: 0)
            guard count <= (file.size - offset - 8) / width else {
                throw LTError(
                    .malformed, "storage '\(key)' of \(count) elements at \(offset), the file has \(file.size)")
            }
            places[key] = (offset + 8, count)
            offset += 8 + count * width
        }
        return try TorchPickle.entries(references, file) { (reference) throws(LTError) in
            guard let place = places[reference.key] else {
                throw LTError(.malformed, "the file has no storage '\(reference.key)'")
            }
            guard place.elements >= reference.capacity else {
                throw LTError(
                    .malformed,
                    "storage '\(reference.key)' has \(place.elements) elements, expected \(reference.capacity)")
            }
            return place.start
        }
    }
}

extension TorchPickle {
    /// Bytes per element of every storage in a value, of those too that belong to no weight (an optimizer's).
    static func storageWidths(_ value: PickleValue, into widths: inout [String: Int]) throws(LTError) {
        var open = [value]
        var visited = 0
        while let next = open.popLast() {
            visited += 1
            guard visited < 1 << 24 else { throw LTError(.unsupported, "a checkpoint of more than 2^24 values") }
            switch next {
            case .persistent(let id):
                guard let storage = id.elements, storage.count >= 5, case .global(let name) = storage[1],
                    let key = storage[2].text ?? storage[2].whole.map(String.init)
                else { throw LTError(.malformed, "a persistent id that is no storage") }
                widths[key] = try width(name)
            case .object(let object):
                open += object.arguments
                open += object.items
                open += object.entries.flatMap { [$0.key, $0.value] }
                if let state = object.state { open.append(state) }
            default:
                open += next.elements ?? []
                open += (next.entries ?? []).flatMap { [$0.key, $0.value] }
            }
        }
    }

    fileprivate static func width(_ className: String) throws(LTError) -> Int {
        guard let name = className.split(separator: ".").last, let type = types[String(name)] else {
            throw LTError(.unsupported, "a storage of class \(className)")
        }
        return type.bits / 8
    }
}
