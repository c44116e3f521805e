// Activation: the elementwise function at the end of a fused node, as com.microsoft.FusedConv's attributes spell it.
// https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.FusedConv

import CDNNL
import LTCore
import LTGraph

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// An elementwise function with its parameters.
enum Activation: Sendable, Hashable {
    case relu
    case leakyRelu(alpha: Float)
    case clip(low: Float, high: Float)
    case sigmoid
    case tanh
    case hardSigmoid(alpha: Float, beta: Float)
    case hardSwish
    case silu
    case gelu

    /// Reads the attributes `activation` and `activation_params`; nil when the node has none.
    init?(_ node: Node) throws(LTError) {
        guard let name = try node.string("activation"), !name.isEmpty else { return nil }
        let parameters = try node.floats("activation_params") ?? []
        func parameter(_ index: Int) throws(LTError) -> Float {
            guard index < parameters.count else {
                throw LTError(.malformed, "activation '\(name)' has \(parameters.count) parameters, needs more")
            }
            return parameters[index]
        }
        switch name {
        case "Relu": self = .relu
        case "LeakyRelu": self = .leakyRelu(alpha: try parameter(0))
        case "Clip": self = .clip(low: try parameter(0), high: try parameter(1))
        case "Sigmoid": self = .sigmoid
        case "Tanh": self = .tanh
        case "HardSigmoid": self = .hardSigmoid(alpha: try parameter(0), beta: try parameter(1))
        case "HardSwish": self = .hardSwish
        case "Silu": self = .silu
        case "Gelu": self = .gelu
        default: throw LTError(.unsupported, "activation '\(name)'")
        }
    }

    /// Name and parameters as attributes.
    var attributes: (name: String, parameters: [Float]) {
        switch self {
        case .relu: ("Relu", [])
        case .leakyRelu(let alpha): ("LeakyRelu", [alpha])
        case .clip(let low, let high): ("Clip", [low, high])
        case .sigmoid: ("Sigmoid", [])
        case .tanh: ("Tanh", [])
        case .hardSigmoid(let alpha, let beta): ("HardSigmoid", [alpha, beta])
        case .hardSwish: ("HardSwish", [])
        case .silu: ("Silu", [])
        case .gelu: ("Gelu", [])
        }
    }

    /// oneDNN's elementwise operations that make it up, with alpha and beta.
    var steps: [(kind: dnnl_alg_kind_t, alpha: Float, beta: Float)] {
        switch self {
        case .relu: [(dnnl_eltwise_relu, 0, 0)]
        case .leakyRelu(let alpha): [(dnnl_eltwise_relu, alpha, 0)]
        case .clip(let low, let high): [(dnnl_eltwise_clip, low, high)]
        case .sigmoid: [(dnnl_eltwise_logistic, 0, 0)]
        case .tanh: [(dnnl_eltwise_tanh, 0, 0)]
        case .hardSigmoid(let alpha, let beta): [(dnnl_eltwise_linear, alpha, beta), (dnnl_eltwise_clip, 0, 1)]
        case .hardSwish: [(dnnl_eltwise_hardswish, 0, 0)]
        case .silu: [(dnnl_eltwise_swish, 1, 0)]
        case .gelu: [(dnnl_eltwise_gelu_erf, 0, 0)]
        }
    }

    /// The definition.
    func callAsFunction(_ x: Float) -> Float {
        switch self {
        case .relu: return x < 0 ? 0 : x
        case .leakyRelu(let alpha): return x < 0 ? alpha * x : x
        case .clip(let low, let high): return min(max(x, low), high)
        case .sigmoid: return 1 / (1 + expf(-x))
        case .tanh: return tanhf(x)
        case .hardSigmoid(let alpha, let beta): return min(max(alpha * x + beta, 0), 1)
        case .hardSwish: return x * min(max(x / 6 + 0.5, 0), 1)
        case .silu: return x / (1 + expf(-x))
        case .gelu: return 0.5 * x * (1 + erff(x * Float(0.5).squareRoot()))
        }
    }
}
