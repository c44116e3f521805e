// Operators of signals, texts and random numbers beyond ONNX's cases: odd lengths against the definition, RE2's syntax,
// hostile patterns, what seeds promise.

import Foundation
import LTCore
import LTGraph
import LTRuntime
import OrderedCollections
import Testing

@Suite struct FourierTests {
    /// Primes, powers, products of small factors, and lengths that need a chirp.
    @Test(arguments: [1, 2, 3, 4, 5, 12, 31, 32, 37, 49, 97, 120, 210, 211, 1009])
    func transformsFollowTheDefinition(_ length: Int) throws {
        var random = SeededGenerator(seed: 1, index: UInt64(length))
        let x = (0..<2 * length).map { _ in random.normal() }
        let forward = try bound("DFT", 1).run([try Tensor(x, [1, length, 2])])[0]
        let y = try forward.array(of: Double.self)
        for k in 0..<length {
            var (re, im) = (0.0, 0.0)
            for n in 0..<length {
                let angle = -2 * Double.pi * Double(n * k % length) / Double(length)
                re += x[2 * n] * cos(angle) - x[2 * n + 1] * sin(angle)
                im += x[2 * n] * sin(angle) + x[2 * n + 1] * cos(angle)
            }
            #expect(abs(y[2 * k] - re) < 1e-9 && abs(y[2 * k + 1] - im) < 1e-9)
        }
        let back = try bound("DFT", 1, ["inverse": .int(1)]).run([forward])[0].array(of: Double.self)
        #expect(zip(back, x).allSatisfy { abs($0 - $1) < 1e-12 })
    }

    @Test func longPrimeLengthsAreFast() throws {
        // By the definition this would be 10^10 steps.
        let length = 100_003
        let x = try Tensor([Float](repeating: 1, count: length), [1, length, 1])
        let y = try bound("DFT", 1, ["onesided": .int(1)]).run([x])[0].array(of: Float.self)
        #expect(y.count == length + 1)
        #expect(y[0] == Float(length))
        #expect(y.dropFirst().allSatisfy { abs($0) < 1e-6 })
    }

    @Test func onesidedInverseRestoresRealSignals() throws {
        for length in [2, 5, 8, 33] {
            let x = (0..<length).map { Float($0 * $0 % 7) }
            let half = try bound("DFT", 1, ["onesided": .int(1)]).run([try Tensor(x, [1, length, 1])])[0]
            let inverse = try bound("DFT", 2, ["onesided": .int(1), "inverse": .int(1)])
            let back = try inverse.run([half, try Tensor(scalar: Int64(length))])[0]
            #expect(back.dims == [1, length, 1])
            #expect(zip(try back.array(of: Float.self), x).allSatisfy { abs($0 - $1) < 1e-5 })
        }
    }
}

@Suite struct RegexFullMatchTests {
    private func matches(_ pattern: String, _ texts: [String]) throws(LTError) -> [String] {
        let flags = try bound("RegexFullMatch", 1, opset: 20, ["pattern": .string(pattern)])
            .run([try Tensor(strings: texts)])[0].array(of: Bool.self)
        return zip(texts, flags).filter(\.1).map(\.0)
    }

    @Test func syntax() throws {
        #expect(try matches("a|b*", ["a", "", "bb", "ab"]) == ["a", "", "bb"])
        #expect(try matches("(ab){2,3}?", ["ab", "abab", "ababab", "abababab"]) == ["abab", "ababab"])
        #expect(try matches(#"[^\d\s]+[[:digit:]]"#, ["a1", "11", "é٣", "ab "]) == ["a1"])
        #expect(try matches(#"\p{Lu}\pL*"#, ["École", "école", "E1"]) == ["École"])
        #expect(try matches("(?i)stra(?-i:ß)e", ["STRAßE", "straẞe"]) == ["STRAßE"])
        #expect(try matches("a.b", ["a\nb", "aéb", "ab"]) == ["aéb"])
        #expect(try matches("(?s)a.b", ["a\nb", "a👩‍👩‍👧b"]) == ["a\nb"])
        #expect(try matches("(?m)a$\n^b", ["a\nb"]) == ["a\nb"])
        #expect(try matches(#"\Qa.b|\E+"#, ["a.b|", "a.b||", "a+b|"]) == ["a.b|", "a.b||"])
        #expect(try matches(#"\x{1F600}\x41\101"#, ["😀AA"]) == ["😀AA"])
        #expect(try matches("x{,2}", ["x{,2}", "xx"]) == ["x{,2}"])
    }

    @Test func stringsCompareByScalars() throws {
        #expect(try matches("\u{E9}", ["\u{E9}", "e\u{301}"]).map(\.utf8.count) == [2])
    }

    @Test(arguments: [
        "(", ")", "[", "a**", "a{2}{2}", "*", "(?i)*", "{2}", #"\"#, #"\q"#, "[b-a]", "[[:odd:]]", "(?=a)", "(?<n",
        "a{1001}",
    ])
    func invalidPatternsAreErrors(_ pattern: String) {
        #expect(throws: LTError.self) { try matches(pattern, []) }
    }

    @Test(arguments: [#"\C"#, #"(a)\1"#, #"\p{Greek}"#, "((a{1000}){1000}){1000}", "((){1000}){1000}"])
    func whatIsNotSupportedSaysSo(_ pattern: String) {
        do throws(LTError) {
            _ = try matches(pattern, [])
            Issue.record("'\(pattern)' was accepted")
        } catch {
            #expect(error.code == .unsupported)
            #expect(error.context.first?.hasPrefix("pattern '") == true)
        }
    }

    @Test func timeIsLinear() throws {
        let text = String(repeating: "a", count: 20_000)
        #expect(try matches("(a*)*b", [text]).isEmpty)
        #expect(try matches("(a|aa)+", [text]).count == 1)
        #expect(throws: LTError.self) { try matches(String(repeating: "(", count: 10_000), []) }
    }
}

@Suite struct TextOperatorTests {
    private func split(_ text: String, _ attributes: OrderedDictionary<String, Attribute>) throws -> [String] {
        try bound("StringSplit", 1, outputs: 2, opset: 20, attributes).run([try Tensor(strings: [text])])[0].strings
    }

    @Test func splits() throws {
        #expect(try split(" a  b\u{2003}c ", [:]) == ["a", "b", "c"])
        #expect(try split(" a  b c ", ["maxsplit": .int(1)]) == ["a", "b c"])
        #expect(try split("aaaa", ["delimiter": .string("aa")]) == ["", "", ""])
        #expect(try split("ababac", ["delimiter": .string("abac")]) == ["ab", ""])
        #expect(try split("a,,b", ["delimiter": .string(","), "maxsplit": .int(1)]) == ["a", ",b"])
        #expect(try split("", ["delimiter": .string(",")]) == [""])
        #expect(try split("", [:]).isEmpty)
    }

    @Test func textCannotGrowWithoutBound() throws {
        let long = try Tensor(strings: [String(repeating: "x", count: 1 << 20)])
        let many = try Tensor(strings: [String](repeating: "", count: 1 << 13))
        let concat = try bound("StringConcat", 2, opset: 20)
        #expect(throws: LTError.self) { try concat.run([long, many]) }
    }

    @Test func stopWordsCompareByCaseOnlyWhenAsked() throws {
        let x = try Tensor(strings: ["Mon", "mon", "e\u{301}"])
        func normalized(_ attributes: OrderedDictionary<String, Attribute>) throws -> [String] {
            try bound("StringNormalizer", 1, attributes).run([x])[0].strings
        }
        let words = Attribute.strings(["mon", "\u{E9}"].map { Array($0.utf8) })
        #expect(try normalized(["stopwords": words]).map(\.utf8.count) == [3])
        #expect(try normalized(["stopwords": words, "is_case_sensitive": .int(1)]).count == 2)
        #expect(try normalized(["case_change_action": .string("UPPER")])[0] == "MON")
        #expect(throws: LTError.self) { try normalized(["locale": .string("tr_TR")]) }
    }
}

@Suite struct RandomOperatorTests {
    private func draw(
        _ op: String, _ attributes: OrderedDictionary<String, Attribute>, output: String = "y"
    ) throws(LTError) -> Tensor {
        let node = Node(op, inputs: [], outputs: [output], attributes: attributes)
        guard let operation = try OperatorTable.bind(node, opset: 22) as? any Operator else {
            throw LTError(.notFound, "no operator on tensors")
        }
        return try operation.run([])[0]
    }

    @Test func seedsDecide() throws {
        let shape = Attribute.ints([100])
        func numbers(_ output: String, _ seed: Float?) throws -> [Float] {
            var attributes: OrderedDictionary<String, Attribute> = ["shape": shape]
            attributes["seed"] = seed.map { .float($0) }
            return try draw("RandomUniform", attributes, output: output).array(of: Float.self)
        }
        #expect(try numbers("a", 1) == numbers("b", 1))
        #expect(try numbers("a", 1) != numbers("a", 2))
        #expect(try numbers("a", nil) == numbers("a", nil))
        #expect(try numbers("a", nil) != numbers("b", nil))
    }

    @Test func distributions() throws {
        let shape = Attribute.ints([20_000])
        let normal = try draw("RandomNormal", ["shape": shape, "mean": .float(3), "scale": .float(2)])
            .array(of: Float.self)
        let mean = normal.reduce(0, +) / 20_000
        let variance = normal.map { ($0 - mean) * ($0 - mean) }.reduce(0, +) / 20_000
        #expect(abs(mean - 3) < 0.1 && abs(variance - 4) < 0.2)
        let half = try draw("RandomUniform", ["shape": shape, "dtype": .int(10)]).array(of: Float16.self)
        #expect(half.allSatisfy { $0 >= 0 && $0 < 1 })
        let logits = try Tensor([0, Float(3).squareRoot(), -.infinity, 2], [1, 4])
        let sampled = try bound("Multinomial", 1, ["sample_size": .int(10_000), "dtype": .int(7)]).run([logits])[0]
        let counts = try sampled.array(of: Int64.self).reduce(into: [0, 0, 0, 0]) { $0[Int($1)] += 1 }
        let total = 1 + exp(3.0.squareRoot()) + exp(2)
        #expect(abs(Double(counts[0]) - 10_000 / total) < 200)
        #expect(abs(Double(counts[3]) - 10_000 * exp(2) / total) < 200)
        #expect(counts[2] == 0)
    }
}

@Suite struct LossOperatorTests {
    @Test func targetsAreChecked() throws {
        let x = try Tensor([Float](repeating: 0, count: 6), [2, 3])
        let loss = try bound("NegativeLogLikelihoodLoss", 2, ["ignore_index": .int(-1)])
        #expect(throws: LTError.self) { try loss.run([x, try Tensor([Int64(0), 3])]) }
        #expect(try loss.run([x, try Tensor([Int64(0), -1])])[0].array(of: Float.self) == [0])
        #expect(try loss.run([x, try Tensor([Int64(-1), -1])])[0].array(of: Float.self)[0].isNaN)
        #expect(throws: LTError.self) { try loss.infer([Facts(x), Facts(.int64, [3])]) }
    }
}
