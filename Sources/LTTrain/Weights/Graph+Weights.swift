// Initial weights of a network, taken by name from a file. What is missing, of another shape or left over is said by name.

import LTCore
import LTGraph
import OrderedCollections

extension Graph {
    /// Replaces weights and running statistics by those of a file.
    /// - Returns: what the user should be told.
    /// - Throws: `notFound`, `shapeMismatch` listing the names at fault.
    mutating func load(_ file: WeightFile, _ start: Recipe.Start) throws(LTError) -> [String] {
        let prefix = start.prefix ?? ""
        let given = file.entries.keys.filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
        guard !given.isEmpty else {
            throw LTError(
                .notFound, "no tensor of \(file.path) has a name that begins with '\(prefix)'",
                hint: "it has \(Self.listed(Array(file.entries.keys)))")
        }
        let statistics = nodes.filter { $0.opType == "BatchNormalization" }.flatMap { $0.inputs.dropFirst(3) }
        let wanted = OrderedSet(trainableNames() + statistics).filter { initializers[$0]?.type == .float32 }
        let kept = { (name: String) in start.reset.contains { matches(name, pattern: $0) } }
        for pattern in start.reset where !wanted.contains(where: { matches($0, pattern: pattern) }) {
            throw LTError(.notFound, "init.reset: '\(pattern)' matches no weight of the network")
        }
        var missing: [String] = []
        var misshapen: [String] = []
        for name in wanted where !kept(name) {
            guard let fresh = initializers[name] else { continue }
            guard let entry = file.entries[prefix + name] else {
                missing.append(name)
                continue
            }
            guard entry.shape == fresh.shape else {
                misshapen.append(name)
                continue
            }
            guard missing.isEmpty, misshapen.isEmpty else { continue }
            initializers[name] = try within("tensor '\(prefix + name)' of \(file.path)") { () throws(LTError) in
                try file.tensor(prefix + name).float32()
            }
        }
        // Counters of batches are no weights.
        let known = Set(wanted)
        let surplus = given.filter { !known.contains($0) && !$0.hasSuffix("num_batches_tracked") && !kept($0) }
        guard missing.isEmpty, misshapen.isEmpty else {
            throw failure(file, prefix, missing, misshapen, surplus, count: wanted.count)
        }
        return surplus.isEmpty ? [] : ["\(file.path): not used: \(Self.listed(surplus))"]
    }

    private func failure(
        _ file: WeightFile, _ prefix: String, _ missing: [String], _ misshapen: [String], _ surplus: [String],
        count: Int
    ) -> LTError {
        var parts: [String] = []
        if !missing.isEmpty { parts.append("it lacks \(missing.count) of \(count): \(Self.listed(missing))") }
        if !misshapen.isEmpty {
            let shapes = misshapen.map { name in
                let actual = file.entries[prefix + name]?.shape.description ?? ""
                return "\(name) is \(actual), the network needs \(initializers[name]?.shape.description ?? "")"
            }
            parts.append("of another shape: \(Self.listed(shapes, quoted: false))")
        }
        if !surplus.isEmpty { parts.append("not of the network: \(Self.listed(surplus))") }
        // The layers at fault as patterns.
        let layers = OrderedSet(
            (missing + misshapen).map { name in
                name.lastIndex(of: ".").map { "\(name[..<$0]).*" } ?? name
            })
        let hint =
            layers.count <= 3
            ? "`init.reset: [\(layers.joined(separator: ", "))]` keeps the fresh weights there"
            : "is it the same network? `init.prefix` takes the names behind a prefix, `init.reset` keeps fresh weights"
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
