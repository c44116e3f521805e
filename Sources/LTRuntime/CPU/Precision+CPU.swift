// What a precision needs of this machine's CPU.

import CLTKernels
import LTCore

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
