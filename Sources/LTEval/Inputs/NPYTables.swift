// .npy: scores as floating point [images, classes], labels as integers or booleans, [images, classes] of 0 and 1 or
// [images] of class indices. Read in pieces straight into the result, in C and in Fortran order.

import LTCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

extension ScoreTable {
    init(npy path: String) throws(LTError) {
        let file = try NPYFile(path)
        let shape = file.header.shape
        guard shape.rank == 2 else {
            throw LTError(.shapeMismatch, "array of shape \(shape), expected [images, classes]")
        }
        classCount = shape[1]
        scores =
            switch file.header.type {
            case .float32: try file.elements(of: Float.self, 0) { $0 }
            case .float64: try file.elements(of: Double.self, 0) { Float($0) }
            case .float16: try file.elements(of: Float16.self, 0) { Float($0) }
            default:
                throw LTError(
                    .typeMismatch, "array of \(file.header.type.onnxName), expected floating point")
            }
    }
}

extension LabelTable {
    init(npy path: String) throws(LTError) {
        let file = try NPYFile(path)
        let shape = file.header.shape
        switch shape.rank {
        case 1: rows = .single(try file.integers(Class.index(0)) { Class.index($0) })
        case 2:
            let classCount = shape[1]
            // The first value that is neither 0 nor 1, in the order of the file.
            var bad: Int?
            let cells = try file.integers(false) { value -> Bool in
                if value != 0 && value != 1 && bad == nil { bad = value }
                return value == 1
            }
            if let bad { throw try file.badLabel(bad, classCount) }
            rows = .cells(cells, classCount: classCount)
        default:
            throw LTError(.shapeMismatch, "array of shape \(shape), expected [images, classes] or [images]")
        }
    }
}

/// A .npy file whose elements are read piece by piece.
private final class NPYFile {
    let header: NPYHeader
    private let descriptor: Int32

    init(_ path: String) throws(LTError) {
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw systemError("cannot open \(path)") }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw systemError("cannot read") }
        guard status.st_mode & S_IFMT == S_IFREG else { throw LTError(.io, "not a regular file") }
        var start = [UInt8](repeating: 0, count: min(NPYHeader.maximumSize, Int(status.st_size)))
        try Self.read(descriptor, at: 0, into: &start)
        var parsed: Result<NPYHeader, LTError> = .failure(LTError(.malformed, "empty"))
        start.withUnsafeBytes { bytes in
            do throws(LTError) { parsed = .success(try NPYHeader(bytes)) } catch { parsed = .failure(error) }
        }
        header = try parsed.get()
        // So much memory may be asked for, then: what the file holds.
        guard Int(status.st_size) - header.dataOffset == header.byteCount else {
            throw header.wrongSize(Int(status.st_size) - header.dataOffset)
        }
    }

    deinit { close(descriptor) }

    private static func read(_ descriptor: Int32, at offset: Int, into bytes: inout [UInt8]) throws(LTError) {
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeMutableBytes {
                pread(descriptor, $0.baseAddress! + done, $0.count - done, off_t(offset + done))
            }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw systemError("cannot read") }
            guard count > 0 else { throw LTError(.io, "the file was cut off while it was read") }
            done += count
        }
    }

    /// All elements in C order.
    /// - Parameters:
    ///   - filler: what the result holds until it is filled.
    ///   - convert: is given the elements in the order of the file.
    func elements<Element, Value>(
        of: Element.Type, _ filler: Value, _ convert: (Element) -> Value
    ) throws(LTError) -> [Value] {
        let width = MemoryLayout<Element>.size
        let count = header.byteCount / width
        var values = [Value](repeating: filler, count: count)
        let rows = header.shape.rank == 2 ? header.shape[0] : count
        let columns = header.shape.rank == 2 ? header.shape[1] : 1
        let isFortran = header.isFortran && header.shape.rank == 2
        // Of a Fortran-ordered matrix some columns at a time, so that rows are written in stretches.
        let step = isFortran ? max(rows, 1) * max(1, min(16, (1 << 24) / max(rows * width, 1))) : 1 << 18
        var start = 0
        while start < count {
            let size = min(step, count - start)
            var piece = [UInt8](repeating: 0, count: size * width)
            try Self.read(descriptor, at: header.dataOffset + start * width, into: &piece)
            piece.withUnsafeBytes { bytes in
                values.withUnsafeMutableBufferPointer { values in
                    if isFortran {
                        let first = start / rows
                        let own = size / rows
                        for row in 0..<rows {
                            for column in 0..<own {
                                let offset = (column * rows + row) * width
                                values[row * columns + first + column] = convert(
                                    bytes.loadUnaligned(fromByteOffset: offset, as: Element.self))
                            }
                        }
                    } else {
                        for index in 0..<size {
                            values[start + index] = convert(
                                bytes.loadUnaligned(fromByteOffset: index * width, as: Element.self))
                        }
                    }
                }
            }
            start += size
        }
        return values
    }

    /// The same of integers and booleans.
    func integers<Value>(_ filler: Value, _ convert: (Int) -> Value) throws(LTError) -> [Value] {
        switch header.type {
        case .bool, .uint8: try elements(of: UInt8.self, filler) { convert(Int($0)) }
        case .int8: try elements(of: Int8.self, filler) { convert(Int($0)) }
        case .int16: try elements(of: Int16.self, filler) { convert(Int($0)) }
        case .uint16: try elements(of: UInt16.self, filler) { convert(Int($0)) }
        case .int32: try elements(of: Int32.self, filler) { convert(Int($0)) }
        case .uint32: try elements(of: UInt32.self, filler) { convert(Int($0)) }
        case .int64: try elements(of: Int64.self, filler) { convert(Int($0)) }
        case .uint64: try elements(of: UInt64.self, filler) { convert(Int(clamping: $0)) }
        default:
            throw LTError(.typeMismatch, "array of \(header.type.onnxName), expected integers or booleans")
        }
    }

    /// The error for a matrix that holds another value than 0 and 1, naming the first place in C order.
    func badLabel(_ value: Int, _ classCount: Int) throws(LTError) -> LTError {
        let values = try integers(0) { $0 }
        let cell = values.firstIndex { $0 != 0 && $0 != 1 } ?? 0
        return LTError(
            .invalidArgument,
            "label of row \(cell / classCount), class \(cell % classCount) is \(values[cell]), expected 0 or 1")
    }
}
