// The decision layer in metadata_props: one `lt.*` key per part, its value UTF-8 JSON. Reading takes foreign keys where
// ours are absent; writing touches only keys whose meaning changed, so a rewrite loses nothing it does not know.

import LTCore
import LTGraph

extension DecisionLayer {
    /// The metadata keys, in the order in which they are written.
    public enum Key: String, Sendable, CaseIterable {
        case schema = "lt.schema"
        case task = "lt.task"
        case preprocess = "lt.preprocess"
        case clip = "lt.clip"
        case labels = "lt.labels"
        case trainCounts = "lt.train_counts"
        case groups = "lt.groups"
        case activation = "lt.activation"
        case calibration = "lt.calibration"
        case thresholds = "lt.thresholds"
        case postprocess = "lt.postprocess"
        case provenance = "lt.provenance"
        case selfTest = "lt.selftest"
        case outputs = "lt.outputs"
    }

    /// Longest value that is read, in bytes of UTF-8.
    static let maximumValueLength = 64 << 20

    /// Reads what a graph's metadata says and checks that the parts agree with each other and with the graph's output.
    /// - Throws: `malformed` for a value that is not the JSON it should be, `unsupported` for a newer schema or an unknown
    ///   method, `invalidArgument` or `shapeMismatch` for parts that contradict each other; each names the key.
    public init(reading graph: Graph) throws(LTError) {
        let metadata = { (key: Key) in graph.metadata[key.rawValue] }
        if let schema: Int = try Self.value(.schema, metadata(.schema)), schema != Self.currentSchema {
            throw LTError(.unsupported, "\(Key.schema.rawValue) is \(schema), this program reads \(Self.currentSchema)")
        }
        self.init(
            task: try Self.word(.task, metadata(.task)),
            preprocess: try Self.value(.preprocess, metadata(.preprocess)),
            clip: try Self.value(.clip, metadata(.clip)),
            labels: try Self.value(.labels, metadata(.labels)),
            trainCounts: try Self.value(.trainCounts, metadata(.trainCounts)),
            groups: try Self.value(.groups, metadata(.groups)),
            activation: try Self.word(.activation, metadata(.activation)),
            calibration: try Self.value(.calibration, metadata(.calibration)),
            thresholds: try Self.value(.thresholds, metadata(.thresholds)),
            postprocess: try Self.value(.postprocess, metadata(.postprocess)),
            provenance: try Self.value(.provenance, metadata(.provenance)),
            selfTest: try Self.value(.selfTest, metadata(.selfTest)),
            outputs: try Self.value(.outputs, metadata(.outputs)))
        try readForeign(graph)
        try validate()
        try validate(against: graph)
    }

    /// Writes the layer into a graph's metadata: absent parts remove their key, other keys stay as they are.
    /// - Throws: what `validate` throws, so that no file is written that could not be read again.
    public func write(into graph: inout Graph) throws(LTError) {
        try validate()
        try validate(against: graph)
        try Self.put(Self.currentSchema, .schema, &graph)
        try Self.put(task, .task, &graph)
        try Self.put(preprocess, .preprocess, &graph)
        try Self.put(clip, .clip, &graph)
        try Self.put(labels, .labels, &graph)
        try Self.put(trainCounts, .trainCounts, &graph)
        try Self.put(groups, .groups, &graph)
        try Self.put(activation, .activation, &graph)
        try Self.put(calibration, .calibration, &graph)
        try Self.put(thresholds, .thresholds, &graph)
        try Self.put(postprocess, .postprocess, &graph)
        try Self.put(provenance, .provenance, &graph)
        try Self.put(selfTest, .selfTest, &graph)
        try Self.put(outputs, .outputs, &graph)
    }

    private static func value<Value: Decodable>(_ key: Key, _ text: String?) throws(LTError) -> Value? {
        guard let text else { return nil }
        guard text.utf8.count <= maximumValueLength else {
            throw LTError(
                .malformed, "\(key.rawValue) is \(text.utf8.count) bytes long, more than \(maximumValueLength)")
        }
        do {
            return try JSONValue(text).decode()
        } catch {
            throw Self.describe(error).inside("metadata key \(key.rawValue)")
        }
    }

    /// A JSON string of a known word; the bare word is taken too.
    private static func word<Value: RawRepresentable & CaseIterable>(
        _ key: Key, _ text: String?
    ) throws(LTError) -> Value? where Value.RawValue == String {
        guard let text else { return nil }
        let word: String? = text.utf8.first == UInt8(ascii: "\"") ? try value(key, text) : text
        guard let word, let known = Value(rawValue: word) else {
            let words = Value.allCases.map(\.rawValue).joined(separator: ", ")
            throw LTError(.unsupported, "\(key.rawValue) is '\(word?.prefix(80) ?? "")', expected one of \(words)")
        }
        return known
    }

    private static func put<Value: Codable & Equatable>(_ value: Value?, _ key: Key, _ graph: inout Graph)
        throws(LTError)
    {
        guard let value else {
            graph.metadata.removeValue(forKey: key.rawValue)
            return
        }
        let old: Value? = try? Self.value(key, graph.metadata[key.rawValue])
        if old == value { return }
        do {
            graph.metadata[key.rawValue] = try JSONValue(encoding: value).text
        } catch {
            throw LTError(.invalidArgument, "cannot be written as JSON: \(error)").inside(
                "metadata key \(key.rawValue)")
        }
    }

    /// Says in one line what a decoder objects to.
    static func describe(_ error: any Error) -> LTError {
        if let error = error as? LTError { return error }
        guard let error = error as? DecodingError else { return LTError(.malformed, "\(error)") }
        func text(_ what: String, _ context: DecodingError.Context) -> LTError {
            var path = ""
            for key in context.codingPath {
                path += key.intValue.map { "[\($0)]" } ?? (path.isEmpty ? key.stringValue : ".\(key.stringValue)")
            }
            return LTError(.malformed, path.isEmpty ? what : "\(what) at \(path)")
        }
        switch error {
        case .typeMismatch(let type, let context): return text("expected \(type)", context)
        case .valueNotFound(let type, let context): return text("null, expected \(type)", context)
        case .keyNotFound(let key, let context): return text("'\(key.stringValue)' is missing", context)
        case .dataCorrupted(let context): return text(context.debugDescription, context)
        @unknown default: return LTError(.malformed, "\(error)")
        }
    }
}
