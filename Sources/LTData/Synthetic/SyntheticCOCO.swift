// COCO 2017 files, with lists COCO-MLT (see SyntheticVOC), and LVIS v0.5 and v1: federated annotations with frequency groups,
// verified absent classes and classes that are not annotated everywhere. https://cocodataset.org/#format-data
// https://www.lvisdataset.org/dataset

import Foundation
import LTCore
import LTDecision

extension SyntheticFormatTable {
    /// A drawn split of COCO or LVIS.
    private struct Part {
        let name: String
        let plan: [[Int]]
        let items: [SyntheticItem]
        /// Numbers of the images, without order or gaps in mind, as COCO's.
        let ids: [Int]
    }

    private static func draw(
        _ job: SyntheticJob, _ name: String, _ plan: [[Int]], split: UInt64, folder: String
    ) throws(LTError) -> Part {
        let ids = plan.indices.map { Int(split) * 100_000 + 9 + 3 * $0 }
        let items = try job.each(plan.count, split: split) { index, generator throws(LTError) in
            let scene = try job.scene(plan[index], &generator)
            try job.folder.save(
                try scene.image.encodedJPEG(quality: 90), "\(folder)/\(SyntheticJob.digits(ids[index], 12)).jpg")
            return SyntheticItem(width: scene.image.width, height: scene.image.height, objects: scene.objects)
        }
        return Part(name: name, plan: plan, items: items, ids: ids)
    }

    // MARK: COCO

    /// COCO's numbers have gaps.
    private static func categoryID(_ label: Int) -> Int { label + 1 + label / 11 }

    static func coco(_ job: SyntheticJob, lists: Bool) throws(LTError) -> SyntheticData.Result {
        let root = "data/coco"
        let parts = [
            try draw(
                job, "train", job.plan(job.labels(job.sizes, split: 1), split: 1), split: 1, folder: "\(root)/train2017"
            ),
            try draw(
                job, "val", job.plan(job.balanced(job.testImages, split: 2), split: 2), split: 2,
                folder: "\(root)/val2017"),
        ]
        let categories = job.kinds.enumerated().map { label, kind in
            SyntheticAnnotations.Category(
                id: categoryID(label), name: kind.name.replacingOccurrences(of: "-", with: " "),
                supercategory: "shape \(label % 4 + 1)")
        }
        for part in parts {
            let file = SyntheticAnnotations(
                info: [
                    "description": "LongTail synthetic set in the form of COCO 2017, \(part.name), seed \(job.seed)"
                ],
                licenses: [.init(id: 1, name: "none")],
                images: zip(part.ids, part.items).map { id, item in
                    let name = "\(SyntheticJob.digits(id, 12)).jpg"
                    return .init(
                        id: id, file_name: name, width: item.width, height: item.height,
                        coco_url: "http://images.cocodataset.org/\(part.name)2017/\(name)", license: 1)
                },
                annotations: try objects(part, category: categoryID, isLVIS: false, runs: false),
                categories: categories)
            try job.folder.save(json: file, "\(root)/annotations/instances_\(part.name)2017.json")
        }
        func section(_ name: String, _ more: String) -> String {
            "annotations: \(job.place("\(root)/annotations/instances_\(name)2017.json")), "
                + "images: \(job.place("\(root)/\(name)2017"))\(more)}"
        }
        guard lists else {
            return .init(
                splits: parts.map { job.split($0.name, $0.plan) },
                sections: parts.map { ($0.name, "{format: coco, " + section($0.name, "")) })
        }
        let sets = parts.map { part in
            Dataset(
                source: "COCO 2017", imageFolder: "",
                categories: categories.map { .init(id: $0.id, name: $0.name) },
                images: zip(part.ids, part.plan).map { .init(id: $0, path: "", labels: $1.sorted()) })
        }
        let tailed = try listed(sets[0], job)
        let appendix = "appendix/coco"
        // A text list, under this name.
        try job.folder.save(lines: tailed.names(.numbers), "\(appendix)/longtail2017/img_id.pkl")
        try job.folder.save(tailed.classFrequencyPickle, "\(appendix)/longtail2017/class_freq.pkl")
        try job.folder.save(tailed.classSplitPickle, "\(appendix)/longtail2017/class_split.pkl")
        try job.folder.save(sets[0].tersePickle(.numbers, test: sets[1]), "\(appendix)/terse_gt_2017.pkl")
        let place = "{format: coco-mlt, lists: \(job.place("\(appendix)/longtail2017")), "
        return .init(
            splits: [job.split("train", tailed.images.map(\.labels)), job.split("test", parts[1].plan)],
            sections: [
                ("train", place + section("train", ", split: train")),
                ("test", place + section("val", ", split: test")),
            ])
    }

    /// Annotations of all objects. In COCO every fiftieth is a crowd, whose mask is uncompressed run lengths.
    private static func objects(
        _ part: Part, category: (Int) -> Int, isLVIS: Bool, runs: Bool
    ) throws(LTError) -> [SyntheticAnnotations.Annotation] {
        var annotations: [SyntheticAnnotations.Annotation] = []
        for (id, item) in zip(part.ids, part.items) {
            for object in item.objects {
                var annotation = SyntheticAnnotations.Annotation(
                    id: annotations.count + 1, image: id, category: category(object.kind), item.outline(of: object))
                let isCrowd = !isLVIS && annotations.count % 50 == 49
                if !isLVIS { annotation.iscrowd = isCrowd ? 1 : 0 }
                if runs || isCrowd {
                    let mask = try item.mask(of: object)
                    let size = [item.height, item.width]
                    annotation.segmentation =
                        isCrowd ? .runs(mask.runs, size: size) : .compressed(mask.compressed, size: size)
                    annotation.area = Double(mask.area)
                }
                annotations.append(annotation)
            }
        }
        return annotations
    }

    // MARK: LVIS

    static func lvis(_ job: SyntheticJob) throws(LTError) -> SyntheticData.Result {
        let version = job.variants.contains("v0.5") ? "v0.5" : "v1"
        let root = "data/lvis_\(version)"
        let parts = [
            try draw(
                job, "train", job.plan(job.labels(job.sizes, split: 1), split: 1), split: 1, folder: "\(root)/train2017"
            ),
            try draw(
                job, "val", job.plan(job.balanced(job.testImages, split: 2), split: 2), split: 2,
                folder: "\(root)/val2017"),
        ]
        var images = [Int](repeating: 0, count: job.kinds.count)
        var instances = images
        for plan in parts[0].plan { for label in Set(plan) { images[label] += 1 } }
        for item in parts[0].items { for object in item.objects { instances[object.kind] += 1 } }
        let categories = job.kinds.enumerated().map { label, kind in
            SyntheticAnnotations.Category(
                id: label + 1, name: kind.name.replacingOccurrences(of: "-", with: "_"), synset: "\(kind.name).n.01",
                frequency: FrequencyGroups.lvis.name(ofCount: images[label]), image_count: images[label],
                instance_count: instances[label])
        }
        for (number, part) in parts.enumerated() {
            var generator = SeededGenerator(seed: job.seed, index: 0xFED + UInt64(number))
            let records = part.ids.indices.map { index in
                let shown = Set(part.plan[index])
                // About a third of the absent classes were looked for; a tenth of the shown ones not to the end.
                let absent = job.kinds.indices.filter { !shown.contains($0) && generator.uniform() < 0.3 }
                let open = shown.sorted().filter { _ in generator.uniform() < 0.1 }
                let name = "\(SyntheticJob.digits(part.ids[index], 12)).jpg"
                return SyntheticAnnotations.Image(
                    id: part.ids[index], file_name: version == "v0.5" ? "COCO_\(part.name)2014_\(name)" : nil,
                    width: part.items[index].width, height: part.items[index].height,
                    coco_url: version == "v1" ? "http://images.cocodataset.org/\(part.name)2017/\(name)" : nil,
                    neg_category_ids: absent.map { $0 + 1 }, not_exhaustive_category_ids: open.map { $0 + 1 })
            }
            let file = SyntheticAnnotations(
                info: ["description": "LongTail synthetic set in the form of LVIS \(version), seed \(job.seed)"],
                licenses: [.init(id: 1, name: "none")], images: records,
                annotations: try objects(
                    part, category: { $0 + 1 }, isLVIS: true, runs: job.variants.contains("rle")),
                categories: categories)
            try job.folder.save(json: file, "\(root)/annotations/lvis_\(version)_\(part.name).json")
        }
        return .init(
            splits: parts.map { job.split($0.name, $0.plan) },
            sections: parts.map { part in
                let images = version == "v1" ? root : "\(root)/\(part.name)2017"
                return (
                    part.name,
                    "{format: lvis, annotations: \(job.place("\(root)/annotations/lvis_\(version)_\(part.name).json")), "
                        + "images: \(job.place(images))}"
                )
            })
    }
}
