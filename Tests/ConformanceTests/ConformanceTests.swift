// ONNX's own test cases (Debian's libonnx-testdata, or LT_ONNX_TESTDATA, and those of the onnx wheel) and ours with ONNX Runtime's numbers
// (Fixtures, made by Utilities/fixtures/operators.py) on every backend, through the comparer of `lt-infer verify`.
// A case that the data's manifest does not list must pass; one that it lists must not.

import Foundation
import LTCore
import LTPredictor
import LTRuntime
import Testing

@Suite struct ConformanceTests {
    static let here = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    /// Debian's libonnx-testdata: opset 17 and before.
    static let debian =
        ProcessInfo.processInfo.environment["LT_ONNX_TESTDATA"] ?? "/usr/share/libonnx-testdata/data"
    /// What Utilities/onnx-cases.sh fetched: opset 25 and before.
    static let wheel = here.appending(path: "../../.build/onnx-cases").standardizedFileURL.path

    @Test(arguments: BackendTable.all.map(\.name))
    func casesOfDebian(_ name: String) throws { try run(Self.debian, "manifest.txt", name) }

    @Test(
        .enabled(if: FileManager.default.fileExists(atPath: wheel), "run `make cases`"),
        arguments: BackendTable.all.map(\.name))
    func casesOfOpset25(_ name: String) throws { try run(Self.wheel, "manifest-opset25.txt", name) }

    @Test(arguments: BackendTable.all.map(\.name))
    func casesOfONNXRuntime(_ name: String) throws {
        _ = try run(Self.here.appending(path: "Fixtures").path, on: try BackendTable.named(name), [])
    }

    private func run(_ folder: String, _ manifest: String, _ backend: String) throws {
        ImageCodecs.register()
        let rules = try Rule.read(Self.here.appending(path: manifest))
        let used = try run(folder, on: try BackendTable.named(backend), rules)
        for rule in rules where !used.contains(rule.what) {
            Issue.record("\(manifest) lists '\(rule.what)', which no case needs")
        }
    }

    /// Runs the cases below a folder, records what the rules do not expect, and returns the rules that were needed.
    private func run(_ folder: String, on backend: any Backend, _ rules: [Rule]) throws -> Set<String> {
        var used = Set<String>()
        var (passed, failed, listed, unsupported) = (0, 0, 0, 0)
        for path in try Verify.cases(under: folder) {
            let name = String(path.dropFirst(folder.count + 1))
            let rule = rules.first { $0.what == name }
            if rule != nil { used.insert(name) }
            switch Verify.run(path, on: backend, options: PlanOptions(threads: 1)) {
            case .passed:
                passed += 1
                if let rule { Issue.record("\(name) passes but is listed as \(rule.kind.rawValue): \(rule.reason)") }
            case .failed(let error):
                if let rule, rule.kind != .unsupported {
                    listed += 1
                } else {
                    failed += 1
                    Issue.record("\(name): \(error)")
                }
            case .unsupported(let error):
                unsupported += 1
                if rule?.kind == .unsupported { break }
                let missing = rules.first { $0.kind == .unsupported && $0.explains(error.message) }
                if let missing { used.insert(missing.what) } else { Issue.record("\(name): \(error)") }
            }
        }
        print(
            "\(backend.name): \(passed) passed, \(failed) failed, \(listed) listed as failing or differing, "
                + "\(unsupported) unsupported")
        #expect(passed > 0)
        return used
    }
}
