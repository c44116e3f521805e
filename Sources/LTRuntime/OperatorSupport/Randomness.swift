// Randomness: the generator behind the operators with random outputs, xoshiro256** (LTCore/Random.swift). Runs are
// repeatable: the attribute `seed` seeds it, and without one the name of the node's first output does, so that nodes
// draw different numbers and every run of a model draws the same ones.

import LTCore

/// The attributes `seed` and `dtype`.
struct Randomness: Sendable {
    private let seed: UInt64
    let type: ElementType?

    init(_ node: OperatorNode, types: Set<ElementType>) throws(LTError) {
        type = try node.type("dtype", types)
        if let number = try node.node.float("seed") {
            seed = UInt64(number.bitPattern)
        } else {
            // FNV-1a.
            seed = (node.node.outputs.first ?? "").utf8.reduce(0xCBF2_9CE4_8422_2325) {
                ($0 ^ UInt64($1)) &* 0x100_0000_01B3
            }
        }
    }

    /// A generator at its beginning.
    var generator: SeededGenerator { SeededGenerator(seed: seed) }

    /// A tensor of numbers drawn one by one in row-major order.
    func tensor(
        _ type: ElementType, _ shape: Shape, _ draw: (inout SeededGenerator) -> Double
    ) throws(LTError) -> Tensor {
        let result = try Tensor.output(.float64, shape)
        let numbers = result.elements(Double.self)
        var generator = generator
        for index in numbers.indices { numbers[index] = draw(&generator) }
        return try result.cast(to: type)
    }
}

/// RandomNormal, RandomNormalLike, RandomUniform, RandomUniformLike.
protocol RandomOperator: Operator {
    var randomness: Randomness { get }
    var distribution: Distribution { get }
}

/// What random floats are drawn from.
enum Distribution: Sendable {
    case normal(mean: Double, scale: Double)
    case uniform(low: Double, high: Double)

    static func normal(_ node: OperatorNode) throws(LTError) -> Distribution {
        .normal(mean: Double(try node.node.float("mean") ?? 0), scale: Double(try node.node.float("scale") ?? 1))
    }

    static func uniform(_ node: OperatorNode) throws(LTError) -> Distribution {
        .uniform(low: Double(try node.node.float("low") ?? 0), high: Double(try node.node.float("high") ?? 1))
    }
}

extension RandomOperator {
    func run(_ inputs: [Tensor?]) throws(LTError) -> [Tensor] {
        let (type, shape) = try outline(inputs)[0]
        return [
            try randomness.tensor(type, shape) { generator in
                switch distribution {
                case .normal(let mean, let scale): mean + scale * generator.normal()
                case .uniform(let low, let high): low + (high - low) * generator.uniform(bits: type.significandBits)
                }
            }
        ]
    }
}

/// A random operator that takes its shape, and without `dtype` its type, from input 0.
protocol RandomLikeOperator: RandomOperator {}

extension RandomLikeOperator {
    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let x = try Self.first(inputs)
        let type = randomness.type ?? x.type
        guard Set<ElementType>.reals.contains(type) else {
            throw LTError(
                .typeMismatch, "input 0 is tensor(\(type.onnxName)), expected floats or the attribute 'dtype'")
        }
        return [Facts(type, x.dims)]
    }
}

/// A random operator with the attribute `shape`.
protocol RandomShapeOperator: RandomOperator {
    var shape: Shape { get }
}

extension RandomShapeOperator {
    static func shape(_ node: OperatorNode) throws(LTError) -> Shape {
        guard let dims = try node.node.ints("shape") else { throw LTError(.malformed, "attribute 'shape' is missing") }
        return try Shape(dims)
    }

    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] { [Facts(randomness.type ?? .float32, shape.dims)] }
}

extension SeededGenerator {
    /// A number in [0, 1) that a significand of so many bits holds exactly, so that rounding does not make it 1.
    fileprivate mutating func uniform(bits: Int) -> Double {
        Double(next() >> UInt64(64 - bits)) / Double(1 << bits)
    }
}

extension ElementType {
    fileprivate var significandBits: Int {
        switch self {
        case .float64: 53
        case .float16: 11
        case .bfloat16: 8
        default: 24
        }
    }
}
