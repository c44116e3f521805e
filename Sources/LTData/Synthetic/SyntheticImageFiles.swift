// Sets of one class per image, each image a file: Tiny ImageNet (Stanford CS231n), ImageNet-LT (lists of Liu et al., 2019),
// iNaturalist 2018 (JSON of Van Horn et al.), one folder per class.

import LTCore

extension SyntheticFormatTable {
    /// Draws a split; `path` says where an image goes.
    private static func pictures(
        _ job: SyntheticJob, _ labels: [Int], split: UInt64, _ path: @Sendable (_ index: Int, _ label: Int) -> String
    ) throws(LTError) {
        _ = try job.each(labels.count, split: split) { index, generator throws(LTError) in
            let picture = try job.picture(labels[index], &generator)
            try job.folder.save(try picture.encodedJPEG(quality: 90), path(index, labels[index]))
        }
    }

    // MARK: Tiny ImageNet

    static func tinyImageNet(_ job: SyntheticJob) throws(LTError) -> SyntheticData.Result {
        let root = "data/tiny-imagenet-200"
        let byFolder = job.variants.contains("val-folders")
        let train = job.labels(job.sizes, split: 1)
        try pictures(job, train, split: 1) { index, label in
            let id = SyntheticJob.wordNetID(label)
            return "\(root)/train/\(id)/images/\(id)_\(index).JPEG"
        }
        let validation = job.balanced(job.testImages, split: 2)
        try pictures(job, validation, split: 2) { index, label in
            byFolder
                ? "\(root)/val/\(SyntheticJob.wordNetID(label))/images/val_\(index).JPEG"
                : "\(root)/val/images/val_\(index).JPEG"
        }
        let ids = job.kinds.indices.map { SyntheticJob.wordNetID($0) }
        let box = "0\t0\t\(job.side - 1)\t\(job.side - 1)"
        for (label, id) in ids.enumerated() {
            let own = train.indices.filter { train[$0] == label }
            try job.folder.save(lines: own.map { "\(id)_\($0).JPEG\t\(box)" }, "\(root)/train/\(id)/\(id)_boxes.txt")
        }
        if !byFolder {
            try job.folder.save(
                lines: validation.enumerated().map { "val_\($0).JPEG\t\(ids[$1])\t\(box)" },
                "\(root)/val/val_annotations.txt")
        }
        try job.folder.save(lines: ids, "\(root)/wnids.txt")
        try job.folder.save(lines: zip(ids, job.kinds).map { "\($0)\t\($1.name)" }, "\(root)/words.txt")
        return .init(
            splits: [job.split("train", train), job.split("val", validation)],
            sections: ["train", "val"].map { ($0, "{format: tiny-imagenet, root: \(job.place(root)), split: \($0)}") })
    }

    // MARK: ImageNet-LT

    /// Validation images lie in the training folder and test images in ImageNet's val folder, as in the published lists.
    static func imageNetLT(_ job: SyntheticJob) throws(LTError) -> SyntheticData.Result {
        var result = SyntheticData.Result()
        for (number, name) in ["train", "val", "test"].enumerated() {
            let split = UInt64(number + 1)
            let labels = number == 0 ? job.labels(job.sizes, split: split) : job.balanced(job.testImages, split: split)
            let path: @Sendable (Int, Int) -> String = { index, label in
                let id = SyntheticJob.wordNetID(label)
                return number == 2
                    ? "val/\(id)/ILSVRC2012_val_\(SyntheticJob.digits(index + 1, 8)).JPEG"
                    : "train/\(id)/\(id)_\(number == 0 ? index : 1_000_000 + index).JPEG"
            }
            try pictures(job, labels, split: split) { "data/imagenet/\(path($0, $1))" }
            try job.folder.save(
                lines: labels.enumerated().map { "\(path($0, $1)) \($1)" },
                "data/ImageNet_LT/ImageNet_LT_\(name).txt")
            result.splits.append(job.split(name, labels))
            result.sections.append(
                (
                    name,
                    "{format: imagenet-lt, list: \(job.place("data/ImageNet_LT/ImageNet_LT_\(name).txt")), "
                        + "root: \(job.place("data/imagenet"))}"
                ))
        }
        return result
    }

    // MARK: iNaturalist 2018

    static func iNaturalist(_ job: SyntheticJob) throws(LTError) -> SyntheticData.Result {
        let groups = ["Aves", "Insecta", "Plantae", "Reptilia"]
        let root = "data/inaturalist"
        let categories = job.kinds.enumerated().map { label, kind in
            SyntheticAnnotations.Category(id: label, name: kind.name, supercategory: groups[label % groups.count])
        }
        var result = SyntheticData.Result()
        // Numbers go on from one split to the next.
        var first = 1
        for (number, name) in ["train", "val"].enumerated() {
            let split = UInt64(number + 1)
            let labels = number == 0 ? job.labels(job.sizes, split: split) : job.balanced(job.testImages, split: split)
            let paths = labels.enumerated().map { index, label in
                // The published files are named by digests.
                let digest = SHA256.digest(of: Array("\(job.seed) \(name) \(index)".utf8)).prefix(32)
                return "train_val2018/\(groups[label % groups.count])/\(label)/\(digest).jpg"
            }
            try pictures(job, labels, split: split) { index, _ in "\(root)/\(paths[index])" }
            let file = SyntheticAnnotations(
                info: ["description": "LongTail synthetic set in the form of iNaturalist 2018, seed \(job.seed)"],
                licenses: [.init(id: 1, name: "none")],
                images: paths.enumerated().map { index, path in
                    .init(
                        id: first + index, file_name: path, width: job.side, height: job.side, license: 1,
                        rights_holder: "")
                },
                annotations: labels.enumerated().map { .init(id: first + $0, image: first + $0, category: $1) },
                categories: categories)
            try job.folder.save(json: file, "\(root)/\(name)2018.json")
            first += labels.count
            result.splits.append(job.split(name, labels))
            result.sections.append(
                (
                    name,
                    "{format: inaturalist, annotations: \(job.place("\(root)/\(name)2018.json")), images: \(job.place(root))}"
                ))
        }
        return result
    }

    // MARK: One folder per class

    static func imageFolders(_ job: SyntheticJob) throws(LTError) -> SyntheticData.Result {
        var result = SyntheticData.Result()
        for (number, name) in ["train", "val", "test"].enumerated() {
            let split = UInt64(number + 1)
            let labels = number == 0 ? job.labels(job.sizes, split: split) : job.balanced(job.testImages, split: split)
            try pictures(job, labels, split: split) { index, label in
                "data/synthetic/\(name)/\(job.kinds[label].name)/\(SyntheticJob.digits(index + 1, 6)).jpg"
            }
            result.splits.append(job.split(name, labels))
            result.sections.append((name, "{format: folder, root: \(job.place("data/synthetic/\(name)"))}"))
        }
        return result
    }
}
