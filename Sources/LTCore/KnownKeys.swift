// KnownKeys: decoding that refuses keys it does not know, so that a misspelt setting is an error and not a default.

private struct AnyKey: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }
    init?(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
}

extension Decoder {
    /// The keyed container, after checking that it holds no key but those of `Keys`.
    public func knownKeys<Keys: CodingKey & CaseIterable>(_: Keys.Type) throws -> KeyedDecodingContainer<Keys> {
        let known = Keys.allCases.map(\.stringValue)
        for key in try container(keyedBy: AnyKey.self).allKeys where !known.contains(key.stringValue) {
            throw DecodingError.dataCorrupted(
                .init(
                    codingPath: codingPath,
                    debugDescription: "unknown key '\(key.stringValue)', expected \(known.joined(separator: ", "))"))
        }
        return try container(keyedBy: Keys.self)
    }
}
