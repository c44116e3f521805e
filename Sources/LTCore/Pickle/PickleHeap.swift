// PickleHeap: the containers of a pickle while it is read, in one flat array, because a pickle goes on filling what it has
// named already; then their immutable form, each container made once, depth first without recursion.

/// A value on the machine's stack: a plain one, or a container by its position.
enum PickleItem {
    case plain(PickleValue)
    case node(Int)
}

/// A container under construction.
struct PickleNode {
    enum Kind { case tuple, list, set, dict, object, persistent }
    let kind: Kind
    /// Elements; of a dictionary keys and values in turns.
    var items: [PickleItem] = []
    /// Position in the heap's objects.
    var object = 0
}

/// What only objects have.
struct PickleObjectNode {
    let global: String
    /// A tuple.
    let arguments: PickleItem
    var state: PickleItem?
    /// Keys and values in turns.
    var entries: [PickleItem] = []
}

struct PickleHeap {
    private(set) var nodes: [PickleNode] = []
    private(set) var objects: [PickleObjectNode] = []
    private static let maximumNodes = 1 << 24

    mutating func add(_ kind: PickleNode.Kind, _ items: [PickleItem] = []) throws(LTError) -> PickleItem {
        guard nodes.count < Self.maximumNodes else {
            throw LTError(.outOfMemory, "pickle: more than \(Self.maximumNodes) containers")
        }
        nodes.append(PickleNode(kind: kind, items: items))
        return .node(nodes.count - 1)
    }

    mutating func add(call global: String, _ arguments: PickleItem) throws(LTError) -> PickleItem {
        let item = try add(.object)
        nodes[nodes.count - 1].object = objects.count
        objects.append(PickleObjectNode(global: global, arguments: arguments))
        return item
    }

    mutating func append<Items: Collection<PickleItem>>(_ items: Items, to node: Int) {
        nodes[node].items.append(contentsOf: items)
    }
    mutating func set<Items: Collection<PickleItem>>(_ entries: Items, in node: Int) {
        if nodes[node].kind == .object {
            objects[nodes[node].object].entries.append(contentsOf: entries)
        } else {
            nodes[node].items.append(contentsOf: entries)
        }
    }
    /// False when the object has a state already.
    mutating func setState(_ state: PickleItem, of node: Int) -> Bool {
        guard objects[nodes[node].object].state == nil else { return false }
        objects[nodes[node].object].state = state
        return true
    }
}

extension PickleHeap {
    /// The immutable form of a value.
    /// - Parameter limit: bytes that values made from others (`bytes` written as text) may take together.
    /// - Throws: `unsupported` when something contains itself or is nested too deep; `malformed` for impossible calls.
    func value(of root: PickleItem, limit: Int) throws(LTError) -> PickleValue {
        guard case .node(let start) = root else { return resolved(root, []) }
        enum Progress: UInt8 { case new, open, done }
        var progress = [Progress](repeating: .new, count: nodes.count)
        var depths = [UInt16](repeating: 0, count: nodes.count)
        var values = [PickleValue](repeating: .none, count: nodes.count)
        var left = limit
        var pending = [(node: start, leaves: false)]
        while let (node, leaves) = pending.popLast() {
            if leaves {
                var depth = 0
                eachChild(of: node) { depth = max(depth, Int(depths[$0]) + 1) }
                guard depth < Pickle.maximumDepth else {
                    throw LTError(.unsupported, "pickle: values nested deeper than \(Pickle.maximumDepth)")
                }
                depths[node] = UInt16(depth)
                values[node] = try made(node, values, &left)
                progress[node] = .done
                continue
            }
            switch progress[node] {
            case .done: continue
            case .open: throw LTError(.unsupported, "pickle: a \(nodes[node].kind) that contains itself")
            case .new: break
            }
            progress[node] = .open
            pending.append((node, true))
            eachChild(of: node) { if progress[$0] != .done { pending.append(($0, false)) } }
        }
        return values[start]
    }

    private func eachChild(of node: Int, _ body: (Int) -> Void) {
        for case .node(let child) in nodes[node].items { body(child) }
        guard nodes[node].kind == .object else { return }
        let object = objects[nodes[node].object]
        for case .node(let child) in object.entries { body(child) }
        if case .node(let child) = object.arguments { body(child) }
        if case .node(let child) = object.state { body(child) }
    }

    private func resolved(_ item: PickleItem, _ values: [PickleValue]) -> PickleValue {
        switch item {
        case .plain(let value): value
        case .node(let index): values[index]
        }
    }

    private func made(_ index: Int, _ values: [PickleValue], _ left: inout Int) throws(LTError) -> PickleValue {
        let node = nodes[index]
        func all(_ items: [PickleItem]) -> [PickleValue] { items.map { resolved($0, values) } }
        func pairs(_ items: [PickleItem]) -> [PickleEntry] {
            stride(from: 0, to: items.count, by: 2).map {
                PickleEntry(key: resolved(items[$0], values), value: resolved(items[$0 + 1], values))
            }
        }
        switch node.kind {
        case .tuple: return .tuple(all(node.items))
        case .list: return .list(all(node.items))
        case .set: return .set(all(node.items))
        case .dict: return .dict(pairs(node.items))
        case .persistent: return .persistent(resolved(node.items[0], values))
        case .object: break
        }
        let parts = objects[node.object]
        let object = PickleObject(
            parts.global, resolved(parts.arguments, values).elements ?? [],
            state: parts.state.map { resolved($0, values) }, items: all(node.items),
            entries: pairs(parts.entries))
        return try Self.plain(object, &left) ?? .object(object)
    }

    /// The globals that make plain values: what protocols below 4 have no opcode for.
    static let plainGlobals: Set<String> = [
        "builtins.set", "builtins.frozenset", "builtins.bytes", "builtins.bytearray", "_codecs.encode",
        "collections.OrderedDict",
    ]

    private static func plain(_ object: PickleObject, _ left: inout Int) throws(LTError) -> PickleValue? {
        guard plainGlobals.contains(object.global) else { return nil }
        let tooMuch = LTError(.outOfMemory, "pickle: values made again and again from the same ones")
        func malformed() -> LTError {
            let kinds = object.arguments.map(\.kind).joined(separator: ", ")
            return LTError(.malformed, "pickle: \(object.global)(\(kinds))")
        }
        switch (object.global, object.arguments.count, object.arguments.first, object.arguments.last) {
        case ("builtins.set", 0, _, _), ("builtins.frozenset", 0, _, _): return .set([])
        case ("builtins.set", 1, let values?, _), ("builtins.frozenset", 1, let values?, _):
            guard let elements = values.elements else { throw malformed() }
            return .set(elements)
        case ("collections.OrderedDict", 0, _, _): return .dict(object.entries)
        case ("collections.OrderedDict", 1, let values?, _):
            // Python 2 hands over a list of pairs. No pickler adds entries afterwards.
            guard let pairs = values.elements, object.entries.isEmpty else { throw malformed() }
            left -= pairs.count * 4
            guard left >= 0 else { throw tooMuch }
            var entries: [PickleEntry] = []
            for pair in pairs {
                guard let pair = pair.elements, pair.count == 2 else { throw malformed() }
                entries.append(PickleEntry(key: pair[0], value: pair[1]))
            }
            return .dict(entries)
        case ("builtins.bytes", 0, _, _), ("builtins.bytearray", 0, _, _):
            return .bytes(PickleBytes(try Buffer(byteCount: 0), 0..<0))
        case ("builtins.bytes", 1, .bytes(let bytes)?, _), ("builtins.bytearray", 1, .bytes(let bytes)?, _):
            return .bytes(bytes)
        case ("_codecs.encode", 2, .string(let text)?, .string(let encoding)?),
            ("builtins.bytearray", 2, .string(let text)?, .string(let encoding)?):
            guard ["latin1", "latin-1"].contains(encoding) else { throw malformed() }
            left -= text.unicodeScalars.count
            guard left >= 0 else { throw tooMuch }
            let buffer = try Buffer(byteCount: text.unicodeScalars.count)
            for (offset, scalar) in text.unicodeScalars.enumerated() {
                guard let byte = UInt8(exactly: scalar.value) else { throw malformed() }
                buffer.pointer.storeBytes(of: byte, toByteOffset: offset, as: UInt8.self)
            }
            return .bytes(PickleBytes(buffer, 0..<buffer.byteCount))
        default: throw malformed()
        }
    }
}
