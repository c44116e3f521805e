// The list files of COCO-MLT and VOC-MLT (Wu et al., 2020, Distribution-Balanced Loss; their appendix folders): which images
// are in the long-tailed training set, how often each class occurs, which classes are head, middle and tail.
// Pickles of them hold plain values and NumPy arrays, and nothing else is accepted.

import Foundation
import LTCore
import LTDecision

/// A folder of list files, or one list of images.
public struct MLTLists: Sendable {
    /// class_freq.pkl: what the loss needs to know of the training set.
    public struct Frequency: Sendable, Equatable {
        /// For each class, the images with it.
        public var positives: [Int]
        /// For each class, the images without it.
        public var negatives: [Int]
        /// Row c: the share of class c's images that have each class, [classes, classes]; nil when the file has none.
        public var condition: [Double]?
    }

    public let path: String
    /// In the file's order: numbers for COCO, names such as 2008_000023 for VOC.
    public let images: [String]
    public let frequency: Frequency?
    /// class_split.pkl: the classes of each group, ascending.
    public let groups: [String: [Int]]?

    /// Reads img_id.txt or img_id.pkl (which may be text all the same), class_freq.pkl and class_split.pkl where they are
    /// there. A path that is no folder is that of the image list alone.
    /// - Throws: `io`, `malformed`, `unsupported` naming the file.
    public init(_ path: String) throws(LTError) {
        self.path = path
        guard Dataset.isFolder(path) else {
            images = try Self.readImages(path)
            (frequency, groups) = (nil, nil)
            return
        }
        let lists = ["img_id.txt", "img_id.pkl"].map { "\(path)/\($0)" }
        guard let list = lists.first(where: Dataset.isFile) else {
            throw LTError(.io, "no file img_id.txt or img_id.pkl in \(path)")
        }
        images = try Self.readImages(list)
        let frequencies = "\(path)/class_freq.pkl"
        let split = "\(path)/class_split.pkl"
        frequency = Dataset.isFile(frequencies) ? try Self.readFrequency(frequencies) : nil
        groups = Dataset.isFile(split) ? try Self.readGroups(split) : nil
        try within("lists in \(path)") { () throws(LTError) in try checkOwn() }
    }

    private static func readImages(_ path: String) throws(LTError) -> [String] {
        let buffer = try readFile(path, limit: 1 << 30)
        let names: [String]
        // A pickle of protocol 2 and above begins with this byte, which no text does.
        if buffer.bytes.first == 0x80 {
            names = try within("pickle \(path)") { () throws(LTError) in
                let value = try Pickle.read(buffer, allowing: NumPyArray.globals).value
                guard let names = value.elements?.map({ $0.whole.map(String.init) ?? $0.text }), !names.contains(nil)
                else { throw LTError(.malformed, "\(value.kind), expected a list of image names or numbers") }
                return names.compactMap { $0 }
            }
        } else {
            names = try LineFile(path, buffer).lines.map(\.text.trimmed)
        }
        guard !names.isEmpty else { throw LTError(.malformed, "\(path) names no images") }
        return names
    }

    private static func readFrequency(_ path: String) throws(LTError) -> Frequency {
        let value = try Pickle.read(file: path, allowing: NumPyArray.globals)
        return try within("pickle \(path)") { () throws(LTError) in
            func counts(_ key: String) throws(LTError) -> [Int] {
                try within("'\(key)'") { () throws(LTError) in
                    let counts = try numbers(value[key])
                    guard counts.allSatisfy({ $0 >= 0 }), !counts.isEmpty else {
                        throw LTError(.malformed, "expected a count from 0 on for each class")
                    }
                    return counts
                }
            }
            var frequency = Frequency(
                positives: try counts("class_freq"), negatives: try counts("neg_class_freq"), condition: nil)
            if let condition = value["condition_prob"] {
                let array = try within("'condition_prob'") { () throws(LTError) in try NumPyArray(condition) }
                let count = frequency.positives.count
                guard array.type == .float64, array.shape.dims == [count, count] else {
                    throw LTError(
                        .malformed,
                        "'condition_prob' is \(array.type) of \(array.shape), expected float64 of \(count)×\(count)")
                }
                frequency.condition = try array.tensor().array(of: Double.self)
            }
            return frequency
        }
    }

    private static func readGroups(_ path: String) throws(LTError) -> [String: [Int]] {
        let value = try Pickle.read(file: path, allowing: NumPyArray.globals)
        return try within("pickle \(path)") { () throws(LTError) in
            var groups: [String: [Int]] = [:]
            for entry in value.entries ?? [] {
                guard let name = entry.key.text else { throw LTError(.malformed, "a group named by \(entry.key.kind)") }
                groups[name] = try within("group '\(name)'") { () throws(LTError) in try numbers(entry.value).sorted() }
            }
            guard !groups.isEmpty else { throw LTError(.malformed, "\(value.kind), expected a dict of groups") }
            return groups
        }
    }

    /// A list, tuple, set or array of whole numbers.
    static func numbers(_ value: PickleValue?) throws(LTError) -> [Int] {
        guard let value else { throw LTError(.malformed, "not there, expected whole numbers") }
        if case .object = value { return try NumPyArray(value).tensor().wholeNumbers() }
        guard let numbers = value.elements?.map(\.whole), !numbers.contains(nil) else {
            throw LTError(.malformed, "\(value.kind), expected whole numbers")
        }
        return numbers.compactMap { $0 }
    }

    /// What the files say of each other.
    private func checkOwn() throws(LTError) {
        guard let frequency else { return }
        let count = frequency.positives.count
        guard frequency.negatives.count == count else {
            throw LTError(
                .conflict,
                "class_freq.pkl has class_freq of \(count) classes, neg_class_freq of \(frequency.negatives.count)")
        }
        for (label, sum) in zip(frequency.positives, frequency.negatives).map({ $0.addingReportingOverflow($1) })
            .enumerated()
        where sum.overflow || sum.partialValue != images.count {
            throw LTError(
                .conflict,
                "class_freq.pkl counts \(frequency.positives[label]) images with class \(label) and "
                    + "\(frequency.negatives[label]) without, the list has \(images.count) images")
        }
        guard let groups else { return }
        let members = groups.values.flatMap { $0 }.sorted()
        guard members == Array(0..<count) else {
            throw LTError(
                .conflict,
                "class_split.pkl has \(members.count) classes in its groups, expected each of 0 to \(count - 1) once")
        }
        // Reports group classes by their counts; the groups of the file must be the same ones.
        for (name, classes) in groups {
            for label in classes where FrequencyGroups.db.name(ofCount: frequency.positives[label]) != name {
                throw LTError(
                    .conflict,
                    "class_split.pkl has class \(label) of \(frequency.positives[label]) images in '\(name)', expected "
                        + "'\(FrequencyGroups.db.name(ofCount: frequency.positives[label]) ?? "")'")
            }
        }
    }

    /// Checks the counts against labels that were read, and gives the categories their training counts.
    func apply(to dataset: inout Dataset, training: Dataset?) throws(LTError) {
        guard let frequency else {
            for (label, count) in (training?.imageCounts ?? []).enumerated() {
                dataset.categories[label].trainCount = count
            }
            return
        }
        let place = "lists in \(path)"
        guard frequency.positives.count == dataset.categories.count else {
            throw LTError(
                .conflict,
                "class_freq.pkl has \(frequency.positives.count) classes, the data \(dataset.categories.count)",
                context: [place])
        }
        if let training {
            let differing = zip(frequency.positives, training.imageCounts).enumerated().filter { $1.0 != $1.1 }
            if let (label, counts) = differing.first {
                throw LTError(
                    .conflict,
                    "class_freq.pkl counts \(counts.0) images of class '\(dataset.categories[label].name)', the annotations "
                        + "\(counts.1); \(differing.count) of \(dataset.categories.count) classes differ",
                    context: [place], hint: "the lists and the annotations must be of the same data set and year")
            }
        }
        for label in dataset.categories.indices { dataset.categories[label].trainCount = frequency.positives[label] }
    }
}
