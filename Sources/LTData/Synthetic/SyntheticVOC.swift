// PASCAL VOC folders (JPEGImages, Annotations, ImageSets/Main), and with lists VOC-MLT: a long-tailed part of VOC2012 by the
// Pareto procedure, its class_freq.pkl and class_split.pkl, and the labels of all of VOC2012 (terse_gt_2012.pkl).
// http://host.robots.ox.ac.uk/pascal/VOC/voc2012/htmldoc/devkit_doc.html

import Foundation
import LTCore

extension SyntheticFormatTable {
    /// The long-tailed part that lists describe; without a Pareto profile, from half of the largest class down to 4.
    static func listed(_ pool: Dataset, _ job: SyntheticJob) throws(LTError) -> Dataset {
        var profile = job.profile
        if case .pareto = profile {
        } else {
            let largest = max(4, (pool.imageCounts.max() ?? 0) / 2)
            profile = .pareto(shape: 6, largest: largest, least: 4, tail: 0.99)
        }
        // Removing images for one class may take the last ones of a small class: then it is drawn again.
        var failure = LTError(.invalidArgument, "no part was drawn")
        for attempt in 0..<100 {
            do throws(LTError) {
                let seed = job.seed &+ UInt64(attempt)
                return try pool.longTailed(LongTail(profile, .cooccurring(seed: seed)))
            } catch { failure = error }
        }
        throw failure
    }

    static func voc(_ job: SyntheticJob, lists: Bool) throws(LTError) -> SyntheticData.Result {
        let root = "data/VOCdevkit"
        let train = job.plan(job.labels(job.sizes, split: 1), split: 1)
        let validation = job.plan(job.balanced(job.testImages, split: 2), split: 2)
        let test = job.plan(job.balanced(job.testImages, split: 3), split: 3)
        let names = (train + validation).indices.map { "2008_\(SyntheticJob.digits($0 + 1, 6))" }
        let testNames = test.indices.map { SyntheticJob.digits($0 + 1, 6) }
        let years = [
            ("VOC2012", train + validation, names, UInt64(1)), ("VOC2007", test, testNames, UInt64(3)),
        ]
        for (year, plan, names, split) in years {
            _ = try job.each(plan.count, split: split) { index, generator throws(LTError) in
                let scene = try job.scene(plan[index], &generator)
                let folder = "\(root)/\(year)"
                try job.folder.save(
                    try scene.image.encodedJPEG(quality: 90), "\(folder)/JPEGImages/\(names[index]).jpg")
                let item = SyntheticItem(
                    width: scene.image.width, height: scene.image.height, objects: scene.objects)
                try job.folder.save(
                    annotation(item, name: names[index], year: year), "\(folder)/Annotations/\(names[index]).xml")
            }
        }
        var sets = [
            ("VOC2012", "train", Array(names[..<train.count]), train),
            ("VOC2012", "val", Array(names[train.count...]), validation),
            ("VOC2012", "trainval", names, train + validation), ("VOC2007", "test", testNames, test),
        ]
        var result = SyntheticData.Result()
        for (year, set, names, plan) in sets {
            let folder = "\(root)/\(year)/ImageSets/Main"
            try job.folder.save(lines: names, "\(folder)/\(set).txt")
            for (label, name) in VOC.classes.enumerated() {
                try job.folder.save(
                    lines: zip(names, plan).map { "\($0) \($1.contains(label) ? " 1" : "-1")" },
                    "\(folder)/\(name)_\(set).txt")
            }
        }
        guard lists else {
            sets.remove(at: 2)
            for (year, set, _, plan) in sets {
                result.splits.append(job.split(set, plan))
                result.sections.append((set, "{format: voc, root: \(job.place("\(root)/\(year)")), set: \(set)}"))
            }
            return result
        }
        let pool = Dataset(
            source: "VOC2012", imageFolder: "",
            categories: VOC.classes.enumerated().map { .init(id: $0, name: $1) },
            images: zip(names, train + validation).enumerated().map { index, image in
                .init(id: index, path: "JPEGImages/\(image.0).jpg", labels: image.1.sorted())
            })
        let part = try listed(pool, job)
        let appendix = "appendix/VOCdevkit"
        try job.folder.save(lines: part.names(.stems), "\(appendix)/longtail2012/img_id.txt")
        try job.folder.save(part.classFrequencyPickle, "\(appendix)/longtail2012/class_freq.pkl")
        try job.folder.save(part.classSplitPickle, "\(appendix)/longtail2012/class_split.pkl")
        try job.folder.save(pool.tersePickle(.stems), "\(appendix)/terse_gt_2012.pkl")
        result.splits = [job.split("train", part.images.map(\.labels)), job.split("test", test)]
        result.sections = ["train", "test"].map {
            (
                $0,
                "{format: voc-mlt, lists: \(job.place("\(appendix)/longtail2012")), root: \(job.place(root)), split: \($0)}"
            )
        }
        return result
    }

    /// Corners count from 1 and belong to the box. Small objects are marked as difficult.
    private static func annotation(_ item: SyntheticItem, name: String, year: String) -> String {
        var text = """
            <annotation>
            \t<folder>\(year)</folder>
            \t<filename>\(name).jpg</filename>
            \t<source><database>LongTail synthetic set</database></source>
            \t<size><width>\(item.width)</width><height>\(item.height)</height><depth>3</depth></size>
            \t<segmented>0</segmented>

            """
        for object in item.objects {
            let box = item.outline(of: object).bounds
            let (x0, y0) = (Int(box.x0.rounded(.down)) + 1, Int(box.y0.rounded(.down)) + 1)
            let x1 = min(item.width, max(x0, Int(box.x1.rounded(.up))))
            let y1 = min(item.height, max(y0, Int(box.y1.rounded(.up))))
            let isDifficult = (x1 - x0) * (y1 - y0) * 40 < item.width * item.height
            text += """
                \t<object>
                \t\t<name>\(VOC.classes[object.kind])</name>
                \t\t<pose>Unspecified</pose><truncated>0</truncated><difficult>\(isDifficult ? 1 : 0)</difficult>
                \t\t<bndbox><xmin>\(x0)</xmin><ymin>\(y0)</ymin><xmax>\(x1)</xmax><ymax>\(y1)</ymax></bndbox>
                \t</object>

                """
        }
        return text + "</annotation>\n"
    }
}
