// Containers: what operators on sequences, optionals and subgraphs share: facts of values of any kind, and cutting tensors
// into slices and putting slices together.

import LTCore
import LTGraph

extension ONNXValue {
    /// "a tensor", "a sequence" or "an optional", for messages.
    var kind: String {
        switch self {
        case .tensor: "a tensor"
        case .sequence: "a sequence"
        case .optional: "an optional"
        }
    }
}

extension ValueFacts {
    /// "a tensor", "a sequence" or "an optional", for messages.
    var kind: String {
        switch self {
        case .tensor: "a tensor"
        case .container(.sequence): "a sequence"
        case .container: "an optional"
        }
    }

    /// The type, shapes included as far as they are known.
    var type: ValueType {
        switch self {
        case .tensor(let facts): .tensor(facts.type, facts.dims?.map { $0.map(Dimension.fixed) ?? .unknown })
        case .container(let type): type
        }
    }

    /// What a type says of a value.
    /// - Throws: `unsupported` when it does not say which elements a tensor has.
    init(_ type: ValueType?, _ what: String) throws(LTError) {
        switch type {
        case .tensor(let element?, let dims)?: self = .tensor(Facts(element, dims?.map(\.fixed)))
        case .sequence?, .optional?: self = .container(type ?? .sequence(nil))
        default: throw LTError(.unsupported, "the type of \(what) is not known before the model runs")
        }
    }

    /// What holds of a value that may be this one or the other.
    /// - Throws: `typeMismatch` when one value cannot be of both types.
    func merged(_ other: ValueFacts, _ what: String) throws(LTError) -> ValueFacts {
        switch (self, other) {
        case (.tensor(let a), .tensor(let b)):
            guard a.type == b.type else {
                throw LTError(
                    .typeMismatch,
                    "\(what) is tensor(\(b.type.onnxName)) and tensor(\(a.type.onnxName)), expected one type")
            }
            guard let x = a.dims, let y = b.dims, x.count == y.count else { return .tensor(Facts(a.type, nil)) }
            return .tensor(Facts(a.type, zip(x, y).map { $0 == $1 ? $0 : nil }))
        case (.container(let a), .container(let b)): return .container(a.merged(b))
        default: throw LTError(.typeMismatch, "\(what) is \(other.kind) and \(kind), expected one kind")
        }
    }

    /// The facts that still hold when the shape may change.
    var ofAnyShape: ValueFacts {
        switch self {
        case .tensor(let facts): .tensor(Facts(facts.type, nil))
        case .container(let type): .container(type.ofAnyShape)
        }
    }
}

extension ValueType {
    /// The type of values of either type, with what both know of their shapes.
    func merged(_ other: ValueType) -> ValueType {
        switch (self, other) {
        case (.tensor(let a, let x), .tensor(let b, let y)):
            guard let x, let y, x.count == y.count else { return .tensor(a ?? b, nil) }
            return .tensor(a ?? b, zip(x, y).map { $0 == $1 ? $0 : .unknown })
        case (.sequence(let a), .sequence(let b)): return .sequence(ValueType.merged(a, b))
        case (.optional(let a), .optional(let b)): return .optional(ValueType.merged(a, b))
        default: return self
        }
    }

    private static func merged(_ a: ValueType?, _ b: ValueType?) -> ValueType? {
        guard let a, let b else { return a ?? b }
        return a.merged(b)
    }

    var ofAnyShape: ValueType {
        switch self {
        case .tensor(let type, _): .tensor(type, nil)
        case .sequence(let element): .sequence(element?.ofAnyShape)
        case .optional(let element): .optional(element?.ofAnyShape)
        case .map, .opaque: self
        }
    }
}

extension Array where Element == ValueFacts? {
    /// All as tensors.
    /// - Throws: `typeMismatch` for other values.
    func tensors() throws(LTError) -> [Facts?] {
        var facts: [Facts?] = []
        for (index, value) in enumerated() {
            switch value {
            case nil: facts.append(nil)
            case .tensor(let tensor): facts.append(tensor)
            case let other?: throw LTError(.typeMismatch, "input \(index) is \(other.kind), expected a tensor")
            }
        }
        return facts
    }

    func optional(_ index: Int) -> ValueFacts? { index < count ? self[index] : nil }

    func required(_ index: Int) throws(LTError) -> ValueFacts {
        guard let facts = optional(index) else {
            throw LTError(.malformed, "input \(index) is absent, expected a value")
        }
        return facts
    }

    /// The element type of the sequence at `index`, as far as it is known.
    func sequence(_ index: Int) throws(LTError) -> ValueType? {
        let facts = try required(index)
        guard case .container(.sequence(let element)) = facts else {
            throw LTError(.typeMismatch, "input \(index) is \(facts.kind), expected a sequence")
        }
        return element
    }

    /// The facts of the tensor at `index`.
    func tensor(_ index: Int, _ types: Set<ElementType> = .all) throws(LTError) -> Facts {
        let facts = try required(index)
        guard case .tensor(let tensor) = facts else {
            throw LTError(.typeMismatch, "input \(index) is \(facts.kind), expected a tensor")
        }
        try tensor.expect(types, index)
        return tensor
    }
}

extension Array where Element == ONNXValue? {
    /// All as tensors.
    /// - Throws: `typeMismatch` for other values.
    func tensors() throws(LTError) -> [Tensor?] {
        var tensors: [Tensor?] = []
        for (index, value) in enumerated() {
            switch value {
            case nil: tensors.append(nil)
            case .tensor(let tensor): tensors.append(tensor)
            case let other?: throw LTError(.typeMismatch, "input \(index) is \(other.kind), expected a tensor")
            }
        }
        return tensors
    }

    func optional(_ index: Int) -> ONNXValue? { index < count ? self[index] : nil }

    func required(_ index: Int) throws(LTError) -> ONNXValue {
        guard let value = optional(index) else {
            throw LTError(.malformed, "input \(index) is absent, expected a value")
        }
        return value
    }

    func sequence(_ index: Int) throws(LTError) -> [ONNXValue] {
        let value = try required(index)
        guard case .sequence(let items) = value else {
            throw LTError(.typeMismatch, "input \(index) is \(value.kind), expected a sequence")
        }
        return items
    }

    func tensor(_ index: Int) throws(LTError) -> Tensor {
        try required(index).tensor("input \(index)")
    }

    /// A position in a sequence of `count` elements, `last` at most: the tensor at `index`, counted from the end when
    /// negative; nil where it is absent.
    func position(_ index: Int, count: Int, last: Int) throws(LTError) -> Int? {
        guard let value = optional(index) else { return nil }
        let stated = try value.tensor("input \(index)").integers("position")
        guard stated.count == 1, stated[0] >= -count, stated[0] <= last else {
            throw LTError(
                .invalidArgument, "position \(stated) of a sequence of \(count), expected one of \(-count) to \(last)")
        }
        return stated[0] < 0 ? stated[0] + count : stated[0]
    }
}

extension ONNXValue {
    func tensor(_ what: String) throws(LTError) -> Tensor {
        guard case .tensor(let tensor) = self else {
            throw LTError(.typeMismatch, "\(what) is \(kind), expected a tensor")
        }
        return tensor
    }

    /// The one element of a bool tensor.
    func condition(_ what: String) throws(LTError) -> Bool {
        let tensor = try tensor(what)
        guard tensor.type == .bool, tensor.count == 1 else {
            throw LTError(
                .shapeMismatch,
                "\(what) is tensor(\(tensor.type.onnxName)) \(tensor.shape), expected one tensor(bool) element")
        }
        return tensor.elements(Bool.self)[0]
    }
}

extension Tensor {
    /// The slice at a position of an axis, without that axis.
    func slice(_ axis: Int, _ position: Int) throws(LTError) -> Tensor {
        var (dims, strides) = (dims, shape.strides)
        dims.remove(at: axis)
        let stride = strides.remove(at: axis)
        return try strided(try Shape(dims), strides, offset: position * stride)
    }

    /// Tensors of one shape as slices along a new axis.
    static func stack(_ slices: [Tensor], axis: Int) throws(LTError) -> Tensor {
        var parts: [Tensor?] = []
        for slice in slices {
            var dims = slice.dims
            dims.insert(1, at: try LTRuntime.position(axis, rank: dims.count + 1))
            parts.append(try slice.reshaped(dims))
        }
        return try ConcatOperator(axis: axis).run(parts)[0]
    }
}
