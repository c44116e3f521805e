// EGTEA Gaze+ as Class-wise Difficulty-Balanced loss reads it: folders of frames and split files of `clip action verb noun`.
// A clip is a window that moves over one larger picture of its verb's object.

import LTCore
import LTImage

extension SyntheticFormatTable {
    static func egtea(_ job: SyntheticJob) throws(LTError) -> SyntheticData.Result {
        var result = SyntheticData.Result()
        let root = "data/egtea"
        for (number, name) in ["train", "val", "test"].enumerated() {
            let split = UInt64(number + 1)
            let labels = number == 0 ? job.labels(job.sizes, split: split) : job.balanced(job.testImages, split: split)
            let clips = try job.each(labels.count, split: split) { index, generator throws(LTError) in
                let video = "P\(SyntheticJob.digits(number + 1, 2))-R\(SyntheticJob.digits(index % 7 + 1, 2))-Synthetic"
                let frames = 11 + generator.below(10)
                let start = 1000 * index
                let clip =
                    "\(video)-\(start)-\(start + 40 * frames)-F\(SyntheticJob.digits(start * 24 / 1000, 6))"
                    + "-F\(SyntheticJob.digits(start * 24 / 1000 + frames, 6))"
                let picture = try job.picture(labels[index], &generator)
                // The window has 7/8 of the side; it wanders from one place to another.
                let window = job.side * 7 / 8
                let room = job.side - window
                let ends = (0..<4).map { _ in Double(generator.below(room + 1)) }
                for frame in 0..<frames {
                    let t = Double(frame) / Double(frames - 1)
                    let cut = try picture.cropped(
                        PixelRectangle(
                            x: Int(ends[0] + (ends[1] - ends[0]) * t), y: Int(ends[2] + (ends[3] - ends[2]) * t),
                            width: window, height: window))
                    try job.folder.save(
                        try cut.encodedJPEG(quality: 90),
                        "\(root)/\(video)/\(clip)/\(SyntheticJob.digits(frame, 6)).jpg")
                }
                return clip
            }
            // Verbs count from 1.
            try job.folder.save(
                lines: zip(clips, labels).map { "\($0) \($1 * 3 + 1) \($1 + 1) \($1 % 5 + 1)" },
                "\(root)/\(name)_split.txt")
            result.splits.append(job.split(name, labels))
            result.sections.append(
                (
                    name,
                    "{format: egtea, list: \(job.place("\(root)/\(name)_split.txt")), root: \(job.place(root))}"
                ))
        }
        return result
    }
}
