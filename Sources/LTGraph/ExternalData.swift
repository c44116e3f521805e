// ExternalData: reads the elements of tensors that lie in files beside the model. A location must be a relative path that
// stays in the model's folder, symbolic links followed; offset and length must lie in the file.
// https://onnx.ai/onnx/repo-docs/ExternalData.html

import LTCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

final class ExternalData {
    /// The model's folder; nil when the model came as bytes from nowhere.
    let directory: String?
    /// The file read last: tensors of one model mostly share one.
    private var opened: (location: String, file: OpenFile)?
    /// The paths of all files that were read, each once.
    private(set) var files: [String] = []

    init(directory: String?) { self.directory = directory }

    /// The `byteCount` bytes where the entries `location`, `offset` and `length` of a TensorProto point.
    func read(_ entries: [String: String], byteCount: Int, deferring: Bool) throws(LTError) -> Buffer {
        guard let location = entries["location"], !location.isEmpty else {
            throw LTError(.malformed, "external data without a location")
        }
        return try within("external data '\(location)'") { () throws(LTError) in
            let offset = try number(entries["offset"], "offset") ?? 0
            if let length = try number(entries["length"], "length"), length != byteCount {
                throw LTError(.shapeMismatch, "length is \(length) bytes, the tensor's shape needs \(byteCount)")
            }
            let file = try file(location)
            guard offset <= file.byteCount, byteCount <= file.byteCount - offset else {
                throw LTError(.malformed, "\(byteCount) bytes from offset \(offset), the file has \(file.byteCount)")
            }
            return try file.buffer(byteCount, from: offset, deferring: deferring)
        }
    }

    private func number(_ text: String?, _ key: String) throws(LTError) -> Int? {
        guard let text else { return nil }
        guard let value = Int(text), value >= 0 else {
            throw LTError(.malformed, "\(key) is '\(text)', expected a whole number of bytes")
        }
        return value
    }

    private func file(_ location: String) throws(LTError) -> OpenFile {
        if let opened, opened.location == location { return opened.file }
        guard let directory else {
            throw LTError(
                .invalidArgument, "the model's folder is not known, external data need it",
                hint: "load the model from its path")
        }
        let parts = location.split(separator: "/", omittingEmptySubsequences: false)
        guard !location.hasPrefix("/"), !parts.contains(".."), !location.utf8.contains(0) else {
            throw LTError(.malformed, "the location is not a path inside the model's folder")
        }
        guard let root = realPath(directory), let path = realPath(root + "/" + location) else {
            throw systemError("cannot open")
        }
        guard path.hasPrefix(root == "/" ? "/" : root + "/") else {
            throw LTError(.malformed, "the location leads outside the model's folder, to \(path)")
        }
        let file = try OpenFile(path)
        opened = (location, file)
        if !files.contains(path) { files.append(path) }
        return file
    }
}
