// Pickle: reads Python's pickles, protocols 0 to 5, without running anything: globals are names, and a name that the caller
// did not allow is refused. https://docs.python.org/3/library/pickletools.html
// Bounded: work and memory are linear in the file, shared parts are not copied, values that contain themselves are refused.

/// A reader of pickles.
public enum Pickle {
    /// Values nested deeper are refused.
    public static let maximumDepth = 256

    /// Reads the first pickle of a file.
    /// - Parameter globals: classes and functions ("module.name", modules as Python 3 calls them) that may occur, besides
    ///   the builtins `set`, `frozenset`, `bytes`, `bytearray` and `collections.OrderedDict`, which become plain values.
    /// - Throws: `io`; `malformed` with the position; `unsupported` naming a global that is not allowed.
    public static func read(file path: String, allowing globals: Set<String> = []) throws(LTError) -> PickleValue {
        let buffer = try readFile(path)
        return try within("pickle \(path)") { () throws(LTError) in
            try read(buffer, allowing: globals).value
        }
    }

    /// Reads one pickle.
    /// - Parameters:
    ///   - range: where it begins, and what it must not go beyond; all of the buffer when nil.
    ///   - persistentIDs: whether persistent ids may occur.
    /// - Returns: the value, and the position behind the pickle.
    public static func read(
        _ buffer: Buffer, range: Range<Int>? = nil, allowing globals: Set<String> = [], persistentIDs: Bool = false
    ) throws(LTError) -> (value: PickleValue, end: Int) {
        let range = range ?? 0..<buffer.byteCount
        guard range.lowerBound >= 0, range.upperBound <= buffer.byteCount else {
            throw LTError(.invalidArgument, "bytes \(range) of a buffer of \(buffer.byteCount)")
        }
        return try withExtendedLifetime(buffer) { () throws(LTError) in
            var machine = PickleMachine(PickleBytesReader(buffer, range), globals, persistentIDs: persistentIDs)
            let root = try machine.run()
            return (try machine.heap.value(of: root, limit: range.count + 1 << 16), machine.reader.offset)
        }
    }
}
