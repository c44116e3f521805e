// Tensor: a shape, an element type and a buffer. Row-major, dense; strings live in an array of their own.

/// An n-dimensional array. Copies share memory: who makes a tensor fills it, afterwards it is only read.
public struct Tensor: Sendable {
    public let type: ElementType
    public let shape: Shape
    /// The memory of the elements; it may be larger than the tensor and hold others.
    public let buffer: Buffer
    /// Where the first element lies in `buffer`, in bytes.
    public let byteOffset: Int
    /// The elements of a `string` tensor, row-major; empty for every other type.
    public let strings: [String]

    /// Makes an uninitialised tensor.
    /// - Throws: `outOfMemory`.
    public init(_ type: ElementType, _ shape: Shape) throws(LTError) {
        precondition(type != .string, "string tensors are made from their strings")
        self.init(type, shape, buffer: try Buffer(byteCount: Tensor.byteCount(type, shape)))
    }

    /// Views memory as a tensor. The buffer must hold the elements from `byteOffset` on.
    public init(_ type: ElementType, _ shape: Shape, buffer: Buffer, byteOffset: Int = 0) {
        precondition(
            byteOffset >= 0 && byteOffset + Tensor.byteCount(type, shape) <= buffer.byteCount,
            "tensor reaches past its buffer")
        self.type = type
        self.shape = shape
        self.buffer = buffer
        self.byteOffset = byteOffset
        strings = []
    }

    /// Makes a tensor from row-major elements.
    /// - Throws: `shapeMismatch` when their number is not the shape's; `outOfMemory`.
    public init<Element: TensorElement>(_ elements: [Element], _ dims: [Int]? = nil) throws(LTError) {
        let shape = try Shape(dims ?? [elements.count])
        guard shape.count == elements.count else {
            throw LTError(.shapeMismatch, "\(elements.count) elements, shape \(shape) needs \(shape.count)")
        }
        try self.init(Element.elementType, shape)
        elements.withUnsafeBytes {
            UnsafeMutableRawBufferPointer(start: rawPointer, count: byteCount).copyMemory(from: $0)
        }
    }

    /// Makes a string tensor.
    public init(strings: [String], _ dims: [Int]? = nil) throws(LTError) {
        let shape = try Shape(dims ?? [strings.count])
        guard shape.count == strings.count else {
            throw LTError(.shapeMismatch, "\(strings.count) strings, shape \(shape) needs \(shape.count)")
        }
        type = .string
        self.shape = shape
        buffer = try Buffer(byteCount: 0)
        byteOffset = 0
        self.strings = strings
    }

    /// Makes a scalar.
    public init<Element: TensorElement>(scalar: Element) throws(LTError) { try self.init([scalar], []) }

    public var dims: [Int] { shape.dims }
    public var count: Int { shape.count }
    public var byteCount: Int { Tensor.byteCount(type, shape) }
    public var rawPointer: UnsafeMutableRawPointer { buffer.pointer + byteOffset }
    public var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: rawPointer, count: byteCount) }

    /// Hands out the bytes for as long as `body` runs (see `Buffer.withBytes`).
    public func withBytes<Result>(
        _ body: (UnsafeRawBufferPointer) throws(LTError) -> Result
    ) throws(LTError) -> Result {
        let range = byteOffset..<byteOffset + byteCount
        return try buffer.withBytes { whole throws(LTError) in try body(UnsafeRawBufferPointer(rebasing: whole[range]))
        }
    }

    /// Bytes that elements of a type take, sub-byte types packed.
    public static func byteCount(_ type: ElementType, _ shape: Shape) -> Int {
        // A shape has at most Int.max / 16 elements, so neither product overflows.
        type.bits < 8 ? (shape.count * type.bits + 7) / 8 : shape.count * (type.bits / 8)
    }

    /// The elements in place, to read, or to write by whoever makes the tensor.
    /// The caller checks `type` before: asking for another element type is our own bug.
    public func elements<Element: TensorElement>(_: Element.Type = Element.self) -> UnsafeMutableBufferPointer<Element>
    {
        precondition(Element.elementType == type, "tensor holds \(type), not \(Element.elementType)")
        return UnsafeMutableBufferPointer(start: rawPointer.assumingMemoryBound(to: Element.self), count: count)
    }

    /// A copy of the elements.
    /// - Throws: `typeMismatch` when the tensor holds another type.
    public func array<Element: TensorElement>(of _: Element.Type = Element.self) throws(LTError) -> [Element] {
        guard Element.elementType == type else {
            throw LTError(.typeMismatch, "tensor(\(type.onnxName)), expected tensor(\(Element.elementType.onnxName))")
        }
        return Array(elements(Element.self))
    }

    /// The same memory under another shape.
    /// - Throws: `shapeMismatch` when the element counts differ.
    public func reshaped(_ shape: Shape) throws(LTError) -> Tensor {
        guard shape.count == count else {
            throw LTError(.shapeMismatch, "cannot view \(count) elements of \(self.shape) as \(shape)")
        }
        if type == .string { return try Tensor(strings: strings, shape.dims) }
        return Tensor(type, shape, buffer: buffer, byteOffset: byteOffset)
    }
}
