// Shape: the dimensions of a tensor, with an element count that is known not to overflow.

/// The dimensions of a tensor, outermost first; `[]` is a scalar.
public struct Shape: Sendable, Hashable {
    public let dims: [Int]
    /// The product of the dimensions (1 for a scalar).
    public let count: Int

    /// - Throws: `shapeMismatch` for a negative dimension or a product beyond `Int.max / 16`.
    public init(_ dims: [Int]) throws(LTError) {
        var count = 1
        var nonzero = 1
        for dim in dims {
            guard dim >= 0 else { throw LTError(.shapeMismatch, "negative dimension in shape \(dims)") }
            count = dim == 0 || count == 0 ? 0 : count
            let (product, overflow) = nonzero.multipliedReportingOverflow(by: max(dim, 1))
            guard !overflow, product <= Int.max / 16 else {
                throw LTError(.shapeMismatch, "shape \(dims) has more elements than memory can address")
            }
            nonzero = product
        }
        self.dims = dims
        self.count = count == 0 ? 0 : nonzero
    }

    private init(unchecked dims: [Int], count: Int) {
        self.dims = dims
        self.count = count
    }

    public static let scalar = Shape(unchecked: [], count: 1)

    public var rank: Int { dims.count }
    public subscript(axis: Int) -> Int { dims[axis] }

    /// Row-major strides in elements.
    public var strides: [Int] {
        var strides = [Int](repeating: 1, count: dims.count)
        for axis in stride(from: dims.count - 2, through: 0, by: -1) {
            strides[axis] = strides[axis + 1] * dims[axis + 1]
        }
        return strides
    }

    /// The axis as a position, counting from the end when negative.
    /// - Throws: `invalidArgument` when it is outside `-rank ..< rank`.
    public func axis(_ axis: Int) throws(LTError) -> Int {
        guard axis >= -rank, axis < rank else {
            throw LTError(.invalidArgument, "axis \(axis) is outside -\(rank)..<\(rank) of shape \(dims)")
        }
        return axis < 0 ? axis + rank : axis
    }
}

extension Shape: CustomStringConvertible {
    public var description: String { "[" + dims.map(String.init).joined(separator: ",") + "]" }
}
