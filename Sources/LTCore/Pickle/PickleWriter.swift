// PickleWriter: writes pickles of protocol 2 as Python 2 or Python 3 writes them: numbers, text, bytes, lists, tuples,
// dictionaries, sets and NumPy arrays. https://docs.python.org/3/library/pickletools.html
// The two differ in text and bytes: Python 2's `str` is a counted string of bytes; Python 3 has text in UTF-8 and
// bytes as a call of `_codecs.encode(text, "latin1")`, which every Python reads without being told an encoding.

/// A value to be written as a pickle.
public indirect enum PickleTree: Sendable {
    case int(Int)
    case string(String)
    case list([PickleTree])
    case tuple([PickleTree])
    case dict([(key: PickleTree, value: PickleTree)])
    case set([PickleTree])
    /// A NumPy array: the type as NumPy spells it (`u1`, `i8`, `f8`), little-endian elements in row-major order.
    case array(type: String, shape: [Int], bytes: [UInt8])

    /// A vector of `int64`.
    public static func int64(_ values: [Int]) -> PickleTree {
        array(
            type: "i8", shape: [values.count],
            bytes: values.flatMap { value in withUnsafeBytes(of: Int64(value).littleEndian) { Array($0) } })
    }
    /// An array of `float64`.
    public static func float64(_ values: [Double], shape: [Int]) -> PickleTree {
        array(
            type: "f8", shape: shape,
            bytes: values.flatMap { value in
                withUnsafeBytes(of: value.bitPattern.littleEndian) { Array($0) }
            })
    }
}

extension Pickle {
    /// Which Python the pickle is written as.
    public enum Writer: Sendable { case python2, python3 }

    /// The pickle of a value, protocol 2.
    public static func bytes(of value: PickleTree, as writer: Writer = .python3) -> [UInt8] {
        var output = PickleOutput(writer: writer)
        output.bytes = [0x80, 2]
        output.put(value)
        output.op(".")
        return output.bytes
    }
}

private struct PickleOutput {
    let writer: Pickle.Writer
    var bytes: [UInt8] = []

    /// An opcode by its letter.
    mutating func op(_ code: Unicode.Scalar) { bytes.append(UInt8(truncatingIfNeeded: code.value)) }

    private mutating func little(_ value: Int, _ size: Int) {
        for shift in 0..<size { bytes.append(UInt8(truncatingIfNeeded: value >> (8 * shift))) }
    }

    mutating func put(_ value: PickleTree) {
        switch value {
        case .int(let number): put(number)
        case .string(let text): put(text)
        case .list(let items):
            op("]")
            op("(")
            for item in items { put(item) }
            op("e")
        case .tuple(let items): put(tuple: items)
        case .dict(let entries):
            op("}")
            op("(")
            for entry in entries {
                put(entry.key)
                put(entry.value)
            }
            op("u")
        case .set(let items):
            global("__builtin__", "set")
            put(tuple: [.list(items)])
            op("R")
        case .array(let type, let shape, let data): put(type, shape, data)
        }
    }

    private mutating func put(_ number: Int) {
        if (0..<256).contains(number) {
            op("K")
            little(number, 1)
        } else if (0..<65_536).contains(number) {
            op("M")
            little(number, 2)
        } else if Int32(exactly: number) != nil {
            op("J")
            little(number, 4)
        } else {
            op("\u{8A}")
            bytes.append(8)
            little(number, 8)
        }
    }

    private mutating func put(_ text: String) {
        switch writer {
        case .python2: put(data: Array(text.utf8))
        case .python3:
            op("X")
            little(text.utf8.count, 4)
            bytes.append(contentsOf: text.utf8)
        }
    }

    private mutating func put(data: [UInt8]) {
        switch writer {
        case .python2:
            if data.count < 256 {
                op("U")
                little(data.count, 1)
            } else {
                op("T")
                little(data.count, 4)
            }
            bytes.append(contentsOf: data)
        case .python3:
            global("_codecs", "encode")
            op("X")
            little(data.count + data.count { $0 >= 0x80 }, 4)
            for byte in data {
                // A character for each byte.
                if byte < 0x80 { bytes.append(byte) } else { bytes += [0xC0 | byte >> 6, 0x80 | byte & 0x3F] }
            }
            put("latin1")
            op("\u{86}")
            op("R")
        }
    }

    private mutating func put(tuple items: [PickleTree]) {
        op("(")
        for item in items { put(item) }
        op("t")
    }

    private mutating func global(_ module: String, _ name: String) {
        op("c")
        bytes.append(contentsOf: "\(module)\n\(name)\n".utf8)
    }

    private mutating func put(bool value: Bool) { op(value ? "\u{88}" : "\u{89}") }

    /// numpy.core.multiarray._reconstruct(ndarray, (0,), b"b") with the state (1, shape, dtype, is Fortran, data).
    private mutating func put(_ type: String, _ shape: [Int], _ data: [UInt8]) {
        global("numpy.core.multiarray", "_reconstruct")
        op("(")
        global("numpy", "ndarray")
        put(tuple: [.int(0)])
        put(data: Array("b".utf8))
        op("t")
        op("R")
        op("(")
        put(1)
        put(tuple: shape.map { .int($0) })
        // dtype(type, align False, copy True) with the state (3, byte order, None, None, None, -1, -1, 0).
        global("numpy", "dtype")
        op("(")
        put(type)
        put(bool: false)
        put(bool: true)
        op("t")
        op("R")
        op("(")
        put(3)
        put(type.hasSuffix("1") ? "|" : "<")
        for _ in 0..<3 { op("N") }
        put(-1)
        put(-1)
        put(0)
        op("t")
        op("b")
        put(bool: false)
        put(data: data)
        op("t")
        op("b")
    }
}
