// Tiny ImageNet (Stanford CS231n): train/<wnid>/images/*.JPEG, and val either as published (val/images with val_annotations.txt)
// or rearranged into one folder per class. Classes in byte order of their WordNet ids, names from words.txt.

import Foundation
import LTCore

extension Dataset {
    /// A part of Tiny ImageNet.
    public enum TinyImageNetSplit: String, CaseIterable, Sendable { case train, val }

    /// Reads Tiny ImageNet.
    /// - Parameter root: the folder tiny-imagenet-200.
    /// - Throws: `io`; `malformed` naming a line; `invalidArgument` naming classes without images.
    public static func tinyImageNet(_ root: String, split: TinyImageNetSplit) throws(LTError) -> Dataset {
        let ids = try classIDs(root)
        var dataset = Dataset(
            source: "\(root) \(split.rawValue)", imageFolder: root, categories: try categories(ids, root), images: [])
        let folder = "\(root)/\(split.rawValue)"
        if split == .train || ids.contains(where: { isFolder("\(folder)/\($0)") }) {
            for (label, id) in ids.enumerated() {
                let below = isFolder("\(folder)/\(id)/images") ? "\(id)/images" : id
                for name in try imageFiles("\(folder)/\(below)") {
                    dataset.append("\(split.rawValue)/\(below)/\(name)", label, split)
                }
            }
        } else {
            let list = try LineFile("\(folder)/val_annotations.txt")
            let labels = Dictionary(uniqueKeysWithValues: ids.enumerated().map { ($1, $0) })
            for line in list.lines {
                // File, class, and a box.
                let fields = line.fields
                guard fields.count >= 2 else { throw list.error(line, "'\(line.text)', expected a file and a class") }
                guard let label = labels[String(fields[1])] else {
                    throw list.error(line, "class '\(fields[1])', expected one of \(listed(ids))")
                }
                dataset.append("val/images/\(fields[0])", label, split)
            }
            dataset.digest = list.digest
        }
        try dataset.requireImagesOfEachCategory()
        return dataset
    }

    private mutating func append(_ path: String, _ label: Int, _ split: TinyImageNetSplit) {
        images.append(Image(id: images.count, path: path, split: split.rawValue, labels: [label]))
    }

    /// The folders of the training part; where it is not there, what wnids.txt lists.
    private static func classIDs(_ root: String) throws(LTError) -> [String] {
        if isFolder("\(root)/train") {
            let folders = try entries("\(root)/train").filter { isFolder("\(root)/train/\($0)") }
            guard !folders.isEmpty else { throw LTError(.invalidArgument, "\(root)/train has no folders in it") }
            return folders
        }
        guard isFile("\(root)/wnids.txt") else {
            throw LTError(.io, "neither train nor wnids.txt in \(root)", hint: "name the folder tiny-imagenet-200")
        }
        return try classNames("\(root)/wnids.txt").sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    /// "goldfish, Carassius auratus"; the id where words.txt has none, or behind a name that several classes have.
    private static func categories(_ ids: [String], _ root: String) throws(LTError) -> [Category] {
        var words: [String: String] = [:]
        if isFile("\(root)/words.txt") {
            let wanted = Set(ids)
            for line in try LineFile("\(root)/words.txt").lines {
                guard let id = line.fields.first.map(String.init), wanted.contains(id) else { continue }
                words[id] = line.text.drop { $0.isWhitespace }.dropFirst(id.count).trimmed
            }
        }
        let names = ids.map { words[$0].flatMap { $0.isEmpty ? nil : $0 } ?? $0 }
        let uses = Dictionary(names.map { ($0, 1) }, uniquingKeysWith: +)
        return zip(ids, names).enumerated().map { label, pair in
            Category(id: label, name: uses[pair.1] == 1 ? pair.1 : "\(pair.1) (\(pair.0))")
        }
    }
}
