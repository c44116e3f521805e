// PickleValue: what a pickle says, as plain immutable values. Shared parts share memory; nothing is called or imported:
// objects are kept as the name of their class or function with what was handed to it, for the caller to interpret.

/// One value of a pickle.
public enum PickleValue: Sendable {
    case none
    case bool(Bool)
    case int(Int)
    /// A whole number that does not fit an Int: two's complement, low byte first.
    case long([UInt8])
    case float(Double)
    case string(String)
    /// `bytes`, `bytearray`, and Python 2's `str`.
    case bytes(PickleBytes)
    case tuple([PickleValue])
    case list([PickleValue])
    /// `set` and `frozenset`, in the file's order.
    case set([PickleValue])
    /// `dict` and `OrderedDict`, in the file's order; of entries with the same key the last counts.
    case dict([PickleEntry])
    /// "module.name" of a class or function.
    case global(String)
    /// A call of an allowed global.
    case object(PickleObject)
    /// A persistent id: something outside the pickle, as the tensors' storages of torch files.
    indirect case persistent(PickleValue)
}

/// A key and its value.
public struct PickleEntry: Sendable {
    public let key: PickleValue
    public let value: PickleValue
}

/// Bytes of a pickle: a view of the file's memory.
public final class PickleBytes: Sendable {
    private let buffer: Buffer
    private let range: Range<Int>

    init(_ buffer: Buffer, _ range: Range<Int>) {
        self.buffer = buffer
        self.range = range
    }

    public var count: Int { range.count }
    /// The memory, valid as long as this object is held.
    public var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: buffer.bytes[range]) }
    /// The bytes as text, a character for each byte.
    public var latin1: String {
        String(String.UnicodeScalarView(bytes.lazy.map { UnicodeScalar($0) }))
    }
}

/// An object as its pickle describes it: `global(*arguments)`, then `state`, `items` and `entries` put into it.
public final class PickleObject: Sendable {
    /// "module.name" of the class or function.
    public let global: String
    public let arguments: [PickleValue]
    /// What `__setstate__` would get.
    public let state: PickleValue?
    /// What was appended, for kinds of lists.
    public let items: [PickleValue]
    /// What was set, for kinds of dictionaries.
    public let entries: [PickleEntry]

    init(
        _ global: String, _ arguments: [PickleValue], state: PickleValue?, items: [PickleValue], entries: [PickleEntry]
    ) {
        self.global = global
        self.arguments = arguments
        self.state = state
        self.items = items
        self.entries = entries
    }
}

extension PickleValue {
    /// A whole number: an int, or a NumPy scalar of a whole number type.
    public var whole: Int? {
        switch self {
        case .int(let value): value
        case .object(let object): (try? NumPyArray(object))?.wholeScalar
        default: nil
        }
    }
    /// Text: a string, or bytes with a character for each byte.
    public var text: String? {
        switch self {
        case .string(let text): text
        case .bytes(let bytes): bytes.latin1
        default: nil
        }
    }
    /// The elements of a list, tuple or set.
    public var elements: [PickleValue]? {
        switch self {
        case .list(let values), .tuple(let values), .set(let values): values
        default: nil
        }
    }
    /// The entries of a dictionary.
    public var entries: [PickleEntry]? {
        if case .dict(let entries) = self { entries } else { nil }
    }

    /// The value of a dictionary's key, which may be a string or bytes (files of Python 2).
    public subscript(key: String) -> PickleValue? {
        entries?.last { entry in
            switch entry.key {
            case .string(let text): text == key
            case .bytes(let bytes): bytes.bytes.elementsEqual(key.utf8)
            default: false
            }
        }?.value
    }

    /// What it is, for messages: "a dict of 4".
    public var kind: String {
        switch self {
        case .none: "None"
        case .bool: "a bool"
        case .int, .long: "an int"
        case .float: "a float"
        case .string: "a str"
        case .bytes(let bytes): "\(bytes.count) bytes"
        case .tuple(let values): "a tuple of \(values.count)"
        case .list(let values): "a list of \(values.count)"
        case .set(let values): "a set of \(values.count)"
        case .dict(let entries): "a dict of \(entries.count)"
        case .global(let name): "the global '\(name)'"
        case .object(let object): "an object of '\(object.global)'"
        case .persistent: "a persistent id"
        }
    }
}
