// Pickles: what CPython writes in every protocol (Fixtures/pickles), what is refused by name, and damaged files.

import Foundation
import LTCore
import Testing

private let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(
    "Fixtures/pickles")

private func buffer(_ bytes: [UInt8]) throws(LTError) -> Buffer {
    let buffer = try Buffer(byteCount: bytes.count)
    buffer.mutableBytes.copyBytes(from: bytes)
    return buffer
}

private func read(_ bytes: [UInt8], allowing globals: Set<String> = []) throws(LTError) -> PickleValue {
    try Pickle.read(try buffer(bytes), allowing: globals).value
}

private func read(_ text: String) throws(LTError) -> PickleValue {
    try read(text.unicodeScalars.map { UInt8($0.value) })
}

private func hex(_ bytes: some Sequence<UInt8>) -> String {
    bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
}

/// The text that Utilities/fixtures/pickles.py writes beside each file.
private func text(_ value: PickleValue) throws -> String {
    func all(_ values: [PickleValue]) throws -> String { try values.map(text).joined(separator: ",") }
    switch value {
    case .none: return "n"
    case .bool(let value): return value ? "T" : "F"
    case .int(let value): return "i:\(value)"
    case .long(let bytes): return "L:\(hex(bytes))"
    case .float(let value):
        return "f:\(hex((0..<8).map { UInt8(truncatingIfNeeded: value.bitPattern >> (56 - 8 * $0)) }))"
    case .string(let value): return "s:\(hex(value.utf8))"
    case .bytes(let value): return "b:\(hex(value.bytes))"
    case .tuple(let values): return "t(\(try all(values)))"
    case .list(let values): return "l[\(try all(values))]"
    case .set(let values): return "x{\(try all(values))}"
    case .dict(let entries):
        return "d{\(try entries.map { "\(try text($0.key))=\(try text($0.value))" }.joined(separator: ","))}"
    case .object(let object): return try text(try NumPyArray(object))
    case .global, .persistent: throw LTError(.unsupported, value.kind)
    }
}

private func text(_ array: NumPyArray) throws -> String {
    let tensor = try array.tensor()
    let numbers: [String]
    switch tensor.type {
    case .float32: numbers = try tensor.array(of: Float.self).map { "\($0)" }
    case .float64: numbers = try tensor.array(of: Double.self).map { "\($0)" }
    case .bool: numbers = try tensor.wholeNumbers().map { $0 == 0 ? "False" : "True" }
    default: numbers = try tensor.wholeNumbers().map(String.init)
    }
    return
        "a:\(tensor.type):[\(tensor.dims.map(String.init).joined(separator: ","))]:[\(numbers.joined(separator: ","))]"
}

@Suite struct PickleTests {
    @Test(arguments: ["plain", "arrays"], ["0", "1", "2", "3", "4", "5", "2-python2"])
    func readsEveryProtocol(_ name: String, _ protocolName: String) throws {
        let value = try Pickle.read(
            file: folder.appendingPathComponent("\(name)-\(protocolName).pkl").path,
            allowing: name == "arrays" ? NumPyArray.globals : [])
        let expected = try String(contentsOf: folder.appendingPathComponent("\(name).txt"), encoding: .utf8)
        #expect(try text(value) + "\n" == expected)
    }

    @Test func readsOneAfterAnother() throws {
        let file = try readFile(folder.appendingPathComponent("two.pkl").path)
        let first = try Pickle.read(file)
        #expect(try text(first.value) == "l[i:1]")
        let second = try Pickle.read(file, range: first.end..<file.byteCount)
        #expect(try text(second.value) == "d{s:62=i:2}")
        #expect(second.end == file.byteCount)
        #expect(second.value["b"]?.whole == 2 && second.value["c"] == nil)
    }

    @Test func describesObjectsAndPersistentIDs() throws {
        // torch's way to write a tensor: a call with a persistent id, then entries put into an OrderedDict.
        let bytes = Array("\u{2}ccollections\nOrderedDict\n)R(X\u{1}\0\0\0wctorch._utils\nrebuild\n".utf8)
        let value = try Pickle.read(
            try buffer([0x80] + bytes + Array("(U\u{7}storageK\u{5}tQK\u{3}\u{86}Ru.".utf8.filter { $0 != 0xC2 })),
            allowing: ["torch._utils.rebuild"], persistentIDs: true
        ).value
        guard case .object(let object)? = value["w"] else {
            Issue.record("\(value.kind)")
            return
        }
        #expect(object.global == "torch._utils.rebuild" && object.arguments.count == 2 && object.state == nil)
        guard case .persistent(let id) = object.arguments[0] else {
            Issue.record("\(object.arguments[0].kind)")
            return
        }
        #expect(id.elements?.first?.text == "storage" && id.elements?.last?.whole == 5)
        #expect(object.arguments[1].whole == 3)
        let list = try read(Array("cm\nC\n)R(K\u{1}K\u{2}e(K\u{3}K\u{4}uK\u{5}b.".utf8), allowing: ["m.C"])
        guard case .object(let made) = list else {
            Issue.record("\(list.kind)")
            return
        }
        #expect(made.items.map(\.whole) == [1, 2] && made.entries.map(\.value.whole) == [4] && made.state?.whole == 5)
    }

    @Test(arguments: [
        ("cos\nsystem\n(S'true'\ntR.", "global 'os.system'"),
        ("(S'true'\nios\nsystem\n.", "global 'os.system'"),
        ("c__builtin__\neval\n(S'1'\ntR.", "global 'builtins.eval'"),
        ("\u{80}\u{4}\u{8C}\u{5}posix\u{8C}\u{6}system\u{93}.", "global 'posix.system'"),
        ("cnumpy.core.multiarray\n_reconstruct\n.", "global 'numpy.core.multiarray._reconstruct'"),
        ("P1\n.", "persistent ids"), ("\u{80}\u{6}N.", "protocol 6"), ("\u{82}\u{1}.", "extension codes"),
        ("]2a.", "list that contains itself"), ("}(K\u{1}h\0u.", "nothing in memo 0"),
        ("]q\0}q\u{1}(K\u{1}h\0uh\0h\u{1}ah\0.", "contains itself"),
        ("c__builtin__\nset\nq\0h\0.", ""),
        ("K\u{1})R.", "not a global"), ("\u{97}.", "outside of the file"),
        ("(K\u{1}d.", "key without a value"), ("N0N.x", ""), ("N", "0 are left"), ("a.", "empty stack"),
        ("e.", "no mark"), ("K\u{1}K\u{2}a.", "not on the stack"), ("Ix\n.", "whole number"), ("S'a\n.", "quotes"),
        ("T\u{FF}\u{FF}\u{FF}\u{7F}.", "2147483647 bytes expected"),
        ("\u{8E}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}.", "bytes expected"),
        ("\u{95}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}\u{7F}N.", "bytes expected"),
        ("X\u{1}\0\0\0\u{FF}.", "not UTF-8"), ("L\(String(repeating: "9", count: 101))L\n.", "101 digits"),
        ("\u{FF}", "no opcode 255"), ("c_codecs\nencode\n(V\\u0100\nVlatin1\ntR.", "_codecs.encode"),
    ])
    func refuses(_ pickle: String, _ message: String) {
        guard !message.isEmpty else {
            #expect(throws: Never.self) { try read(pickle) }
            return
        }
        let error = #expect(throws: LTError.self) { try read(pickle) }
        #expect(error?.message.contains(message) == true, "\(error?.description ?? "no error")")
    }

    @Test func nestingIsBounded() throws {
        #expect(try read(String(repeating: "]", count: 256) + String(repeating: "a", count: 255) + ".").elements != nil)
        for deep in [257, 1_000_000] {
            let error = #expect(throws: LTError.self) {
                try read(String(repeating: "]", count: deep) + String(repeating: "a", count: deep - 1) + ".")
            }
            #expect(error?.message.contains("nested deeper") == true)
        }
        #expect(throws: LTError.self) {
            try read(String(repeating: "K\u{1}", count: 1) + String(repeating: "\u{85}", count: 300_000) + ".")
        }
    }

    /// Each list holds the one before twice: 2^200 values, which share memory.
    @Test func sharedPartsAreNotCopied() throws {
        var bytes: [UInt8] = [UInt8(ascii: "]"), UInt8(ascii: "q"), 0]
        for level in 0..<200 as Range<UInt8> {
            bytes += [0x5D, 0x68, level, 0x61, 0x68, level, 0x61, 0x71, level + 1]
        }
        let value = try read(bytes + [0x2E])
        #expect(value.elements?.count == 2)
        // Bytes written as text (Python 3's protocol 2) again and again from one text.
        let text = "V" + String(repeating: "x", count: 50_000) + "\np0\nVlatin1\np1\nc_codecs\nencode\np2\n("
        let error = #expect(throws: LTError.self) {
            try read(text + String(repeating: "h\u{2}h\0h\u{1}\u{86}R", count: 20_000) + "l.")
        }
        #expect(error?.code == .outOfMemory)
    }

    @Test func arraysMustFit() throws {
        let dtype = "cnumpy\ndtype\n(Vf8\nI00\nI01\ntR(I3\nV<\nNNNI-1\nI-1\nI0\ntb"
        func array(_ shape: String, _ dtype: String, _ data: String) throws -> NumPyArray {
            let text =
                "cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntVb\ntR(I1\n(\(shape)t\(dtype)I00\n\(data)tb."
            return try NumPyArray(try read(text.unicodeScalars.map { UInt8($0.value) }, allowing: NumPyArray.globals))
        }
        let zeros = "S'" + String(repeating: "\\x00", count: 16) + "'\n"
        #expect(try array("I2\n", dtype, zeros).tensor().array(of: Double.self) == [0, 0])
        for shape in ["I3\n", "I-2\n", "I4611686018427387904\nI4\n", "Vx\n"] {
            #expect(throws: LTError.self) { try array(shape, dtype, zeros) }
        }
        #expect(throws: LTError.self) { try array("I2\n", dtype.replacingOccurrences(of: "V<", with: "V>"), zeros) }
        #expect(throws: LTError.self) { try array("I2\n", dtype.replacingOccurrences(of: "f8", with: "O8"), "(NNl") }
    }

    @Test(arguments: ["plain-0", "plain-2", "plain-2-python2", "plain-5", "arrays-0", "arrays-2-python2", "arrays-5"])
    func survivesDamage(_ name: String) throws {
        let whole = [UInt8](try Data(contentsOf: folder.appendingPathComponent("\(name).pkl")))
        for length in 0..<whole.count {
            #expect(throws: LTError.self) { try read(Array(whole.prefix(length)), allowing: NumPyArray.globals) }
        }
        var random = SeededGenerator(seed: 11)
        var readable = 0
        for _ in 0..<3000 {
            var bytes = whole
            for _ in 0..<1 + random.below(4) {
                let position = random.below(bytes.count)
                switch random.below(3) {
                case 0: bytes[position] = UInt8(random.below(256))
                case 1: bytes.remove(at: position)
                default: bytes.insert(bytes[random.below(bytes.count)], at: position)
                }
            }
            guard let value = try? read(bytes, allowing: NumPyArray.globals) else { continue }
            readable += 1
            _ = try? text(value)
        }
        #expect(readable > 0)
    }
}
