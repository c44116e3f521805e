// ONNX's own test cases (Debian's libonnx-testdata, or LT_ONNX_TESTDATA) on every backend, through the comparer of
// `lt-infer verify`. A case that the manifest does not list must pass; one that it lists must not.

import Foundation
import LTCore
import LTRuntime
import Testing

@Suite struct ConformanceTests {
    static let folder =
        ProcessInfo.processInfo.environment["LT_ONNX_TESTDATA"] ?? "/usr/share/libonnx-testdata/data"
    static let manifest = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "manifest.txt")

    @Test(arguments: BackendTable.all.map(\.name))
    func casesOfONNX(_ name: String) throws {
        let backend = try BackendTable.named(name)
        let rules = try Rule.read(Self.manifest)
        var used = Set<String>()
        var (passed, failed, unsupported) = (0, 0, 0)
        for folder in try Verify.cases(under: Self.folder) {
            let name = String(folder.dropFirst(Self.folder.count + 1))
            let rule = rules.first { $0.what == name }
            if rule != nil { used.insert(name) }
            switch Verify.run(folder, on: backend, options: PlanOptions(threads: 1)) {
            case .passed:
                passed += 1
                if let rule { Issue.record("\(name) passes but is listed as \(rule.kind.rawValue): \(rule.reason)") }
            case .failed(let error):
                failed += 1
                if rule == nil || rule?.kind == .unsupported { Issue.record("\(name): \(error)") }
            case .unsupported(let error):
                unsupported += 1
                if rule?.kind == .unsupported { break }
                // "operator ai.onnx::Loop is not in the operator table"
                let missing = rules.first { rule in
                    rule.kind == .unsupported
                        && rule.operatorName.map { error.message.contains("::\($0) is not in the operator table") }
                            == true
                }
                if let missing { used.insert(missing.what) } else { Issue.record("\(name): \(error)") }
            }
        }
        print("\(backend.name): \(passed) passed, \(failed) failed, \(unsupported) unsupported")
        #expect(passed > 0)
        for rule in rules where !used.contains(rule.what) {
            Issue.record("the manifest lists '\(rule.what)', which no case needs")
        }
    }
}
