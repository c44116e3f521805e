// PickleMachine: the stack machine that a pickle is a program of. It only stacks and collects; see PickleHeap for what the
// containers become. Opcodes as in Python's Lib/pickletools.py.

struct PickleMachine {
    var reader: PickleBytesReader
    var heap = PickleHeap()
    private var stack: [PickleItem] = []
    /// How many items lay on the stack at each open mark.
    private var marks: [Int] = []
    private var memo: [UInt64: PickleItem] = [:]
    private let globals: Set<String>
    private let persistentIDs: Bool
    private static let maximumStack = 1 << 26

    init(_ reader: PickleBytesReader, _ globals: Set<String>, persistentIDs: Bool) {
        self.reader = reader
        self.globals = globals.union(PickleHeap.plainGlobals)
        self.persistentIDs = persistentIDs
    }

    /// Runs to the end.
    mutating func run() throws(LTError) -> PickleItem {
        while true {
            let opcode = try reader.byte()
            if opcode == UInt8(ascii: ".") { return try pop() }
            if try number(opcode) { continue }
            if try text(opcode) { continue }
            if try container(opcode) { continue }
            if try memory(opcode) { continue }
            guard try object(opcode) else { throw reader.malformed("no opcode \(opcode)") }
        }
    }

    // The stack.

    private mutating func push(_ item: PickleItem) throws(LTError) {
        guard stack.count < Self.maximumStack else {
            throw LTError(.outOfMemory, "pickle: more than \(Self.maximumStack) values on the stack")
        }
        stack.append(item)
    }
    private mutating func push(_ value: PickleValue) throws(LTError) { try push(.plain(value)) }

    /// Items above the last mark may be taken.
    private mutating func pop() throws(LTError) -> PickleItem {
        guard stack.count > marks.last ?? 0, let item = stack.popLast() else { throw reader.malformed("empty stack") }
        return item
    }
    private mutating func popPlain(_ what: String) throws(LTError) -> PickleValue {
        guard case .plain(let value) = try pop() else { throw reader.malformed("a container as \(what)") }
        return value
    }
    private mutating func pop(_ count: Int) throws(LTError) -> [PickleItem] {
        guard stack.count - (marks.last ?? 0) >= count else { throw reader.malformed("empty stack") }
        defer { stack.removeLast(count) }
        return Array(stack.suffix(count))
    }
    private mutating func popToMark() throws(LTError) -> [PickleItem] {
        guard let mark = marks.popLast() else { throw reader.malformed("no mark") }
        defer { stack.removeLast(stack.count - mark) }
        return Array(stack[mark...])
    }
    private func top() throws(LTError) -> PickleItem {
        guard stack.count > marks.last ?? 0, let item = stack.last else { throw reader.malformed("empty stack") }
        return item
    }
    /// The container on top, of one of some kinds.
    private func top(_ kinds: PickleNode.Kind...) throws(LTError) -> Int {
        guard case .node(let node) = try top(), kinds.contains(heap.nodes[node].kind) else {
            throw reader.malformed("a value for \(kinds[0]), which is not on the stack,")
        }
        return node
    }

    // The opcodes, by what they make; false when it is none of the group.

    private mutating func number(_ opcode: UInt8) throws(LTError) -> Bool {
        switch opcode {
        case UInt8(ascii: "N"): try push(.none)
        case 0x88: try push(.bool(true))
        case 0x89: try push(.bool(false))
        case UInt8(ascii: "K"): try push(.int(Int(try reader.number(1))))
        case UInt8(ascii: "M"): try push(.int(Int(try reader.number(2))))
        case UInt8(ascii: "J"): try push(.int(Int(Int32(truncatingIfNeeded: try reader.number(4)))))
        case 0x8A: try push(try reader.whole(try reader.number(1)))
        case 0x8B: try push(try reader.whole(try reader.number(4)))
        case UInt8(ascii: "G"):
            // The one number with its high byte first.
            try push(.float(Double(bitPattern: try reader.number(8).byteSwapped)))
        case UInt8(ascii: "I"):
            switch try reader.asciiLine() {
            case "00": try push(.bool(false))
            case "01": try push(.bool(true))
            case let line: try push(try reader.decimal(line[...]))
            }
        case UInt8(ascii: "L"):
            let line = try reader.asciiLine()
            try push(try reader.decimal(line.hasSuffix("L") ? line.dropLast() : line[...]))
        case UInt8(ascii: "F"):
            let line = try reader.asciiLine()
            guard let value = Double(line) else { throw reader.malformed("'\(line)' where a number should be") }
            try push(.float(value))
        default: return false
        }
        return true
    }

    private mutating func text(_ opcode: UInt8) throws(LTError) -> Bool {
        switch opcode {
        case UInt8(ascii: "S"): try push(try reader.quotedBytes())
        case UInt8(ascii: "V"): try push(try reader.escapedText())
        case UInt8(ascii: "U"), UInt8(ascii: "C"): try push(try reader.bytes(try reader.number(1)))
        case UInt8(ascii: "T"), UInt8(ascii: "B"): try push(try reader.bytes(try reader.number(4)))
        case 0x8E, 0x96: try push(try reader.bytes(try reader.number(8)))
        case 0x8C: try push(.string(try reader.text(try reader.number(1))))
        case UInt8(ascii: "X"): try push(.string(try reader.text(try reader.number(4))))
        case 0x8D: try push(.string(try reader.text(try reader.number(8))))
        case 0x97: throw LTError(.unsupported, "pickle: buffers outside of the file")
        default: return false
        }
        return true
    }

    private mutating func container(_ opcode: UInt8) throws(LTError) -> Bool {
        switch opcode {
        case UInt8(ascii: "("): marks.append(stack.count)
        case UInt8(ascii: ")"): try push(.tuple([]))
        case UInt8(ascii: "t"): try push(try heap.add(.tuple, try popToMark()))
        case 0x85, 0x86, 0x87: try push(try heap.add(.tuple, try pop(Int(opcode) - 0x84)))
        case UInt8(ascii: "]"): try push(try heap.add(.list))
        case UInt8(ascii: "l"): try push(try heap.add(.list, try popToMark()))
        case UInt8(ascii: "a"):
            let item = try pop()
            heap.append(CollectionOfOne(item), to: try top(.list, .object))
        case UInt8(ascii: "e"):
            let items = try popToMark()
            heap.append(items, to: try top(.list, .object))
        case UInt8(ascii: "}"): try push(try heap.add(.dict))
        case UInt8(ascii: "d"): try push(try heap.add(.dict, try pairs(try popToMark())))
        case UInt8(ascii: "s"):
            let pair = try pop(2)
            heap.set(pair, in: try top(.dict, .object))
        case UInt8(ascii: "u"):
            let items = try pairs(try popToMark())
            heap.set(items, in: try top(.dict, .object))
        case 0x8F: try push(try heap.add(.set))
        case 0x90:
            let items = try popToMark()
            heap.append(items, to: try top(.set))
        case 0x91: try push(try heap.add(.set, try popToMark()))
        default: return false
        }
        return true
    }

    private func pairs(_ items: [PickleItem]) throws(LTError) -> [PickleItem] {
        guard items.count % 2 == 0 else { throw reader.malformed("a key without a value") }
        return items
    }

    private mutating func memory(_ opcode: UInt8) throws(LTError) -> Bool {
        switch opcode {
        case 0x80:
            let version = try reader.byte()
            guard version <= 5 else { throw LTError(.unsupported, "pickle protocol \(version), expected 0 to 5") }
        case 0x95:
            // A frame announces how many bytes follow at least.
            var ahead = reader
            _ = try ahead.take(try reader.number(8))
        case UInt8(ascii: "0"):
            if let mark = marks.last, mark == stack.count { marks.removeLast() } else { _ = try pop() }
        case UInt8(ascii: "1"): _ = try popToMark()
        case UInt8(ascii: "2"): try push(try top())
        case UInt8(ascii: "p"): memo[try index()] = try top()
        case UInt8(ascii: "q"): memo[try reader.number(1)] = try top()
        case UInt8(ascii: "r"): memo[try reader.number(4)] = try top()
        case 0x94: memo[UInt64(memo.count)] = try top()
        case UInt8(ascii: "g"): try recall(try index())
        case UInt8(ascii: "h"): try recall(try reader.number(1))
        case UInt8(ascii: "j"): try recall(try reader.number(4))
        case 0x98: break  // makes a buffer read-only
        default: return false
        }
        return true
    }

    private mutating func index() throws(LTError) -> UInt64 {
        let line = try reader.asciiLine()
        guard let index = UInt64(line) else { throw reader.malformed("'\(line)' where a memo's number should be") }
        return index
    }
    private mutating func recall(_ index: UInt64) throws(LTError) {
        guard let item = memo[index] else { throw reader.malformed("nothing in memo \(index)") }
        try push(item)
    }

    private mutating func object(_ opcode: UInt8) throws(LTError) -> Bool {
        switch opcode {
        case UInt8(ascii: "c"):
            let module = try reader.asciiLine()
            try push(.global(try allowed(module, try reader.asciiLine())))
        case 0x93:
            let name = try popPlain("a name")
            guard case .string(let module) = try popPlain("a module"), case .string(let name) = name else {
                throw reader.malformed("a global without a name")
            }
            try push(.global(try allowed(module, name)))
        case UInt8(ascii: "R"), 0x81:
            let arguments = try self.arguments()
            try call(try pop(), arguments)
        case 0x92:
            guard case .node(let keywords) = try pop(), heap.nodes[keywords].kind == .dict,
                heap.nodes[keywords].items.isEmpty
            else { throw LTError(.unsupported, "pickle: an object made with keyword arguments") }
            let arguments = try self.arguments()
            try call(try pop(), arguments)
        case UInt8(ascii: "o"):
            let items = try popToMark()
            guard let callee = items.first else { throw reader.malformed("an object without a class") }
            try call(callee, try heap.add(.tuple, Array(items.dropFirst())))
        case UInt8(ascii: "i"):
            let module = try reader.asciiLine()
            let global = try allowed(module, try reader.asciiLine())
            try call(.plain(.global(global)), try heap.add(.tuple, try popToMark()))
        case UInt8(ascii: "b"):
            let state = try pop()
            guard heap.setState(state, of: try top(.object)) else {
                throw reader.malformed("a second state of an object")
            }
        case UInt8(ascii: "P"): try persistent(.plain(.string(try reader.asciiLine())))
        case UInt8(ascii: "Q"): try persistent(try pop())
        case 0x82, 0x83, 0x84: throw LTError(.unsupported, "pickle: extension codes")
        default: return false
        }
        return true
    }

    private mutating func arguments() throws(LTError) -> PickleItem {
        let item = try pop()
        switch item {
        case .plain(.tuple): return item
        case .node(let node) where heap.nodes[node].kind == .tuple: return item
        default: throw reader.malformed("a call whose arguments are no tuple")
        }
    }

    private mutating func call(_ callee: PickleItem, _ arguments: PickleItem) throws(LTError) {
        guard case .plain(.global(let name)) = callee else {
            throw LTError(.unsupported, "pickle: a call of something that is not a global, at byte \(reader.offset)")
        }
        try push(try heap.add(call: name, arguments))
    }

    private mutating func persistent(_ id: PickleItem) throws(LTError) {
        guard persistentIDs else { throw LTError(.unsupported, "pickle: persistent ids") }
        try push(try heap.add(.persistent, [id]))
    }

    /// "module.name" as Python 3 calls it.
    private func allowed(_ module: String, _ name: String) throws(LTError) -> String {
        let module = ["__builtin__": "builtins", "copy_reg": "copyreg"][module] ?? module
        let global = "\(module).\(name)"
        guard globals.contains(global) else {
            throw LTError(
                .unsupported, "global '\(global)'", context: ["pickle at byte \(reader.offset)"],
                hint:
                    "only plain values\(globals.count > PickleHeap.plainGlobals.count ? " and known types" : "") are read"
            )
        }
        return global
    }
}
