// JSON Lines and CSV: what a reader of the standard gets back is what the store holds.

import Foundation
import LTCore
import LTDecision
import LTPredictions
import Testing

@Suite struct ExportTests {
    private func exported(_ format: any PredictionFormat) throws -> String {
        let folder = try TemporaryFolder()
        let store = try PredictionStore.write(folder.file("p.db"), run: makeRun())
        try store.write([
            image("a \"quoted\"\n\u{1}é.jpg", [0, 3]), broken("bad,one.jpg"), image("c", [-2, .nan]),
            image("d", [4, 1]),
        ])
        try store.export(as: format, to: folder.file("out"), decider: try store.run.decider())
        try store.finish(complete: true)
        return try String(contentsOfFile: folder.file("out"), encoding: .utf8)
    }

    @Test func jsonLines() throws {
        let lines = try exported(JSONLines()).split(separator: "\n")
        let rows = try lines.map { line in
            try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
        }
        #expect(rows.map { $0["image"] as? String } == ["a \"quoted\"\n\u{1}é.jpg", "bad,one.jpg", "c", "d"])
        #expect(rows[1]["error"] as? String == "malformed: no image")
        #expect(rows[1]["scores"] == nil && rows[0]["error"] == nil)
        let scores = try #require(rows[0]["scores"] as? [Double])
        #expect(abs(scores[0] - 0.5) < 1e-7 && abs(scores[1] - 0.9525741) < 1e-6)
        let decisions = try #require(rows[0]["decisions"] as? [[String: Any]])
        #expect(decisions.map { $0["id"] as? Int } == [9, 7])
        #expect(decisions[0]["name"] as? String == "dog, \"wet\"")
        #expect((rows[2]["scores"] as? [Any])?[1] is NSNull)
        #expect((rows[2]["decisions"] as? [Any])?.isEmpty == true)
        #expect((rows[3]["decisions"] as? [[String: Any]])?.map { $0["id"] as? Int } == [7, 9])
        #expect(rows[3]["width"] as? Int == 4 && rows[3]["height"] as? Int == 3)
    }

    @Test func csvIsRFC4180() throws {
        func score(_ raw: Double) -> String { "\(Float(1 / (1 + exp(-raw))))" }
        let expected = [
            "image,decisions,error,cat,\"dog, \"\"wet\"\"\"",
            "\"a \"\"quoted\"\"\n\u{1}é.jpg\",\"dog, \"\"wet\"\"; cat\",,0.5,\(score(3))",
            "\"bad,one.jpg\",,malformed: no image,,",
            "c,,,\(score(-2)),nan",
            "d,\"cat; dog, \"\"wet\"\"\",,\(score(4)),\(score(1))", "",
        ].joined(separator: "\r\n")
        #expect(try exported(CSV()) == expected)
    }

    @Test func errorsOfTheFileAreNotLost() throws {
        let folder = try TemporaryFolder()
        let store = try PredictionStore.write(folder.file("p.db"), run: makeRun())
        try store.write((0..<3000).map { image("image-\($0)", [1, 2]) })
        let decider = try store.run.decider()
        for path in ["/dev/full", folder.path, folder.file("no/such")] {
            #expect(code { try store.export(as: CSV(), to: path, decider: decider) } == .io)
        }
        try store.finish(complete: true)
    }
}
