// RegularExpressionParser: RE2's syntax as a tree. https://github.com/google/re2/wiki/Syntax

import LTCore

struct RegularExpressionParser {
    private typealias Term = RegularExpression.Term

    private struct Flags {
        var ignoresCase = false
        var isMultiline = false
        var dotMatchesNewline = false
    }

    private static let deepest = 250
    /// RE2's limit.
    private static let mostRepeats = 1000

    private let pattern: [Unicode.Scalar]
    private var place = 0
    private var flags = Flags()
    /// Between \Q and \E.
    private var isQuoted = false

    init(_ pattern: String) { self.pattern = Array(pattern.unicodeScalars) }

    mutating func parse() throws(LTError) -> RegularExpression.Term {
        let term = try choice(depth: 0)
        guard place == pattern.count else { throw wrong("a ) without a (") }
        return term
    }

    private var next: Unicode.Scalar? { place < pattern.count ? pattern[place] : nil }

    /// Takes `text` when it comes next.
    private mutating func take(_ text: String) -> Bool {
        let scalars = text.unicodeScalars
        guard pattern[place...].starts(with: scalars) else { return false }
        place += scalars.count
        return true
    }

    private func wrong(_ what: String) -> LTError { LTError(.invalidArgument, "\(what) before position \(place)") }

    private func unsupported(_ what: String) -> LTError {
        LTError(.unsupported, "\(what) before position \(place), expected syntax without it")
    }

    private mutating func choice(depth: Int) throws(LTError) -> Term {
        guard depth <= Self.deepest else { throw unsupported("more than \(Self.deepest) nested groups") }
        var branches: [Term] = []
        repeat { branches.append(try sequence(depth: depth)) } while take("|")
        return branches.count == 1 ? branches[0] : .choice(branches)
    }

    private mutating func sequence(depth: Int) throws(LTError) -> Term {
        var terms: [Term] = []
        while let scalar = next, isQuoted || scalar != "|" && scalar != ")" {
            if take(isQuoted ? "\\E" : "\\Q") {
                isQuoted.toggle()
            } else if isQuoted {
                place += 1
                terms.append(literal(scalar))
            } else if let term = try atom(depth: depth) {
                terms.append(term)
            }
            // What is repeated may stand before a \E or flags.
            if !isQuoted, let last = terms.popLast() { terms.append(try repeated(last)) }
        }
        return .sequence(terms)
    }

    /// What may be repeated; nil for a group of flags alone.
    private mutating func atom(depth: Int) throws(LTError) -> Term? {
        guard try repetition() == nil else { throw wrong("a repetition of nothing") }
        let scalar = pattern[place]
        place += 1
        switch scalar {
        case "(": return try group(depth: depth)
        case "[": return .scalar(try bracket())
        case ".":
            var set = flags.dotMatchesNewline ? ScalarSet.none : ScalarSet(["\n"..."\n"])
            set = set.negated
            return .scalar(set)
        case "^": return .assertion(flags.isMultiline ? .lineStart : .textStart)
        case "$": return .assertion(flags.isMultiline ? .lineEnd : .textEnd)
        case "\\": return try escaped()
        default: return literal(scalar)
        }
    }

    private func literal(_ scalar: Unicode.Scalar) -> Term { .scalar(sealed(ScalarSet([scalar...scalar]))) }

    private func sealed(_ set: ScalarSet) -> ScalarSet {
        var set = set
        set.seal(ignoringCase: flags.ignoresCase)
        return set
    }

    private mutating func repeated(_ term: Term) throws(LTError) -> Term {
        guard let (least, most) = try repetition() else { return term }
        // Lazy or greedy makes no difference to whether a text matches.
        _ = take("?")
        guard try repetition() == nil else { throw wrong("a repeated repetition") }
        return .repeated(term, least, most)
    }

    private mutating func repetition() throws(LTError) -> (Int, Int?)? {
        if take("*") { return (0, nil) }
        if take("+") { return (1, nil) }
        if take("?") { return (0, 1) }
        let start = place
        guard take("{"), let least = number() else {
            // A brace that states no numbers stands for itself.
            place = start
            return nil
        }
        let most = take(",") ? number() : least
        guard take("}") else {
            place = start
            return nil
        }
        guard max(least, most ?? 0) <= Self.mostRepeats, most ?? least >= least else {
            throw wrong("a repetition other than ascending numbers up to \(Self.mostRepeats)")
        }
        return (least, most)
    }

    /// A decimal number, at most just above what is allowed.
    private mutating func number() -> Int? {
        var value: Int?
        while let digit = next?.digit(radix: 10) {
            value = min((value ?? 0) * 10 + digit, Self.mostRepeats + 1)
            place += 1
        }
        return value
    }

    private mutating func group(depth: Int) throws(LTError) -> Term? {
        let outside = flags
        if take("?") {
            if take("P<") || take("<") {
                guard let end = pattern[place...].firstIndex(of: ">"), end > place,
                    pattern[place..<end].allSatisfy(ScalarSet.word.contains)
                else { throw wrong("a group's name that is not of letters, digits and _") }
                place = end + 1
            } else if try flagged() {
                return nil
            }
        }
        let term = try choice(depth: depth + 1)
        guard take(")") else { throw wrong("a ( without a )") }
        flags = outside
        return term
    }

    /// Reads flags up to ":" (false: they hold in the group that follows) or ")" (true: until the group around ends).
    private mutating func flagged() throws(LTError) -> Bool {
        var value = true
        while let scalar = next {
            place += 1
            switch scalar {
            case "i": flags.ignoresCase = value
            case "m": flags.isMultiline = value
            case "s": flags.dotMatchesNewline = value
            case "U": break
            case "-" where value: value = false
            case ":": return false
            case ")": return true
            default: throw wrong("(?\(scalar)")
            }
        }
        throw wrong("a ( without a )")
    }

    /// What follows a backslash outside brackets.
    private mutating func escaped() throws(LTError) -> Term {
        if take("A") { return .assertion(.textStart) }
        if take("z") { return .assertion(.textEnd) }
        if take("b") { return .assertion(.wordBoundary) }
        if take("B") { return .assertion(.noWordBoundary) }
        if take("C") { throw unsupported("\\C (any byte)") }
        if let set = try namedSet() { return .scalar(set) }
        return literal(try escapedScalar())
    }

    /// The sets \d, \s, \w, \p and their complements; nil where another escape follows.
    private mutating func namedSet() throws(LTError) -> ScalarSet? {
        for (name, set) in [("d", ScalarSet.digit), ("s", .space), ("w", .word)] {
            if take(name) { return sealed(set) }
            if take(name.uppercased()) { return sealed(set).negated }
        }
        let isComplement = next == "P"
        guard take("p") || take("P") else { return nil }
        var name = ""
        if take("{") {
            guard let end = pattern[place...].firstIndex(of: "}") else { throw wrong("\\p{ without }") }
            name.unicodeScalars.append(contentsOf: pattern[place..<end])
            place = end + 1
        } else if let scalar = next {
            name.unicodeScalars.append(scalar)
            place += 1
        }
        let isNegated = name.hasPrefix("^")
        guard let set = ScalarSet(category: isNegated ? String(name.dropFirst()) : name) else {
            throw unsupported("\\p{\(name.prefix(32))}, which is no general category,")
        }
        return isNegated != isComplement ? sealed(set).negated : sealed(set)
    }

    /// A single character after a backslash.
    private mutating func escapedScalar() throws(LTError) -> Unicode.Scalar {
        guard let scalar = next else { throw wrong("a backslash at the end") }
        place += 1
        switch scalar {
        case "a": return "\u{7}"
        case "f": return "\u{C}"
        case "n": return "\n"
        case "r": return "\r"
        case "t": return "\t"
        case "v": return "\u{B}"
        case "x": return try hexadecimal()
        case "0"..."7":
            let isOctal = next.map { ("0"..."7").contains($0) } ?? false
            guard scalar == "0" || isOctal else { throw unsupported("a reference to a group") }
            var value = UInt32(scalar.digit(radix: 8) ?? 0)
            for _ in 0..<2 {
                guard let digit = next?.digit(radix: 8) else { break }
                value = value * 8 + UInt32(digit)
                place += 1
            }
            return Unicode.Scalar(value) ?? scalar
        case "8", "9": throw unsupported("a reference to a group")
        case _ where scalar.isASCII && (scalar == "_" || !ScalarSet.word.contains(scalar)): return scalar
        default: throw wrong("the escape \\\(scalar)")
        }
    }

    private mutating func hexadecimal() throws(LTError) -> Unicode.Scalar {
        let isBraced = take("{")
        var (value, count) = (UInt32(0), 0)
        while let digit = next?.digit(radix: 16), isBraced || count < 2 {
            value = min(value * 16 + UInt32(digit), 0x110000)
            count += 1
            place += 1
        }
        guard isBraced ? count > 0 && take("}") : count == 2, let scalar = Unicode.Scalar(value) else {
            throw wrong("\\x of no character")
        }
        return scalar
    }

    /// What follows a [.
    private mutating func bracket() throws(LTError) -> ScalarSet {
        let isComplement = take("^")
        var (set, isFirst) = (ScalarSet.none, true)
        while isFirst || next != "]" {
            isFirst = false
            if let named = try posixSet() {
                set.formUnion(named)
                continue
            }
            if take("\\") {
                if let named = try namedSet() {
                    set.formUnion(named)
                    continue
                }
                place -= 1
            }
            let low = try member()
            var high = low
            if place + 1 < pattern.count, pattern[place] == "-", pattern[place + 1] != "]" {
                place += 1
                high = try member()
                guard low <= high else { throw wrong("the range \(low)-\(high)") }
            }
            set.insert(low...high)
        }
        place += 1
        return isComplement ? sealed(set).negated : sealed(set)
    }

    /// A set like [:alpha:] or [:^alpha:]; nil where none follows.
    private mutating func posixSet() throws(LTError) -> ScalarSet? {
        let start = place
        guard take("[:") else { return nil }
        let isNegated = take("^")
        let first = place
        while place < pattern.count, pattern[place] != ":" { place += 1 }
        var name = ""
        name.unicodeScalars.append(contentsOf: pattern[first..<place])
        guard take(":]") else {
            place = start
            return nil
        }
        guard let named = ScalarSet.posix[name] else { throw wrong("[:\(name.prefix(32)):]") }
        return isNegated ? sealed(named).negated : sealed(named)
    }

    /// One character of a set.
    private mutating func member() throws(LTError) -> Unicode.Scalar {
        guard let scalar = next else { throw wrong("a [ without a ]") }
        place += 1
        return scalar == "\\" ? try escapedScalar() : scalar
    }
}

extension Unicode.Scalar {
    /// The value of an ASCII digit.
    fileprivate func digit(radix: Int) -> Int? {
        isASCII ? Character(self).hexDigitValue.flatMap { $0 < radix ? $0 : nil } : nil
    }
}
