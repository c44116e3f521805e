// MelWeightMatrix: the weights (⌊dft_length / 2⌋ + 1, num_mel_bins) that gather a spectrum into triangular bands, evenly
// spaced in mel(f) = 2595 log10(1 + f / 700) from lower_edge_hertz to upper_edge_hertz, each of peak 1.
// Parts of a band above the spectrum are left out. New in opset 17.
// https://onnx.ai/onnx/operators/onnx__MelWeightMatrix.html

import LTCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

struct MelWeightMatrixOperator: Operator {
    static let schema = OperatorSchema(
        "MelWeightMatrix", opsets: 17...Opset.latest, inputs: 5...5, types: .indices)

    let type: ElementType

    init(_ node: OperatorNode) throws(LTError) { type = try node.type("output_datatype", .numbers) ?? .float32 }

    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        var sizes: [Int?] = []
        for (index, name) in ["num_mel_bins", "dft_length", "sample_rate"].enumerated() {
            let size = try inputs.required(index, .indices).integer(name)
            if let size, size < 1 { throw LTError(.invalidArgument, "\(name) is \(size), expected at least 1") }
            sizes.append(size)
        }
        var edges: [Double] = []
        for (index, name) in [(3, "lower_edge_hertz"), (4, "upper_edge_hertz")] {
            let edge = try inputs.required(index, .reals)
            if let count = try edge.dims?.product(), count != 1 {
                throw LTError(.shapeMismatch, "\(name) has \(count) elements, expected 1")
            }
            if let value = try edge.value?.cast(to: .float64) { edges.append(try value.array(of: Double.self)[0]) }
        }
        if edges.count == 2, !(edges[0] >= 0 && edges[1] >= edges[0] && edges[1].isFinite) {
            throw LTError(
                .invalidArgument, "bands from \(edges[0]) to \(edges[1]) hertz, expected ascending edges from 0")
        }
        return [Facts(type, [sizes[1].map { $0 / 2 + 1 }, sizes[0]])]
    }

    func run(_ inputs: [Tensor?]) throws(LTError) -> [Tensor] {
        let shape = try outputShape(inputs)
        let (bins, bands) = (shape[0], shape[1])
        let result = try Tensor.output(.float64, shape)
        let weights = result.elements(Double.self)
        weights.update(repeating: 0)
        let length = Double(try inputs[1]!.integers("dft_length")[0])
        let rate = Double(try inputs[2]!.integers("sample_rate")[0])
        let mels = try inputs[3...4].map { (edge) throws(LTError) in
            2595 * log10(1 + (try edge!.cast(to: .float64).array(of: Double.self)[0]) / 700)
        }
        let step = (mels[1] - mels[0]) / Double(bands + 2)
        /// The spectrum's bin at the k-th edge of the bands.
        func bin(_ k: Int) -> Int {
            let hertz = 700 * (pow(10, (mels[0] + Double(k) * step) / 2595) - 1)
            return Int(Int64(saturating: ((length + 1) * hertz / rate).rounded(.down)))
        }
        for band in 0..<bands {
            let (low, peak, high) = (bin(band), bin(band + 1), bin(band + 2))
            if low == peak {
                if peak < bins { weights[peak * bands + band] = 1 }
            } else {
                for place in low..<max(low, min(peak, bins - 1) + 1) {
                    weights[place * bands + band] = Double(place - low) / Double(peak - low)
                }
            }
            for place in peak..<max(peak, min(high, bins)) {
                weights[place * bands + band] = Double(high - place) / Double(high - peak)
            }
        }
        return [try result.cast(to: type)]
    }
}
