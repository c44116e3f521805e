// Image-level labels of a Dataset: matrix, counts, and the checks that training and evaluation ask for.

import Foundation
import LTCore
import LTDecision

extension Dataset {
    /// The multi-hot labels, [images, categories], row-major, 0 or 1.
    /// - Throws: `outOfMemory` for a matrix beyond 2^36 elements.
    public func labelMatrix() throws(LTError) -> [UInt8] {
        let (count, overflow) = images.count.multipliedReportingOverflow(by: categories.count)
        guard !overflow, count <= 1 << 36 else {
            throw LTError(.outOfMemory, "a label matrix of \(images.count) images × \(categories.count) classes")
        }
        var matrix = [UInt8](repeating: 0, count: count)
        for (row, image) in images.enumerated() {
            for label in image.labels { matrix[row * categories.count + label] = 1 }
        }
        return matrix
    }

    /// For each category, the images of this set that have it.
    public var imageCounts: [Int] {
        var counts = [Int](repeating: 0, count: categories.count)
        for image in images { for label in image.labels { counts[label] += 1 } }
        return counts
    }

    /// Training images per category, as the categories say.
    /// - Throws: `notFound` naming categories without a count.
    public func trainCounts() throws(LTError) -> [Int] {
        let lacking = categories.filter { $0.trainCount == nil }.map(\.name)
        guard lacking.isEmpty else {
            throw LTError(
                .notFound, "no training count (image_count) for \(Self.listed(lacking))",
                context: ["data set \(source)"], hint: "give the training counts with --train-counts")
        }
        return categories.map { $0.trainCount ?? 0 }
    }

    /// The images of one split.
    public func split(_ name: String) throws(LTError) -> Dataset {
        let part = subset(images.indices.filter { images[$0].split == name })
        guard !part.images.isEmpty else {
            let names = Self.listed(Set(images.compactMap(\.split)).sorted())
            throw LTError(
                .notFound, "no images of split '\(name)', there are: \(names)", context: ["data set \(source)"])
        }
        return part
    }

    /// Checks that every category has an image, which class-aware sampling and class weights need.
    /// - Throws: `invalidArgument` naming the categories without images.
    public func requireImagesOfEachCategory() throws(LTError) {
        let empty = zip(categories, imageCounts).filter { $0.1 == 0 }.map(\.0.name)
        guard empty.isEmpty else {
            throw LTError(
                .invalidArgument, "\(empty.count) of \(categories.count) classes have no image: \(Self.listed(empty))",
                context: ["data set \(source)"])
        }
    }

    /// Checks that the image files are there.
    /// - Throws: `notFound` with their number and examples.
    public func requireFiles() throws(LTError) {
        let manager = FileManager.default
        let missing = files.filter { !manager.fileExists(atPath: $0) }
        guard missing.isEmpty else {
            throw LTError(
                .notFound, "\(missing.count) of \(images.count) image files are missing: \(Self.listed(missing))",
                context: ["data set \(source)"], hint: "name the folder that the images lie in")
        }
    }

    /// The first few of many names.
    static func listed(_ names: [String], limit: Int = 5) -> String {
        let shown = names.prefix(limit).joined(separator: ", ")
        return names.count > limit ? shown + ", … (\(names.count - limit) more)" : shown
    }
}
