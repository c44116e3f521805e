// NPY: NumPy's array files (.npy, versions 1 to 3), little-endian, read in C and in Fortran order, written in C order.
// https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html

extension Tensor {
    /// Reads a .npy file.
    /// - Throws: `io`; `malformed`; `unsupported` for big-endian or non-numeric arrays.
    public init(npyFile path: String) throws(LTError) {
        let file = try readFile(path)
        self = try within("file \(path)") { () throws(LTError) in
            try withExtendedLifetime(file) { () throws(LTError) in try Tensor(npy: file.bytes) }
        }
    }

    /// Reads the bytes of a .npy file.
    public init(npy bytes: UnsafeRawBufferPointer) throws(LTError) {
        let header = try NPYHeader(bytes)
        guard bytes.count - header.dataOffset == header.byteCount else {
            throw header.wrongSize(bytes.count - header.dataOffset)
        }
        try self.init(
            header.type, header.shape, copying: UnsafeRawBufferPointer(rebasing: bytes[header.dataOffset...]),
            isFortran: header.isFortran)
    }

    /// Copies elements; in Fortran order the first index runs fastest. The bytes are as many as the elements take.
    init(_ type: ElementType, _ shape: Shape, copying data: UnsafeRawBufferPointer, isFortran: Bool) throws(LTError) {
        try self.init(type, shape)
        guard isFortran, shape.rank > 1 else {
            UnsafeMutableRawBufferPointer(start: rawPointer, count: data.count).copyMemory(from: data)
            return
        }
        // Column by column: the first index runs fastest.
        let width = data.count / max(shape.count, 1)
        var index = [Int](repeating: 0, count: dims.count)
        for element in 0..<shape.count {
            var source = 0
            for axis in dims.indices.reversed() { source = source * dims[axis] + index[axis] }
            UnsafeMutableRawBufferPointer(start: rawPointer + element * width, count: width)
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: data[source * width..<(source + 1) * width]))
            var axis = dims.count - 1
            while axis >= 0 {
                index[axis] += 1
                if index[axis] < dims[axis] { break }
                index[axis] = 0
                axis -= 1
            }
        }
    }

    /// The bytes of a .npy file (version 1.0, data aligned to 64 bytes).
    /// - Throws: `unsupported` for element types that NumPy does not have.
    public func npy() throws(LTError) -> [UInt8] {
        guard let descr = Self.npyNames.first(where: { $0.1 == type })?.0 else {
            throw LTError(.unsupported, "NumPy has no type for tensor(\(type.onnxName))")
        }
        let dims = self.dims.map { "\($0)," }.joined(separator: " ")
        let tuple = self.dims.count == 1 ? dims : String(dims.dropLast())
        var header = "{'descr': '\(descr)', 'fortran_order': False, 'shape': (\(tuple)), }"
        header += String(repeating: " ", count: (64 - (10 + header.utf8.count + 1) % 64) % 64) + "\n"
        var result: [UInt8] = [0x93] + Array("NUMPY".utf8) + [1, 0]
        result.reserveCapacity(10 + header.utf8.count + byteCount)
        result += [UInt8(header.utf8.count & 0xFF), UInt8(header.utf8.count >> 8)]
        result += Array(header.utf8)
        result.append(contentsOf: bytes)
        return result
    }

    /// Writes a .npy file, complete or not at all.
    public func writeNPY(to path: String) throws(LTError) {
        let content = try npy()
        try within("file \(path)") { () throws(LTError) in try replaceFile(path, with: content) }
    }

    fileprivate static let npyNames: [(String, ElementType)] = [
        ("<f4", .float32), ("<f8", .float64), ("<f2", .float16), ("|b1", .bool), ("|u1", .uint8), ("|i1", .int8),
        ("<u2", .uint16), ("<i2", .int16), ("<u4", .uint32), ("<i4", .int32), ("<u8", .uint64), ("<i8", .int64),
    ]

    static func npyType(_ descr: String) throws(LTError) -> ElementType {
        // One-byte types have no order; files of other writers say '<' or '=' there.
        let name = descr.dropFirst()
        guard let order = descr.first, "<|=".contains(order),
            let type = npyNames.first(where: { $0.0.dropFirst() == name })?.1
        else {
            throw LTError(
                .unsupported, ".npy element type '\(descr)'",
                hint: "save a little-endian number type, as array.astype('<f4')")
        }
        return type
    }
}

/// What a .npy file says of its array, for readers that take large files piece by piece.
public struct NPYHeader: Sendable {
    public let type: ElementType
    public let shape: Shape
    /// The first index runs fastest, not the last.
    public let isFortran: Bool
    /// Where the elements begin.
    public let dataOffset: Int
    private let descr: String
    /// More bytes than any header that is read here has.
    public static let maximumSize = 12 + 1 << 16

    /// Bytes that the elements take.
    public var byteCount: Int { Tensor.byteCount(type, shape) }

    /// - Parameter bytes: the file, or at least its first `maximumSize` bytes.
    /// - Throws: `malformed`; `unsupported` for big-endian or non-numeric arrays.
    public init(_ bytes: UnsafeRawBufferPointer) throws(LTError) {
        let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)
        guard bytes.count >= 10, bytes.prefix(6).elementsEqual(magic) else {
            throw LTError(.malformed, "no .npy file: it does not begin with \\x93NUMPY")
        }
        let version = bytes[6]
        guard (1...3).contains(version) else { throw LTError(.unsupported, ".npy version \(version), expected 1 to 3") }
        let lengthBytes = version == 1 ? 2 : 4
        var length = 0
        guard bytes.count >= 8 + lengthBytes else { throw LTError(.malformed, ".npy header is cut off") }
        for index in 0..<lengthBytes { length |= Int(bytes[8 + index]) << (8 * index) }
        dataOffset = 8 + lengthBytes + length
        guard length <= 1 << 16, dataOffset <= bytes.count else {
            throw LTError(.malformed, ".npy header of \(length) bytes in a file of \(bytes.count)")
        }
        var text = NPYHeaderText(bytes[(8 + lengthBytes)..<dataOffset])
        try text.parse()
        shape = try Shape(text.dims)
        type = try Tensor.npyType(text.descr)
        isFortran = text.isFortran
        descr = text.descr
    }

    /// The error for a file whose elements take another number of bytes.
    public func wrongSize(_ actual: Int) -> LTError {
        LTError(
            .malformed, ".npy holds \(actual) bytes of data, \(descr) of shape \(shape) needs \(byteCount)")
    }
}

/// The header's Python dictionary: three known keys, strings, booleans and a tuple of whole numbers.
private struct NPYHeaderText {
    var descr = ""
    var isFortran = false
    var dims: [Int] = []
    private var rest: Slice<UnsafeRawBufferPointer>

    init(_ text: Slice<UnsafeRawBufferPointer>) { rest = text }

    mutating func parse() throws(LTError) {
        var keys: Set<String> = []
        try expect("{")
        while !take("}") {
            let key = try string()
            guard keys.insert(key).inserted else { throw malformed("key '\(key)' twice") }
            try expect(":")
            switch key {
            case "descr": descr = try string()
            case "fortran_order":
                isFortran = take("True")
                if !isFortran { try expect("False") }
            case "shape":
                try expect("(")
                while !take(")") {
                    guard dims.count < 64 else { throw malformed("more than 64 dimensions") }
                    dims.append(try number())
                    if !take(",") {
                        try expect(")")
                        break
                    }
                }
            default: throw malformed("unknown key '\(key)'")
            }
            if !take(",") {
                try expect("}")
                break
            }
        }
        skipSpace()
        guard rest.isEmpty, keys.count == 3 else { throw malformed("descr, fortran_order and shape expected") }
    }

    private func malformed(_ what: String) -> LTError { LTError(.malformed, "malformed .npy header: \(what)") }

    private mutating func skipSpace() { rest = rest.drop { $0 == 0x20 || $0 == 0x0A || $0 == 0x09 } }

    private mutating func take(_ text: String) -> Bool {
        skipSpace()
        guard rest.starts(with: text.utf8) else { return false }
        rest = rest.dropFirst(text.utf8.count)
        return true
    }

    private mutating func expect(_ text: String) throws(LTError) {
        guard take(text) else { throw malformed("'\(text)' expected") }
    }

    private mutating func string() throws(LTError) -> String {
        skipSpace()
        guard let quote = rest.first, quote == UInt8(ascii: "'") || quote == UInt8(ascii: "\"") else {
            throw malformed("string expected")
        }
        let content = rest.dropFirst().prefix { $0 != quote }
        guard content.endIndex < rest.endIndex else { throw malformed("string without end") }
        rest = rest[(content.endIndex + 1)...]
        return String(decoding: content, as: UTF8.self)
    }

    private mutating func number() throws(LTError) -> Int {
        skipSpace()
        let digits = rest.prefix { (48...57).contains($0) }
        guard let value = Int(String(decoding: digits, as: UTF8.self)) else { throw malformed("dimension expected") }
        rest = rest[digits.endIndex...]
        return value
    }
}
