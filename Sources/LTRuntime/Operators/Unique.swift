// Unique: the distinct slices of X along axis (without one: the distinct elements of X flattened), sorted or (sorted 0) in
// order of first occurrence; the position of each one's first occurrence, for each slice of X the position of its like,
// and how often each occurs. NaN counts as equal to itself and comes last. New in opset 11.
// https://onnx.ai/onnx/operators/onnx__Unique.html

import LTCore

struct UniqueOperator: Operator {
    static let schema = OperatorSchema(
        "Unique", opsets: 11...Opset.latest, inputs: 1...1, outputs: 1...4,
        types: .numbers.union(Set.complex).union([.bool, .string]))

    let axis: Int?
    let isSorted: Bool

    init(_ node: OperatorNode) throws(LTError) {
        axis = try node.node.int("axis")
        isSorted = try node.node.int("sorted") ?? 1 != 0
    }

    /// X [d0, …] → Y [k] or [d0, …, k, …], indices [k], inverse_indices [n], counts [k].
    func infer(_ inputs: [Facts?]) throws(LTError) -> [Facts] {
        let x = try Self.first(inputs)
        var dims: [Int?]? = [nil]
        var items = try x.dims?.product()
        if let axis {
            dims = try x.dims("X", ranks: 1...Int.max)
            if let rank = dims?.count {
                let axis = try position(axis, rank: rank)
                items = dims?[axis]
                dims?[axis] = nil
            }
        }
        return [Facts(x.type, dims), Facts(.int64, [nil]), Facts(.int64, [items]), Facts(.int64, [nil])]
    }

    func run(_ inputs: [Tensor?]) throws(LTError) -> [Tensor] {
        _ = try infer(inputs.map { $0.map { Facts($0) } })
        let x = inputs[0]!
        let axis = try axis.map { (axis) throws(LTError) in try position(axis, rank: x.shape.rank) }
        let items = axis.map { x.dims[$0] } ?? x.count
        let keys = try keys(x, axis)
        let width = items == 0 ? 0 : keys.count / items

        func differ(_ a: Int, _ b: Int) -> Int? { (0..<width).first { keys[a * width + $0] != keys[b * width + $0] } }
        let order = (0..<items).sorted { a, b in
            differ(a, b).map { keys[a * width + $0] < keys[b * width + $0] } ?? (a < b)
        }
        // Groups of equal items, each by its first; `group` is the group of each item.
        var (firsts, counts, group): ([Int], [Int64], [Int]) = ([], [], [Int](repeating: 0, count: items))
        for (place, item) in order.enumerated() {
            if place == 0 || differ(order[place - 1], item) != nil {
                firsts.append(item)
                counts.append(0)
            }
            counts[counts.count - 1] += 1
            group[item] = firsts.count - 1
        }
        if !isSorted {
            let order = firsts.indices.sorted { firsts[$0] < firsts[$1] }
            var rank = [Int](repeating: 0, count: order.count)
            for (place, number) in order.enumerated() { rank[number] = place }
            (firsts, counts, group) = (order.map { firsts[$0] }, order.map { counts[$0] }, group.map { rank[$0] })
        }
        var dims = [firsts.count]
        if let axis {
            dims = x.dims
            dims[axis] = firsts.count
        }
        let shape = try Shape(dims)
        let y =
            if let axis { try x.picking(shape, slices: firsts, axis: axis) } else { try x.picking(shape, from: firsts) }
        return [y, try Tensor(firsts.map { Int64($0) }), try Tensor(group.map { Int64($0) }), try Tensor(counts)]
    }

    /// Keys whose order is that of the elements, the same number for each item; those of an item lie together.
    private func keys(_ x: Tensor, _ axis: Int?) throws(LTError) -> [UInt64] {
        var x = x
        if let axis, axis > 0 {
            var (dims, strides) = (x.dims, x.shape.strides)
            dims.insert(dims.remove(at: axis), at: 0)
            strides.insert(strides.remove(at: axis), at: 0)
            x = try x.strided(try Shape(dims), strides)
        }
        return try x.orderKeys()
    }
}
