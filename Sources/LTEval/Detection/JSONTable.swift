// JSONTable: a block of an array of JSON objects as columns (CSIMDJSON).

import CSIMDJSON
import LTCore

/// A field of the objects of an array.
struct JSONField {
    let name: StaticString
    let kind: lt_json_kind

    init(_ name: StaticString, _ kind: lt_json_kind) { (self.name, self.kind) = (name, kind) }

    /// What a value of the field is, for messages.
    fileprivate var expected: String {
        switch kind {
        case LT_JSON_INT: "a whole number"
        case LT_JSON_NUMBER: "a number"
        case LT_JSON_NUMBERS: "an array of numbers"
        case LT_JSON_INTS: "an array of whole numbers"
        case LT_JSON_TEXT: "a string"
        case LT_JSON_FLAG: "0, 1 or a boolean"
        default: "polygons or {\"size\", \"counts\"}"
        }
    }
}

/// A parser and the columns of its latest block; one thread at a time.
final class JSONTable {
    private let table: OpaquePointer
    private let fields: [JSONField]
    /// Where in the file the block's first byte is.
    private(set) var start = 0

    init(_ fields: [JSONField], allowsNonfinite: Bool) throws(LTError) {
        let described = fields.map { field in
            lt_json_field(
                name: UnsafeRawPointer(field.name.utf8Start).assumingMemoryBound(to: CChar.self), kind: field.kind)
        }
        guard let table = lt_json_table_new(described, described.count, allowsNonfinite) else {
            throw LTError(.outOfMemory, "no memory for a JSON parser")
        }
        self.table = table
        self.fields = fields
    }

    deinit { lt_json_table_free(table) }

    /// Parses `[…]`; lt_json_padding() bytes behind it belong to the buffer.
    /// - Parameter start: where in the file the block begins.
    func parse(_ bytes: UnsafeBufferPointer<UInt8>, at start: Int) throws(LTError) {
        self.start = start
        var failure = lt_json_failure()
        guard !lt_json_table_parse(table, bytes.baseAddress, bytes.count, &failure) else { return }
        let words = withUnsafeBytes(of: failure.words) { raw in
            String(decoding: raw.prefix { $0 != 0 }, as: UTF8.self)
        }
        let place = "at byte \(start + failure.offset)"
        let field = failure.field >= 0 ? fields[Int(failure.field)] : nil
        let name = field.map { " in \"\($0.name)\"" } ?? ""
        switch failure.status {
        case LT_JSON_KIND:
            throw LTError(
                .malformed, "JSON value\(name) \(place) is not \(words), expected \(field?.expected ?? words)")
        case LT_JSON_NOT_FINITE:
            throw LTError(.notFinite, "JSON has \(words)\(name) \(place), expected a finite number")
        case LT_JSON_NOT_OBJECT: throw LTError(.malformed, "JSON value \(place) is no object")
        case LT_JSON_DEPTH: throw LTError(.malformed, "JSON is nested too deep \(place)")
        case LT_JSON_MEMORY: throw LTError(.outOfMemory, "no memory to parse the JSON \(place)")
        default: throw LTError(.malformed, "malformed JSON\(name) \(place): \(words)")
        }
    }

    /// Objects in the block.
    var rows: Int { lt_json_table_rows(table) }

    /// Where in the file an object begins.
    func offset(_ row: Int) -> Int { start + Int(lt_json_table_offsets(table)[row]) }

    /// A field of all rows, valid until the next block.
    func column(_ field: Int) -> lt_json_column { lt_json_table_column(table, field) }

    /// A `malformed` error at an object.
    func malformed(_ message: String, row: Int) -> LTError {
        LTError(.malformed, "\(message) at byte \(offset(row))")
    }

    /// The column of a field that every object must have.
    /// - Throws: `malformed` naming the first object without it.
    func required(_ field: Int, _ what: String) throws(LTError) -> lt_json_column {
        let column = column(field)
        for row in 0..<rows where column.present[row] == 0 {
            throw malformed("\(what) without \"\(fields[field].name)\"", row: row)
        }
        return column
    }
}

extension lt_json_column {
    /// A row's part of the text pool, escapes resolved.
    func text(_ row: Int) throws(LTError) -> String {
        let raw = UnsafeBufferPointer(start: text_pool, count: Int(ends[row]))[Int(starts[row])...]
        guard raw.contains(UInt8(ascii: "\\")) else { return String(decoding: raw, as: UTF8.self) }
        let quoted = [UInt8(ascii: "\"")] + raw + [UInt8(ascii: "\"")]
        do {
            return try quoted.withUnsafeBytes { bytes in
                var reader = JSONReader(bytes)
                return try reader.string()
            }
        } catch let error as LTError { throw error } catch { throw LTError(.malformed, "\(error)") }
    }

    /// A row's part of the integer pool.
    func integers(_ row: Int) -> UnsafeBufferPointer<Int64> {
        UnsafeBufferPointer(
            rebasing: UnsafeBufferPointer(start: integer_pool, count: Int(ends[row]))[Int(starts[row])...])
    }
}
