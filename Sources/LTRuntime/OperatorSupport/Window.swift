// Window: kernel, strides, pads and dilations of convolutions and poolings over 1 to 3 (or more) spatial axes.
// output = ⌊(input + pads − ((kernel − 1)·dilation + 1)) / stride⌋ + 1, rounded up with ceil_mode.

import LTCore
import LTGraph

/// The window attributes of a node.
struct Window: Sendable {
    enum AutoPad: String, Sendable {
        case notSet = "NOTSET"
        case sameUpper = "SAME_UPPER"
        case sameLower = "SAME_LOWER"
        case valid = "VALID"
    }

    let kernel: [Int]?
    let strides: [Int]?
    /// Begins of all axes, then ends.
    let pads: [Int]?
    let dilations: [Int]?
    let autoPad: AutoPad
    let isCeil: Bool

    init(_ node: Node, isCeil: Bool = false) throws(LTError) {
        kernel = try Window.extents(node, "kernel_shape", from: 1)
        strides = try Window.extents(node, "strides", from: 1)
        pads = try Window.extents(node, "pads", from: 0)
        dilations = try Window.extents(node, "dilations", from: 1)
        let mode = try node.string("auto_pad") ?? "NOTSET"
        guard let autoPad = AutoPad(rawValue: mode) else {
            throw LTError(
                .invalidArgument,
                "attribute 'auto_pad' is '\(mode)', expected NOTSET, SAME_UPPER, SAME_LOWER or VALID")
        }
        self.autoPad = autoPad
        self.isCeil = isCeil
    }

    /// An attribute of extents, each at least `minimum` and not absurd.
    static func extents(_ node: Node, _ name: String, from minimum: Int) throws(LTError) -> [Int]? {
        guard let values = try node.ints(name) else { return nil }
        for value in values where value < minimum || value > OperatorLimits.extent {
            throw LTError(
                .invalidArgument,
                "attribute '\(name)' is \(values), expected values from \(minimum) to \(OperatorLimits.extent)")
        }
        return values
    }

    /// The same of one number.
    static func extent(_ node: Node, _ name: String, from minimum: Int) throws(LTError) -> Int? {
        guard let value = try node.int(name) else { return nil }
        guard value >= minimum, value <= OperatorLimits.extent else {
            throw LTError(
                .invalidArgument, "attribute '\(name)' is \(value), expected \(minimum) to \(OperatorLimits.extent)")
        }
        return value
    }

    /// Checks the lengths of the attributes for a number of spatial axes.
    func check(rank: Int) throws(LTError) {
        for (name, values, count) in [
            ("kernel_shape", kernel, rank), ("strides", strides, rank), ("pads", pads, 2 * rank),
            ("dilations", dilations, rank),
        ] where values != nil && values?.count != count {
            throw LTError(
                .shapeMismatch,
                "attribute '\(name)' is \(values ?? []), expected \(count) values for \(rank) spatial axes")
        }
    }

    /// What happens along each spatial axis; `nil` where an extent is not known yet.
    func axes(_ input: [Int?], kernel: [Int?]) throws(LTError) -> [WindowAxis?] {
        try check(rank: input.count)
        guard kernel.count == input.count else {
            throw LTError(
                .shapeMismatch, "kernel \(kernel.text) has \(kernel.count) axes, expected \(input.count)")
        }
        _ = try kernel.product()
        var result: [WindowAxis?] = []
        for index in input.indices {
            guard let extent = input[index], let taps = kernel[index] else {
                result.append(nil)
                continue
            }
            guard taps > 0, taps <= OperatorLimits.extent else {
                throw LTError(
                    .shapeMismatch, "kernel \(kernel.text), expected extents from 1 to \(OperatorLimits.extent)")
            }
            result.append(try axis(index, of: input.count, extent, taps))
        }
        return result
    }

    /// What a pooling of X [N, C, …] with this window gives: [N, C, …].
    func pooled(_ x: Facts) throws(LTError) -> [Int?] {
        let kernel = kernel ?? []
        guard let dims = try x.dims("X", ranks: kernel.count + 2...kernel.count + 2) else {
            return [Int?](repeating: nil, count: kernel.count + 2)
        }
        return Array(dims[..<2]) + (try axes(Array(dims[2...]), kernel: kernel)).map { $0?.output }
    }

    /// The windows of a pooling of X.
    func walk(_ x: Tensor) throws(LTError) -> WindowWalk {
        WindowWalk(try axes(x.dims[2...].map { $0 }, kernel: kernel ?? []).compactMap { $0 })
    }

    private func axis(_ index: Int, of rank: Int, _ input: Int, _ kernel: Int) throws(LTError) -> WindowAxis {
        let (stride, dilation) = (strides?[index] ?? 1, dilations?[index] ?? 1)
        let reach = (kernel - 1) * dilation + 1
        var begin = 0
        var end = 0
        switch autoPad {
        case .notSet: (begin, end) = (pads?[index] ?? 0, pads?[rank + index] ?? 0)
        case .valid: break
        case .sameUpper, .sameLower:
            let output = (input + stride - 1) / stride
            let total = max(0, (output - 1) * stride + reach - input)
            (begin, end) = autoPad == .sameUpper ? (total / 2, total - total / 2) : (total - total / 2, total / 2)
        }
        let room = input + begin + end - reach
        guard room >= 0 else {
            throw LTError(
                .shapeMismatch,
                "window of \(reach) is larger than the padded input \(input + begin + end) on spatial axis \(index)")
        }
        var output = room / stride + 1
        // A window rounded up to must still start within the input or its leading pad.
        if isCeil, autoPad == .notSet, room % stride != 0, output * stride < input + begin { output += 1 }
        return WindowAxis(
            input: input, kernel: kernel, stride: stride, dilation: dilation, begin: begin, end: end, output: output)
    }
}

/// The geometry of a window along one axis.
struct WindowAxis: Sendable, Equatable {
    let input: Int
    let kernel: Int
    let stride: Int
    let dilation: Int
    /// Pads.
    let begin: Int
    let end: Int
    let output: Int

    /// The taps of window `position` that fall on the input: the first one and their number.
    func taps(_ position: Int) -> (first: Int, count: Int) {
        let start = position * stride - begin
        let first = start < 0 ? (-start + dilation - 1) / dilation : 0
        let last = start < input ? min(kernel - 1, (input - 1 - start) / dilation) : -1
        return (first, max(0, last - first + 1))
    }

    /// The taps of window `position` that fall on the input or its pads.
    func padded(_ position: Int) -> Int {
        let start = position * stride - begin
        return max(0, min(kernel, (input + end - 1 - start) / dilation + 1))
    }
}

/// Walks the windows of an operator, row-major over the outputs.
struct WindowWalk {
    let axes: [WindowAxis]
    private let inputStrides: [Int]
    private let kernelStrides: [Int]

    init(_ axes: [WindowAxis]) {
        self.axes = axes
        func strides(_ extents: [Int]) -> [Int] {
            var result = [Int](repeating: 1, count: extents.count)
            for axis in stride(from: extents.count - 2, through: 0, by: -1) {
                result[axis] = result[axis + 1] * extents[axis + 1]
            }
            return result
        }
        inputStrides = strides(axes.map(\.input))
        kernelStrides = strides(axes.map(\.kernel))
    }

    var inputCount: Int { axes.reduce(1) { $0 * $1.input } }
    var kernelCount: Int { axes.reduce(1) { $0 * $1.kernel } }
    var outputCount: Int { axes.reduce(1) { $0 * $1.output } }

    /// The position of output number `index` on each axis.
    func position(_ index: Int) -> [Int] {
        var result = [Int](repeating: 0, count: axes.count)
        var rest = index
        for axis in axes.indices.reversed() {
            (rest, result[axis]) = rest.quotientAndRemainder(dividingBy: axes[axis].output)
        }
        return result
    }

    /// The taps of a window that fall on the input: where in the input plane and where in the kernel.
    func taps(_ position: [Int]) -> [(input: Int, kernel: Int)] {
        var dims: [Int] = []
        var input = 0
        var kernel = 0
        for (axis, place) in zip(axes.indices, position) {
            let geometry = axes[axis]
            let (first, count) = geometry.taps(place)
            dims.append(count)
            input += (place * geometry.stride - geometry.begin + first * geometry.dilation) * inputStrides[axis]
            kernel += first * kernelStrides[axis]
        }
        let inputs = StridedIndices(dims, axes.indices.map { axes[$0].dilation * inputStrides[$0] }, offset: input)
        let kernels = StridedIndices(dims, kernelStrides, offset: kernel)
        return zip(inputs, kernels).map { (input: $0, kernel: $1) }
    }
}
