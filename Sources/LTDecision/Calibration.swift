// Calibration: what makes a probability of a raw output. Maps of one class's log-odds z: temperature z / T (Guo et al. 2017),
// Platt 1 / (1 + exp(A·z + B)) (Platt 1999), beta c + a·ln p − b·ln(1 − p) (Kull et al. 2017), isotonic: a monotone line
// through knots (Zadrozny & Elkan 2002). Under softmax: one temperature, or w·z + b per class (vector scaling, Guo et al.);
// the others one against the rest. `Calibration+Scores.swift` has the arithmetic.

import LTCore

/// The fitted calibration of a model's raw outputs. Parameters are float32, as the arithmetic that uses them.
public struct Calibration: Sendable, Equatable {
    /// One entry per class, or a single one for all classes.
    public enum Method: Sendable, Equatable {
        /// Positive.
        case temperature([Float])
        /// Under softmax.
        case vector(w: [Float], b: [Float])
        case platt(a: [Float], b: [Float])
        /// a and b are at least 0, so that the order stays.
        case beta(a: [Float], b: [Float], c: [Float])
        /// Per class the knots: log-odds x, ascending, and scores y in 0…1, not descending.
        case isotonic(x: [[Float]], y: [[Float]])

        /// The name in files and on command lines.
        public var name: String {
            switch self {
            case .temperature: "temperature"
            case .vector: "vector"
            case .platt: "platt"
            case .beta: "beta"
            case .isotonic: "isotonic"
            }
        }

        /// The parameters' keys in files, and the number of entries of each.
        var sizes: [(key: String, count: Int)] {
            switch self {
            case .temperature(let t): [("temperature", t.count)]
            case .vector(let w, let b): [("w", w.count), ("b", b.count)]
            case .platt(let a, let b): [("a", a.count), ("b", b.count)]
            case .beta(let a, let b, let c): [("a", a.count), ("b", b.count), ("c", c.count)]
            case .isotonic(let x, let y): [("x", x.count), ("y", y.count)]
            }
        }

        /// Classes that there are parameters for; 1 may stand for all.
        var count: Int { sizes[0].count }

        /// A single entry repeated for each class.
        func expanded(to classes: Int) -> Method {
            guard count == 1 else { return self }
            func all<Value>(_ values: [Value]) -> [Value] { [Value](repeating: values[0], count: classes) }
            return switch self {
            case .temperature(let t): .temperature(all(t))
            case .vector(let w, let b): .vector(w: all(w), b: all(b))
            case .platt(let a, let b): .platt(a: all(a), b: all(b))
            case .beta(let a, let b, let c): .beta(a: all(a), b: all(b), c: all(c))
            case .isotonic(let x, let y): .isotonic(x: all(x), y: all(y))
            }
        }
    }

    public var method: Method
    /// Digest of the predictions and labels it was fitted on.
    public var fittedOn: String?
    /// Digest of the model file whose raw scores those were. Files that differ only in their decision layer share raw
    /// scores, so predictions of this file serve for the calibrated one as well.
    public var model: String?
    /// Expected calibration error on those, without and with the calibration.
    public var eceBefore: Double?
    public var eceAfter: Double?
    /// The same with each image scored by a fit on the other folds.
    public var eceCrossFitted: Double?
    /// Positives that weigh as much as what a class's group says (`Shrinkage` of LTEval).
    public var shrinkage: Double?

    public init(
        _ method: Method, fittedOn: String? = nil, model: String? = nil, eceBefore: Double? = nil,
        eceAfter: Double? = nil, eceCrossFitted: Double? = nil, shrinkage: Double? = nil
    ) {
        self.method = method
        self.fittedOn = fittedOn
        self.model = model
        self.eceBefore = eceBefore
        self.eceAfter = eceAfter
        self.eceCrossFitted = eceCrossFitted
        self.shrinkage = shrinkage
    }
}

/// JSON: `{"method": "temperature", "temperature": [1.3], …}`, `{"method": "platt", "a": […], "b": […], …}` and so on.
extension Calibration: Codable {
    enum CodingKeys: String, CodingKey {
        case method, temperature, w, a, b, c, x, y, model, shrinkage
        case fittedOn = "fitted_on"
        case eceBefore = "ece_before"
        case eceAfter = "ece_after"
        case eceCrossFitted = "ece_cross_fitted"
    }

    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        func list(_ key: CodingKeys) throws -> [Float] { try values.decode([Float].self, forKey: key) }
        switch try values.decode(String.self, forKey: .method) {
        case "temperature": method = .temperature(try list(.temperature))
        case "vector": method = .vector(w: try list(.w), b: try list(.b))
        case "platt": method = .platt(a: try list(.a), b: try list(.b))
        case "beta": method = .beta(a: try list(.a), b: try list(.b), c: try list(.c))
        case "isotonic":
            method = .isotonic(
                x: try values.decode([[Float]].self, forKey: .x), y: try values.decode([[Float]].self, forKey: .y))
        case let other:
            throw LTError(
                .unsupported,
                "calibration method '\(other.prefix(80))', expected temperature, vector, platt, beta or isotonic")
        }
        fittedOn = try values.decodeIfPresent(String.self, forKey: .fittedOn)
        model = try values.decodeIfPresent(String.self, forKey: .model)
        eceBefore = try values.decodeIfPresent(Double.self, forKey: .eceBefore)
        eceAfter = try values.decodeIfPresent(Double.self, forKey: .eceAfter)
        eceCrossFitted = try values.decodeIfPresent(Double.self, forKey: .eceCrossFitted)
        shrinkage = try values.decodeIfPresent(Double.self, forKey: .shrinkage)
    }

    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(method.name, forKey: .method)
        switch method {
        case .temperature(let temperature): try values.encode(temperature, forKey: .temperature)
        case .vector(let w, let b):
            try values.encode(w, forKey: .w)
            try values.encode(b, forKey: .b)
        case .platt(let a, let b):
            try values.encode(a, forKey: .a)
            try values.encode(b, forKey: .b)
        case .beta(let a, let b, let c):
            try values.encode(a, forKey: .a)
            try values.encode(b, forKey: .b)
            try values.encode(c, forKey: .c)
        case .isotonic(let x, let y):
            try values.encode(x, forKey: .x)
            try values.encode(y, forKey: .y)
        }
        try values.encodeIfPresent(fittedOn, forKey: .fittedOn)
        try values.encodeIfPresent(model, forKey: .model)
        try values.encodeIfPresent(eceBefore, forKey: .eceBefore)
        try values.encodeIfPresent(eceAfter, forKey: .eceAfter)
        try values.encodeIfPresent(eceCrossFitted, forKey: .eceCrossFitted)
        try values.encodeIfPresent(shrinkage, forKey: .shrinkage)
    }
}
