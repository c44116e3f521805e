// DepthwiseConv (domain longtail, made by passes): a convolution of each channel by itself, channels last:
// Y[n, i, j, c] = B[c] + Σ W[p, q, c] X[n, i·s + p − top, j·s + q − left, c], X zero outside. X [N, H, W, C], W [kh, kw, C].

import LTCore
import LTGraph

/// A depthwise convolution of channels-last pictures.
struct DepthwiseConvOperator: Operator {
    static let schema = OperatorSchema(
        "DepthwiseConv", domain: "longtail", opsets: 1...1, inputs: 2...3, types: [.float32])

    let strides: [Int]
    /// top, left, bottom, right
    let pads: [Int]

    init(_ node: OperatorNode) throws(LTError) {
        strides = try node.node.ints("strides") ?? [1, 1]
        pads = try node.node.ints("pads") ?? [0, 0, 0, 0]
        guard strides.count == 2, strides.allSatisfy({ $0 > 0 && $0 < 1 << 31 }), pads.count == 4,
            pads.allSatisfy({ $0 >= 0 && $0 < 1 << 31 })
        else {
            throw LTError(
                .invalidArgument, "strides \(strides) and pads \(pads), expected 2 positive and 4 non-negative numbers")
        }
    }

    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        for (index, input) in inputs.enumerated() { try input?.expect([.float32], index) }
        guard let x = inputs[0], let w = inputs[1]?.shape, w.rank == 3, w.count > 0,
            inputs.count < 3 || inputs[2] == nil || inputs[2]?.shape?.dims == [w[2]]
        else {
            throw LTError(.shapeMismatch, "DepthwiseConv needs X, weights of known shape [kh, kw, C] and a bias [C]")
        }
        guard let dims = x.dims else { return [Facts(.float32, nil)] }
        guard dims.count == 4, dims[3] == nil || dims[3] == w[2] else {
            throw LTError(.shapeMismatch, "X has dimensions \(dims), expected [N, H, W, \(w[2])]")
        }
        var result: [Int?] = [dims[0], nil, nil, w[2]]
        for axis in 0..<2 {
            guard let size = dims[axis + 1] else { continue }
            let room = size + pads[axis] + pads[axis + 2] - w[axis]
            guard room >= 0 else {
                throw LTError(.shapeMismatch, "the window \(w) does not fit into X \(dims) with pads \(pads)")
            }
            result[axis + 1] = room / strides[axis] + 1
        }
        return [Facts(.float32, result)]
    }

    func run(_ inputs: [Tensor?]) throws(LTError) -> [Tensor] {
        let shape = try outputShape(inputs)
        let result = try Tensor.output(.float32, shape)
        guard let x = inputs[0], let w = inputs[1] else { return [] }
        let bias = inputs.count > 2 ? inputs[2]?.elements(Float.self) : nil
        let (xs, ws, ys) = (x.elements(Float.self), w.elements(Float.self), result.elements(Float.self))
        let (height, width, channels) = (x.dims[1], x.dims[2], x.dims[3])
        for index in ys.indices {
            let (pixel, c) = index.quotientAndRemainder(dividingBy: channels)
            let (line, j) = pixel.quotientAndRemainder(dividingBy: shape[2])
            let (n, i) = line.quotientAndRemainder(dividingBy: shape[1])
            var sum = Double(bias?[c] ?? 0)
            for p in 0..<w.dims[0] {
                let row = i * strides[0] + p - pads[0]
                guard row >= 0, row < height else { continue }
                for q in 0..<w.dims[1] {
                    let column = j * strides[1] + q - pads[1]
                    guard column >= 0, column < width else { continue }
                    sum +=
                        Double(xs[((n * height + row) * width + column) * channels + c])
                        * Double(ws[(p * w.dims[1] + q) * channels + c])
                }
            }
            ys[index] = Float(sum)
        }
        return [result]
    }
}
