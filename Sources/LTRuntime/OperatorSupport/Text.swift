// Text: what operators on strings share. Strings are compared byte by byte, not by Unicode's canonical equivalence.

import LTCore

extension Tensor {
    /// A string tensor, or a refusal to make more text than a small file may ask for.
    static func collecting(_ texts: some Sequence<String>, _ shape: Shape) throws(LTError) -> Tensor {
        var (strings, bytes) = ([String](), 0)
        for text in texts {
            bytes += 16 + text.utf8.count
            guard bytes <= OperatorLimits.outputBytes else {
                throw LTError(
                    .outOfMemory, "strings of more than \(OperatorLimits.outputBytes) bytes in output \(shape)")
            }
            strings.append(text)
        }
        return try Tensor(strings: strings, shape.dims)
    }
}

extension Operator {
    /// Input 0 of an operator on strings.
    static func text(_ inputs: [Tensor?]) throws(LTError) -> Tensor {
        _ = try first(inputs.map { $0.map { Facts($0) } })
        return inputs[0]!
    }
}

/// Where one text occurs in others, in linear time (Knuth, Morris, Pratt).
struct TextSearch: Sendable {
    private let needle: [UInt8]
    /// The length of the longest border of each prefix.
    private let borders: [Int]

    /// `text` must not be empty.
    init(_ text: String) {
        let needle = Array(text.utf8)
        var (borders, length) = ([0], 0)
        for byte in needle.dropFirst() {
            while length > 0, byte != needle[length] { length = borders[length - 1] }
            if byte == needle[length] { length += 1 }
            borders.append(length)
        }
        (self.needle, self.borders) = (needle, borders)
    }

    /// What lies between the occurrences, from left to right, of which at most `limit` count.
    func split(_ text: String, limit: Int) -> [String] {
        let bytes = Array(text.utf8)
        var (pieces, start, length) = ([String](), 0, 0)
        for (index, byte) in bytes.enumerated() {
            if pieces.count == limit { break }
            while length > 0, byte != needle[length] { length = borders[length - 1] }
            if byte == needle[length] { length += 1 }
            guard length == needle.count else { continue }
            pieces.append(String(decoding: bytes[start...index].dropLast(length), as: UTF8.self))
            (start, length) = (index + 1, 0)
        }
        return pieces + [String(decoding: bytes[start...], as: UTF8.self)]
    }
}

extension String {
    /// The words between white space, of which at most `limit` are split off; the rest is one word, trimmed.
    func words(limit: Int) -> [String] {
        var words: [String] = []
        var rest = unicodeScalars[...]
        while true {
            rest = rest.drop { $0.properties.isWhitespace }
            guard !rest.isEmpty else { return words }
            if words.count == limit {
                while rest.last?.properties.isWhitespace == true { rest.removeLast() }
                return words + [String(rest)]
            }
            let word = rest.prefix { !$0.properties.isWhitespace }
            words.append(String(word))
            rest = rest[word.endIndex...]
        }
    }
}
