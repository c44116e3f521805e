// Annotation and results files that are not as they should be: clear errors with the place, never a trap; and where the default
// differs from lvis-api on purpose.

import Foundation
import LTCore
import LTEval
import Testing

@Suite struct DetectionReadingTests {
    static let truth = """
        {"info": {"x": [1, {"y": "]}"}]}, "images": [{"id": 1, "width": 100, "height": 80, "neg_category_ids": [7],
        "not_exhaustive_category_ids": []}, {"id": 2, "width": 100, "height": 80, "neg_category_ids": [],
        "not_exhaustive_category_ids": [3]}], "categories": [{"id": 3, "name": "a\\u00e9", "frequency": "r"},
        {"id": 7, "name": "b", "frequency": "f", "image_count": 200}], "annotations": [
        {"id": 0, "image_id": 1, "category_id": 3, "bbox": [10, 10, 40, 40], "area": 1600,
         "segmentation": [[10, 10, 50, 10, 50, 50, 10, 50]]},
        {"id": 5, "image_id": 2, "category_id": 7, "bbox": [1, 2, 30, 30], "area": 900,
         "segmentation": {"size": [80, 100], "counts": [100, 900, 7000]}}]}
        """
    static let results = """
        [{"image_id": 1, "category_id": 3, "bbox": [10, 10, 40, 40], "score": 0.9, "extra": {"k": [1, null, "}"]}},
        {"score": 5e-1, "image_id": 2, "category_id": 7.0, "bbox": [1, 2, 30, 29]}]
        """

    func evaluate(
        _ truth: String = Self.truth, _ results: String = Self.results, _ rules: DetectionProtocol = .lvis
    ) throws -> Evaluated {
        let scratch = try ScratchFolder()
        return try Evaluated(scratch.file("gt.json", truth), scratch.file("dt.json", results), rules)
    }

    @Test func bothFilesAreRead() throws {
        let outcome = try evaluate()
        #expect(outcome.truth.images.map(\.id) == [1, 2])
        #expect(outcome.truth.categories.map(\.name) == ["aé", "b"])
        #expect(outcome.truth.categories[1].imageCount == 200)
        #expect(outcome.results.count == 2)
        #expect(outcome.truth.digest == SHA256.digest(of: Self.truth))
        #expect(outcome.results.digest == SHA256.digest(of: Self.results))
        // The object of id 0 is found; lvis-api takes that for a false alarm.
        expectClose(outcome.summary["APr"], 1)
        var strict = DetectionProtocol.lvis
        strict.isStrict = true
        #expect(try evaluate(Self.truth, Self.results, strict).summary["APr"] == 0)
    }

    @Test func noDetectionsAreNoResultNotAnError() throws {
        let outcome = try evaluate(Self.truth, " [ ] ")
        #expect(outcome.summary["AP"] == 0)
        #expect(outcome.summary["APc"] == nil)
        var strict = DetectionProtocol.lvis
        strict.isStrict = true
        #expect(throws: LTError.self) { try evaluate(Self.truth, "[]", strict) }
    }

    @Test func missingListsAreEmptyOnesUnlessStrict() throws {
        let without = Self.truth.replacing("\"neg_category_ids\": [7],\n", with: "")
        let outcome = try evaluate(without)
        #expect(outcome.truth.notes.contains { $0.contains("neg_category_ids") })
        var strict = DetectionProtocol.lvis
        strict.isStrict = true
        #expect(throws: LTError.self) { try evaluate(without, Self.results, strict) }
    }

    @Test(arguments: [
        ("{\"images\": []}", "object"), ("", "empty"), ("[{\"image_id\": 1", "byte"), ("[{}]", "image_id"),
        ("[1]", "no object"),
        ("[{\"image_id\":1,\"category_id\":3,\"bbox\":[1,2,3],\"score\":1}]", "4"),
        ("[{\"image_id\":1,\"category_id\":3,\"bbox\":[1,2,3,NaN],\"score\":1}]", "finite"),
        ("[{\"image_id\":1,\"category_id\":3,\"bbox\":[1,2,3,4],\"score\":NaN}]", "finite"),
        ("[{\"image_id\":1,\"category_id\":3,\"bbox\":[1,2,3,4],\"score\":1e999}]", "finite"),
        ("[{\"image_id\":1,\"category_id\":3,\"bbox\":[1,2,3,4],\"score\":\"high\"}]", "number"),
        ("[{\"image_id\":9,\"category_id\":3,\"bbox\":[1,2,3,4],\"score\":1}]", "image 9"),
        ("[{\"image_id\":1.5,\"category_id\":3,\"bbox\":[1,2,3,4],\"score\":1}]", "whole"),
        ("[{\"image_id\":1,\"category_id\":3,\"bbox\":[1,2,3,4],\"score\":1},]", "byte"),
        ("[{\"image_id\":1,\"category_id\":3,\"bbox\":[1,2,3,4],\"score\":1}] x", "after its end"),
        ("[{\"image_id\":1,\"category_id\":3,\"bbox\":[1,2,3,4],\"score\":1}}", "bracket"),
        ("[{\"image_id\":1,\"category_id\":3,\"bbox\":[1,2,3,4],\"score\":1 \"k\":2}]", "byte"),
        ("[{\"image_id\":1,\"category_id\":3,\"bbox\":[1,2,3,4],\"score\":1,\"k\":[1 2]}]", "byte"),
        ("[\(String(repeating: "[", count: 5000))", "byte"), ("null", "list"),
    ])
    func resultsThatAreNone(_ text: String, _ word: String) throws {
        let error = #expect(throws: LTError.self) { try evaluate(Self.truth, text) }
        #expect(error.map { "\($0)".contains(word) } == true, "\(error.map { "\($0)" } ?? "no error")")
    }

    @Test(arguments: [
        ("[]", "list"), ("{}", "images"), ("{\"images\": 3}", "no array"), ("{\"images\": []", "byte"),
        ("{\"images\": [{\"width\": 1}], \"categories\": [], \"annotations\": []}", "id"),
    ])
    func annotationsThatAreNone(_ text: String, _ word: String) throws {
        let error = #expect(throws: LTError.self) { try evaluate(text) }
        #expect(error.map { "\($0)".contains(word) } == true, "\(error.map { "\($0)" } ?? "no error")")
    }

    @Test func idsMustBeSound() throws {
        for (old, new) in [
            ("\"id\": 5", "\"id\": 0"), ("\"id\": 2, \"width\"", "\"id\": 1, \"width\""),
            ("\"id\": 7, \"name\"", "\"id\": 3, \"name\""),
            ("\"image_id\": 2", "\"image_id\": 4"), ("\"category_id\": 7", "\"category_id\": 8"), ("\"f\"", "\"x\""),
        ] {
            #expect(throws: LTError.self, "\(new)") { try evaluate(Self.truth.replacing(old, with: new)) }
        }
    }

    @Test func unknownCategoriesAreCounted() throws {
        let outcome = try evaluate(Self.truth, Self.results.replacing("7.0", with: "70"))
        #expect(outcome.results.notes.contains { $0.contains("1 detections are of 1 categories") && $0.contains("70") })
        #expect(outcome.matches.count == 1)
    }

    @Test func bytesChangedAtRandomNeverTrap() throws {
        let scratch = try ScratchFolder()
        var random = SeededGenerator(seed: 11)
        var errors = 0
        let pieces: [[UInt8]] = [
            "[", "]", "{", "}", ",", ":", "\"", "\\", "-", "1e400", "NaN", "null", "0", "\u{0}", "é",
        ].map {
            Array($0.utf8)
        }
        for round in 0..<400 {
            var bytes = Array((round % 2 == 0 ? Self.results : Self.truth).utf8)
            for _ in 0..<1 + random.below(3) {
                let at = random.below(bytes.count)
                switch random.below(4) {
                case 0: bytes[at] = UInt8(random.below(256))
                case 1:
                    bytes.replaceSubrange(
                        at..<min(bytes.count, at + random.below(3)), with: pieces[random.below(pieces.count)])
                case 2: bytes.removeSubrange(at..<min(bytes.count, at + 1 + random.below(9)))
                default: bytes = Array(bytes[..<max(1, at)])
                }
            }
            let path = scratch.path + "mutated.json"
            try Data(bytes).write(to: URL(fileURLWithPath: path))
            let whole = try scratch.file("whole.json", round % 2 == 0 ? Self.truth : Self.results)
            var rules: DetectionProtocol = round % 4 < 2 ? .lvis : .coco
            rules.isStrict = round % 3 == 0
            rules.iouType = round % 5 < 2 ? .segm : .bbox
            do {
                _ = try round % 2 == 0 ? Evaluated(whole, path, rules) : Evaluated(path, whole, rules)
            } catch is LTError { errors += 1 }
        }
        #expect(errors > 200)
    }
}
