// Machine: what the CPU could do at most, to compare kernels with.

import CLTKernels

public enum Machine {
    /// How many 10^9 float32 operations a second `threads` threads do in multiply-adds of registers at the instruction set that
    /// kernels use; measured now, some 50 ms. 0 where nothing could be measured.
    public static func peakGFLOPs(threads: Int) -> Double { lt_peak_gflops(Int32(clamping: threads)) }
}
