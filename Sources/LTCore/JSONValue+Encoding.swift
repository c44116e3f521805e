// Encoding of Codable values to JSON without Foundation: numbers in their shortest form, whole ones without a point.

extension JSONValue {
    /// The JSON of a value.
    /// - Throws: `EncodingError` for numbers that are not finite, and what the value's own `encode` throws.
    public init(encoding value: some Encodable) throws {
        let encoder = JSONValueEncoder(codingPath: [])
        try value.encode(to: encoder)
        self = encoder.box.value
    }
}

/// A place for a value that is not there yet.
private final class Box {
    enum Content {
        case value(JSONValue)
        case array([Box])
        case object([String: Box])
    }

    var content = Content.object([:])

    var value: JSONValue {
        switch content {
        case .value(let value): value
        case .array(let boxes): .array(boxes.map(\.value))
        case .object(let boxes): .object(boxes.mapValues(\.value))
        }
    }

    func member(_ key: String) -> Box {
        let box = Box()
        guard case .object(var members) = content else { return box }
        content = .value(.null)
        members[key] = box
        content = .object(members)
        return box
    }

    func element() -> Box {
        let box = Box()
        guard case .array(var elements) = content else { return box }
        content = .value(.null)
        elements.append(box)
        content = .array(elements)
        return box
    }

    func makeArray() { if case .array = content {} else { content = .array([]) } }
    func makeObject() { if case .object = content {} else { content = .object([:]) } }
}

private struct JSONValueEncoder: Encoder, SingleValueEncodingContainer {
    var box = Box()
    let codingPath: [any CodingKey]
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy _: Key.Type) -> KeyedEncodingContainer<Key> {
        box.makeObject()
        return KeyedEncodingContainer(Keyed(box: box, codingPath: codingPath))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        box.makeArray()
        return Unkeyed(box: box, codingPath: codingPath)
    }

    func singleValueContainer() -> any SingleValueEncodingContainer { self }

    func encodeNil() { box.content = .value(.null) }
    func encode(_ value: Bool) { box.content = .value(.bool(value)) }
    func encode(_ value: String) { box.content = .value(.string(value)) }
    func encode(_ value: Double) throws { try real(value) }
    func encode(_ value: Float) throws { try real(value) }
    func encode(_ value: Int) { whole(value) }
    func encode(_ value: Int8) { whole(value) }
    func encode(_ value: Int16) { whole(value) }
    func encode(_ value: Int32) { whole(value) }
    func encode(_ value: Int64) { whole(value) }
    func encode(_ value: UInt) { whole(value) }
    func encode(_ value: UInt8) { whole(value) }
    func encode(_ value: UInt16) { whole(value) }
    func encode(_ value: UInt32) { whole(value) }
    func encode(_ value: UInt64) { whole(value) }
    func encode(_ value: some Encodable) throws { try value.encode(to: self) }

    private func whole(_ value: some FixedWidthInteger) { box.content = .value(.number("\(value)")) }

    private func real(_ value: some BinaryFloatingPoint & CustomStringConvertible) throws {
        guard value.isFinite else {
            throw EncodingError.invalidValue(
                value, .init(codingPath: codingPath, debugDescription: "\(value) is no number of JSON"))
        }
        let text = value.description
        box.content = .value(.number(text.hasSuffix(".0") ? String(text.dropLast(2)) : text))
    }

    private struct Keyed<Key: CodingKey>: KeyedEncodingContainerProtocol {
        let box: Box
        let codingPath: [any CodingKey]

        private func encoder(_ key: any CodingKey) -> JSONValueEncoder {
            JSONValueEncoder(box: box.member(key.stringValue), codingPath: codingPath + [key])
        }

        func encodeNil(forKey key: Key) { encoder(key).encodeNil() }
        func encode(_ value: some Encodable, forKey key: Key) throws { try value.encode(to: encoder(key)) }
        func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type, forKey key: Key) -> KeyedEncodingContainer<
            Nested
        > { encoder(key).container(keyedBy: type) }
        func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer { encoder(key).unkeyedContainer() }
        func superEncoder() -> any Encoder { JSONValueEncoder(box: box.member("super"), codingPath: codingPath) }
        func superEncoder(forKey key: Key) -> any Encoder { encoder(key) }
    }

    private struct Unkeyed: UnkeyedEncodingContainer {
        let box: Box
        let codingPath: [any CodingKey]
        var count: Int { if case .array(let elements) = box.content { elements.count } else { 0 } }

        private func encoder() -> JSONValueEncoder {
            JSONValueEncoder(codingPath: codingPath + [IndexKey(intValue: count)]).at(box.element())
        }

        func encodeNil() { encoder().encodeNil() }
        func encode(_ value: some Encodable) throws { try value.encode(to: encoder()) }
        func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) -> KeyedEncodingContainer<Nested> {
            encoder().container(keyedBy: type)
        }
        func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer { encoder().unkeyedContainer() }
        func superEncoder() -> any Encoder { encoder() }
    }

    private func at(_ box: Box) -> JSONValueEncoder { JSONValueEncoder(box: box, codingPath: codingPath) }
}
