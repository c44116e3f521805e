// ScalarSet: the character classes of regular expressions: ranges of Unicode scalars and general categories.

struct ScalarSet: Sendable, Hashable {
    private var ranges: [ClosedRange<UInt32>] = []
    /// One bit per general category.
    private var categories: UInt32 = 0
    private var isNegated = false
    private var ignoresCase = false
    private var parts: Set<ScalarSet> = []
    /// What `contains` says of the ASCII characters: one bit each.
    private var ascii: [UInt64] = [0, 0]

    static let none = ScalarSet()
    static let digit = ScalarSet(["0"..."9"])
    static let space = ScalarSet(["\t"..."\n", "\u{C}"..."\r", " "..." "])
    static let word = ScalarSet(["0"..."9", "A"..."Z", "_"..."_", "a"..."z"])

    /// POSIX classes by their names.
    static let posix: [String: ScalarSet] = [
        "alnum": ScalarSet(["0"..."9", "A"..."Z", "a"..."z"]), "alpha": ScalarSet(["A"..."Z", "a"..."z"]),
        "ascii": ScalarSet(["\0"..."\u{7F}"]), "blank": ScalarSet(["\t"..."\t", " "..." "]),
        "cntrl": ScalarSet(["\0"..."\u{1F}", "\u{7F}"..."\u{7F}"]), "digit": digit, "graph": ScalarSet(["!"..."~"]),
        "lower": ScalarSet(["a"..."z"]), "print": ScalarSet([" "..."~"]),
        "punct": ScalarSet(["!"..."/", ":"..."@", "["..."`", "{"..."~"]),
        "space": ScalarSet(["\t"..."\r", " "..." "]), "upper": ScalarSet(["A"..."Z"]), "word": word,
        "xdigit": ScalarSet(["0"..."9", "A"..."F", "a"..."f"]),
    ]

    private static let names: [(String, Unicode.GeneralCategory)] = [
        ("Lu", .uppercaseLetter), ("Ll", .lowercaseLetter), ("Lt", .titlecaseLetter), ("Lm", .modifierLetter),
        ("Lo", .otherLetter), ("Mn", .nonspacingMark), ("Mc", .spacingMark), ("Me", .enclosingMark),
        ("Nd", .decimalNumber), ("Nl", .letterNumber), ("No", .otherNumber), ("Pc", .connectorPunctuation),
        ("Pd", .dashPunctuation), ("Ps", .openPunctuation), ("Pe", .closePunctuation), ("Pi", .initialPunctuation),
        ("Pf", .finalPunctuation), ("Po", .otherPunctuation), ("Sm", .mathSymbol), ("Sc", .currencySymbol),
        ("Sk", .modifierSymbol), ("So", .otherSymbol), ("Zs", .spaceSeparator), ("Zl", .lineSeparator),
        ("Zp", .paragraphSeparator), ("Cc", .control), ("Cf", .format), ("Cs", .surrogate), ("Co", .privateUse),
    ]
    private static let bits = Dictionary(
        uniqueKeysWithValues: names.enumerated().map { ($1.1, UInt32(1) << UInt32($0)) })
    /// Of what has no category.
    private static let unassigned = UInt32(1) << 31

    init(_ ranges: [ClosedRange<Unicode.Scalar>] = []) {
        self.ranges = ranges.map { $0.lowerBound.value...$0.upperBound.value }
        seal()
    }

    /// A general category by its name in `\p{…}` ("Lu", "L", "Any"); nil for other names.
    init?(category name: String) {
        let named = Self.names.filter { name == "Any" || $0.0 == name || name.utf8.count == 1 && $0.0.hasPrefix(name) }
        guard !named.isEmpty else { return nil }
        categories = named.reduce(name == "Any" ? Self.unassigned : 0) { $0 | (Self.bits[$1.1] ?? 0) }
        seal()
    }

    var negated: ScalarSet {
        var set = self
        set.isNegated.toggle()
        set.seal(ignoringCase: ignoresCase)
        return set
    }

    /// Adds the scalars of another set; `seal` this one at the end.
    mutating func formUnion(_ other: ScalarSet) { parts.insert(other) }
    mutating func insert(_ range: ClosedRange<Unicode.Scalar>) {
        ranges.append(range.lowerBound.value...range.upperBound.value)
    }

    /// Ends the making of a set: sorts and merges the ranges.
    mutating func seal(ignoringCase: Bool = false) {
        ignoresCase = ignoringCase
        if ignoringCase {
            // A single scalar stands for all its forms.
            for range in ranges where range.count == 1 {
                guard let scalar = Unicode.Scalar(range.lowerBound) else { continue }
                ranges += Self.forms(scalar).map { $0.value...$0.value }
            }
        }
        var merged: [ClosedRange<UInt32>] = []
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if let last = merged.last, range.lowerBound <= last.upperBound + 1 {
                merged[merged.count - 1] = last.lowerBound...max(last.upperBound, range.upperBound)
            } else {
                merged.append(range)
            }
        }
        ranges = merged
        ascii = [0, 0]
        for value in 0..<128 where holds(Unicode.Scalar(UInt8(value))) { ascii[value / 64] |= 1 << UInt64(value % 64) }
    }

    func contains(_ scalar: Unicode.Scalar) -> Bool {
        let value = Int(scalar.value)
        return value < 128 ? ascii[value / 64] >> UInt64(value % 64) & 1 == 1 : holds(scalar)
    }

    private func holds(_ scalar: Unicode.Scalar) -> Bool {
        let isIn = ignoresCase ? Self.forms(scalar).contains(where: includes) : includes(scalar)
        return (isIn || parts.contains { $0.contains(scalar) }) != isNegated
    }

    private func includes(_ scalar: Unicode.Scalar) -> Bool {
        var (low, high) = (0, ranges.count)
        while low < high {
            let middle = (low + high) / 2
            if ranges[middle].upperBound < scalar.value { low = middle + 1 } else { high = middle }
        }
        if low < ranges.count, ranges[low].contains(scalar.value) { return true }
        guard categories != 0 else { return false }
        return categories & (Self.bits[scalar.properties.generalCategory] ?? Self.unassigned) != 0
    }

    /// A scalar with what it becomes in lower and upper case, where that is one scalar.
    private static func forms(_ scalar: Unicode.Scalar) -> [Unicode.Scalar] {
        func single(_ text: String) -> Unicode.Scalar? {
            text.unicodeScalars.count == 1 ? text.unicodeScalars.first : nil
        }
        let upper = single(scalar.properties.uppercaseMapping) ?? scalar
        let lower = single(upper.properties.lowercaseMapping) ?? upper
        return [scalar, upper, lower, single(scalar.properties.lowercaseMapping) ?? scalar]
    }
}
