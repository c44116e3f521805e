// Scores and labels as CSV, JSON Lines and .npy: joining by id and by row, class names, what lt-infer writes, errors with
// line and column, damaged files.

import Foundation
import LTCore
import LTData
import LTDecision
import LTEval
import Testing

@Suite struct InputFileTests {
    private func read(
        _ scores: String, _ labels: String, layer: DecisionLayer = DecisionLayer(), skip: Bool = false,
        openSet: Bool = false
    ) throws -> ClassificationInput {
        try ClassificationInput(
            scoresFile: scores, labelsFile: labels, layer: layer, openSet: openSet, skippingMissing: skip)
    }

    private func multilabel(_ input: ClassificationInput) throws -> MultilabelPredictions {
        guard case .multilabel(let predictions) = input.predictions else { throw LTError(.notFound, "multi-label") }
        return predictions
    }

    private func multiclass(_ input: ClassificationInput) throws -> MulticlassPredictions {
        guard case .multiclass(let predictions) = input.predictions else { throw LTError(.notFound, "multi-class") }
        return predictions
    }

    @Test func csvJoinsByIdAndName() throws {
        let folder = try InputFolder()
        let scores = try folder.text(
            "s.csv",
            "\u{FEFF}image,cat,\"dog, big\",owl\r\na.jpg,1.5,-2,0\r\n\"b\"\"x.jpg\", 3e0 ,.5,-0.25\r\nc.jpg,1,2,3\r\n")
        let cells = try folder.text(
            "l.csv", "image,owl,cat,\"dog, big\"\nc.jpg,1,0,1\na.jpg,0,1,false\n\"b\"\"x.jpg\",0,0,1\n")
        let input = try read(scores, cells)
        #expect(input.layer.labels?.map(\.name) == ["cat", "dog, big", "owl"])
        #expect(input.images == ["a.jpg", "b\"x.jpg", "c.jpg"])
        let predictions = try multilabel(input)
        #expect(predictions.scores == [1.5, -2, 0, 3, 0.5, -0.25, 1, 2, 3])
        #expect(predictions.labels == [true, false, false, false, true, false, false, true, true])
        // Lists, with a class that is named like an index of another.
        let lists = try folder.text("m.csv", "id,labels\na.jpg,cat\n\"b\"\"x.jpg\",\nc.jpg,\"dog, big; owl\"\n")
        #expect(
            try multilabel(read(scores, lists)).labels == [true, false, false, false, false, false, false, true, true])
        // One class each.
        let single = try folder.text("n.csv", "file,label\nc.jpg,owl\na.jpg,cat\n\"b\"\"x.jpg\",1\n")
        #expect(try multiclass(read(scores, single)).labels == [0, 1, 2])
    }

    @Test func jsonLinesJoin() throws {
        let folder = try InputFolder()
        let scores = try folder.text(
            "s.jsonl",
            """
            {"image": "x/a.jpg", "scores": {"cat": 1, "dog": -1}, "other": [1, {}]}
            {"image": "x/b.jpg", "scores": {"dog": 2.5, "cat": -0.5}}

            {"image": "x/c.jpg", "scores": {"cat": 0, "dog": 0}}
            """)
        let labels = try folder.text(
            "l.jsonl",
            """
            {"id": "b.jpg", "labels": ["dog", "cat"]}
            {"id": "a.jpg", "labels": []}
            {"id": "c.jpg", "labels": [1]}
            """)
        let input = try read(scores, labels)
        #expect(input.layer.labels?.map(\.name) == ["cat", "dog"])
        #expect(try multilabel(input).scores == [1, -1, -0.5, 2.5, 0, 0])
        #expect(try multilabel(input).labels == [false, false, true, true, false, true])
        let single = try folder.text(
            "single.jsonl", "{\"label\": \"dog\"}\n{\"label\": 0}\n{\"label\": \"cat\"}\n")
        let joined = try read(scores, single)
        #expect(try multiclass(joined).labels == [1, 0, 0])
        #expect(joined.notes == ["only one of the files has ids: scores and labels are joined by row"])
        // 0 and 1 per class, both in one file.
        let both = try folder.text(
            "both.jsonl",
            "{\"id\": 7, \"scores\": [1, 2, 3], \"labels\": [0, 1, 1]}\n{\"id\": 8, \"scores\": [4, 5, 6], \"labels\": [0, 0, 0]}\n"
        )
        #expect(try multilabel(read(both, both)).labels == [false, true, true, false, false, false])
        // By name.
        let named = try folder.text(
            "named.jsonl",
            "{\"labels\": {\"dog\": 1, \"cat\": 0}}\n{\"labels\": {\"dog\": 0, \"cat\": 1}}\n{\"labels\": {\"cat\": 1, \"dog\": true}}\n"
        )
        #expect(try multilabel(read(scores, named)).labels == [false, true, true, false, true, true])
        let unknown = try folder.text("open.jsonl", "{\"label\": -1}\n{\"label\": 0}\n{\"label\": \"cat\"}\n")
        #expect(throws: LTError.self) { try read(scores, unknown) }
        #expect(try multiclass(read(scores, unknown, openSet: true)).labels == [-1, 0, 0])
    }

    /// Files of `lt-infer run --csv` and `--jsonl`: calibrated scores, rows that failed.
    @Test func whatInferenceWrites() throws {
        let folder = try InputFolder()
        let csv = try folder.text(
            "p.csv",
            "image,decisions,error,cat,dog\r\n/d/a.jpg,cat,,0.9,0.25\r\n/d/b.jpg,,truncated JPEG,,\r\n/d/c.jpg,\"cat; dog\",,0.75,0.5\r\n"
        )
        let lines = try folder.text(
            "p.jsonl",
            """
            {"image":"/d/a.jpg","width":4,"height":3,"decisions":[{"id":1,"name":"cat","score":0.9}],"scores":[0.9,0.25]}
            {"image":"/d/b.jpg","error":"truncated JPEG"}
            {"image":"/d/c.jpg","decisions":[],"scores":[0.75,0.5]}
            """)
        let labels = try folder.text("l.csv", "file_name,cat,dog\nc.jpg,1,1\nb.jpg,0,0\na.jpg,0,1\n")
        for file in [csv, lines] {
            let error = #expect(throws: LTError.self) { try read(file, labels) }
            #expect(error?.message.contains("1 of 3 labelled images have no scores: b.jpg") == true)
            let input = try read(file, labels, skip: true)
            #expect(input.skipped == 1 && input.layer.activation == DecisionLayer.Activation.none)
            #expect(try multilabel(input).scores == [0.9, 0.25, 0.75, 0.5])
            #expect(try multilabel(input).labels == [false, true, true, true])
            let report = try input.report()
            #expect(report.value("at_0.5", "OP") == 0.5)
            #expect(report.notes.contains { $0.contains("left out") })
        }
        let data = Dataset(
            source: "test.json", digest: nil, imageFolder: "/d",
            categories: [.init(id: 5, name: "dog", trainCount: 9), .init(id: 7, name: "cat", trainCount: 150)],
            images: [.init(id: 1, path: "a.jpg", labels: [0]), .init(id: 2, path: "c.jpg", labels: [0, 1])])
        let joined = try ClassificationInput(scoresFile: csv, with: data)
        #expect(joined.layer.labels == [.init(id: 7, name: "cat"), .init(id: 5, name: "dog")])
        #expect(try multilabel(joined).labels == [false, true, true, true])
        #expect(joined.layer.trainCounts == [150, 9])
    }

    @Test func numbersWithoutHeader() throws {
        let folder = try InputFolder()
        let plain = try folder.text("s.csv", "0.5,1\n-1,2\n")
        #expect(try multilabel(read(plain, folder.text("l.csv", "1,0\n0,1\n"))).labels == [true, false, false, true])
        #expect(try multiclass(read(plain, folder.text("c.csv", "1\n0\n"))).labels == [1, 0])
        let numbered = try folder.text("t.tsv", "0\t1\n0.5\t1\n-1\t2\n")
        #expect(try multilabel(read(numbered, folder.text("l2.csv", "1,0\n0,1\n"))).scores == [0.5, 1, -1, 2])
        let ids = try folder.text("i.csv", "x,0.5,1\ny,-1,2\n")
        #expect(try multiclass(read(ids, folder.text("c2.csv", "y,0\nx,1\n"))).labels == [1, 0])
        // A task of one class per image reads cells with one 1.
        let cells = try folder.text("c3.csv", "a,b\n0,1\n1,0\n")
        #expect(try multiclass(read(plain, cells, layer: DecisionLayer(task: .multiclass))).labels == [1, 0])
    }

    @Test func fortranOrderAndNarrowTypes() throws {
        let folder = try InputFolder()
        func file(_ name: String, _ descr: String, _ order: String, _ shape: String, _ data: [UInt8]) throws -> String {
            let header = Array("{'descr': '\(descr)', 'fortran_order': \(order), 'shape': \(shape), }".utf8)
            let bytes = [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(header.count), 0] + header + data
            try Data(bytes).write(to: URL(fileURLWithPath: "\(folder.path)/\(name)"))
            return "\(folder.path)/\(name)"
        }
        // Columns (1, 2), (3, 4), (5, 6) in half precision.
        let halves: [Float16] = [1, 2, 3, 4, 5, 6]
        let scores = try file(
            "f.npy", "<f2", "True", "(2, 3)",
            halves.flatMap { withUnsafeBytes(of: $0.bitPattern.littleEndian, Array.init) })
        let labels = try file("l.npy", "|b1", "True", "(2, 3)", [1, 0, 0, 1, 1, 1])
        let input = try multilabel(read(scores, labels))
        #expect(input.scores == [1, 3, 5, 2, 4, 6] && input.labels == [true, false, true, false, true, true])
        let wide = try file("w.npy", "<u8", "False", "(2,)", [2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
        #expect(try multiclass(read(scores, wide)).labels == [2, 0])
        // 2⁶⁴ − 1 is no class, and no crash.
        let huge = try file("h.npy", "<u8", "False", "(2,)", [UInt8](repeating: 255, count: 16))
        #expect(throws: LTError.self) { try read(scores, huge) }
    }

    @Test func errorsNameLineAndColumn() throws {
        let folder = try InputFolder()
        let good = try folder.text("good.csv", "id,cat,dog\na,1,2\nb,3,4\n")
        let truth = try folder.text("truth.csv", "id,label\na,cat\nb,dog\n")
        var number = 0
        func message(_ text: String, labels: Bool = false, _ kind: String = "csv") throws -> String {
            number += 1
            let file = try folder.text("bad\(number).\(kind)", text)
            let error = #expect(throws: LTError.self) { try labels ? read(good, file) : read(file, truth) }
            return error?.description ?? ""
        }
        #expect(try message("id,cat\na,1\nb,x\n").contains("'x' is no number\n  in column 2\n  in line 3\n  in scores"))
        #expect(try message("id,cat\na,1\nb\n").contains("1 columns, expected 2\n  in line 3"))
        #expect(try message("id,cat\na,1\nb,nan\n").contains("the score is nan"))
        #expect(try message("id,cat\na,1\nb,1e60\n").contains("line 3"))
        #expect(try message("id,cat\na,1\n\"b,1\n").contains("a quoted field has no end\n  in line 3"))
        #expect(try message("id,cat\n\"a\"b,1\n").contains("text after a closing quote\n  in column 1\n  in line 2"))
        #expect(try message("").contains("the file is empty"))
        #expect(try message("id\na\n").contains("no column of scores"))
        #expect(try message("id,cat,cat\na,1,2\nb,1,2\n").contains("two classes are named 'cat'"))
        #expect(try message("id,cat\na,1\na,2\n").contains("id 'a' has scores twice"))
        #expect(try message("id,cat,dog\na,1,2\n").contains("1 of 2 labelled images have no scores: b"))
        #expect(
            try message("{\"scores\": [1, 2]}\n{\"scores\": [1]}\n", "jsonl").contains(
                "1 scores, expected 2\n  in line 2"))
        #expect(try message("{\"scores\": [1, 2]}\n{\"scores\": [1, }\n", "jsonl").contains("in line 2"))
        #expect(try message("{\"scores\": [1, 2]}\n{\"id\": \"a\"}\n", "jsonl").contains("no \"scores\"\n  in line 2"))
        #expect(
            try message("{\"scores\": [1, null]}\n", "jsonl").contains("the score of class 1 is not a finite number"))
        #expect(
            try message("{\"scores\": {\"a\": 1}}\n{\"scores\": {\"b\": 1}}\n", "jsonl").contains("no class 'b'"))
        #expect(try message("x", "txt").contains("unknown kind of file"))
        #expect(try message("x", "db").contains("--predictions"))
        #expect(try message("id,label\na,owl\nb,cat\n", labels: true).contains("label 'owl' of row 0 is no class"))
        #expect(try message("id,label\na,2\nb,cat\n", labels: true).contains("label of row 0 is 2, expected 0 ..< 2"))
        #expect(
            try message("id,cat,dog\na,0,2\nb,1,0\n", labels: true).contains(
                "label '2', expected 0 or 1\n  in column 3"))
        #expect(
            try message("id,cat,owl\na,0,1\nb,1,0\n", labels: true).contains("class 'owl' of the labels is no class"))
        #expect(try message("id,a,b,c\na,0,1,0\nb,1,0,0\n", labels: true).contains("labels of 3 classes, expected 2"))
        #expect(try message("{\"label\": 1}\n{\"labels\": [1]}\n", labels: true, "jsonl").contains("line 2"))
        #expect(try message("{\"a\": 1}\n", labels: true, "jsonl").contains("neither \"label\" nor \"labels\""))
    }

    /// Damaged files are refused or read, never a trap.
    @Test func damagedBytes() throws {
        let folder = try InputFolder()
        let labels = try folder.text("l.csv", "id,label\na,cat\nb,dog\n")
        let sources: [(String, [UInt8])] = [
            ("csv", Array("id,cat,dog\n\"a\",1.5,-2e1\nb,.25,4\n".utf8)),
            (
                "jsonl",
                Array(
                    "{\"id\":\"a\",\"scores\":{\"cat\":1,\"dog\":2}}\n{\"id\":\"b\",\"scores\":{\"cat\":3,\"dog\":4}}\n"
                        .utf8)
            ),
            ("npy", try Tensor([1, 2, 3, 4] as [Float], [2, 2]).npy()),
        ]
        var random = SeededGenerator(seed: 6)
        var readAnyway = 0
        for (kind, bytes) in sources {
            for round in 0..<400 {
                var damaged = bytes
                for _ in 0...random.below(3) { damaged[random.below(damaged.count)] = UInt8(random.below(256)) }
                if round % 4 == 0 { damaged.removeLast(random.below(damaged.count)) }
                let file = "\(folder.path)/d.\(kind)"
                try Data(damaged).write(to: URL(fileURLWithPath: file))
                for pair in [(file, labels), (file, file)] {
                    do {
                        _ = try read(pair.0, pair.1)
                        readAnyway += 1
                    } catch is LTError {}
                }
            }
        }
        #expect(readAnyway > 0)
    }

    /// A file larger than the pieces it is read in.
    @Test func largeFilesGoInPieces() throws {
        let folder = try InputFolder()
        var random = SeededGenerator(seed: 5)
        let rows = 20_000
        var (scores, labels, lines) = ("id,x,y,z\n", "id,label\n", "")
        var expected: [Float] = []
        for row in 0..<rows {
            let own = (0..<3).map { _ in Float(random.normal()) }
            expected += own
            scores += "image\(row)," + own.map { "\($0)" }.joined(separator: ",") + "\n"
            lines += "{\"id\":\"image\(row)\",\"scores\":[" + own.map { "\($0)" }.joined(separator: ",") + "]}\n"
            labels += "image\(row),\(row % 3)\n"
        }
        let truth = try folder.text("l.csv", labels)
        for file in [try folder.text("s.csv", scores), try folder.text("s.jsonl", lines)] {
            let input = try multiclass(read(file, truth))
            #expect(input.logits == expected)
            #expect(input.labels == (0..<rows).map { $0 % 3 })
        }
    }
}
