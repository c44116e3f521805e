// lt-train synth: draws a synthetic long-tailed data set.

import ArgumentParser
import Foundation
import LTData

extension SyntheticFamily: ExpressibleByArgument {}

struct Synth: ParsableCommand {
    enum Task: String, ExpressibleByArgument, CaseIterable { case multilabel, detection }

    static let configuration = CommandConfiguration(
        abstract: "Draw a synthetic long-tailed data set.",
        discussion: """
            Without --format: a multi-label image folder with COCO/LVIS-style
            annotations. The demo family has 20 kinds with 4 … 775 training images each
            (1,142 images), a calibration split of 400 and a test split of 1,000 images;
            the pretrain family has 48 other kinds, balanced.

            With --task detection: a set for detectors in LVIS's files (--format lvis)
            of several thousand images: 40 kinds, of which some are frequent, some common
            and some rare (10 images and fewer), polygons, classes that were looked for
            and not found, classes that are not annotated everywhere.

            With --format: a small set in the files of a real one, which the recipes of
            that data set read. Classes are drawn objects that a network can learn to
            tell apart, in varying place, size, colour and noise; beyond 48 classes
            outlines come back in other colours and textures. Training classes have
            --images images or what --longtail makes of them; the other splits are
            balanced. The sections that a recipe needs are printed at the end.

            The same settings give the same files; files that are there stay.

            FORMATS (below --out)
            \(formats)

            EXAMPLES
              lt-train synth --task detection --out shapes
              lt-train synth --format cifar100 --out . --longtail exponential:0.01
              lt-train synth --format cifar10 --classes 20 --images 500 \\
                --test-images 50 --longtail exponential:0.02 --out compare
              lt-train synth --format tiny-imagenet --variant val-folders --out toy
              lt-train synth --format voc-mlt --out toy
            """)

    /// Names, what is written, variants; in lines of at most 80 characters.
    private static var formats: String {
        SyntheticFormatTable.all.map { format in
            let parts = [format.summary] + format.variants.map { "variant \($0.name): \($0.summary)" }
            return "  \(format.name)\n" + parts.map { wrapped($0, indent: 6) }.joined(separator: "\n")
        }.joined(separator: "\n")
    }

    private static func wrapped(_ text: String, indent: Int) -> String {
        var lines: [String] = []
        for word in text.split(separator: " ") {
            if let last = lines.last, last.count + word.count + indent < 78 {
                lines[lines.count - 1] = "\(last) \(word)"
            } else {
                lines.append(String(word))
            }
        }
        return lines.map { String(repeating: " ", count: indent) + $0 }.joined(separator: "\n")
    }

    @Option(help: "Folder to write to; it must not hold another set.") var out: String
    @Option(help: "Files of which data set; see FORMATS. Default: a multi-label folder.") var format: String?
    @Option(help: "Classes (with --format).") var classes: Int?
    @Option(help: "Training images of the most frequent class (with --format).") var images: Int?
    @Option(help: "Images of each class in the other splits (with --format).") var testImages: Int?
    @Option(
        help: ArgumentHelp(
            "Training sizes: none, exponential:FACTOR, step:FACTOR, cdb:IMBALANCE; of voc-mlt and coco-mlt pareto:MAX "
                + "(with --format).", valueName: "profile"))
    var longtail: String?
    @Option(help: "A variant of the format; may be repeated.") var variant: [String] = []
    @Option(help: "What the labels are for (without --format). Default: multilabel.") var task: Task?
    @Option(help: "Which kinds to draw (multilabel). Default: demo.") var kinds: SyntheticFamily?
    @Option(help: "Seed of everything drawn.") var seed: UInt64 = 0
    @Option(help: "Side of an image in pixels. Default: 128, or the format's.") var imageSize: Int?
    @Option(help: "Training images (pretrain family only).") var trainImages: Int?
    @Flag(help: "Print the splits as JSON.") var json = false

    func validate() throws {
        let ofFormats: [(String, Bool)] = [
            ("--classes", classes != nil), ("--images", images != nil), ("--test-images", testImages != nil),
            ("--longtail", longtail != nil), ("--variant", !variant.isEmpty),
        ]
        let ofFamilies: [(String, Bool)] = [
            ("--kinds", kinds != nil), ("--train-images", trainImages != nil),
        ]
        if format != nil, task != nil { throw ValidationError("--task does not go with --format") }
        if let wrong = (isInFormat ? ofFamilies : ofFormats).first(where: \.1) {
            throw ValidationError(
                isInFormat
                    ? "\(wrong.0) does not go with --\(format == nil ? "task detection" : "format")"
                    : "\(wrong.0) goes with --format")
        }
    }

    /// Whether the files are those of a real set.
    private var isInFormat: Bool { format != nil || task == .detection }

    /// What `--task detection` draws where the options say nothing: 3,755 training images; 18 kinds
    /// are frequent, 13 common, 9 rare.
    private static let detection = SyntheticData(
        format: "lvis", classes: 40, images: 500, testImages: 20, side: 160, profile: .exponential(factor: 0.004))

    func run() throws {
        guard isInFormat else {
            let set = SyntheticSet(
                family: kinds ?? .demo, seed: seed, side: imageSize ?? 128, trainImages: trainImages)
            show(
                try set.write(to: out) { done, total in
                    if done % 500 == 0 || done == total { Self.note("\(done) of \(total) images") }
                })
            return
        }
        var data = format.map { SyntheticData(format: $0) } ?? Self.detection
        data.classes = classes ?? data.classes
        data.images = images ?? data.images
        data.testImages = testImages ?? data.testImages
        data.side = imageSize ?? data.side
        data.variants = Set(variant)
        data.seed = seed
        if let longtail { data.profile = try ImbalanceProfile(parsing: longtail) }
        let result = try data.write(to: out) { done in if done % 500 == 0 { Self.note("\(done) images") } }
        show(result.splits)
        if !json {
            print("\nsections for a recipe:")
            for section in result.sections { print("  \(section.name): \(section.text)") }
        }
    }

    private func show(_ splits: [SyntheticSet.Split]) {
        for split in splits {
            if json {
                print(
                    "{\"split\":\"\(split.name)\",\"images\":\(split.images),\"labels\":\(split.labels),"
                        + "\"positives\":[\(split.positives.lowerBound),\(split.positives.upperBound)]}")
            } else {
                print(
                    "\(split.name): \(split.images) images, \(split.labels) labels, "
                        + "\(split.positives.lowerBound) … \(split.positives.upperBound) images of a class")
            }
        }
    }

    private static func note(_ text: String) { FileHandle.standardError.write(Data("synth: \(text)\n".utf8)) }
}
