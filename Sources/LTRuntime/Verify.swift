// Verify: runs ONNX test-case folders (model.onnx, test_data_set_*/input_*.pb and output_*.pb) and compares what comes
// out with what is expected: |actual − expected| ≤ atol + rtol·|expected| for floats, equality for everything else.
// https://github.com/onnx/onnx/blob/main/docs/OnnxBackendTest.md

import LTCore
import LTGraph

/// The comparer behind `lt-infer verify`.
public enum Verify {
    /// How far floats may be from what is expected.
    public struct Tolerance: Sendable {
        public var rtol: Double
        public var atol: Double
        /// Allowed beyond these, as a share of the greatest finite |expected| of the same output.
        public var relativeToMax: Double
        /// The defaults are ONNX's own.
        public init(rtol: Double = 1e-3, atol: Double = 1e-7, relativeToMax: Double = 0) {
            self.rtol = rtol
            self.atol = atol
            self.relativeToMax = relativeToMax
        }
    }

    /// What became of one case.
    public enum Verdict: Sendable {
        case passed
        case failed(LTError)
        /// The model needs what the runtime does not have.
        case unsupported(LTError)
    }

    /// The folders at or below `path` that hold a model.onnx and at least one test_data_set_*, sorted.
    /// - Throws: `io` when `path` cannot be listed.
    public static func cases(under path: String) throws(LTError) -> [String] {
        let names = try listFolder(path)
        if names.contains("model.onnx"), names.contains(where: { $0.hasPrefix("test_data_set_") }) { return [path] }
        var found: [String] = []
        for name in names {
            guard isFolder("\(path)/\(name)") == true else { continue }
            found += try cases(under: "\(path)/\(name)")
        }
        return found
    }

    /// One data set of a case: what the model was given, what it made, what it should have made.
    public struct DataSet: Sendable {
        public var inputs: [String: ONNXValue]
        public var actual: [String: ONNXValue]
        public var expected: [String: ONNXValue]
    }

    /// Runs all data sets of a case folder and compares outputs value by value.
    public static func run(
        _ folder: String, on backend: any Backend, options: PlanOptions = PlanOptions(),
        tolerance: Tolerance = Tolerance()
    ) -> Verdict {
        run(folder, on: backend, options: options) { (graph, set) throws(LTError) in
            try compare(set, graph.outputs.map(\.name), tolerance)
        }
    }

    /// The same with a comparison of the caller's; it throws for what differs.
    public static func run(
        _ folder: String, on backend: any Backend, options: PlanOptions = PlanOptions(),
        comparing: (Graph, DataSet) throws(LTError) -> Void
    ) -> Verdict {
        do throws(LTError) {
            let graph = try Graph.read(path: "\(folder)/model.onnx")
            let session = try Session(try Plan(graph, on: backend, options: options))
            let sets = try listFolder(folder).filter { $0.hasPrefix("test_data_set_") }
            guard !sets.isEmpty else { throw LTError(.notFound, "no test_data_set_* in \(folder)") }
            for set in sets {
                try within("\(folder)/\(set)") { () throws(LTError) in
                    try comparing(graph, try dataSet("\(folder)/\(set)", session))
                }
            }
            return .passed
        } catch {
            return error.code == .unsupported ? .unsupported(error) : .failed(error)
        }
    }

    private static func dataSet(_ folder: String, _ session: Session) throws(LTError) -> DataSet {
        var feed: [String: ONNXValue] = [:]
        for (index, info) in session.plan.inputs.enumerated() {
            let file = "\(folder)/input_\(index).pb"
            // Trailing optional inputs may have no file; whether that is allowed is for the session to say.
            guard isFolder(file) != nil else { continue }
            feed[info.name] = try read(file, info)
        }
        var set = DataSet(inputs: feed, actual: try session.run(values: feed), expected: [:])
        for (index, info) in session.plan.outputs.enumerated() {
            set.expected[info.name] = try read("\(folder)/output_\(index).pb", info)
        }
        return set
    }

    /// Compares the outputs of these names.
    /// - Throws: what `compare` throws for one, with its name.
    public static func compare(
        _ set: DataSet, _ names: [String], _ tolerance: Tolerance = Tolerance()
    ) throws(LTError) {
        for name in names {
            try within("output '\(name)'") { () throws(LTError) in
                guard let actual = set.actual[name] else { throw LTError(.notFound, "was not made") }
                guard let expected = set.expected[name] else { throw LTError(.notFound, "the case does not expect it") }
                try compare(actual, expected, tolerance)
            }
        }
    }

    /// Compares two values, element by element.
    public static func compare(
        _ actual: ONNXValue, _ expected: ONNXValue, _ tolerance: Tolerance = Tolerance()
    ) throws(LTError) {
        switch (actual, expected) {
        case (.tensor(let a), .tensor(let b)): try compare(a, b, tolerance)
        case (.sequence(let a), .sequence(let b)):
            guard a.count == b.count else {
                throw LTError(.shapeMismatch, "a sequence of \(a.count), expected \(b.count)")
            }
            for (index, pair) in zip(a, b).enumerated() {
                try within("element \(index)") { () throws(LTError) in try compare(pair.0, pair.1, tolerance) }
            }
        case (.optional(nil), .optional(nil)): return
        case (.optional(let a?), .optional(let b?)): try compare(a, b, tolerance)
        default: throw LTError(.typeMismatch, "\(actual.kind), expected \(expected.kind) or another content")
        }
    }

    /// Compares two tensors.
    /// - Throws: `typeMismatch`, `shapeMismatch`, or `conflict` that says how many elements differ and where most.
    public static func compare(
        _ actual: Tensor, _ expected: Tensor, _ tolerance: Tolerance = Tolerance()
    ) throws(LTError) {
        guard actual.type == expected.type else {
            throw LTError(
                .typeMismatch, "tensor(\(actual.type.onnxName)), expected tensor(\(expected.type.onnxName))")
        }
        guard actual.shape == expected.shape else {
            throw LTError(.shapeMismatch, "shape \(actual.shape), expected \(expected.shape)")
        }
        guard let a = try actual.inexact, let b = try expected.inexact else {
            // Of packed elements, the bits behind the last one mean nothing.
            let (found, wanted) = (try actual.widened(), try expected.widened())
            let equal = found.bytes.elementsEqual(wanted.bytes) && found.strings == wanted.strings
            guard equal else { throw LTError(.conflict, "elements of \(actual.shape) differ from what is expected") }
            return
        }
        let greatest = b.reduce(0) { $1.isFinite ? max($0, abs($1)) : $0 }
        let absolute = tolerance.atol + tolerance.relativeToMax * greatest
        var (wrong, worst, place) = (0, -1.0, 0)
        for index in a.indices where a[index] != b[index] && !(a[index].isNaN && b[index].isNaN) {
            let difference = abs(a[index] - b[index])
            // NaN and infinite differences fail as well.
            if difference <= absolute + tolerance.rtol * abs(b[index]), difference.isFinite { continue }
            wrong += 1
            let severity = difference.isFinite ? difference : .infinity
            if severity > worst { (worst, place) = (severity, index) }
        }
        guard wrong == 0 else {
            throw LTError(
                .conflict,
                "\(wrong) of \(a.count) elements differ, most at \(place): \(a[place]), expected \(b[place]) "
                    + "(greatest expected: \(greatest))")
        }
    }

    private static func read(_ file: String, _ info: ValueInfo) throws(LTError) -> ONNXValue {
        let buffer = try readFile(file)
        return try within(file) { () throws(LTError) in
            try ONNXValue.read(protobuf: Array(buffer.bytes), as: info.type).1
        }
    }
}

extension Tensor {
    /// The elements that need only be close: floats, of complex numbers both parts; nil for other types.
    fileprivate var inexact: [Double]? {
        get throws(LTError) {
            if Set<ElementType>.complex.contains(type) {
                let part: ElementType = type == .complex64 ? .float32 : .float64
                let parts = Tensor(part, try Shape(dims + [2]), buffer: buffer, byteOffset: byteOffset)
                return try parts.inexact
            }
            guard Set<ElementType>.reals.contains(type) || MiniFloat(type) != nil else { return nil }
            return try cast(to: .float64).array(of: Double.self)
        }
    }
}
