// The network of a run with its initial weights: built fresh, taken by name from an ONNX file, or that file's own graph.

import LTCore
import LTGraph

extension Trainer {
    /// The network with its initial weights.
    static func graph(_ recipe: Recipe, classes: Int) throws(LTError) -> Graph {
        guard let network = recipe.network else {
            guard let start = recipe.start else { throw LTError(.notFound, "the recipe has no network") }
            let graph = try Graph.read(path: start.path)
            guard graph.outputs.first?.type.flatMap(lastDimension) ?? classes == classes else {
                throw LTError(
                    .shapeMismatch,
                    "\(start.path) gives \(graph.outputs.first?.type.flatMap(lastDimension) ?? 0) classes, the data has \(classes)",
                    hint: "say `network` in the recipe and `reset: [fc.*]` in `init` to give it a new head")
            }
            return graph
        }
        var generator = SeededGenerator(seed: recipe.seed)
        var graph = try network.graph(classes: classes, inputSize: recipe.input.size, generator: &generator)
        guard let start = recipe.start else { return graph }
        let source = try Graph.read(path: start.path)
        for (name, fresh) in graph.initializers where fresh.type == .float32 {
            if start.reset.contains(where: { matches(name, pattern: $0) }) { continue }
            guard let weights = source.initializers[name] else {
                throw LTError(
                    .notFound, "\(start.path) has no initializer '\(name)'",
                    hint: "is it the same network? `init.reset: [\(name)]` keeps the fresh weights")
            }
            guard weights.dims == fresh.dims, weights.type == fresh.type else {
                throw LTError(
                    .shapeMismatch,
                    "initializer '\(name)' of \(start.path) has shape \(weights.shape), the network needs \(fresh.shape)",
                    hint: "`init.reset: [\(name)]` keeps the fresh weights")
            }
            graph.initializers[name] = weights
        }
        for pattern in start.reset where !graph.initializers.keys.contains(where: { matches($0, pattern: pattern) }) {
            throw LTError(.notFound, "init.reset: '\(pattern)' matches no initializer of the network")
        }
        return graph
    }
}

/// The last dimension of a tensor's type, when it is known.
private func lastDimension(_ type: ValueType) -> Int? {
    if case .tensor(_, let dims) = type { dims?.last?.fixed } else { nil }
}
