// HeadDims: how the inputs of attention operators hold heads: [batch, heads, length, size], or [batch, length,
// heads · size] with the number of heads in an attribute.

import LTCore

struct HeadDims: Sendable {
    var batch: Int?
    var heads: Int?
    var length: Int?
    var size: Int?

    var dims: [Int?] { [batch, heads, length, size] }

    /// `dims` has 3 or 4 dimensions.
    init(_ dims: [Int?], _ name: String, heads: Int?, attribute: String) throws(LTError) {
        batch = dims[0]
        if dims.count == 4 {
            (self.heads, length, size) = (dims[1], dims[2], dims[3])
            return
        }
        guard let heads, heads > 0 else {
            throw LTError(
                .invalidArgument,
                "attribute '\(attribute)' is \(heads.map { "\($0)" } ?? "missing"), expected the heads of \(dims.text)")
        }
        if let width = dims[2], width % heads != 0 {
            throw LTError(
                .shapeMismatch, "\(name) \(dims.text) has width \(width), expected a multiple of \(heads) heads")
        }
        (self.heads, length, size) = (heads, dims[1], dims[2].map { $0 / heads })
    }
}
