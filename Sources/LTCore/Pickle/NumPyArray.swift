// NumPyArray: arrays and scalars of NumPy inside pickles, of any protocol, NumPy 1 and 2. Their layout:
// numpy/_core/src/multiarray/methods.c (array_reduce, array_setstate), descriptor.c (arraydescr_setstate).

/// An array of numbers as a pickle holds it.
public struct NumPyArray: Sendable {
    public let type: ElementType
    public let shape: Shape
    /// The first index runs fastest, not the last.
    public let isFortran: Bool
    /// The elements; a view of the pickle.
    public let data: PickleBytes

    /// What `Pickle.read` must allow for arrays and scalars.
    public static let globals: Set<String> = Set(
        ["numpy.ndarray", "numpy.dtype"]
            + ["numpy.core", "numpy._core"].flatMap {
                ["\($0).multiarray._reconstruct", "\($0).multiarray.scalar", "\($0).numeric._frombuffer"]
            })

    /// - Throws: `typeMismatch` when the value is no array; what `init(_: PickleObject)` throws.
    public init(_ value: PickleValue) throws(LTError) {
        guard case .object(let object) = value else {
            throw LTError(.typeMismatch, "\(value.kind), expected a NumPy array")
        }
        try self.init(object)
    }

    /// - Throws: `unsupported` for element types that are not numbers in this machine's byte order; `malformed`.
    public init(_ object: PickleObject) throws(LTError) {
        let arguments = object.arguments
        switch object.global.split(separator: ".").last {
        case "_reconstruct":
            // (ndarray, (0,), b'b'), then the state (version, shape, dtype, is Fortran, data).
            guard let state = object.state?.elements, state.count == 5, case .bool(let isFortran) = state[3],
                case .bytes(let data) = state[4]
            else {
                throw LTError(.unsupported, "a NumPy array without plain data (of objects, or of a subclass)")
            }
            try self.init(data, state[2], shape: state[1], isFortran: isFortran)
        case "_frombuffer":
            // (data, dtype, shape, 'C' or 'F')
            guard arguments.count == 4, case .bytes(let data) = arguments[0], let order = arguments[3].text,
                ["C", "F"].contains(order)
            else { throw LTError(.malformed, "\(object.global)(\(arguments.map(\.kind).joined(separator: ", ")))") }
            try self.init(data, arguments[1], shape: arguments[2], isFortran: order == "F")
        case "scalar":
            guard arguments.count == 2, case .bytes(let data) = arguments[1] else {
                throw LTError(.unsupported, "a NumPy scalar without plain data")
            }
            try self.init(data, arguments[0], shape: .tuple([]), isFortran: false)
        default: throw LTError(.typeMismatch, "an object of '\(object.global)', expected a NumPy array")
        }
    }

    private init(_ data: PickleBytes, _ dtype: PickleValue, shape: PickleValue, isFortran: Bool) throws(LTError) {
        type = try Self.type(dtype)
        var dims: [Int] = []
        for dim in shape.elements ?? [shape] {
            guard case .int(let dim) = dim, dims.count < 64 else {
                throw LTError(.malformed, "a NumPy array whose shape is \(shape.kind)")
            }
            dims.append(dim)
        }
        self.shape = try Shape(dims)
        self.isFortran = isFortran
        self.data = data
        guard data.count == Tensor.byteCount(type, self.shape) else {
            throw LTError(
                .malformed,
                "a NumPy array of \(data.count) bytes, \(type) of shape \(self.shape) needs \(Tensor.byteCount(type, self.shape))"
            )
        }
    }

    /// dtype('i8', False, True) with the state (version, '<', …).
    private static func type(_ value: PickleValue) throws(LTError) -> ElementType {
        guard case .object(let object) = value, object.global == "numpy.dtype", let name = object.arguments.first?.text
        else { throw LTError(.malformed, "a NumPy array whose dtype is \(value.kind)") }
        var order = "|"
        if let state = object.state {
            guard let parts = state.elements, parts.count >= 2, let text = parts[1].text else {
                throw LTError(.malformed, "a NumPy dtype whose state is \(state.kind)")
            }
            order = text
        }
        return try Tensor.npyType(order + name)
    }

    /// The number, for an array of one whole number without dimensions.
    var wholeScalar: Int? {
        guard shape.rank == 0, let values = try? tensor().wholeNumbers() else { return nil }
        return values.first
    }

    /// The elements in row-major order, copied.
    /// - Throws: `outOfMemory`.
    public func tensor() throws(LTError) -> Tensor {
        try withExtendedLifetime(data) { () throws(LTError) in
            try Tensor(type, shape, copying: data.bytes, isFortran: isFortran)
        }
    }
}

extension Tensor {
    /// The elements of a tensor of whole numbers, or of booleans as 0 and 1.
    /// - Throws: `typeMismatch` for other types; `invalidArgument` for a number that does not fit an Int.
    public func wholeNumbers() throws(LTError) -> [Int] {
        switch type {
        case .int64: return elements(Int64.self).map { Int($0) }
        case .int32: return elements(Int32.self).map { Int($0) }
        case .int16: return elements(Int16.self).map { Int($0) }
        case .int8: return elements(Int8.self).map { Int($0) }
        case .uint8: return elements(UInt8.self).map { Int($0) }
        case .uint16: return elements(UInt16.self).map { Int($0) }
        case .uint32: return elements(UInt32.self).map { Int($0) }
        case .uint64:
            return try elements(UInt64.self).map { (value) throws(LTError) in
                guard let whole = Int(exactly: value) else {
                    throw LTError(.invalidArgument, "\(value), expected a number below 2^63")
                }
                return whole
            }
        case .bool: return bytes.map { $0 == 0 ? 0 : 1 }
        default: throw LTError(.typeMismatch, "numbers of type \(type), expected whole numbers")
        }
    }
}
