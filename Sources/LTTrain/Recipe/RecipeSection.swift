// RecipeSection: typed, checked reading of a YAML mapping. Every key that is asked for becomes known; `finish` rejects
// the others by name, with the nearest known key as hint. Errors carry the key's path and its line.

import Foundation
import LTCore
import Yams

/// One mapping of a recipe.
public final class RecipeSection {
    /// Where the mapping lies: "" for the root, else "loss.map".
    public let path: String
    private let entries: [(key: String, node: Node)]
    private let line: Int?
    private var known: [String] = []

    /// Parses YAML text. A key `extends` names another file (relative to `folder`): what this text says at the top level
    /// replaces what that one says.
    /// - Throws: `malformed` with line and reason.
    public convenience init(yaml: String, overrides: [String] = [], folder: String = ".") throws(LTError) {
        var root = try RecipeSection.extended(RecipeSection.parsed(yaml), folder: folder, depth: 0)
        for text in overrides {
            guard let equals = text.firstIndex(of: "="), equals != text.startIndex else {
                throw LTError(.invalidArgument, "--set \(text), expected key.path=value")
            }
            let path = text[..<equals].split(separator: ".", omittingEmptySubsequences: false).map(String.init)
            let value: Node
            do {
                value = try Yams.compose(yaml: String(text[text.index(after: equals)...])) ?? Node("", .implicit, .any)
            } catch {
                throw LTError(.malformed, "--set \(text): the value is not YAML")
            }
            root = try RecipeSection.replacing(root, path[...], value, text)
        }
        try self.init(root, path: "")
    }

    private static func parsed(_ yaml: String) throws(LTError) -> Node {
        do { return try Yams.compose(yaml: yaml) ?? Node.mapping(.init([])) } catch {
            throw LTError(.malformed, "not YAML: \("\(error)".split(separator: "\n").joined(separator: " "))")
        }
    }

    /// The mapping with the keys of the file that it extends.
    private static func extended(_ node: Node, folder: String, depth: Int) throws(LTError) -> Node {
        guard case .mapping(var mapping) = node, let base = mapping["extends"] else { return node }
        guard let name = base.scalar?.string, !name.isEmpty else {
            throw LTError(.malformed, "extends: expected the path of another recipe\(at(base))")
        }
        guard depth < 8 else { throw LTError(.malformed, "extends: more than 8 recipes deep, or in a circle") }
        let path = name.hasPrefix("/") || folder.isEmpty ? name : "\(folder)/\(name)"
        let parent = try within("recipe \(path), which is extended") { () throws(LTError) in
            try extended(
                parsed(String(decoding: try readFile(path), as: UTF8.self)),
                folder: (path as NSString).deletingLastPathComponent, depth: depth + 1)
        }
        guard case .mapping(var merged) = parent else {
            throw LTError(.malformed, "extends: \(path) is no mapping\(at(base))")
        }
        mapping["extends"] = nil
        for (key, value) in mapping { merged[key] = value }
        return .mapping(merged)
    }

    private init(_ node: Node, path: String) throws(LTError) {
        self.path = path
        line = node.mark?.line
        guard case .mapping(let mapping) = node else {
            throw LTError(
                .malformed, "\(path.isEmpty ? "the recipe" : "key '\(path)'") must be a mapping\(Self.at(node))")
        }
        var entries: [(key: String, node: Node)] = []
        for (key, value) in mapping {
            guard let name = key.scalar?.string else {
                throw LTError(.malformed, "a key that is no text\(Self.at(key))")
            }
            guard !entries.contains(where: { $0.key == name }) else {
                throw LTError(.malformed, "key '\(name)' is there twice\(Self.at(key))")
            }
            entries.append((name, value))
        }
        self.entries = entries
    }

    private static func at(_ node: Node) -> String { node.mark.map { " (line \($0.line))" } ?? "" }

    /// Sets the value at a path, making mappings on the way.
    private static func replacing(_ node: Node, _ path: ArraySlice<String>, _ value: Node, _ text: String)
        throws(LTError) -> Node
    {
        guard let key = path.first else { return value }
        guard case .mapping(var mapping) = node else {
            throw LTError(.invalidArgument, "--set \(text): the key before '\(key)' is no mapping")
        }
        let keyNode = Node(key)
        mapping[keyNode] = try replacing(mapping[keyNode] ?? .mapping(.init([])), path.dropFirst(), value, text)
        return .mapping(mapping)
    }

    /// How errors name this section.
    public var place: String { path.isEmpty ? "the recipe" : "section '\(path)' of the recipe" }
    /// The keys that are there, in order.
    public var keys: [String] { entries.map(\.key) }

    /// The mapping as YAML in one fixed form, without some of its keys: comments and layout make no difference.
    func canonicalText(without dropped: Set<String>) -> String {
        let pairs = entries.filter { !dropped.contains($0.key) }.map { (Node($0.key), $0.node) }
        return (try? Yams.serialize(node: Node(pairs, .implicit, .block))) ?? ""
    }

    /// An error about a key: `network.depth: 33, expected …`.
    public func error(_ key: String, _ message: String) -> LTError {
        let node = entries.first { $0.key == key }?.node
        return LTError(.invalidArgument, "\(full(key)): \(message)\(node.map(Self.at) ?? "")")
    }
    /// Another error, named by a key.
    public func place(_ error: LTError, _ key: String) -> LTError { error.inside("key '\(full(key))'") }

    private func full(_ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }

    /// The node of a key; `nil` when absent or null.
    private func node(_ key: String) -> Node? {
        if !known.contains(key) { known.append(key) }
        guard let node = entries.first(where: { $0.key == key })?.node else { return nil }
        return node.null == nil ? node : nil
    }

    /// Rejects keys that nobody asked for.
    /// - Throws: `invalidArgument` naming the key and the nearest known one.
    public func finish() throws(LTError) {
        guard let stray = entries.first(where: { !known.contains($0.key) }) else { return }
        let nearest = known.map { ($0, Self.distance($0, stray.key)) }.min { $0.1 < $1.1 }
        let hint =
            if let nearest, nearest.1 <= max(2, stray.key.count / 2) {
                "did you mean '\(nearest.0)'?"
            } else {
                "known here: \(known.sorted().joined(separator: ", "))"
            }
        throw LTError(.invalidArgument, "unknown key '\(full(stray.key))'\(Self.at(stray.node))", hint: hint)
    }

    /// Levenshtein's distance.
    static func distance(_ a: String, _ b: String) -> Int {
        let b = Array(b)
        var row = Array(0...b.count)
        for (i, x) in a.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, y) in b.enumerated() {
                let next = min(row[j + 1] + 1, row[j] + 1, diagonal + (x == y ? 0 : 1))
                diagonal = row[j + 1]
                row[j + 1] = next
            }
        }
        return row[b.count]
    }

    /// The forms that a value can have.
    public enum Kind: Sendable { case text, list, mapping }
    /// The form of a key's value; `nil` when the key is absent.
    public func kind(_ key: String) -> Kind? {
        guard let node = node(key) else { return nil }
        return node.mapping != nil ? .mapping : node.sequence != nil ? .list : .text
    }

    // Typed values; `nil` when the key is absent.

    public func string(_ key: String) throws(LTError) -> String? {
        guard let node = node(key) else { return nil }
        guard let text = node.scalar?.string, !text.isEmpty else { throw error(key, "expected text") }
        return text
    }
    public func bool(_ key: String) throws(LTError) -> Bool? {
        guard let node = node(key) else { return nil }
        guard let value = node.bool else { throw error(key, "\(Self.text(node)), expected true or false") }
        return value
    }
    public func int(_ key: String, in range: ClosedRange<Int>) throws(LTError) -> Int? {
        guard let node = node(key) else { return nil }
        return try checked(key, node, range)
    }
    public func double(_ key: String, in range: ClosedRange<Double>) throws(LTError) -> Double? {
        guard let node = node(key) else { return nil }
        return try checked(key, node, range)
    }
    /// A list of whole numbers.
    public func ints(_ key: String, in range: ClosedRange<Int>) throws(LTError) -> [Int]? {
        guard let list = try list(key) else { return nil }
        var result: [Int] = []
        for node in list { result.append(try checked(key, node, range)) }
        return result
    }
    public func doubles(_ key: String, in range: ClosedRange<Double>) throws(LTError) -> [Double]? {
        guard let list = try list(key) else { return nil }
        var result: [Double] = []
        for node in list { result.append(try checked(key, node, range)) }
        return result
    }
    /// A list of texts; one text alone is a list of one.
    public func strings(_ key: String) throws(LTError) -> [String]? {
        if let text = node(key)?.scalar?.string, !text.isEmpty { return [text] }
        guard let list = try list(key) else { return nil }
        var result: [String] = []
        for node in list {
            guard let text = node.scalar?.string else { throw error(key, "expected a list of texts") }
            result.append(text)
        }
        return result
    }
    /// Patterns of names: a list; `true` is all of them and `false` none.
    public func patterns(_ key: String) throws(LTError) -> [String]? {
        guard let node = node(key) else { return nil }
        if let all = node.bool { return all ? ["*"] : [] }
        return try strings(key)
    }
    /// One of an enumeration's raw values.
    public func choice<Choice: RawRepresentable & CaseIterable>(_ key: String, _: Choice.Type) throws(LTError)
        -> Choice?
    where Choice.RawValue == String {
        guard let text = try string(key) else { return nil }
        guard let choice = Choice(rawValue: text) else {
            throw error(key, "'\(text)', expected one of \(Choice.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        return choice
    }
    /// A mapping below this one.
    public func section(_ key: String) throws(LTError) -> RecipeSection? {
        guard let node = node(key) else { return nil }
        return try RecipeSection(node, path: full(key))
    }
    /// A list of mappings below this one.
    public func sections(_ key: String) throws(LTError) -> [RecipeSection]? {
        guard let list = try list(key) else { return nil }
        var result: [RecipeSection] = []
        for (position, node) in list.enumerated() {
            result.append(try RecipeSection(node, path: "\(full(key)).\(position)"))
        }
        return result
    }
    public func required<Value>(_ key: String, _ value: Value?) throws(LTError) -> Value {
        guard let value else { throw LTError(.notFound, "\(place) has no key '\(key)'") }
        return value
    }

    private func list(_ key: String) throws(LTError) -> [Node]? {
        guard let node = node(key) else { return nil }
        guard let sequence = node.sequence else { throw error(key, "\(Self.text(node)), expected a list") }
        return Array(sequence)
    }
    private func checked(_ key: String, _ node: Node, _ range: ClosedRange<Int>) throws(LTError) -> Int {
        guard let value = node.int, range.contains(value) else {
            throw error(
                key, "\(Self.text(node)), expected a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }
    private func checked(_ key: String, _ node: Node, _ range: ClosedRange<Double>) throws(LTError) -> Double {
        // YAML 1.1 takes 1e-4 for text: ask Swift too.
        guard let value = node.float ?? node.scalar.flatMap({ Double($0.string) }), range.contains(value) else {
            throw error(key, "\(Self.text(node)), expected a number from \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }
    private static func text(_ node: Node) -> String {
        node.scalar.map { "'\($0.string)'" } ?? (node.mapping == nil ? "a list" : "a mapping")
    }
}
