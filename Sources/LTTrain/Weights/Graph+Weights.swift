// Initial weights of a network, taken by name from a file. What is missing, of another shape or left over is said by name.

import LTCore
import LTGraph
import OrderedCollections

extension Graph {
    /// What a file of weights has to fill: weights and running statistics.
    func loadableNames() -> [String] {
        let statistics = nodes.filter { $0.opType == "BatchNormalization" }.flatMap { $0.inputs.dropFirst(3) }
        return OrderedSet(trainableNames() + statistics).filter { initializers[$0]?.type == .float32 }
    }

    /// Replaces weights and running statistics by those of a file.
    /// - Returns: what the user should be told.
    /// - Throws: `notFound`, `shapeMismatch` listing the names at fault.
    mutating func load(_ file: WeightFile, _ start: Recipe.Start) throws(LTError) -> [String] {
        var graphs = [self]
        defer { self = graphs[0] }
        return try WeightAssignment(file, start).fill(&graphs)
    }
}

/// Tensors of a file for the weights of one network, which may be several graphs.
struct WeightAssignment {
    let file: WeightFile
    let start: Recipe.Start
    /// The names that files have for a weight, the first one that is there counts.
    let spellings: (String) -> [String]

    init(_ file: WeightFile, _ start: Recipe.Start, spellings: @escaping (String) -> [String] = { [$0] }) {
        (self.file, self.start, self.spellings) = (file, start, spellings)
    }

    /// Replaces weights and running statistics; nothing when it throws.
    /// - Returns: what the user should be told.
    /// - Throws: `notFound`, `shapeMismatch` listing the names at fault.
    func fill(_ graphs: inout [Graph]) throws(LTError) -> [String] {
        var wanted: OrderedDictionary<String, Tensor> = [:]
        for graph in graphs { for name in graph.loadableNames() { wanted[name] = graph.initializers[name] } }
        for pattern in start.reset where !wanted.keys.contains(where: { matches($0, pattern: pattern) }) {
            throw LTError(.notFound, "init.reset: '\(pattern)' matches no weight of the network")
        }
        if let into = start.into {
            guard wanted.keys.contains(where: { $0.hasPrefix(into) }) else {
                throw LTError(
                    .notFound, "init.into: no weight of the network has a name that begins with '\(into)'",
                    hint: "it has \(Self.listed(Array(wanted.keys)))")
            }
            wanted.removeAll { !$0.key.hasPrefix(into) }
        }
        let prefix = start.prefix ?? ""
        let given = file.entries.keys.filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
        guard !given.isEmpty else {
            throw LTError(
                .notFound, "no tensor of \(file.path) has a name that begins with '\(prefix)'",
                hint: "it has \(Self.listed(Array(file.entries.keys)))")
        }
        let kept = { (name: String) in start.reset.contains { matches(name, pattern: $0) } }
        var missing: [String] = []
        var misshapen: [(name: String, source: String)] = []
        var sources: OrderedDictionary<String, String> = [:]
        for (name, fresh) in wanted where !kept(name) {
            guard let source = names(name).first(where: { file.entries[$0] != nil }) else {
                missing.append(name)
                continue
            }
            if file.entries[source]?.shape == fresh.shape {
                sources[name] = source
            } else {
                misshapen.append((name, source))
            }
        }
        // Counters of batches are no weights.
        let known = Set(wanted.keys.flatMap { names($0) })
        let surplus = given.filter { !known.contains(prefix + $0) && !$0.hasSuffix("num_batches_tracked") && !kept($0) }
        guard missing.isEmpty, misshapen.isEmpty else { throw failure(missing, misshapen, surplus, wanted) }
        var loaded: [String: Tensor] = [:]
        for (name, source) in sources {
            loaded[name] = try within("tensor '\(source)' of \(file.path)") { () throws(LTError) in
                try file.tensor(source).float32()
            }
        }
        for index in graphs.indices {
            for name in graphs[index].loadableNames() {
                if let tensor = loaded[name] { graphs[index].initializers[name] = tensor }
            }
        }
        return surplus.isEmpty ? [] : ["\(file.path): not used: \(Self.listed(surplus))"]
    }

    /// How the file may call a weight of the network.
    private func names(_ name: String) -> [String] {
        let into = start.into ?? ""
        return spellings(name).filter { $0.hasPrefix(into) }.map { (start.prefix ?? "") + $0.dropFirst(into.count) }
    }

    private func failure(
        _ missing: [String], _ misshapen: [(name: String, source: String)], _ surplus: [String],
        _ wanted: OrderedDictionary<String, Tensor>
    ) -> LTError {
        var parts: [String] = []
        if !missing.isEmpty { parts.append("it lacks \(missing.count) of \(wanted.count): \(Self.listed(missing))") }
        if !misshapen.isEmpty {
            let shapes = misshapen.map { (name, source) in
                let actual = file.entries[source]?.shape.description ?? ""
                return "\(name) is \(actual), the network needs \(wanted[name]?.shape.description ?? "")"
            }
            parts.append("of another shape: \(Self.listed(shapes, quoted: false))")
        }
        if !surplus.isEmpty { parts.append("not of the network: \(Self.listed(surplus))") }
        // The layers at fault as patterns.
        let layers = OrderedSet(
            (missing + misshapen.map(\.name)).map { name in
                name.lastIndex(of: ".").map { "\(name[..<$0]).*" } ?? name
            })
        let hint =
            layers.count <= 3
            ? "`init.reset: [\(layers.joined(separator: ", "))]` keeps the fresh weights there"
            : "is it the same network? `init.prefix` takes the names behind a prefix, `init.into` fills the part of the "
                + "network behind one, `init.reset` keeps fresh weights"
        return LTError(
            missing.isEmpty ? .shapeMismatch : .notFound,
            "\(file.path) does not fit the network: \(parts.joined(separator: "; "))", hint: hint)
    }

    /// The first few names, then how many more.
    private static func listed(_ names: [String], quoted: Bool = true) -> String {
        let first = names.prefix(4).map { quoted ? "'\($0)'" : $0 }.joined(separator: ", ")
        return names.count > 4 ? "\(first) and \(names.count - 4) more" : first
    }
}
