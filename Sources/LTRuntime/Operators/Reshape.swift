// Reshape: the same elements under the shape in input 1; -1 stands for what is left over, 0 copies the dimension of X
// (with allowzero, since opset 14, it is a 0). Later opsets only added types.
// https://onnx.ai/onnx/operators/onnx__Reshape.html

import LTCore

struct ReshapeOperator: Operator {
    static let schema = OperatorSchema("Reshape", opsets: 5...Opset.latest, inputs: 2...2, types: .all)

    let allowsZero: Bool

    init(_ node: OperatorNode) throws(LTError) {
        allowsZero = node.opset >= 14 ? try node.node.int("allowzero") ?? 0 != 0 : false
    }

    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let x = try Self.first(inputs)
        let shape = try inputs.required(1, [.int64])
        let rank = try shape.dims("shape", ranks: 1...1).flatMap { $0[0] }
        guard let wanted = try shape.partialIntegers("shape") else { return [Facts(x.type, try rank.map(unknownDims))] }
        return [try x.reshaped(try resolve(wanted, x.dims))]
    }

    /// Of elements of the shape that are not known, any may be the -1.
    private func resolve(_ wanted: [Int?], _ dims: [Int?]?) throws(LTError) -> [Int?] {
        var result: [Int?] = []
        // What -1 has to make up for: the dimensions of X that are not copied.
        var left = dims
        var stated: [Int?] = []
        for (axis, size) in wanted.enumerated() {
            switch size {
            case nil: result.append(nil)
            case 0 where !allowsZero:
                if let dims {
                    guard axis < dims.count else {
                        throw LTError(.shapeMismatch, "shape \(wanted.text) copies dimension \(axis) of \(dims.text)")
                    }
                    // A dimension of 0 makes every product 0, it cannot be left out of the balance.
                    if dims[axis] != 0 { left?[axis] = 1 } else { stated.append(0) }
                    result.append(dims[axis])
                } else {
                    result.append(nil)
                }
            case -1: result.append(nil)
            case let size? where size >= 0:
                stated.append(size)
                result.append(size)
            default: throw LTError(.invalidArgument, "shape \(wanted.text), expected dimensions of at least -1")
            }
        }
        let open = wanted.indices.filter { wanted[$0] == -1 }
        guard open.count <= 1 else { throw LTError(.invalidArgument, "shape \(wanted.text) has more than one -1") }
        guard !wanted.contains(nil), let left, let have = try left.product(), let need = try stated.product() else {
            return result
        }
        if let place = open.first {
            guard need > 0, have % need == 0 else {
                if allowsZero || have != 0 || need != 0 {
                    throw LTError(.shapeMismatch, "\(left.text) does not divide into shape \(wanted.text)")
                }
                result[place] = 0
                return result
            }
            result[place] = have / need
        } else if have != need {
            throw LTError(.shapeMismatch, "cannot view \(dims?.text ?? "?") as \(wanted.text): other element count")
        }
        return result
    }

    func run(_ inputs: [Tensor?]) throws(LTError) -> [Tensor] {
        let shape = try outputShape(inputs)
        return [try inputs[0]!.reshaped(shape)]
    }
}
