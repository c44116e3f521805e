// Verification: ONNX test-case folders and the self-tests that model files carry, checked one after the other.

import Foundation
import LTCore
import LTDecision
import LTGraph
import LTPredictor
import LTRuntime

/// What became of a list of checks.
public struct Verification: Sendable {
    public var passed = 0
    public var failed = 0
    /// Test cases that need what the runtime does not have; they count as failed.
    public var unsupported = 0

    /// How a test case's outputs are compared.
    public enum Match: Sendable {
        case values
        /// As detections, without regard to their order; the settings say what a model does not.
        case detections(DetectionMatch.Tolerance, ModelSettings)
    }

    /// Checks every path: a test-case folder (or a folder of them), or an ONNX file with a self-test.
    /// - Parameter report: called with one line per case that did not pass, or per case when `verbose`.
    /// - Throws: `io` and `notFound` for paths that hold nothing to check.
    public static func run(
        _ paths: [String], device: String, options: PlanOptions, tolerance: Verify.Tolerance,
        match: Match = .values, verbose: Bool,
        report: @escaping @Sendable (String) -> Void
    ) throws(LTError) -> Verification {
        let result: Result<Verification, LTError> = onOwnThread("lt-session") {
            do throws(LTError) {
                let backend = try BackendTable.named(device)
                ImageCodecs.register()
                var sum = Verification()
                for path in paths {
                    for (name, verdict) in try check(path, backend, options, tolerance, match) {
                        switch verdict {
                        case .passed:
                            sum.passed += 1
                            if verbose { report("passed: \(name)") }
                        case .failed(let error):
                            sum.failed += 1
                            report("FAILED: \(name): \(error)")
                        case .unsupported(let error):
                            sum.failed += 1
                            sum.unsupported += 1
                            report("unsupported: \(name): \(error)")
                        }
                    }
                }
                return .success(sum)
            } catch { return .failure(error) }
        }
        return try result.get()
    }

    private static func check(
        _ path: String, _ backend: any Backend, _ options: PlanOptions, _ tolerance: Verify.Tolerance, _ match: Match
    ) throws(LTError) -> [(String, Verify.Verdict)] {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw LTError(.io, "no such file or folder: \(path)")
        }
        if isFolder.boolValue {
            let cases = try Verify.cases(under: path)
            guard !cases.isEmpty else {
                throw LTError(.notFound, "no test case (model.onnx beside test_data_set_*) under \(path)")
            }
            return cases.map { path in
                switch match {
                case .values: (path, Verify.run(path, on: backend, options: options, tolerance: tolerance))
                case .detections(let allowed, let settings):
                    (
                        path,
                        Verify.run(path, on: backend, options: options) { (graph, set) throws(LTError) in
                            try DetectionMatch.compare(set, of: graph, allowed, values: tolerance, settings: settings)
                        }
                    )
                }
            }
        }
        let graph = try Graph.read(path: path)
        let layer = try within("model \(path)") { () throws(LTError) in try DecisionLayer(reading: graph) }
        guard let test = layer.selfTest else {
            throw LTError(
                .notFound, "model \(path) carries no self-test (lt.selftest)",
                hint: "models exported by lt-train carry one; ONNX test cases are given as folders")
        }
        do throws(LTError) {
            try test.run(graph, on: backend, options: options)
            return [(path, .passed)]
        } catch {
            return [(path, error.code == .unsupported ? .unsupported(error) : .failed(error))]
        }
    }
}

extension Verification: CustomStringConvertible {
    public var description: String {
        "\(passed) passed, \(failed) failed" + (unsupported > 0 ? " (\(unsupported) of them unsupported)" : "")
    }
}
