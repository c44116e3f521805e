// CIFAR-10 and CIFAR-100 (Krizhevsky, 2009), python and binary versions, unpacked or in their .tar.gz files.
// https://www.cs.toronto.edu/~kriz/cifar.html: an image is its red, green and blue planes of 32 × 32 bytes; a record of the
// binary version has the label before it (CIFAR-100: coarse label, then fine label).

import Foundation
import LTCore

/// One of the two data sets.
public enum CIFAR: String, CaseIterable, Sendable {
    case cifar10, cifar100

    public enum Split: String, CaseIterable, Sendable { case train, test }

    static let side = 32
    var title: String { self == .cifar10 ? "CIFAR-10" : "CIFAR-100" }

    /// Where a version keeps what.
    struct Version {
        var isBinary: Bool
        var folder: String
        var archive: String
        var train: [String]
        var test: [String]
        /// The file of class names.
        var names: String
    }
    var versions: [Version] {
        switch self {
        case .cifar10:
            [
                Version(
                    isBinary: false, folder: "cifar-10-batches-py", archive: "cifar-10-python.tar.gz",
                    train: (1...5).map { "data_batch_\($0)" }, test: ["test_batch"], names: "batches.meta"),
                Version(
                    isBinary: true, folder: "cifar-10-batches-bin", archive: "cifar-10-binary.tar.gz",
                    train: (1...5).map { "data_batch_\($0).bin" }, test: ["test_batch.bin"], names: "batches.meta.txt"),
            ]
        case .cifar100:
            [
                Version(
                    isBinary: false, folder: "cifar-100-python", archive: "cifar-100-python.tar.gz", train: ["train"],
                    test: ["test"], names: "meta"),
                Version(
                    isBinary: true, folder: "cifar-100-binary", archive: "cifar-100-binary.tar.gz",
                    train: ["train.bin"], test: ["test.bin"], names: "fine_label_names.txt"),
            ]
        }
    }
}

extension Dataset {
    /// Reads CIFAR-10 or CIFAR-100.
    /// - Parameter root: the unpacked folder, the .tar.gz file, or the folder that either lies in.
    /// - Throws: `notFound` when none of the versions is there; `io`; `malformed` naming the file and what is wrong in it.
    public static func cifar(_ kind: CIFAR, root: String, split: CIFAR.Split) throws(LTError) -> Dataset {
        let (version, files) = try CIFARFiles.find(kind, root, split)
        return try within("\(kind.title) in \(root)") { () throws(LTError) in
            var content = CIFARContent(kind: kind, isBinary: version.isBinary, names: [])
            content.names = try within("file \(version.names)") { () throws(LTError) in
                try content.readNames(try files.buffer(version.names))
            }
            var hash = SHA256()
            let parts = split == .train ? version.train : version.test
            for part in parts {
                let buffer = try files.buffer(part)
                hash.update(buffer.bytes)
                try within("file \(part)") { () throws(LTError) in try content.append(buffer) }
            }
            var dataset = Dataset(
                source: "\(root) \(split.rawValue)", digest: hash.digest, imageFolder: root,
                categories: content.names.enumerated().map { Category(id: $0, name: $1) }, images: [])
            dataset.images.reserveCapacity(content.labels.count)
            for (index, label) in content.labels.enumerated() {
                var image = Image(
                    id: index, path: "\(split.rawValue)/\(index)", width: CIFAR.side, height: CIFAR.side,
                    split: split.rawValue, labels: [label])
                image.archived = index
                dataset.images.append(image)
            }
            dataset.archive = try PixelArchive(width: CIFAR.side, height: CIFAR.side, pixels: content.pixels)
            return dataset
        }
    }

    /// Parts a single-label set as Class-wise Difficulty-Balanced loss does: the last images of each class in file order
    /// are for validation.
    /// - Throws: `invalidArgument` naming a class that has no more images than that.
    public func holdingOut(lastOfEachClass count: Int) throws(LTError) -> (train: Dataset, validation: Dataset) {
        guard isSingleLabel else {
            throw LTError(
                .invalidArgument, "holding images out needs one class per image", context: ["data set \(source)"])
        }
        for (category, images) in zip(categories, imageCounts) where images <= count {
            throw LTError(
                .invalidArgument,
                "class \(category.name) has \(images) images, expected more than the \(count) held out",
                context: ["data set \(source)"])
        }
        var left = imageCounts
        var parts: (train: [Int], validation: [Int]) = ([], [])
        for (position, image) in images.enumerated() {
            left[image.labels[0]] -= 1
            if left[image.labels[0]] < count { parts.validation.append(position) } else { parts.train.append(position) }
        }
        return (subset(parts.train), subset(parts.validation))
    }
}

/// The files of one version, from a folder or an archive.
private enum CIFARFiles {
    case folder(String)
    case archive([String: Buffer])

    func buffer(_ name: String) throws(LTError) -> Buffer {
        switch self {
        case .folder(let path): return try readFile("\(path)/\(name)", limit: 1 << 31)
        case .archive(let files):
            guard let buffer = files[name] else { throw LTError(.notFound, "the archive has no file \(name)") }
            return buffer
        }
    }

    /// The version that `root` holds, the python one first.
    static func find(
        _ kind: CIFAR, _ root: String, _ split: CIFAR.Split
    ) throws(LTError) -> (CIFAR.Version, CIFARFiles) {
        for version in kind.versions {
            let wanted = split == .train ? version.train : version.test
            for folder in [root, "\(root)/\(version.folder)"] where Dataset.isFile("\(folder)/\(wanted[0])") {
                return (version, .folder(folder))
            }
        }
        for version in kind.versions where Dataset.isFile("\(root)/\(version.archive)") {
            return (version, try unpack("\(root)/\(version.archive)", [version], split).1)
        }
        if Dataset.isFile(root) { return try unpack(root, kind.versions, split) }
        let expected = kind.versions.map { "\($0.folder)/\(split == .train ? $0.train[0] : $0.test[0])" }
        throw LTError(
            .notFound, "no \(kind.title) in \(root)",
            hint: "expected \(expected.joined(separator: " or ")), or the .tar.gz file of one of these folders")
    }

    private static func unpack(
        _ path: String, _ versions: [CIFAR.Version], _ split: CIFAR.Split
    ) throws(LTError) -> (CIFAR.Version, CIFARFiles) {
        let wanted = Set(versions.flatMap { (split == .train ? $0.train : $0.test) + [$0.names] })
        let files = try TarReader.files(in: path) { wanted.contains(($0 as NSString).lastPathComponent) }
        let named = Dictionary(
            files.map { (($0.key as NSString).lastPathComponent, $0.value) }, uniquingKeysWith: { first, _ in first })
        guard let version = versions.first(where: { named[(split == .train ? $0.train : $0.test)[0]] != nil }) else {
            throw LTError(
                .notFound, "archive \(path) holds none of the files \(wanted.sorted().joined(separator: ", "))")
        }
        return (version, .archive(named))
    }
}

/// What the files say, in their order.
private struct CIFARContent {
    let kind: CIFAR
    let isBinary: Bool
    var names: [String]
    var labels: [Int] = []
    /// [count, 32, 32, 3].
    var pixels: [UInt8] = []

    private static let planeSize = CIFAR.side * CIFAR.side
    private static let imageSize = 3 * planeSize
    private var labelKey: String { kind == .cifar10 ? "labels" : "fine_labels" }

    func readNames(_ buffer: Buffer) throws(LTError) -> [String] {
        if isBinary { return try LineFile("class names", buffer).lines.map(\.text.trimmed) }
        let key = kind == .cifar10 ? "label_names" : "fine_label_names"
        let meta = try Pickle.read(buffer).value
        guard let names = meta[key]?.elements?.map(\.text), !names.isEmpty, !names.contains(nil) else {
            throw LTError(.malformed, "'\(key)' is \(meta[key]?.kind ?? "not there"), expected a list of names")
        }
        return names.compactMap { $0 }
    }

    mutating func append(_ buffer: Buffer) throws(LTError) {
        if isBinary { try appendRecords(buffer) } else { try appendPickle(buffer) }
    }

    private mutating func appendRecords(_ buffer: Buffer) throws(LTError) {
        let labelSize = kind == .cifar10 ? 1 : 2
        let size = labelSize + Self.imageSize
        guard buffer.byteCount > 0, buffer.byteCount % size == 0 else {
            throw LTError(.malformed, "\(buffer.byteCount) bytes, expected a whole number of records of \(size)")
        }
        try withExtendedLifetime(buffer) { () throws(LTError) in
            for start in stride(from: 0, to: buffer.byteCount, by: size) {
                try append(label: Int(buffer.bytes[start + labelSize - 1]))
                append(planes: UnsafeRawBufferPointer(rebasing: buffer.bytes[(start + labelSize)..<(start + size)]))
            }
        }
    }

    private mutating func appendPickle(_ buffer: Buffer) throws(LTError) {
        let batch = try Pickle.read(buffer, allowing: NumPyArray.globals).value
        guard let data = batch["data"] else {
            throw LTError(.malformed, "no 'data' in the pickle, which holds \(batch.kind)")
        }
        let array = try within("'data'") { () throws(LTError) in try NumPyArray(data) }
        guard array.type == .uint8, array.shape.rank == 2, array.shape[1] == Self.imageSize else {
            throw LTError(
                .malformed, "'data' is \(array.type) of shape \(array.shape), expected uint8 [N,\(Self.imageSize)]")
        }
        guard let labels = try batch[labelKey].flatMap({ value throws(LTError) in try Self.numbers(value) }) else {
            throw LTError(
                .malformed, "'\(labelKey)' is \(batch[labelKey]?.kind ?? "not there"), expected a list of whole numbers"
            )
        }
        guard labels.count == array.shape[0] else {
            throw LTError(.malformed, "\(labels.count) labels for \(array.shape[0]) images")
        }
        for label in labels { try append(label: label) }
        let tensor = try array.tensor()
        withExtendedLifetime(tensor) {
            for start in stride(from: 0, to: tensor.byteCount, by: Self.imageSize) {
                append(planes: UnsafeRawBufferPointer(rebasing: tensor.bytes[start..<(start + Self.imageSize)]))
            }
        }
    }

    /// A list of whole numbers, or a NumPy array of them.
    private static func numbers(_ value: PickleValue) throws(LTError) -> [Int]? {
        if case .object = value { return try NumPyArray(value).tensor().wholeNumbers() }
        guard let numbers = value.elements?.map(\.whole), !numbers.contains(nil) else { return nil }
        return numbers.compactMap { $0 }
    }

    private mutating func append(label: Int) throws(LTError) {
        guard names.indices.contains(label) else {
            throw LTError(.malformed, "image \(labels.count) has label \(label), expected 0 to \(names.count - 1)")
        }
        labels.append(label)
    }

    /// From planes to pixels.
    private mutating func append(planes: UnsafeRawBufferPointer) {
        let start = pixels.count
        pixels.append(contentsOf: planes)
        pixels.withUnsafeMutableBufferPointer { pixels in
            for position in 0..<Self.planeSize {
                for channel in 0..<3 {
                    pixels[start + 3 * position + channel] = planes[channel * Self.planeSize + position]
                }
            }
        }
    }
}
