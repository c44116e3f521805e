// COCO-MLT and VOC-MLT (Wu et al., 2020): the long-tailed training sets that lists pick from COCO 2017 and VOC 2012, and the
// test sets COCO val2017 and VOC 2007 test. Training images with a side below 32 pixels are left out, as in the paper's code.

import Foundation
import LTCore

/// A part of COCO-MLT or VOC-MLT.
public enum MLTSplit: String, CaseIterable, Sendable { case train, test }

extension Dataset {
    private static let minimumSide = 32

    /// Reads COCO-MLT. Categories have underscores for the blanks in COCO's names, and the counts of class_freq.pkl.
    /// - Parameters:
    ///   - lists: the folder of list files (appendix/coco/longtail2017), or the image list; nil for a test set whose training
    ///     counts do not matter.
    ///   - annotations: instances_train2017.json, or instances_val2017.json for the test set, which is read whole.
    ///   - imageFolder: see `coco`.
    /// - Throws: what `coco` and `MLTLists` throw; `notFound` for images that the annotations do not have; `conflict` when
    ///   class_freq.pkl does not count what is read.
    public static func cocoMLT(
        lists: String?, annotations: String, imageFolder: String? = nil, split: MLTSplit
    ) throws(LTError) -> Dataset {
        var dataset = try coco(annotations, imageFolder: imageFolder)
        for index in dataset.categories.indices {
            dataset.categories[index].name = dataset.categories[index].name.replacing(" ", with: "_")
        }
        guard let lists = try lists.map({ (path) throws(LTError) in try MLTLists(path) }) else {
            guard split == .test else {
                throw LTError(.invalidArgument, "the training set of COCO-MLT needs its lists")
            }
            return dataset
        }
        guard split == .train else {
            try lists.apply(to: &dataset, training: nil)
            return dataset
        }
        dataset = dataset.subset(try dataset.positions(of: lists.images))
        return try longTailed(dataset, lists)
    }

    /// Reads VOC-MLT.
    /// - Parameters:
    ///   - lists: the folder of list files (appendix/VOCdevkit/longtail2012), or the image list; as in `cocoMLT`.
    ///   - root: VOCdevkit, with VOC2012 for training and VOC2007 for the test set.
    public static func vocMLT(lists: String?, root: String, split: MLTSplit) throws(LTError) -> Dataset {
        let lists = try lists.map { (path) throws(LTError) in try MLTLists(path) }
        guard split == .train else {
            var dataset = try voc("\(root)/VOC2007", set: "test")
            try lists?.apply(to: &dataset, training: nil)
            return dataset
        }
        guard let lists else { throw LTError(.invalidArgument, "the training set of VOC-MLT needs its lists") }
        let dataset = try voc("\(root)/VOC2012", images: lists.images, classes: VOC.classes, split: split.rawValue)
        return try longTailed(dataset, lists)
    }

    private static func longTailed(_ dataset: Dataset, _ lists: MLTLists) throws(LTError) -> Dataset {
        var dataset = dataset
        try lists.apply(to: &dataset, training: dataset)
        let large = dataset.images.indices.filter { index in
            min(dataset.images[index].width ?? minimumSide, dataset.images[index].height ?? minimumSide) >= minimumSide
        }
        return large.count == dataset.images.count ? dataset : dataset.subset(large)
    }
}

/// Image-level labels of a whole data set as the long-tail construction reads them (terse_gt_2012.pkl, terse_gt_2017.pkl):
/// `gt_labels`, one multi-hot array per image, and `idx2img_id`, the images' names; `test_gt_labels` in the COCO file.
public struct TerseLabels: Sendable {
    /// Names or numbers of the images.
    public let images: [String]
    /// Classes of each image, ascending.
    public let labels: [[Int]]
    /// Classes of each test image, which the file does not name.
    public let testLabels: [[Int]]?
    public let classCount: Int

    /// - Throws: `io`; `malformed` and `unsupported` naming the entry.
    public init(_ path: String) throws(LTError) {
        let buffer = try readFile(path)
        (images, labels, testLabels, classCount) = try within("pickle \(path)") { () throws(LTError) in
            let value = try Pickle.read(buffer, allowing: NumPyArray.globals).value
            // Each label takes a byte at least, so a file of many references to one array is told before it is unfolded.
            var left = buffer.byteCount
            guard let names = value["idx2img_id"]?.elements?.map({ $0.whole.map(String.init) ?? $0.text }),
                !names.contains(nil)
            else {
                throw LTError(
                    .malformed, "'idx2img_id' is \(value["idx2img_id"]?.kind ?? "not there"), expected a list")
            }
            var classCount: Int?
            let labels = try Self.labels(value, "gt_labels", &classCount, &left)
            guard labels.count == names.count else {
                throw LTError(.malformed, "'gt_labels' has \(labels.count) images, 'idx2img_id' \(names.count)")
            }
            let test =
                value["test_gt_labels"] == nil ? nil : try Self.labels(value, "test_gt_labels", &classCount, &left)
            return (names.compactMap { $0 }, labels, test, classCount ?? 0)
        }
    }

    private static func labels(
        _ value: PickleValue, _ key: String, _ classCount: inout Int?, _ left: inout Int
    ) throws(LTError) -> [[Int]] {
        guard let rows = value[key]?.elements else {
            throw LTError(.malformed, "'\(key)' is \(value[key]?.kind ?? "not there"), expected a list of arrays")
        }
        var result: [[Int]] = []
        result.reserveCapacity(rows.count)
        for (index, row) in rows.enumerated() {
            result.append(
                try within("'\(key)', image \(index)") { () throws(LTError) in
                    let array = try NumPyArray(row)
                    classCount = classCount ?? array.shape.count
                    left -= array.shape.count
                    guard array.shape.count == classCount, left >= 0 else {
                        throw LTError(
                            .malformed, "an array of shape \(array.shape), expected \(classCount ?? 0) classes")
                    }
                    let numbers = try array.tensor().wholeNumbers()
                    guard numbers.allSatisfy({ $0 == 0 || $0 == 1 }) else {
                        throw LTError(.malformed, "labels other than 0 and 1")
                    }
                    return numbers.indices.filter { numbers[$0] == 1 }
                })
        }
        return result
    }
}
