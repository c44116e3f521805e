// Classical: what the operators of ai.onnx.ml share: rows of features, class labels, look-ups, transforms of scores.
// https://onnx.ai/onnx/operators/index.html#ai-onnx-ml

import LTCore
import LTGraph

extension OperatorSchema {
    /// An operator of ai.onnx.ml.
    init(
        classical name: String, opsets: ClosedRange<Int> = 1...Opset.latestClassical, inputs: ClosedRange<Int> = 1...1,
        outputs: ClosedRange<Int> = 1...1, types: Set<ElementType> = .features
    ) {
        self.init(name, domain: "ai.onnx.ml", opsets: opsets, inputs: inputs, outputs: outputs, types: types)
    }
}

extension Opset {
    /// The newest version of ai.onnx.ml whose operators were compared with ours.
    static let latestClassical = 5
}

extension Set<ElementType> {
    static let features: Self = [.float32, .float64, .int64, .int32]
}

/// A matrix of features: [N, F], or [F] as one row.
struct FeatureRows {
    let rows: Int
    let features: Int
    private let values: [Double]

    init(_ x: Tensor) throws(LTError) {
        rows = x.shape.rank == 1 ? 1 : x.dims[0]
        features = x.dims.last ?? 1
        values = try x.cast(to: .float64).array(of: Double.self)
    }

    /// The number of rows and of features, as far as known.
    static func dims(_ x: Facts) throws(LTError) -> (rows: Int?, features: Int?) {
        guard let dims = try x.dims("X", ranks: 1...2) else { return (nil, nil) }
        return (dims.count == 1 ? 1 : dims[0], dims[dims.count - 1])
    }

    subscript(row: Int) -> ArraySlice<Double> { values[row * features..<(row + 1) * features] }
}

/// The classes of a classifier: integers or texts.
struct ClassLabels: Sendable {
    let integers: [Int64]?
    let texts: [String]?

    init(_ node: Node, integers name: String) throws(LTError) {
        integers = try node.ints(name)?.map { Int64($0) }
        texts = try node.strings("classlabels_strings")
        guard (integers == nil || integers == []) != (texts == nil || texts == []) else {
            throw LTError(.malformed, "expected one of the attributes '\(name)' and 'classlabels_strings'")
        }
    }

    private var hasTexts: Bool { texts.map { !$0.isEmpty } ?? false }
    var type: ElementType { hasTexts ? .string : .int64 }
    var count: Int { hasTexts ? texts?.count ?? 0 : integers?.count ?? 0 }

    /// A label per row; nil: neither class, which is 0 or "".
    func tensor(_ classes: [Int?]) throws(LTError) -> Tensor {
        if hasTexts, let texts { return try Tensor(strings: classes.map { $0.map { texts[$0] } ?? "" }) }
        return try Tensor(classes.map { place in place.map { integers?[$0] ?? 0 } ?? 0 })
    }
}

/// What happens to scores at the end.
enum PostTransform: Int, Sendable, CaseIterable {
    case none, softmax, logistic, softmaxZero, probit

    private var name: String { ["NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT"][rawValue] }

    /// Reads the attribute, which TreeEnsemble states as a number.
    init(_ node: Node, isNumber: Bool = false) throws(LTError) {
        if isNumber {
            let number = try node.int("post_transform") ?? 0
            guard let found = Self(rawValue: number) else {
                throw LTError(.invalidArgument, "attribute 'post_transform' is \(number), expected 0 to 4")
            }
            self = found
            return
        }
        let name = try node.string("post_transform") ?? "NONE"
        guard let found = Self.allCases.first(where: { $0.name == name }) else {
            let names = Self.allCases.map(\.name).joined(separator: ", ")
            throw LTError(.invalidArgument, "attribute 'post_transform' is '\(name)', expected \(names)")
        }
        self = found
    }

    /// The scores of one row. A single one stays, unless by PROBIT, as in ONNX Runtime.
    func callAsFunction(_ scores: [Double]) -> [Double] {
        guard scores.count != 1 || self == .probit else { return scores }
        switch self {
        case .none: return scores
        case .logistic: return scores.map(\.logistic)
        case .probit: return scores.map(Self.probit)
        case .softmax, .softmaxZero:
            let largest = scores.max() ?? 0
            // SOFTMAX_ZERO leaves zeros next to zero.
            let powers = scores.map { score in
                self == .softmaxZero && abs(score) <= 1e-7
                    ? score * (-largest).exponential : (score - largest).exponential
            }
            let total = powers.reduce(0, +)
            if total == 0 { return scores.map { _ in 0.5 } }
            return powers.map { $0 / total }
        }
    }

    /// The scores of two classes from one of the second; SOFTMAX does nothing to them, as in ONNX Runtime.
    /// - Parameter isComplement: they add up to 1, else to 0.
    func pair(_ score: Double, isComplement: Bool) -> [Double] {
        let first = isComplement ? 1 - score : -score
        return switch self {
        case .logistic: self([-score, score])
        case .probit: self([first, score])
        default: [first, score]
        }
    }

    /// The inverse of the normal distribution, by Winitzki's approximation of the inverse error function, as everywhere in
    /// implementations of ONNX.
    private static func probit(_ x: Double) -> Double {
        let y = 2 * x - 1
        let log = ((1 - y) * (1 + y)).logarithm
        let half = 2 / (Double.pi * 0.147) + log / 2
        let root = ((half * half - log / 0.147).squareRoot() - half).squareRoot()
        return Double(2).squareRoot() * (y < 0 ? -root : root)
    }
}

/// Finds values in a list of texts or numbers. NaN equals NaN; of equal keys the first counts.
struct Lookup: Sendable {
    let type: ElementType
    private var texts: [String: Int] = [:]
    private var integers: [Int64: Int] = [:]
    private var floats: [UInt64: Int] = [:]

    /// - Parameter takesLast: of equal keys the last counts.
    init(_ keys: Tensor, takesLast: Bool = false) throws(LTError) {
        type = keys.type
        let pick = { (a: Int, b: Int) in takesLast ? b : a }
        if keys.type == .string {
            texts = Dictionary(zip(keys.strings, 0...), uniquingKeysWith: pick)
        } else if keys.type.isInteger {
            integers = Dictionary(zip(try keys.cast(to: .int64).array(of: Int64.self), 0...), uniquingKeysWith: pick)
        } else {
            let values = try keys.cast(to: .float64).array(of: Double.self).map(Self.bits)
            floats = Dictionary(zip(values, 0...), uniquingKeysWith: pick)
        }
    }

    private static func bits(_ value: Double) -> UInt64 {
        value.isNaN ? Double.nan.bitPattern : value == 0 ? 0 : value.bitPattern
    }

    /// Where each element is among the keys; nil where it is not. Elements have the keys' kind of type.
    func places(_ x: Tensor) throws(LTError) -> [Int?] {
        if x.type == .string { return x.strings.map { texts[$0] } }
        if x.type.isInteger { return try x.cast(to: .int64).array(of: Int64.self).map { integers[$0] } }
        return try x.cast(to: .float64).array(of: Double.self).map { floats[Self.bits($0)] }
    }
}

extension Node {
    /// An attribute that is a list in one of several types, by the names' suffixes: texts, integers, floats, a tensor.
    func list(strings: String, ints: String, floats: String? = nil, tensor: String? = nil) throws(LTError) -> Tensor? {
        var found: [Tensor] = []
        if let values = try self.strings(strings), !values.isEmpty { found.append(try Tensor(strings: values)) }
        if let values = try self.ints(ints), !values.isEmpty { found.append(try Tensor(values.map(Int64.init))) }
        if let name = floats, let values = try self.floats(name), !values.isEmpty {
            found.append(try Tensor(values))
        }
        if let name = tensor, let value = try self.tensor(name) {
            guard value.shape.rank == 1 else {
                throw LTError(.shapeMismatch, "attribute '\(name)' has shape \(value.shape), expected one dimension")
            }
            found.append(value)
        }
        guard found.count <= 1 else {
            let names = [strings, ints, floats, tensor].compactMap { $0 }.joined(separator: ", ")
            throw LTError(.malformed, "\(found.count) of the attributes \(names), expected one")
        }
        return found.first
    }
}

/// The rows of coefficients of a linear model.
struct LinearModel: Sendable {
    let targets: Int
    private let features: Int
    private let coefficients: [Double]
    private let intercepts: [Double]

    init(_ node: Node, targets: Int) throws(LTError) {
        coefficients = (try node.floats("coefficients") ?? []).map { Double($0) }
        intercepts = (try node.floats("intercepts") ?? []).map { Double($0) }
        self.targets = targets
        features = coefficients.count / targets
        guard coefficients.count % targets == 0, intercepts.isEmpty || intercepts.count == targets else {
            let counts = "\(coefficients.count) coefficients and \(intercepts.count) intercepts"
            throw LTError(.malformed, "\(counts), expected as many per target for \(targets) targets")
        }
    }

    /// Checks the shape of X, and returns how many rows it has.
    func rows(_ x: Facts) throws(LTError) -> Int? {
        let (rows, count) = try FeatureRows.dims(x)
        guard agree(count, features) else {
            throw LTError(
                .shapeMismatch, "X has \(count ?? 0) features, the model has \(features) coefficients per target")
        }
        return rows
    }

    func callAsFunction(_ row: ArraySlice<Double>) -> [Double] {
        (0..<targets).map { target in
            zip(row, coefficients[target * features..<(target + 1) * features]).reduce(
                intercepts.isEmpty ? 0 : intercepts[target]
            ) { $0 + $1.0 * $1.1 }
        }
    }
}

extension Array where Element == Double {
    /// The first place of the largest element.
    var firstOfLargest: Int {
        var best = 0
        for index in indices where self[index] > self[best] { best = index }
        return best
    }
}

extension Tensor {
    /// A matrix of scores, as float32 or another float type.
    static func scores(
        _ count: Int, _ width: Int, as type: ElementType = .float32, _ row: (Int) throws(LTError) -> [Double]
    ) throws(LTError) -> Tensor {
        let result = try Tensor.output(type == .float64 ? .float64 : .float32, try Shape([count, width]))
        for index in 0..<count {
            for (column, score) in zip(0..<width, try row(index)) {
                if type == .float64 {
                    result.elements(Double.self)[index * width + column] = score
                } else {
                    result.elements(Float.self)[index * width + column] = Float(score)
                }
            }
        }
        return try result.cast(to: type)
    }
}

/// The kernel function of a support vector machine, and its support vectors with their coefficients.
struct SupportVectors: Sendable {
    private enum Kernel: String {
        case linear = "LINEAR"
        case polynomial = "POLY"
        case radial = "RBF"
        case sigmoid = "SIGMOID"
    }

    private let kernel: Kernel
    private let gamma: Double
    private let offset: Double
    private let degree: Double
    private let vectors: [Double]
    let coefficients: [Double]
    let rho: [Double]
    let count: Int
    let features: Int

    /// - Parameters:
    ///   - count: how many support vectors there are; 0: the coefficients are those of linear functions.
    ///   - functions: how many functions.
    init(_ node: Node, count: Int, functions: Int) throws(LTError) {
        func floats(_ name: String) throws(LTError) -> [Double] { (try node.floats(name) ?? []).map { Double($0) } }
        let name = try node.string("kernel_type") ?? "LINEAR"
        guard let kernel = Kernel(rawValue: name) else {
            throw LTError(
                .invalidArgument, "attribute 'kernel_type' is '\(name)', expected LINEAR, POLY, RBF or SIGMOID")
        }
        self.kernel = count == 0 ? .linear : kernel
        let parameters = try floats("kernel_params")
        guard parameters.isEmpty || parameters.count == 3 else {
            throw LTError(.malformed, "attribute 'kernel_params' has \(parameters.count) values, expected 3")
        }
        (gamma, offset, degree) =
            parameters.isEmpty ? (0, 0, 0) : (parameters[0], parameters[1], parameters[2].rounded(.towardZero))
        coefficients = try floats("coefficients")
        rho = try floats("rho")
        self.count = count
        vectors = count == 0 ? coefficients : try floats("support_vectors")
        let rows = max(count == 0 ? functions : count, 1)
        features = vectors.count / rows
        let needed = count == 0 ? vectors.count : count * functions
        guard vectors.count % rows == 0, coefficients.count == needed, !rho.isEmpty else {
            throw LTError(
                .malformed,
                "\(vectors.count) numbers in support vectors, \(coefficients.count) coefficients and \(rho.count) rho, "
                    + "expected a multiple of \(rows), \(needed) and at least 1")
        }
    }

    /// Checks the shape of X, and returns how many rows it has.
    func rows(_ x: Facts) throws(LTError) -> Int? {
        let (rows, count) = try FeatureRows.dims(x)
        guard agree(count, features) else {
            throw LTError(.shapeMismatch, "X has \(count ?? 0) features, the model \(features)")
        }
        return rows
    }

    /// The kernel function of a row and a support vector (or linear function).
    func callAsFunction(_ row: ArraySlice<Double>, _ index: Int) -> Double {
        let vector = vectors[index * features..<(index + 1) * features]
        if kernel == .radial {
            return (-gamma * zip(row, vector).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }).exponential
        }
        let product = zip(row, vector).reduce(0) { $0 + $1.0 * $1.1 }
        return switch kernel {
        case .polynomial: (gamma * product + offset).power(degree)
        case .sigmoid: (gamma * product + offset).hyperbolicTangent
        default: product
        }
    }
}
