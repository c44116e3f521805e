// STFT: Fourier transforms of frames of a signal (batch, length, 1 or 2): frames of frame_length (default: that of the
// window, else the whole signal) start every frame_step samples and are multiplied by the window. The result is (batch,
// frames, bins, 2); onesided, the default, keeps bins 0 to ⌊n/2⌋ of a real signal.
// New in opset 17.
// https://onnx.ai/onnx/operators/onnx__STFT.html

import LTCore

struct STFTOperator: RealOperator {
    static let schema = OperatorSchema("STFT", opsets: 17...Opset.latest, inputs: 2...4, types: .reals)

    let isOnesided: Bool

    init(_ node: OperatorNode) throws(LTError) { isOnesided = try node.node.int("onesided") ?? 1 != 0 }

    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let x = try Self.first(inputs)
        let step = try inputs.required(1, .indices).integer("frame_step")
        let window = try inputs.like(2)?.dims("window", ranks: 1...1)?[0]
        let length = try inputs.optional(3, .indices)?.integer("frame_length")
        for case (let name, let value?) in [("frame_step", step), ("frame_length", length)] where value < 1 {
            throw LTError(.invalidArgument, "\(name) is \(value), expected at least 1")
        }
        guard agree(window, length) else {
            throw LTError(
                .shapeMismatch, "window of \([window].text) samples, expected frame_length \([length].text)")
        }
        guard let dims = try x.dims("signal", ranks: 2...3) else { return [Facts(x.type, [nil, nil, nil, 2])] }
        if dims.count == 3, let parts = dims[2], parts < 1 || parts > (isOnesided ? 1 : 2) {
            throw LTError(
                .shapeMismatch, "signal \(dims.text), expected a last axis of \(isOnesided ? "1 (onesided)" : "1 or 2")"
            )
        }
        let isWhole = inputs.optional(2) == nil && inputs.optional(3) == nil
        let frame = length ?? window ?? (isWhole ? dims[1] : nil)
        if let frame, let samples = dims[1], frame < 1 || frame > samples {
            throw LTError(.shapeMismatch, "frames of \(frame) samples, expected 1 to the signal's \(samples)")
        }
        var frames: Int?
        if let frame, let samples = dims[1], let step { frames = (samples - frame) / step + 1 }
        return [Facts(x.type, [dims[0], frames, frame.map { isOnesided ? $0 / 2 + 1 : $0 }, 2])]
    }

    func kernel<T: Real>(_: T.Type, _ inputs: [Tensor?], _ outputs: [Tensor]) throws(LTError) {
        let (x, y) = (inputs[0]!, outputs[0])
        let window = inputs.count > 2 ? inputs[2]?.elements(T.self) : nil
        let stated = inputs.count > 3 ? try inputs[3]?.integers("frame_length")[0] : nil
        let step = try inputs[1]!.integers("frame_step")[0]
        let transform = try FourierTransform(stated ?? window?.count ?? x.dims[1])
        let (signal, result) = (Signal<T>(x, parts: x.shape.rank == 3 ? x.dims[2] : 1), Signal<T>(y, parts: 2))
        let (frames, bins) = (y.dims[1], y.dims[2])
        for frame in 0..<y.dims[0] * frames {
            let start = frame / frames * x.dims[1] + frame % frames * step
            let numbers = (0..<transform.length).map { index in
                signal[start + index] * Complex(window?[index].double ?? 1, 0)
            }
            for (bin, number) in transform(numbers).prefix(bins).enumerated() { result[frame * bins + bin] = number }
        }
    }
}
