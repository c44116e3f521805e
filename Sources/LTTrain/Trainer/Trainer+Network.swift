// The network of a run with its initial weights: built fresh or a file's own graph, weights taken by name from a file.

import LTCore
import LTGraph

extension Trainer {
    /// The network with its initial weights; the request has what the user should be told, and the features' name.
    static func graph(_ recipe: Recipe, _ request: inout NetworkRequest) throws(LTError) -> Graph {
        guard let network = recipe.network else {
            guard let start = recipe.start else { throw LTError(.notFound, "the recipe has no network") }
            guard start.reset.isEmpty, start.prefix == nil, start.into == nil else {
                throw LTError(
                    .invalidArgument, "init.reset, init.prefix and init.into need a network",
                    hint: "`network: {name: onnx, path: \(start.path), reset_head: true}` makes the last layer anew")
            }
            return try ONNXNetwork(path: start.path).graph(&request)
        }
        guard !(network is RCNN) else {
            throw LTError(
                .unsupported, "network '\(RCNN.name)' is a detector, the recipe is a classifier's",
                hint:
                    "classifiers: \(NetworkTable.all.map { $0.name }.filter { $0 != RCNN.name }.joined(separator: ", "))"
            )
        }
        var graph = try network.graph(&request)
        guard let start = recipe.start else { return graph }
        request.notes += try graph.load(try WeightFile.read(start.path), start)
        return graph
    }
}
