// What a precision needs of this machine's CPU.

import CLTKernels
import LTCore
import LTGraph

extension CPUBackend {
    /// bf16 and int8 need the CPU's own instructions: emulated, they would be slower than float32.
    public func check(_ precision: Precision) throws(LTError) {
        let (needed, isThere) =
            switch precision {
            case .f32: ("", true)
            case .bf16: ("AVX-512 BF16", lt_bf16_products() != LT_BF16_NONE)
            case .int8: ("AVX-512 VNNI or AVX-VNNI", lt_int8_products())
            }
        guard isThere else {
            throw LTError(
                .unsupported,
                "precision \(precision.rawValue) on a CPU without \(needed) (or hidden by LT_ISA), expected f32",
                hint: "precision f32 runs on every CPU")
        }
    }
}

extension Precision {
    /// Where this CPU, or the file, makes nothing of the precision. It is a permission, so that is no error; but nobody
    /// should take float32's times for its own.
    func notes(_ graph: Graph) -> [String] {
        switch self {
        case .f32: return []
        case .bf16:
            guard lt_bf16_products().rawValue < LT_BF16_FAST.rawValue else { return [] }
            return [
                "precision bf16: this CPU multiplies bfloat16 no faster than float32, so every node keeps its float32 kernel"
            ]
        case .int8:
            let isQuantised = graph.nodes.contains {
                $0.opType.hasPrefix("QLinear") || $0.opType == "DequantizeLinear" || $0.opType.hasSuffix("Integer")
            }
            return isQuantised
                ? [] : ["precision int8: the file is not quantised (it has no DequantizeLinear), so it runs in float32"]
        }
    }
}
