// Parts of a Dataset: by position, by the names that a list gives.

import Foundation
import LTCore

extension Dataset {
    /// The images at these positions (each at most once), in this order, with their annotations.
    public func subset(_ chosen: [Int]) -> Dataset {
        var positions = [Int](repeating: -1, count: images.count)
        var part = self
        part.images = []
        part.images.reserveCapacity(chosen.count)
        for position in chosen {
            precondition(positions[position] < 0, "image \(position) is chosen twice")
            positions[position] = part.images.count
            var image = images[position]
            if archive != nil { image.archived = image.archived ?? position }
            part.images.append(image)
        }
        part.annotations = annotations.compactMap { annotation in
            guard positions[annotation.image] >= 0 else { return nil }
            var moved = annotation
            moved.image = positions[annotation.image]
            return moved
        }
        return part
    }

    /// The set with only those of its categories that occur in images of another, by id and name. What other categories are said
    /// of is dropped; all images stay.
    /// - Throws: `shapeMismatch` for a category that this set lacks or names otherwise; `notFound` when none occurs.
    public func keepingCategories(occurringIn other: Dataset) throws(LTError) -> Dataset {
        var positions: [Int: Int] = [:]
        for (position, category) in categories.enumerated() { positions[category.id] = position }
        var isKept = [Bool](repeating: false, count: categories.count)
        for (category, count) in zip(other.categories, other.imageCounts) where count > 0 {
            guard let position = positions[category.id], categories[position].name == category.name else {
                let own = positions[category.id].map { "where it is '\(categories[$0].name)'" } ?? "which lacks it"
                throw LTError(
                    .shapeMismatch,
                    "category \(category.id) is '\(category.name)' in \(other.source), "
                        + "expected that of \(source), \(own)")
            }
            isKept[position] = true
        }
        guard isKept.contains(true) else { throw LTError(.notFound, "no category occurs in \(other.source)") }
        var moved = [Int?](repeating: nil, count: categories.count)
        for (new, old) in isKept.indices.filter({ isKept[$0] }).enumerated() { moved[old] = new }
        var part = self
        part.categories = categories.indices.filter { isKept[$0] }.map { categories[$0] }
        for index in images.indices {
            part.images[index].labels = images[index].labels.compactMap { moved[$0] }
            part.images[index].negativeCategories = images[index].negativeCategories.compactMap { moved[$0] }
            part.images[index].notExhaustiveCategories = images[index].notExhaustiveCategories.compactMap { moved[$0] }
        }
        part.annotations = annotations.compactMap { annotation in
            guard let category = moved[annotation.category] else { return nil }
            var own = annotation
            own.category = category
            return own
        }
        return part
    }

    /// At most `count` images, in their order: the classes take turns, each with its next image that was not taken, so that a
    /// few images show every class.
    public func limited(to count: Int) -> Dataset {
        guard count < images.count else { return self }
        var members = [[Int]](repeating: [], count: categories.count)
        for position in images.indices.reversed() {
            for label in images[position].labels { members[label].append(position) }
        }
        var chosen: Set<Int> = []
        var turns = members.indices.filter { !members[$0].isEmpty }
        while chosen.count < count, !turns.isEmpty {
            for label in turns where chosen.count < count {
                while let position = members[label].popLast() {
                    if chosen.insert(position).inserted { break }
                }
            }
            turns.removeAll { members[$0].isEmpty }
        }
        // Images without classes fill up what is left.
        for position in images.indices where chosen.count < count { chosen.insert(position) }
        return subset(chosen.sorted())
    }

    /// Positions of the images that a list names. A name is a path below the image folder, else a file's name without
    /// its ending (VOC: 2008_000023), else the data set's own number (COCO; CIFAR: the position in the archive); the first of
    /// these that fits the whole list counts.
    /// - Throws: `notFound` naming what does not fit; `invalidArgument` for a name that comes twice.
    public func positions(of names: [String]) throws(LTError) -> [Int] {
        guard !names.isEmpty else { throw LTError(.invalidArgument, "an empty list of images") }
        let keys: [(Image) -> String] = [
            { $0.path }, { (($0.path as NSString).lastPathComponent as NSString).deletingPathExtension },
            { String($0.id) },
        ]
        var unknown: [String] = []
        for (rank, key) in keys.enumerated() where rank == 2 || archive == nil {
            var table: [String: Int] = [:]
            table.reserveCapacity(images.count)
            var isUnique = true
            for (position, image) in images.enumerated() {
                isUnique = table.updateValue(position, forKey: key(image)) == nil && isUnique
            }
            guard isUnique else { continue }
            // COCO's numbers may be written with leading zeros.
            let found = names.map { table[$0] ?? (rank == 2 ? Int($0).flatMap { table[String($0)] } : nil) }
            let positions = found.compactMap { $0 }
            guard positions.count == names.count else {
                let missing = zip(names, found).filter { $0.1 == nil }.map(\.0)
                if unknown.isEmpty || missing.count < unknown.count { unknown = missing }
                continue
            }
            if Set(positions).count < positions.count {
                var seen: Set<Int> = []
                let twice = zip(names, positions).first { !seen.insert($0.1).inserted }?.0 ?? ""
                throw LTError(.invalidArgument, "the list names \(twice) twice", context: ["data set \(source)"])
            }
            return positions
        }
        throw LTError(
            .notFound,
            "\(unknown.count) of \(names.count) names of the list are not in the set: "
                + Self.listed(unknown), context: ["data set \(source)"],
            hint: "the list gives paths, file names without their ending, or numbers of images")
    }

    /// Positions in this set of the images of a part of it, by their numbers.
    /// - Throws: `notFound` for an image that this set does not have.
    public func positions(of part: Dataset) throws(LTError) -> [Int] {
        var table: [Int: Int] = [:]
        table.reserveCapacity(images.count)
        for (position, image) in images.enumerated() { table[image.id] = position }
        return try part.images.map { image throws(LTError) in
            guard let position = table[image.id] else {
                throw LTError(.notFound, "image \(image.id)", context: ["data set \(source)"])
            }
            return position
        }
    }
}
