// OperatorTable: folder, table and docs/operators.md say the same; lookups that fail say why.
// LT_UPDATE_DOCS=1 rewrites docs/operators.md.

import Foundation
import LTCore
import LTGraph
import LTRuntime
import Testing

@Suite struct OperatorTableTests {
    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    @Test func folderAndTableAgree() throws {
        let folder = Self.root.appending(path: "Sources/LTRuntime/Operators").path
        let files = try FileManager.default.contentsOfDirectory(atPath: folder)
        let stems = Set(files.filter { $0.hasSuffix(".swift") }.map { String($0.dropLast(6)) })
        let names = OperatorTable.all.map { $0.schema.name }
        #expect(stems == Set(names))
        #expect(names == names.sorted())
        #expect(Set(names).count == names.count)
    }

    @Test func documentIsGenerated() throws {
        let file = Self.root.appending(path: "docs/operators.md")
        if ProcessInfo.processInfo.environment["LT_UPDATE_DOCS"] != nil {
            try OperatorTable.markdown().write(to: file, atomically: true, encoding: .utf8)
        }
        #expect(try String(contentsOf: file, encoding: .utf8) == OperatorTable.markdown())
    }

    @Test func lookupSaysWhatIsUnknown() throws {
        #expect(throws: LTError.self) { try OperatorTable.lookup("Nonsense", opset: 17) }
        do throws(LTError) {
            _ = try OperatorTable.lookup("LayerNormalization", opset: 16)
            Issue.record("LayerNormalization in opset 16 was found")
        } catch {
            #expect(error.code == .unsupported)
            #expect(error.message == "operator ai.onnx::LayerNormalization in opset 16, expected opset 17 to 25")
        }
        #expect(try OperatorTable.lookup("Relu", domain: "ai.onnx", opset: 7).schema.name == "Relu")
    }

    @Test func arityIsChecked() throws {
        do throws(LTError) {
            _ = try OperatorTable.bind(Node("Conv", inputs: ["x"], outputs: ["y"]), opset: 17)
            Issue.record("Conv with one input was bound")
        } catch {
            #expect(error.code == .malformed)
            #expect(error.message == "Conv has 1 inputs, expected 2–3")
        }
    }
}
