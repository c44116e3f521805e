// PartialElements: shape arithmetic while some dimensions are open. Of [N, 3, 224, 224] three elements are known, and so is
// what Gather, Concat or Mul make of them: the operators run on the elements with 0 for what is not known, and what
// depends on that is not known either.

import LTCore
import LTGraph

/// The elements of a small tensor of which some, but not all, are known before anything runs.
public struct PartialElements: Sendable {
    /// 0 where an element is not known.
    let values: Tensor
    /// int64: 1 where an element is not known, 0 elsewhere.
    let unknown: Tensor

    /// Shapes are short; what is longer is data.
    private static let longest = 1024

    /// - Parameter dims: at least one of them known.
    init(_ dims: [Int?]) throws(LTError) {
        values = try Tensor(dims.map { Int64($0 ?? 0) })
        unknown = try Tensor(dims.map { $0 == nil ? 1 : Int64(0) })
    }

    private init(values: Tensor, unknown: Tensor) {
        self.values = values
        self.unknown = unknown
    }

    private init?(_ facts: Facts?) throws(LTError) {
        if let partial = facts?.partial {
            self = partial
        } else {
            guard let value = facts?.value, value.count <= Self.longest else { return nil }
            self.init(values: value, unknown: try Tensor([Int64](repeating: 0, count: value.count), value.dims))
        }
    }

    /// Operators that move elements, wherever these come from, by inputs that are not elements.
    private static let moving: Set<String> = [
        "Concat", "Expand", "Flatten", "Gather", "Reshape", "Slice", "Split", "Squeeze", "Tile", "Transpose",
        "Unsqueeze",
    ]
    /// Operators whose elements are made of those at the same places.
    private static let elementwise: Set<String> = [
        "Abs", "Add", "And", "Cast", "Ceil", "Div", "Equal", "Floor", "Greater", "GreaterOrEqual", "Identity", "Less",
        "LessOrEqual", "Max", "Min", "Mod", "Mul", "Neg", "Not", "Or", "Sub", "Where",
    ]

    /// Adds to `outputs` what can be known of their elements from inputs that are partly known.
    static func complete(
        _ outputs: inout [ValueFacts], of node: Node, _ op: any ValueOperator, _ inputs: [ValueFacts?]
    ) throws(LTError) {
        guard node.isDefaultDomain, let op = op as? any Operator,
            inputs.contains(where: { if case .tensor(let facts)? = $0 { facts.partial != nil } else { false } }),
            let results = try ifPossible({ () throws(LTError) in
                try results(of: node.opType, op, try inputs.tensors())
            })
        else { return }
        for (index, result) in results.enumerated() where index < outputs.count {
            guard case .tensor(var facts) = outputs[index] else { continue }
            if result.unknown.elements(Int64.self).allSatisfy({ $0 == 0 }) {
                facts = Facts(result.values)
            } else if result.unknown.elements(Int64.self).contains(0) {
                facts.partial = result
            }
            outputs[index] = .tensor(facts)
        }
    }

    private static func results(
        of opType: String, _ op: any Operator, _ inputs: [Facts?]
    ) throws(LTError) -> [PartialElements] {
        var (values, unknown): ([Tensor?], [Tensor?]) = ([], [])
        for (index, facts) in inputs.enumerated() {
            guard let facts else {
                values.append(nil)
                unknown.append(nil)
                continue
            }
            guard let known = try PartialElements(facts) else { return [] }
            values.append(known.values)
            let isElements = index == 0 || opType == "Concat" || elementwise.contains(opType)
            guard isElements || facts.partial == nil else { return [] }
            unknown.append(isElements ? known.unknown : known.values)
        }
        guard moving.contains(opType) || elementwise.contains(opType),
            try op.outline(values).allSatisfy({ $0.shape.count <= longest })
        else { return [] }
        let made = try op.run(values)
        if moving.contains(opType) {
            return zip(made, try op.run(unknown)).map { PartialElements(values: $0, unknown: $1) }
        }
        return [PartialElements(values: made[0], unknown: try union(unknown.compactMap { $0 }, made[0].shape))]
    }

    private static func union(_ masks: [Tensor], _ shape: Shape) throws(LTError) -> Tensor {
        var result = [Int64](repeating: 0, count: shape.count)
        for mask in masks {
            let elements = mask.elements(Int64.self)
            let places = StridedIndices(shape.dims, broadcastStrides(mask.dims, to: shape.dims))
            for (index, place) in places.enumerated() { result[index] |= elements[place] }
        }
        return try Tensor(result, shape.dims)
    }
}

extension Facts {
    /// The elements of an integer tensor, nil where they are not known; nil when none is.
    func partialIntegers(_ name: String) throws(LTError) -> [Int?]? {
        if let integers = try integers(name) { return integers }
        guard let partial else { return nil }
        let unknown = partial.unknown.elements(Int64.self)
        return try Facts(partial.values).integers(name)?.enumerated().map { unknown[$0] == 0 ? $1 : nil }
    }
}
