// ModelHead: what a model's outputs hold, by task: one score per class, or objects. It splits what a run made for a batch
// into one prediction per image.

import LTCore
import LTDecision
import LTGraph
import LTImage

/// How a run's outputs become predictions.
public enum ModelHead: Sendable {
    case scores(ScoreHead)
    case detections(DetectionHead)

    /// Columns of scores; classes of a detector (0 when it does not say).
    public var columns: Int {
        switch self {
        case .scores(let head): head.columns
        case .detections(let head): head.categoryCount
        }
    }

    /// What the store records of it: another head makes other numbers of the same outputs.
    public var description: String {
        switch self {
        case .scores(let head): head.output
        case .detections(let head): "\(head)"
        }
    }

    /// The predictions of a run. An image whose outputs make no sense fails alone.
    /// - Parameters:
    ///   - geometries: of the images that were given.
    ///   - fixed: images that the model ran on, with those that only fill it up; `nil`: as many as were given.
    /// - Throws: what concerns the whole batch: outputs of another type or shape.
    func predictions(
        _ outputs: [String: Tensor], _ geometries: [ImageGeometry], of fixed: Int?
    ) throws(LTError) -> [Result<Prediction, LTError>] {
        let count = fixed ?? geometries.count
        switch self {
        case .scores(let head):
            return try head.rows(outputs, count).prefix(geometries.count).map { .success(.scores($0)) }
        case .detections(let head):
            var results: [Result<Prediction, LTError>] = []
            for (index, geometry) in geometries.enumerated() {
                do throws(LTError) {
                    let list = try head.detections(outputs, image: index, of: count, geometry: geometry)
                    results.append(.success(.detections(list)))
                } catch {
                    // A label that is no class is this image's affair, a wrong shape everybody's.
                    guard error.code == .notFound else { throw error }
                    results.append(.failure(error))
                }
            }
            return results
        }
    }
}

/// One raw output per class.
public struct ScoreHead: Sendable {
    public let output: String
    /// Raw outputs per image.
    public let columns: Int

    /// The output that holds the raw scores: the named one, or the first.
    static func output(_ graph: Graph, _ name: String?, _ layer: DecisionLayer) throws(LTError) -> ValueInfo {
        if let own = layer.outputs, let name, name == own.scores || name == own.decisions {
            throw LTError(
                .invalidArgument, "output '\(name)' is calibrated already, decisions are made from '\(own.raw)'",
                hint: "leave out --output")
        }
        guard let output = name == nil ? graph.outputs.first : graph.outputs.first(where: { $0.name == name }) else {
            let names = graph.outputs.map { "'\($0.name)'" }.joined(separator: ", ")
            throw LTError(.notFound, "no output '\(name ?? "")', the model has \(names)")
        }
        if case .tensor(let type?, _)? = output.type, type != .float32 {
            throw LTError(.typeMismatch, "output '\(output.name)' is tensor(\(type.onnxName)), expected tensor(float)")
        }
        return output
    }

    func rows(_ outputs: [String: Tensor], _ count: Int) throws(LTError) -> [[Float]] {
        guard let tensor = outputs[output], tensor.type == .float32 else {
            throw LTError(.typeMismatch, "output '\(output)' is not tensor(float)")
        }
        guard count > 0, tensor.count == count * columns else {
            throw LTError(
                .shapeMismatch, "output '\(output)' has shape \(tensor.shape), expected [\(count),\(columns)]")
        }
        let all = try tensor.array(of: Float.self)
        return (0..<count).map { Array(all[$0 * columns..<($0 + 1) * columns]) }
    }
}
