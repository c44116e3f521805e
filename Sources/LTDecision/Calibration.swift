// Calibration: an affine map of the raw output before the activation, so that scores mean probabilities.
// Temperature: activation(z / T) (Guo et al. 2017). Platt: p = 1 / (1 + exp(A z + B)) (Platt 1999).

import LTCore

/// The fitted calibration of a model's raw outputs. Parameters are float32, as the arithmetic that uses them.
public struct Calibration: Sendable, Equatable {
    public enum Method: Sendable, Equatable {
        /// One temperature for all classes or one per class; positive.
        case temperature([Float])
        /// One pair per class.
        case platt(a: [Float], b: [Float])

        /// The name in files and on command lines.
        public var name: String {
            switch self {
            case .temperature: "temperature"
            case .platt: "platt"
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

    public init(
        _ method: Method, fittedOn: String? = nil, model: String? = nil, eceBefore: Double? = nil,
        eceAfter: Double? = nil
    ) {
        self.method = method
        self.fittedOn = fittedOn
        self.model = model
        self.eceBefore = eceBefore
        self.eceAfter = eceAfter
    }
}

/// JSON: `{"method": "temperature", "temperature": [1.3], …}` or `{"method": "platt", "a": […], "b": […], …}`.
extension Calibration: Codable {
    enum CodingKeys: String, CodingKey {
        case method, temperature, a, b, model
        case fittedOn = "fitted_on"
        case eceBefore = "ece_before"
        case eceAfter = "ece_after"
    }

    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        switch try values.decode(String.self, forKey: .method) {
        case "temperature": method = .temperature(try values.decode([Float].self, forKey: .temperature))
        case "platt":
            method = .platt(
                a: try values.decode([Float].self, forKey: .a), b: try values.decode([Float].self, forKey: .b))
        case let other: throw LTError(.unsupported, "calibration method '\(other)', expected temperature or platt")
        }
        fittedOn = try values.decodeIfPresent(String.self, forKey: .fittedOn)
        model = try values.decodeIfPresent(String.self, forKey: .model)
        eceBefore = try values.decodeIfPresent(Double.self, forKey: .eceBefore)
        eceAfter = try values.decodeIfPresent(Double.self, forKey: .eceAfter)
    }

    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(method.name, forKey: .method)
        switch method {
        case .temperature(let temperature): try values.encode(temperature, forKey: .temperature)
        case .platt(let a, let b):
            try values.encode(a, forKey: .a)
            try values.encode(b, forKey: .b)
        }
        try values.encodeIfPresent(fittedOn, forKey: .fittedOn)
        try values.encodeIfPresent(model, forKey: .model)
        try values.encodeIfPresent(eceBefore, forKey: .eceBefore)
        try values.encodeIfPresent(eceAfter, forKey: .eceAfter)
    }
}
