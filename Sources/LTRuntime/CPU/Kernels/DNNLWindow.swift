// DNNLWindow: the geometry of a convolution or pooling in oneDNN's terms.

import LTCore
import LTGraph

/// Kernel size, strides, gaps and padding per spatial axis.
struct DNNLWindow {
    var kernel: [Int64] = []
    var strides: [Int64] = []
    /// The gaps between taps: 0 is dense.
    var dilations: [Int64] = []
    var begins: [Int64] = []
    /// Padding at the ends such that the output comes out as wide as it must: more than stated for ceil_mode, less
    /// where the last window does not reach the end.
    var ends: [Int64] = []
    /// Whether no window reaches past the padding that the node states.
    var isExact = true

    /// The window over an input; nil where oneDNN has no such rank.
    init?(_ node: Node, kernel: [Int], input: Shape, isCeil: Bool = false) throws(LTError) {
        guard (3...5).contains(input.rank), kernel.count == input.rank - 2 else { return nil }
        let axes = try Window(node, isCeil: isCeil).axes(
            input.dims.dropFirst(2).map(Optional.some), kernel: kernel.map(Optional.some))
        for axis in axes {
            guard let axis else { return nil }
            add(axis.kernel, axis.stride, axis.dilation, axis.begin, input: axis.input, output: axis.output)
            if (ends.last ?? 0) > Int64(axis.end) { isExact = false }
        }
    }

    /// The window of the convolution that a ConvTranspose runs backwards: from its output to its input.
    init?(transposed node: Node, kernel: [Int], input: Shape, output: Shape) throws(LTError) {
        let window = try Window(node)
        let rank = kernel.count
        guard (1...3).contains(rank), input.rank == rank + 2, output.rank == rank + 2, window.autoPad == .notSet else {
            return nil
        }
        try window.check(rank: rank)
        for axis in 0..<rank {
            add(
                kernel[axis], window.strides?[axis] ?? 1, window.dilations?[axis] ?? 1, window.pads?[axis] ?? 0,
                input: output[axis + 2], output: input[axis + 2])
        }
        guard ends.allSatisfy({ $0 >= 0 }) else { return nil }
    }

    /// One window over everything.
    init?(whole input: Shape) {
        guard (3...5).contains(input.rank) else { return nil }
        for size in input.dims.dropFirst(2) { add(size, 1, 1, 0, input: size, output: 1) }
    }

    private mutating func add(_ kernel: Int, _ stride: Int, _ dilation: Int, _ begin: Int, input: Int, output: Int) {
        self.kernel.append(Int64(kernel))
        strides.append(Int64(stride))
        dilations.append(Int64(dilation - 1))
        begins.append(Int64(begin))
        let reach = (kernel - 1) * dilation + 1
        ends.append(Int64((output - 1) * stride + reach - input - begin))
    }
}
