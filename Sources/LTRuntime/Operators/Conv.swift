// Conv: Y[n,m,o] = B[m] + Σ_{c,k} X[n, c, o·stride − pad + k·dilation] · W[m,c,k] over 1 to 3 (or more) spatial axes;
// channels fall into `group` groups that see only their own inputs. Opset 22 added bfloat16.
// https://onnx.ai/onnx/operators/onnx__Conv.html

import LTCore

struct ConvOperator: RealOperator {
    static let schema = OperatorSchema("Conv", opsets: 1...Opset.latest, inputs: 2...3, types: .reals)

    let window: Window
    let group: Int

    init(_ node: OperatorNode) throws(LTError) {
        window = try Window(node.node)
        group = try node.node.int("group") ?? 1
        guard group > 0 else { throw LTError(.invalidArgument, "attribute 'group' is \(group), expected at least 1") }
    }

    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let x = try Self.first(inputs)
        return [Facts(x.type, try output(x, try inputs.required(1, [x.type]), bias: try inputs.like(2)))]
    }

    /// X [N, C, …], W [M, C/group, k…], B [M] → Y [N, M, …].
    func output(_ x: Facts, _ w: Facts, bias b: Facts?) throws(LTError) -> [Int?]? {
        guard let weights = try w.dims("W", ranks: 3...Int.max) else {
            return x.dims.map { [Int?](repeating: nil, count: $0.count) }
        }
        guard let dims = try x.dims("X", ranks: weights.count...weights.count) else {
            return [Int?](repeating: nil, count: weights.count)
        }
        if let channels = dims[1], let own = weights[1] {
            let (total, overflow) = own.multipliedReportingOverflow(by: group)
            guard !overflow, channels == total else {
                let groups = group == 1 ? "" : " in each of \(group) groups"
                throw LTError(.shapeMismatch, "W has \(own) input channels\(groups), X has \(channels)")
            }
        }
        if let outputs = weights[0] {
            guard outputs % group == 0 else {
                throw LTError(.shapeMismatch, "W has \(outputs) output channels, expected a multiple of group \(group)")
            }
            if let bias = try b?.dims("B", ranks: 1...1), let count = bias[0], count != outputs {
                throw LTError(.shapeMismatch, "B has \(count) elements, W has \(outputs) output channels")
            }
        }
        let kernel = Array(weights[2...])
        if let stated = window.kernel, !zip(stated, kernel).allSatisfy({ agree($0, $1) }) {
            throw LTError(.shapeMismatch, "attribute 'kernel_shape' is \(stated), W has \(kernel.text)")
        }
        let axes = try window.axes(Array(dims[2...]), kernel: kernel)
        return [dims[0], weights[0]] + axes.map { $0?.output }
    }

    func kernel<T: Real>(_: T.Type, _ inputs: [Tensor?], _ outputs: [Tensor]) throws(LTError) {
        let (x, w) = (inputs[0]!, inputs[1]!)
        let axes = try window.axes(x.dims[2...].map { $0 }, kernel: w.dims[2...].map { $0 }).compactMap { $0 }
        let walk = WindowWalk(axes)
        let (source, weights, target) = (x.elements(T.self), w.elements(T.self), outputs[0].elements(T.self))
        let bias = inputs.count > 2 ? inputs[2]?.elements(T.self) : nil
        let (plane, taps, places) = (walk.inputCount, walk.kernelCount, walk.outputCount)
        let (ownInputs, channels) = (w.dims[1], w.dims[0])
        guard target.count > 0 else { return }
        for place in 0..<places {
            let window = walk.taps(walk.position(place))
            for image in 0..<x.dims[0] {
                for channel in 0..<channels {
                    let firstInput = channel / (channels / group) * ownInputs
                    var sum = Double(bias?[channel] ?? 0)
                    for c in 0..<ownInputs {
                        let from = (image * x.dims[1] + firstInput + c) * plane
                        let row = (channel * ownInputs + c) * taps
                        for tap in window {
                            sum += Double(source[from + tap.input]) * Double(weights[row + tap.kernel])
                        }
                    }
                    target[(image * channels + channel) * places + place] = T(sum)
                }
            }
        }
    }
}
