// MultiLabelLists: the files that COCO-MLT and VOC-MLT consist of beside their images (Distribution-Balanced loss): the list
// of image ids, class_freq.pkl (labels, class sizes, co-occurrence) and class_split.pkl (head, middle, tail).

import Foundation
import LTCore
import LTDecision

extension Dataset {
    /// How a list names images.
    public enum ListNames: Sendable {
        /// Paths below the image folder.
        case paths
        /// File names without their ending (VOC).
        case stems
        /// The data set's own numbers (COCO; CIFAR: positions in the archive).
        case numbers
    }

    /// The images by name, one of each line of a list.
    public func names(_ kind: ListNames) -> [String] {
        images.map { image in
            switch kind {
            case .paths: image.path
            case .stems: ((image.path as NSString).lastPathComponent as NSString).deletingPathExtension
            case .numbers: String(image.id)
            }
        }
    }

    /// class_freq.pkl: `gt_labels` (multi-hot int64 vectors), `class_freq`, `neg_class_freq`, `condition_prob` (row c: the mean
    /// label vector of the images that have class c; zeros for a class without images).
    public var classFrequencyPickle: [UInt8] {
        let counts = imageCounts
        let size = categories.count
        var together = [Double](repeating: 0, count: size * size)
        for image in images {
            for a in image.labels { for b in image.labels { together[a * size + b] += 1 } }
        }
        for row in 0..<size where counts[row] > 0 {
            for column in 0..<size { together[row * size + column] /= Double(counts[row]) }
        }
        return Pickle.bytes(
            of: .dict([
                (.string("gt_labels"), .list(labelVectors)), (.string("class_freq"), .int64(counts)),
                (.string("neg_class_freq"), .int64(counts.map { images.count - $0 })),
                (.string("condition_prob"), .float64(together, shape: [size, size])),
            ]))
    }

    /// class_split.pkl: `head`, `middle` and `tail` as sets of class positions, by the rule of that paper.
    public var classSplitPickle: [UInt8] {
        let counts = imageCounts
        return Pickle.bytes(
            of: .dict(
                FrequencyGroups.db.groups.map { group in
                    let members = counts.indices.filter { group.contains(counts[$0]) }
                    return (key: .string(group.name), value: .set(members.map { .int($0) }))
                }))
    }

    /// terse_gt_YEAR.pkl: `gt_labels`, `img_id2idx` and `idx2img_id` of a whole set; COCO's has the labels of the test
    /// set too.
    public func tersePickle(_ kind: ListNames, test: Dataset? = nil) -> [UInt8] {
        let names = names(kind).map { kind == .numbers ? PickleTree.int(Int($0) ?? 0) : .string($0) }
        var entries: [(key: PickleTree, value: PickleTree)] = [
            (.string("gt_labels"), .list(labelVectors)),
            (.string("img_id2idx"), .dict(names.enumerated().map { ($1, .int($0)) })),
            (.string("idx2img_id"), .list(names)),
        ]
        if let test { entries.append((.string("test_gt_labels"), .list(test.labelVectors))) }
        return Pickle.bytes(of: .dict(entries))
    }

    private var labelVectors: [PickleTree] {
        images.map { image in
            var vector = [Int](repeating: 0, count: categories.count)
            for label in image.labels { vector[label] = 1 }
            return .int64(vector)
        }
    }
}
