// Graph in files: reading, writing (atomic: a new file takes the old one's place only when it is complete and checked).

import CONNX
import LTCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

extension Graph {
    /// Reads and validates an ONNX file; external data are read from the file's folder.
    /// - Parameter deferring: whether large initializers are read only when they are needed (see `Buffer`), from the file as it
    ///   is open now; if it is written to until then, they fail to load.
    /// - Throws: `io`; `malformed`, `shapeMismatch`, `typeMismatch` and `unsupported` for what `validate` and the tensors say.
    public static func read(path: String, deferring: Bool = false) throws(LTError) -> Graph {
        try within("model \(path)") { () throws(LTError) in
            let file = try ModelFile(path)
            let message = try file.parse()
            let directory = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
            return try convert(message, directory: directory, elements: file, deferring: deferring)
        }
    }

    /// Reads and validates an ONNX model from memory; `directory` is where its external data lie, if it has any.
    /// - Throws: as `read(path:)`; `invalidArgument` for external data without a directory.
    public static func read(bytes: UnsafeRawBufferPointer, directory: String? = nil) throws(LTError) -> Graph {
        guard let message = lt_onnx_model_parse(lt_onnx_bytes(data: bytes.baseAddress, count: bytes.count)) else {
            throw connxError()
        }
        return try convert(message, directory: directory)
    }

    /// The same for an array.
    public static func read(bytes: [UInt8], directory: String? = nil) throws(LTError) -> Graph {
        guard let message = lending(bytes, lt_onnx_model_parse) else { throw connxError() }
        return try convert(message, directory: directory)
    }

    private static func convert(
        _ message: OpaquePointer, directory: String?, elements: ModelFile? = nil, deferring: Bool = false
    ) throws(LTError) -> Graph {
        defer { lt_onnx_model_free(message) }
        let graph = try GraphReader(directory: directory, elements: elements, deferring: deferring).model(message)
        try graph.validate()
        return graph
    }

    /// The model as the bytes of an ONNX file, all tensors inside.
    /// - Throws: `unsupported` beyond 2 GB, `outOfMemory`.
    public func serialized() throws(LTError) -> [UInt8] {
        let message = try GraphWriter().model(self)
        defer { lt_onnx_model_free(message) }
        return try LTGraph.serialized(message, lt_onnx_model_serialize)
    }

    /// Whether libonnx's checker (1.12) knows everything that the model uses: IR ≤ 8, opset ≤ 17, no newer kind of function.
    public var isCheckable: Bool {
        let newest: [String: Int64] = ["": 17, "ai.onnx": 17, "ai.onnx.ml": 3, "ai.onnx.preview.training": 1]
        return irVersion <= 8
            && opsets.allSatisfy { domain, version in version <= newest[domain] ?? .max }
            && functions.allSatisfy { $0.attributeDefaults.isEmpty && $0.overload.isEmpty }
    }

    /// Validates the graph and runs libonnx's checker where it applies (`isCheckable`).
    /// - Throws: `malformed` with the checker's words.
    public func check() throws(LTError) {
        try validate()
        guard isCheckable else { return }
        guard lending(try serialized(), lt_onnx_check) == LT_ONNX_OK else { throw connxError() }
    }

    /// Validates, checks and writes the model. The file appears complete or not at all: what stood there before stays on failure.
    /// - Throws: `io` (disk full, read-only, no such folder), and what `check` throws.
    public func write(to path: String) throws(LTError) {
        try within("model \(path)") { () throws(LTError) in
            try validate()
            var message: OpaquePointer? = try GraphWriter().model(self)
            defer { lt_onnx_model_free(message) }
            try replaceFile(path) { descriptor throws(LTError) in
                guard lt_onnx_model_write(message, descriptor) == LT_ONNX_OK else { throw connxError() }
                // Freed before libonnx parses its own copy.
                lt_onnx_model_free(message)
                message = nil
                guard !isCheckable || lt_onnx_check_file(descriptor) == LT_ONNX_OK else { throw connxError() }
            }
        }
    }
}
