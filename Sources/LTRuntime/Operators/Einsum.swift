// Einsum: sums of products by Einstein's convention, "ij,jk->ik": a label names an axis, labels that the output does not
// have are summed over, "..." broadcasts. Without "->" the output has the labels that occur once, in alphabetical order.
// New in opset 12. https://onnx.ai/onnx/operators/onnx__Einsum.html

import LTCore

struct EinsumOperator: NumberOperator {
    static let schema = OperatorSchema("Einsum", opsets: 12...Opset.latest, inputs: 1...Int.max, types: .numbers)

    /// Labels of each input; "." stands for the ellipsis.
    let terms: [[Character]]
    let output: [Character]

    init(_ node: OperatorNode) throws(LTError) {
        guard let text = try node.node.string("equation") else {
            throw LTError(.malformed, "attribute 'equation' is missing")
        }
        let wrong = LTError(
            .invalidArgument, "attribute 'equation' is '\(text.prefix(200))', expected e.g. 'ij,jk->ik'")
        func labels(_ term: Substring) throws(LTError) -> [Character] {
            var labels: [Character] = []
            var rest = term
            while let label = rest.first {
                if rest.hasPrefix("...") {
                    guard !labels.contains(".") else { throw wrong }
                    labels.append(".")
                    rest = rest.dropFirst(3)
                } else {
                    guard label.isASCII, label.isLetter else { throw wrong }
                    labels.append(label)
                    rest = rest.dropFirst()
                }
            }
            return labels
        }
        let compact = text.filter { $0 != " " }
        let arrow = compact.place(of: "->")
        let left = compact[..<(arrow?.lowerBound ?? compact.endIndex)]
        var terms: [[Character]] = []
        for term in left.split(separator: ",", omittingEmptySubsequences: false) { terms.append(try labels(term)) }
        guard terms.count == node.node.inputs.count else {
            throw LTError(
                .malformed, "equation '\(compact)' has \(terms.count) terms for \(node.node.inputs.count) inputs")
        }
        let all = terms.joined()
        if let arrow {
            output = try labels(compact[arrow.upperBound...])
            guard Set(output).count == output.count, output.allSatisfy({ $0 == "." || all.contains($0) }) else {
                throw wrong
            }
        } else {
            let once = Set(all).filter { label in label != "." && all.count { $0 == label } == 1 }
            output = (all.contains(".") ? ["."] : []) + once.sorted()
        }
        self.terms = terms
    }

    /// The equation for operands of some ranks: an axis is named by the number of its label.
    struct Resolved {
        var inputs: [[Int]] = []
        var output: [Int] = []
        var extents: [Int?] = []
    }

    func resolve(_ shapes: [[Int?]]) throws(LTError) -> Resolved {
        let letters = Set(terms.joined()).subtracting(["."]).sorted()
        var wildcards = 0
        for (term, dims) in zip(terms, shapes) {
            let named = term.count { $0 != "." }
            guard term.contains(".") ? dims.count >= named : dims.count == named else {
                throw LTError(.shapeMismatch, "operand \(dims.text), expected \(String(term)) to name its axes")
            }
            wildcards = max(wildcards, dims.count - named)
        }
        // Letters first, then the axes of the ellipsis, aligned at its end.
        func numbers(_ labels: [Character], _ rank: Int) -> [Int] {
            labels.flatMap { label in
                if label == "." {
                    let own = rank - (labels.count - 1)
                    return Array(letters.count + wildcards - own..<letters.count + wildcards)
                }
                return [letters.firstIndex(of: label) ?? 0]
            }
        }
        var result = Resolved(extents: [Int?](repeating: nil, count: letters.count + wildcards))
        for (term, dims) in zip(terms, shapes) {
            let axes = numbers(term, dims.count)
            for (axis, dim) in zip(axes, dims) {
                guard let dim else { continue }
                switch result.extents[axis] {
                case nil: result.extents[axis] = dim
                case 1 where axis >= letters.count: result.extents[axis] = dim
                case let known?:
                    guard known == dim || dim == 1 && axis >= letters.count else {
                        throw LTError(.shapeMismatch, "a label has extents \(known) and \(dim), expected one")
                    }
                }
            }
            result.inputs.append(axes)
        }
        result.output = numbers(output, output.count - 1 + wildcards)
        return result
    }

    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let type = try Self.first(inputs).type
        var shapes: [[Int?]] = []
        for index in inputs.indices {
            guard let dims = try inputs.required(index, [type]).dims else { return [Facts(type, nil)] }
            shapes.append(dims)
        }
        let resolved = try resolve(shapes)
        return [Facts(type, resolved.output.map { resolved.extents[$0] })]
    }

    func kernel<T: Number>(_: T.Type, _ inputs: [Tensor?], _ outputs: [Tensor]) throws(LTError) {
        let operands = inputs.compactMap { $0 }
        let resolved = try resolve(operands.map { $0.dims.map(Optional.some) })
        let extents = resolved.extents.map { $0 ?? 1 }
        let summed = extents.indices.filter { !resolved.output.contains($0) }
        var outer: [StridedIndices.Iterator] = []
        var innerStrides: [[Int]] = []
        for (tensor, axes) in zip(operands, resolved.inputs) {
            var steps = [Int](repeating: 0, count: extents.count)
            for (position, axis) in axes.enumerated() where tensor.dims[position] != 1 || extents[axis] == 1 {
                steps[axis] += tensor.shape.strides[position]
            }
            outer.append(
                StridedIndices(resolved.output.map { extents[$0] }, resolved.output.map { steps[$0] }).makeIterator())
            innerStrides.append(summed.map { steps[$0] })
        }
        let sources = operands.map { $0.elements(T.self) }
        let innerDims = summed.map { extents[$0] }
        let target = outputs[0].elements(T.self)
        for index in target.indices {
            var inner: [StridedIndices.Iterator] = []
            for operand in sources.indices {
                let start = outer[operand].next() ?? 0
                inner.append(StridedIndices(innerDims, innerStrides[operand], offset: start).makeIterator())
            }
            var (whole, real) = (T.zero, 0.0)
            while let first = inner[0].next() {
                var product = sources[0][first]
                for operand in 1..<max(sources.count, 1) {
                    if let place = inner[operand].next() { product = product.times(sources[operand][place]) }
                }
                if T.elementType.isInteger { whole = whole.plus(product) } else { real += product.double }
            }
            target[index] = T.elementType.isInteger ? whole : T(saturating: real)
        }
    }
}
