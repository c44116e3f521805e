// Text within text, without the library of regular expressions that Swift's own search brings along: it would add a megabyte
// to the embeddable library.

extension StringProtocol {
    /// Where `part` first stands; `nil` where it does not.
    public func place(of part: String) -> Range<Index>? {
        var start = startIndex
        while true {
            if self[start...].hasPrefix(part) { return start..<index(start, offsetBy: part.count) }
            guard start < endIndex else { return nil }
            formIndex(after: &start)
        }
    }
}
