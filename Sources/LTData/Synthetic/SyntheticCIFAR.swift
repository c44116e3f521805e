// CIFAR-10 and CIFAR-100, written: pickles as Python 2 wrote them, or the binary version, as a folder or a .tar.gz file.
// https://www.cs.toronto.edu/~kriz/cifar.html

import LTCore

extension SyntheticFormatTable {
    private static func version(_ kind: CIFAR, _ variants: Set<String>) -> CIFAR.Version {
        kind.versions.first { $0.isBinary == variants.contains("binary") } ?? kind.versions[0]
    }

    static func cifarTargets(_ kind: CIFAR, _ variants: Set<String>) -> [String] {
        let version = version(kind, variants)
        return ["data/\(variants.contains("archive") ? version.archive : version.folder)"]
    }

    static func cifar(_ kind: CIFAR, _ job: SyntheticJob) throws(LTError) -> SyntheticData.Result {
        let version = version(kind, job.variants)
        var result = SyntheticData.Result()
        var files: [(name: String, bytes: [UInt8])] = []
        let splits = [
            ("train", job.labels(job.sizes, split: 1), version.train),
            ("test", job.balanced(job.testImages, split: 2), version.test),
        ]
        for (number, (name, labels, parts)) in splits.enumerated() {
            let planes = try job.each(labels.count, split: UInt64(number + 1)) { index, generator throws(LTError) in
                let picture = try job.picture(labels[index], &generator)
                return withExtendedLifetime(picture) {
                    (0..<3).flatMap { channel in
                        stride(from: channel, to: picture.bytes.count, by: 3).map { picture.bytes[$0] }
                    }
                }
            }
            for (part, file) in parts.enumerated() {
                let range = part * labels.count / parts.count..<(part + 1) * labels.count / parts.count
                let title = name == "test" ? "testing batch 1 of 1" : "training batch \(part + 1) of \(parts.count)"
                let batch = CIFARBatch(
                    kind: kind, title: title, labels: Array(labels[range]), planes: Array(planes[range]),
                    kinds: job.kinds, first: range.lowerBound)
                files.append((file, version.isBinary ? batch.records : batch.pickle))
            }
            result.splits.append(job.split(name, labels))
        }
        files += names(kind, job, version, largest: splits[0].1.count)
        if job.variants.contains("archive") {
            try job.folder.save(
                try TarWriter.gzip(files.map { ("\(version.folder)/\($0.name)", $0.bytes) }), "data/\(version.archive)")
        } else {
            for file in files { try job.folder.save(file.bytes, "data/\(version.folder)/\(file.name)") }
        }
        let root = job.place(cifarTargets(kind, job.variants)[0])
        result.sections = ["train", "test"].map { ($0, "{format: \(kind.rawValue), root: \(root), split: \($0)}") }
        return result
    }

    /// CIFAR-100's classes lie in groups of five.
    fileprivate static func coarse(_ label: Int) -> Int { label / 5 }

    private static func names(
        _ kind: CIFAR, _ job: SyntheticJob, _ version: CIFAR.Version, largest: Int
    ) -> [(String, [UInt8])] {
        let fine = job.kinds.map(\.name)
        let groups = (0...coarse(fine.count - 1)).map { "group-\($0 + 1)" }
        func text(_ lines: [String]) -> [UInt8] { Array(lines.map { $0 + "\n" }.joined().utf8) }
        func list(_ names: [String]) -> PickleTree { .list(names.map { .string($0) }) }
        switch (kind, version.isBinary) {
        case (.cifar10, true): return [(version.names, text(fine))]
        case (.cifar100, true): return [(version.names, text(fine)), ("coarse_label_names.txt", text(groups))]
        case (.cifar10, false):
            let meta = PickleTree.dict([
                (.string("num_cases_per_batch"), .int((largest + 4) / 5)), (.string("label_names"), list(fine)),
                (.string("num_vis"), .int(3072)),
            ])
            return [(version.names, Pickle.bytes(of: meta, as: .python2))]
        case (.cifar100, false):
            let meta = PickleTree.dict([
                (.string("fine_label_names"), list(fine)), (.string("coarse_label_names"), list(groups)),
            ])
            return [(version.names, Pickle.bytes(of: meta, as: .python2))]
        }
    }
}

/// The images of one file.
private struct CIFARBatch {
    let kind: CIFAR
    let title: String
    let labels: [Int]
    /// Red, green and blue planes of each image.
    let planes: [[UInt8]]
    let kinds: [SyntheticKind]
    /// Number of the first image, for the file names that the pickles list.
    let first: Int

    /// Labels (coarse and fine for CIFAR-100), then the planes.
    var records: [UInt8] {
        zip(labels, planes).flatMap { label, planes in
            (kind == .cifar100 ? [UInt8(SyntheticFormatTable.coarse(label))] : []) + [UInt8(label)] + planes
        }
    }

    var pickle: [UInt8] {
        let names = labels.enumerated().map { index, label in
            PickleTree.string("\(kinds[label].name)_s_\(SyntheticJob.digits(first + index, 6)).png")
        }
        let numbers: [(key: PickleTree, value: PickleTree)] =
            switch kind {
            case .cifar10: [(.string("labels"), .list(labels.map { .int($0) }))]
            case .cifar100:
                [
                    (.string("fine_labels"), .list(labels.map { .int($0) })),
                    (.string("coarse_labels"), .list(labels.map { .int(SyntheticFormatTable.coarse($0)) })),
                ]
            }
        let data = PickleTree.array(type: "u1", shape: [planes.count, 3072], bytes: planes.flatMap { $0 })
        return Pickle.bytes(
            of: .dict(
                [(.string("batch_label"), .string(title))] + numbers
                    + [(.string("data"), data), (.string("filenames"), .list(names))]), as: .python2)
    }
}
