// LTError: the one error type. `code` is open (a new kind needs no change here), `message` says actual then expected,
// `context` trails outwards (node, file, …; inner first), `hint` says what to try.

/// An error with a machine-readable code, a message, the trail of where it happened and an optional hint.
public struct LTError: Error, Sendable, Equatable {
    /// A machine-readable error kind, spelled in lowerCamelCase.
    public struct Code: RawRepresentable, Hashable, Sendable, ExpressibleByStringLiteral {
        public let rawValue: String
        public init(rawValue: String) { self.rawValue = rawValue }
        public init(stringLiteral value: String) { rawValue = value }
    }

    public var code: Code
    public var message: String
    /// Where it happened, inner first: "node 'conv1' (Conv)", "model models/broken.onnx".
    public var context: [String]
    public var hint: String?

    public init(_ code: Code, _ message: String, context: [String] = [], hint: String? = nil) {
        self.code = code
        self.message = message
        self.context = context
        self.hint = hint
    }

    /// Returns the same error with one more, outer, place in its trail.
    public func inside(_ place: String) -> LTError {
        var error = self
        error.context.append(place)
        return error
    }

    /// Returns the same error with a hint, unless it has one already.
    public func hinting(_ hint: String) -> LTError {
        var error = self
        if error.hint == nil { error.hint = hint }
        return error
    }
}

extension LTError.Code {
    /// A file or folder that cannot be read or written.
    public static let io: Self = "io"
    /// Bytes that are not of the format they claim to be.
    public static let malformed: Self = "malformed"
    /// A thing that is well formed but not supported here.
    public static let unsupported: Self = "unsupported"
    /// A value outside its documented range, or options that contradict each other.
    public static let invalidArgument: Self = "invalidArgument"
    /// A name (input, column, category, …) that is not there.
    public static let notFound: Self = "notFound"
    public static let shapeMismatch: Self = "shapeMismatch"
    public static let typeMismatch: Self = "typeMismatch"
    /// Memory that the system or a limit does not grant.
    public static let outOfMemory: Self = "outOfMemory"
    public static let cancelled: Self = "cancelled"
    /// Work that was not done by its deadline.
    public static let timedOut: Self = "timedOut"
    /// A number that is not finite where it must be.
    public static let notFinite: Self = "notFinite"
    /// A digest or a setting that differs from the one recorded.
    public static let conflict: Self = "conflict"
    /// A failure of a library below us, with its own words.
    public static let library: Self = "library"
}

extension LTError: CustomStringConvertible {
    /// The text that the command lines print: code and message, then the trail, then the hint.
    public var description: String {
        var text = "\(code.rawValue): \(message)"
        for place in context { text += "\n  in \(place)" }
        if let hint { text += "\nhint: \(hint)" }
        return text
    }
}

/// What `body` gives; nil where it fails. Memory that ran out is an error all the same: what can be done without is left
/// out for a reason that lasts.
public func ifPossible<Result>(_ body: () throws(LTError) -> Result) throws(LTError) -> Result? {
    do { return try body() } catch {
        guard error.code != .outOfMemory else { throw error }
        return nil
    }
}

/// Runs `body`; an error of its gets `place` as its next outer context.
public func within<Result>(
    _ place: @autoclosure () -> String, _ body: () throws(LTError) -> Result
) throws(LTError) -> Result {
    do { return try body() } catch { throw error.inside(place()) }
}
