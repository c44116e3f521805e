// What is fitted, and how: the calibration methods by name, and how each is fitted to events per class.

import LTCore
import LTDecision

/// What is fitted, and how.
public struct CalibrationOptions: Sendable {
    public enum Method: String, Sendable, CaseIterable {
        /// One temperature per class (one in all for multi-class problems).
        case temperature
        /// One temperature for all classes.
        case sharedTemperature = "temperature-shared"
        /// A factor and an offset per class, multi-class only.
        case vector
        /// Slope and offset per class.
        case platt
        /// Two slopes and an offset per class.
        case beta
        /// A monotone curve per class.
        case isotonic
    }

    public var method: Method
    public var thresholds: ThresholdObjective
    /// n₀ of `Shrinkage`.
    public var shrinkage: Double

    public init(
        method: Method = .platt, thresholds: ThresholdObjective = .f1,
        shrinkage: Double = Shrinkage.defaultPositives
    ) {
        self.method = method
        self.thresholds = thresholds
        self.shrinkage = shrinkage
    }
}

extension Calibration.Method {
    /// Fits maps of log-odds.
    /// - Throws: `unsupported` for vector scaling, which needs the logits of all classes.
    public static func fit(
        _ classes: [BinaryEvents], _ method: CalibrationOptions.Method, _ shrinkage: Shrinkage
    ) throws(LTError) -> Calibration.Method {
        switch method {
        case .temperature: return .temperature(Temperature.fit(classes, shrinkage).map { Float($0) })
        case .sharedTemperature: return .temperature([Float(Temperature.fit(BinaryEvents(pooling: classes)))])
        case .vector:
            throw LTError(.unsupported, "vector scaling is for multi-class models", hint: "use --method platt")
        case .platt:
            let fits = Platt.fit(classes, shrinkage)
            return .platt(a: fits.map { Float($0.a) }, b: fits.map { Float($0.b) })
        case .beta:
            let fits = BetaCalibration.fit(classes, shrinkage)
            return .beta(a: fits.map { Float($0.a) }, b: fits.map { Float($0.b) }, c: fits.map { Float($0.c) })
        case .isotonic:
            let knots = Isotonic.fit(classes, shrinkage).map(\.knots)
            return .isotonic(x: knots.map(\.x), y: knots.map(\.y))
        }
    }
}
