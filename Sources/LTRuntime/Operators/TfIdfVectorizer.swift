// TfIdfVectorizer: how often the n-grams of a pool occur in X ([C], or the rows of [N, C]), at most max_skip_count tokens
// left out between two neighbours. n-gram i counts at ngram_indexes[i]. mode TF: counts; IDF: weights[i] where it occurs;
// TFIDF: counts times weights[i]. New in opset 9.
// https://onnx.ai/onnx/operators/onnx__TfIdfVectorizer.html

import LTCore

struct TfIdfVectorizerOperator: Operator {
    static let schema = OperatorSchema(
        "TfIdfVectorizer", opsets: 9...Opset.latest, inputs: 1...1, types: [.int32, .int64, .string])

    enum Mode: String, CaseIterable {
        case tf = "TF"
        case idf = "IDF"
        case tfidf = "TFIDF"
    }

    private let mode: Mode
    private let weights: [Float]?
    private let indexes: [Int]
    private let width: Int
    private let skips: Int
    private let lengths: ClosedRange<Int>
    /// The number of a token of the pool.
    private let words: [[UInt8]: Int]?
    private let numbers: [Int: Int]?
    private let pool: GramTree

    init(_ node: OperatorNode) throws(LTError) {
        mode = try node.choice("mode")
        indexes = try Self.required("ngram_indexes", try node.node.ints("ngram_indexes"))
        weights = try node.node.floats("weights")
        let counts = try Self.required("ngram_counts", try node.node.ints("ngram_counts"))
        let shortest = try Self.required("min_gram_length", try node.node.int("min_gram_length"))
        let longest = try Self.required("max_gram_length", try node.node.int("max_gram_length"))
        skips = try Self.required("max_skip_count", try node.node.int("max_skip_count"))
        guard shortest >= 1, longest >= shortest, skips >= 0 else {
            throw LTError(
                .invalidArgument,
                "n-grams of \(shortest) to \(longest) tokens, \(skips) skipped, expected ascending lengths from 1")
        }
        lengths = shortest...longest
        guard let last = indexes.max(), indexes.allSatisfy({ $0 >= 0 }), last < OperatorLimits.outputBytes else {
            throw LTError(.invalidArgument, "attribute 'ngram_indexes' has none or bad ones, expected positions from 0")
        }
        width = last + 1
        if let weights, weights.count != indexes.count {
            throw LTError(.invalidArgument, "\(weights.count) weights, expected \(indexes.count)")
        }
        let tokens: [Int]
        switch (try node.node.strings("pool_strings"), try node.node.ints("pool_int64s")) {
        case (let strings?, nil):
            let numbered = Self.numbered(strings.map { Array($0.utf8) })
            (words, numbers, tokens) = (numbered.numbers, nil, numbered.tokens)
        case (nil, let integers?):
            let numbered = Self.numbered(integers)
            (words, numbers, tokens) = (nil, numbered.numbers, numbered.tokens)
        default:
            throw LTError(.malformed, "both or none of 'pool_strings' and 'pool_int64s', expected one of them")
        }
        pool = try GramTree(tokens, counts: counts, grams: indexes.count)
    }

    private static func required<Value>(_ name: String, _ value: Value?) throws(LTError) -> Value {
        guard let value else { throw LTError(.malformed, "attribute '\(name)' is missing") }
        return value
    }

    private static func numbered<Token: Hashable>(_ pool: [Token]) -> (numbers: [Token: Int], tokens: [Int]) {
        var numbers: [Token: Int] = [:]
        let tokens = pool.map { token in
            let number = numbers[token] ?? numbers.count
            numbers[token] = number
            return number
        }
        return (numbers, tokens)
    }

    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let x = try Self.first(inputs)
        guard (x.type == .string) == (words != nil) else {
            let pool = words == nil ? "pool_int64s" : "pool_strings"
            throw LTError(.typeMismatch, "input 0 is tensor(\(x.type.onnxName)), expected one for '\(pool)'")
        }
        return [Facts(.float32, try x.dims("X", ranks: 1...2).map { $0.dropLast() + [width] })]
    }

    func run(_ inputs: [Tensor?]) throws(LTError) -> [Tensor] {
        let result = try Tensor.output(.float32, try outputShape(inputs))
        let x = inputs[0]!
        // Tokens that the pool does not have are -1.
        let tokens: [Int]
        if let words {
            tokens = x.strings.map { words[Array($0.utf8)] ?? -1 }
        } else {
            tokens = try x.integers("X").map { numbers?[$0] ?? -1 }
        }
        let target = result.elements(Float.self)
        target.update(repeating: 0)
        let length = x.dims[x.shape.rank - 1]
        for row in 0..<(tokens.isEmpty ? 0 : tokens.count / length) {
            let counts = UnsafeMutableBufferPointer(rebasing: target[row * width..<(row + 1) * width])
            count(tokens[row * length..<(row + 1) * length]) { gram in
                let weight = mode == .tf ? 1 : weights?[gram] ?? 1
                counts[indexes[gram]] = mode == .idf ? weight : counts[indexes[gram]] + weight
            }
        }
        return [result]
    }

    /// Tells of every n-gram of the pool in a row.
    private func count(_ row: ArraySlice<Int>, _ found: (Int) -> Void) {
        // Neighbours more than a row apart make single tokens only, and those count once.
        for distance in 1...min(skips, max(row.count - 1, 0)) + 1 {
            for start in row.indices {
                var (node, place, length) = (GramTree.root, start, 1)
                while length <= lengths.upperBound, place < row.endIndex, let next = pool.step(node, row[place]) {
                    let counts = lengths.contains(length) && (length > 1 || distance == 1)
                    if counts, let gram = pool.gram(next) { found(gram) }
                    (node, place, length) = (next, place + distance, length + 1)
                }
            }
        }
    }
}

/// The n-grams of a pool as a tree of tokens.
private struct GramTree: Sendable {
    private struct Edge: Hashable {
        let node: Int
        let token: Int
    }

    static let root = 0
    private var edges: [Edge: Int] = [:]
    /// The n-gram that ends at each node.
    private var grams: [Int?] = [nil]

    /// `counts[n - 1]` is where the n-grams begin in `tokens`.
    init(_ tokens: [Int], counts: [Int], grams count: Int) throws(LTError) {
        var gram = 0
        for (place, start) in counts.enumerated() {
            let end = place + 1 < counts.count ? counts[place + 1] : tokens.count
            let size = place + 1
            guard start >= 0, start <= end, end <= tokens.count, (end - start) % size == 0 else {
                throw LTError(
                    .invalidArgument,
                    "\(size)-grams are tokens \(start) to \(end) of \(tokens.count), expected whole \(size)-grams in order"
                )
            }
            for first in stride(from: start, to: end, by: size) {
                var node = Self.root
                for token in tokens[first..<first + size] { node = child(node, token) }
                self.grams[node] = gram
                gram += 1
            }
        }
        guard gram == count else {
            throw LTError(.invalidArgument, "\(count) ngram_indexes, expected \(gram), one for each n-gram of the pool")
        }
    }

    private mutating func child(_ node: Int, _ token: Int) -> Int {
        let edge = Edge(node: node, token: token)
        if let child = edges[edge] { return child }
        edges[edge] = grams.count
        grams.append(nil)
        return grams.count - 1
    }

    func step(_ node: Int, _ token: Int) -> Int? { edges[Edge(node: node, token: token)] }
    func gram(_ node: Int) -> Int? { grams[node] }
}
