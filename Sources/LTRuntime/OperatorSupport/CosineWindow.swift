// CosineWindow: the windows Σ (-1)^k a_k cos(2πkn/N) of signal processing.

import LTCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// BlackmanWindow, HammingWindow, HannWindow.
protocol CosineWindowOperator: Operator {
    /// a_0, a_1, …
    static var coefficients: [Double] { get }
    var settings: CosineWindow { get }
}

/// The attributes of a window.
struct CosineWindow: Sendable {
    let isPeriodic: Bool
    let type: ElementType

    init(_ node: OperatorNode) throws(LTError) {
        isPeriodic = try node.node.int("periodic") ?? 1 != 0
        type = try node.type("output_datatype", .numbers) ?? .float32
    }
}

extension CosineWindowOperator {
    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let size = try Self.first(inputs).integer("size")
        if let size, size < 0 || size > OperatorLimits.extent {
            throw LTError(.invalidArgument, "size is \(size), expected 0 to \(OperatorLimits.extent)")
        }
        return [Facts(settings.type, [size])]
    }

    func run(_ inputs: [Tensor?]) throws(LTError) -> [Tensor] {
        let shape = try outputShape(inputs)
        let result = try Tensor.output(.float64, shape)
        let window = result.elements(Double.self)
        let period = settings.isPeriodic ? shape.count : shape.count - 1
        for index in window.indices {
            // A symmetric window of one element is its peak.
            let phase = period == 0 ? Double.pi : 2 * Double.pi * Double(index) / Double(period)
            window[index] = 0
            for (k, factor) in Self.coefficients.enumerated() {
                window[index] += (k % 2 == 0 ? factor : -factor) * cos(Double(k) * phase)
            }
        }
        return [try result.cast(to: settings.type)]
    }
}
