// RowMap: what a chain of copies (Reshape, Transpose, Slice, Concat, …) does to one source, as a list of whole rows.

import LTCore
import LTGraph

/// Row i of a value is row places[i] of `source`, both seen as rows of `run` elements.
struct RowMap {
    let source: String
    var run: Int
    var places: [Int32]
    /// Nodes that copy elements.
    let copies: Int

    /// Rows of `length` elements instead; nil where these are no whole rows of the map's.
    func rows(of length: Int) -> RowMap? {
        guard length > 0, run % length == 0 else { return nil }
        let parts = run / length
        var map = self
        map.run = length
        if parts > 1 {
            map.places = places.flatMap { place in (0..<parts).map { place * Int32(parts) + Int32($0) } }
        }
        return map
    }

    /// For each row where it goes; nil where the map does not hold each row once.
    func inverse(rows: Int) -> [Int32]? {
        guard places.count == rows else { return nil }
        var inverse = [Int32](repeating: -1, count: rows)
        for (index, place) in places.enumerated() {
            guard Int(place) < rows, inverse[Int(place)] < 0 else { return nil }
            inverse[Int(place)] = Int32(index)
        }
        return inverse
    }
}

extension ViewGraph {
    /// Shorter rows and longer lists are left to the copies.
    private static let (shortest, most) = (8, 1 << 20)

    private enum Move {
        case same
        case view(StridedIndices)
        /// Parts of so many elements, one of each input in turn.
        case join([Int])
    }

    /// What a node that only moves elements does to make `output`; nil for others.
    private func move(_ index: Int, _ output: String) throws(LTError) -> Move? {
        let node = graph.nodes[index]
        guard node.isDefaultDomain, isFloat(output), shape(output) != nil else { return nil }
        if isReshape(node) { return .same }
        if node.opType == "Concat" {
            guard let shape = shape(output), let given = try node.int("axis"), let axis = try? shape.axis(given)
            else { return nil }
            var parts: [Int] = []
            for input in node.inputs {
                guard let part = self.shape(input), part.rank == shape.rank else { return nil }
                parts.append(part.dims.dropFirst(axis).reduce(1, *))
            }
            return .join(parts)
        }
        guard let op = facts.operators[index] as? any ViewOperator, let position = node.outputs.firstIndex(of: output)
        else { return nil }
        let arguments = node.inputs.map { $0.isEmpty ? nil : facts[$0] }
        let views = try ifPossible { () throws(LTError) in try op.views(arguments) }
        guard let views = views ?? nil, position < views.count else { return nil }
        return .view(views[position].merged)
    }

    /// The value as rows of the one value that all its elements come from; nil where that takes short rows.
    func rowMap(_ name: String) throws(LTError) -> RowMap? {
        // From the value up to where nothing moves any more; one source only.
        var moves: [(output: String, inputs: [String], move: Move)] = []
        var seen: Set<String> = [name]
        var open = [name]
        var sources: Set<String> = []
        while let value = open.popLast() {
            guard moves.count < 64 else { return nil }
            guard let index = makers[value], let move = try move(index, value) else {
                sources.insert(value)
                guard sources.count == 1 else { return nil }
                continue
            }
            let node = graph.nodes[index]
            let inputs: [String]
            if case .join = move { inputs = node.inputs } else { inputs = [node.inputs[0]] }
            moves.append((value, inputs, move))
            for input in inputs where seen.insert(input).inserted { open.append(input) }
        }
        guard let source = sources.first, !moves.isEmpty, isFloat(source), graph.initializers[source] == nil,
            let whole = shape(source)?.count, whole > 0
        else { return nil }
        // The longest rows that all moves keep.
        func divisor(_ a: Int, _ b: Int) -> Int { b == 0 ? a : divisor(b, a % b) }
        var (run, copies) = (whole, 0)
        for (_, _, move) in moves {
            switch move {
            case .same: continue
            case .view(let view):
                guard view.strides.last == 1, view.strides.allSatisfy({ $0 >= 0 }) else { return nil }
                run = divisor(run, view.dims.last ?? 1)
                for stride in view.strides.dropLast() { run = divisor(run, stride) }
                run = divisor(run, view.offset)
            case .join(let parts): for part in parts { run = divisor(run, part) }
            }
            copies += 1
        }
        guard run >= Self.shortest, copies > 0, whole / run <= Self.most else { return nil }
        // Makers come before readers in the graph.
        moves.sort { (makers[$0.output] ?? 0) < (makers[$1.output] ?? 0) }
        var places: [String: [Int32]] = [source: (0..<Int32(whole / run)).map { $0 }]
        for (output, inputs, move) in moves {
            guard let count = shape(output)?.count, count / run <= Self.most, let first = places[inputs[0]] else {
                return nil
            }
            switch move {
            case .same: places[output] = first
            case .view(let view):
                let dims = view.dims.dropLast() + [(view.dims.last ?? run) / run]
                let strides = view.strides.dropLast().map { $0 / run } + [1]
                places[output] = StridedIndices(Array(dims), strides, offset: view.offset / run).map { first[$0] }
            case .join(let parts):
                var joined: [Int32] = []
                joined.reserveCapacity(count / run)
                let width = parts.reduce(0, +)
                for row in 0..<(width > 0 ? count / width : 0) {
                    for (input, part) in zip(inputs, parts) {
                        guard let own = places[input] else { return nil }
                        joined.append(contentsOf: own[(row * part / run)..<((row + 1) * part / run)])
                    }
                }
                places[output] = joined
            }
        }
        guard let made = places[name] else { return nil }
        return RowMap(source: source, run: run, places: made, copies: copies)
    }
}
