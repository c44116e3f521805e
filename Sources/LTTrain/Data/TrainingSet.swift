// TrainingSet: what a run needs of a Dataset: samples, class positions of each, classes with their counts.

import LTCore
import LTData
import LTDecision

/// Labelled samples.
public struct TrainingSet: Sendable {
    public var samples: [Sample]
    /// Positions in `labels` of each sample's classes, ascending.
    public var targets: [[Int]]
    public var labels: [DecisionLayer.Label]
    /// sha256 of what the set was read from, for provenance.
    public var digest: String?

    public init(samples: [Sample], targets: [[Int]], labels: [DecisionLayer.Label], digest: String? = nil) {
        self.samples = samples
        self.targets = targets
        self.labels = labels
        self.digest = digest
    }

    /// - Throws: `notFound` when image files are missing.
    public init(_ dataset: Dataset) throws(LTError) {
        if dataset.archive == nil { try dataset.requireFiles() }
        self.init(
            samples: dataset.samples, targets: dataset.images.map(\.labels),
            labels: dataset.categories.map { DecisionLayer.Label(id: $0.id, name: $0.name) }, digest: dataset.digest)
    }

    /// Samples per class.
    public var counts: ClassCounts {
        var images = [Int](repeating: 0, count: labels.count)
        for target in targets { for label in target { images[label] += 1 } }
        return ClassCounts(names: labels.map(\.name), images: images, total: samples.count)
    }

    /// Checks what a single-label loss needs.
    /// - Throws: `invalidArgument` naming the image.
    func requireSingleLabels() throws(LTError) {
        for (sample, target) in zip(samples, targets) where target.count != 1 {
            throw LTError(
                .invalidArgument, "image \(sample.name) has \(target.count) classes; a softmax loss needs exactly one",
                hint: "choose a multi-label loss (`lt-train losses`), or k_positive")
        }
    }
}
