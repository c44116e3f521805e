// TrainingSet: what a run needs of a Dataset: image files, class positions per image, classes with their counts.

import LTCore
import LTDecision

/// Labelled image files.
public struct TrainingSet: Sendable {
    public var paths: [String]
    /// Positions in `labels` of each image's classes, ascending.
    public var targets: [[Int]]
    public var labels: [DecisionLayer.Label]
    /// sha256 of the annotation file, for provenance.
    public var digest: String?

    public init(paths: [String], targets: [[Int]], labels: [DecisionLayer.Label], digest: String? = nil) {
        self.paths = paths
        self.targets = targets
        self.labels = labels
        self.digest = digest
    }

    /// Images per class.
    public var counts: ClassCounts {
        var images = [Int](repeating: 0, count: labels.count)
        for target in targets { for label in target { images[label] += 1 } }
        return ClassCounts(names: labels.map(\.name), images: images, total: paths.count)
    }

    /// Checks what a single-label loss needs.
    /// - Throws: `invalidArgument` naming the image.
    func requireSingleLabels() throws(LTError) {
        for (path, target) in zip(paths, targets) where target.count != 1 {
            throw LTError(
                .invalidArgument, "image \(path) has \(target.count) classes; a softmax loss needs exactly one",
                hint: "choose a multi-label loss (`lt-train losses`), or k_positive")
        }
    }
}
