// TorchPickle: state dicts in PyTorch's pickles: tensors and plain containers, nothing else. A tensor is an object
// torch._utils._rebuild_tensor_v2(storage, offset, size, stride, …); a storage is a persistent id
// ('storage', class, key, location, elements). Layout: torch/_utils.py, torch/serialization.py.

import LTCore
import OrderedCollections

enum TorchPickle {
    private static let rebuilders: Set<String> = ["torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_tensor"]
    private static let parameter = "torch._utils._rebuild_parameter"
    static let types: [String: ElementType] = [
        "FloatStorage": .float32, "DoubleStorage": .float64, "HalfStorage": .float16, "BFloat16Storage": .bfloat16,
        "LongStorage": .int64, "IntStorage": .int32, "ShortStorage": .int16, "CharStorage": .int8,
        "ByteStorage": .uint8, "BoolStorage": .bool,
    ]
    /// What pickles may name. `torch.Size` is a tuple.
    private static let globals: Set<String> =
        rebuilders.union(types.keys.map { "torch.\($0)" }).union(types.keys.map { "torch.cuda.\($0)" })
        .union([parameter, "torch.Size", "torch.device"])

    /// A tensor's place in a storage, in elements.
    struct Reference: Sendable {
        var key: String
        var type: ElementType
        /// Elements of the storage.
        var capacity: Int
        var offset: Int
        var shape: Shape
        var strides: [Int]
    }

    /// Reads one pickle.
    /// - Throws: `unsupported` naming a class or function that is no tensor's.
    static func read(_ buffer: Buffer, at offset: Int = 0) throws(LTError) -> (value: PickleValue, end: Int) {
        do {
            return try Pickle.read(
                buffer, range: offset..<buffer.byteCount, allowing: globals, persistentIDs: true)
        } catch {
            var error = error
            if error.code == .unsupported {
                error.hint = "only tensors and plain containers are read: torch.save(model.state_dict(), …)"
            }
            throw error
        }
    }

    /// The tensors of a checkpoint by name. The state dict is the checkpoint itself, or lies under one of the usual names;
    /// dicts in dicts otherwise get names with dots.
    static func references(_ root: PickleValue) throws(LTError) -> OrderedDictionary<String, Reference> {
        var dict = root
        descent: for _ in 0..<4 {
            for name in ["state_dict", "model_state_dict", "model", "net", "network"] {
                guard let inner = dict[name], inner.tensorEntries != nil else { continue }
                dict = inner
                continue descent
            }
            break
        }
        guard dict.tensorEntries != nil else {
            throw LTError(.malformed, "the file holds \(root.kind), expected a state dict")
        }
        var result: OrderedDictionary<String, Reference> = [:]
        try collect(dict, prefix: "", depth: 0, into: &result)
        guard !result.isEmpty else { throw LTError(.malformed, "the file holds no tensors") }
        return result
    }

    private static func collect(
        _ value: PickleValue, prefix: String, depth: Int, into result: inout OrderedDictionary<String, Reference>
    ) throws(LTError) {
        for entry in value.tensorEntries ?? [] {
            guard let name = entry.key.text else { continue }
            if entry.value.tensorEntries != nil {
                if depth < 8 {
                    try collect(entry.value, prefix: "\(prefix)\(name).", depth: depth + 1, into: &result)
                }
            } else if case .object(let object) = entry.value, isTensor(object) {
                result[prefix + name] = try within("tensor '\(prefix + name)'") { () throws(LTError) in
                    try reference(object)
                }
            }
        }
    }

    private static func isTensor(_ object: PickleObject) -> Bool {
        object.global == parameter || rebuilders.contains(object.global)
    }

    private static func reference(_ object: PickleObject) throws(LTError) -> Reference {
        let arguments = object.arguments
        if object.global == parameter, case .object(let inner)? = arguments.first, rebuilders.contains(inner.global) {
            return try reference(inner)
        }
        guard rebuilders.contains(object.global), arguments.count >= 4, case .persistent(let id) = arguments[0],
            let storage = id.elements, storage.count >= 5, storage[0].text == "storage",
            case .global(let className) = storage[1], let key = storage[2].text ?? storage[2].whole.map(String.init),
            let capacity = storage[4].whole, let offset = arguments[1].whole
        else { throw LTError(.malformed, "no tensor of a storage") }
        guard let name = className.split(separator: ".").last, let type = types[String(name)] else {
            throw LTError(.unsupported, "a storage of class \(className)")
        }
        let shape = try Shape(try wholes(arguments[2]))
        let strides = try wholes(arguments[3])
        // A view of another storage, as PyTorch before 0.4 wrote it: (key, offset, elements).
        var first = offset
        if storage.count >= 6, let view = storage[5].elements {
            guard view.count == 3, let start = view[1].whole, start >= 0, start <= Int.max / 4, offset <= Int.max / 4
            else { throw LTError(.malformed, "the view of a storage") }
            first += start
        }
        try check(shape, strides, offset: first, capacity: capacity)
        return Reference(key: key, type: type, capacity: capacity, offset: first, shape: shape, strides: strides)
    }

    /// The elements lie in the storage, and are not more than it has.
    private static func check(_ shape: Shape, _ strides: [Int], offset: Int, capacity: Int) throws(LTError) {
        let error = LTError(
            .malformed, "shape \(shape) with strides \(strides) at \(offset) of a storage of \(capacity) elements")
        guard strides.count == shape.rank, offset >= 0, capacity >= 0, capacity <= Int.max / 16,
            shape.count <= capacity
        else { throw error }
        if shape.count == 0 { return }
        var last = offset
        for (dim, stride) in zip(shape.dims, strides) {
            let (extent, overflow) = (dim - 1).multipliedReportingOverflow(by: stride)
            let (sum, carried) = last.addingReportingOverflow(extent)
            guard stride >= 0, !overflow, !carried else { throw error }
            last = sum
        }
        guard last < capacity else { throw error }
    }

    private static func wholes(_ value: PickleValue) throws(LTError) -> [Int] {
        var elements = value.elements
        // torch.Size((…))
        if elements == nil, case .object(let object) = value, object.global == "torch.Size" {
            elements = object.arguments.first?.elements
        }
        guard let elements, elements.count <= 64 else { throw LTError(.malformed, "\(value.kind), expected sizes") }
        var result: [Int] = []
        for element in elements {
            guard let whole = element.whole else { throw LTError(.malformed, "\(element.kind) among sizes") }
            result.append(whole)
        }
        return result
    }

    /// The tensors as entries whose storages begin where `place` says, in bytes.
    static func entries(
        _ references: OrderedDictionary<String, Reference>, _ file: RandomAccessFile,
        place: (Reference) throws(LTError) -> Int
    ) throws(LTError) -> OrderedDictionary<String, WeightFile.Entry> {
        var entries: OrderedDictionary<String, WeightFile.Entry> = [:]
        for (name, reference) in references {
            let start = try within("tensor '\(name)'") { () throws(LTError) in try place(reference) }
            entries[name] = WeightFile.Entry(type: reference.type, shape: reference.shape) { () throws(LTError) in
                try reference.tensor(file, at: start)
            }
        }
        return entries
    }
}

extension TorchPickle.Reference {
    /// Reads the elements row-major.
    func tensor(_ file: RandomAccessFile, at start: Int) throws(LTError) -> Tensor {
        let width = type.bits / 8
        let first = start + offset * width
        if shape.count == 0 { return try Tensor(type, shape) }
        if strides == shape.strides || shape.count == 1 { return try file.tensor(type, shape, at: first) }
        let span = zip(shape.dims, strides).reduce(1) { $0 + ($1.0 - 1) * $1.1 }
        let source = try file.read(at: first, count: span * width)
        let result = try Tensor(type, shape)
        // An odometer over the indices, in row-major order.
        var index = [Int](repeating: 0, count: shape.rank)
        var position = 0
        for element in 0..<shape.count {
            (result.rawPointer + element * width).copyMemory(from: source.pointer + position * width, byteCount: width)
            for axis in stride(from: shape.rank - 1, through: 0, by: -1) {
                index[axis] += 1
                position += strides[axis]
                if index[axis] < shape[axis] { break }
                position -= strides[axis] * shape[axis]
                index[axis] = 0
            }
        }
        return result
    }
}

extension PickleValue {
    /// The entries of a dict, or of an object that is a kind of dict.
    fileprivate var tensorEntries: [PickleEntry]? {
        if case .object(let object) = self, !object.entries.isEmpty { return object.entries }
        return entries
    }
}
