// lt-train longtail: makes a long-tailed part of a data set: counts before and after, and the selection as files.

import ArgumentParser
import Foundation
import LTDecision
import LTTrain

struct LongTailSelection: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "longtail",
        abstract: "Draw a long-tailed part of a data set; print class counts and write the selection.",
        usage: """
            lt-train longtail --format FORMAT --root PATH --profile PROFILE [key=value …] [--out DIR]
            lt-train longtail --recipe FILE [key=value …] [--out DIR]
            """,
        discussion: """
            The data is described as in a recipe's `train` section, by key=value for each
            of its keys (`lt-train losses` lists formats and keys); --recipe takes a
            recipe's own section, and key=value changes it. Without a profile or list the
            classes of the whole set are counted.

            PROFILES (parts of the section's `longtail`)
              exponential  n_c = N · factor^(c / (C-1)), class by class, shuffled as
                           NumPy shuffles (LDAM, IB)
              step         N images for the first half of the classes, N · factor for
                           the others; with an odd number the middle one is small
              none         all classes alike, shuffled
              cdb          exponential, the first images in file order; with part=train
                           after the last 25 of each class were kept for validation
              pareto       for images with several classes (DB): longtail.max images
                           for the class with most company, down to longtail.min;
                           longtail.shape 6, longtail.tail 0.99

            EXAMPLES
              CIFAR-100-LT of IB, 500 … 5 images
                lt-train longtail --format cifar100 --root data/cifar-100-python \\
                  --profile exponential --factor 0.01
              CIFAR-100-LT of CDB, imbalance 200
                lt-train longtail --format cifar100 --root data/cifar-100-python \\
                  --profile cdb --imbalance 200 part=train
              a set like VOC-MLT, for a recipe's  longtail: {ids: lists/img_id.txt}
                lt-train longtail --format voc --root data/VOCdevkit/VOC2012 set=trainval \\
                  --profile pareto longtail.max=800 --out lists
              the images of a list
                lt-train longtail --recipe models/my.yaml longtail.ids=img_id.txt
            """)

    @Argument(help: ArgumentHelp("Keys of the data section, as in a recipe.", valueName: "key=value"))
    var settings: [String] = []
    @Option(help: "A recipe whose train section is meant.") var recipe: String?
    @Option(help: "The data's format: format=…") var format: String?
    @Option(help: "Where the data lies: root=…") var root: String?
    @Option(help: "The profile: longtail.profile=…") var profile: String?
    @Option(help: "Size of the rarest class as a share of the largest's: longtail.factor=…") var factor: Double?
    @Option(help: "1 / factor: longtail.imbalance=…") var imbalance: Double?
    @Option(help: "Seed of the selection: longtail.seed=…") var seed: Int?
    @Option(
        help: ArgumentHelp(
            "How classes are grouped by their counts: db (head, middle, tail), lvis, imagenet-lt, egtea. "
                + "Default: the recipe's, else db.", valueName: "rule"))
    var groups: String?
    @Option(
        help: """
            Folder for img_id.txt (a list for a recipe's longtail.ids), indices.txt, counts.json, and for images with \
            several classes class_freq.pkl and class_split.pkl. Files that are there are never overwritten.
            """)
    var out: String?
    @Flag(help: "Only totals and groups, not a line for each class.") var summary = false
    @Flag(help: "Print the counts as JSON.") var json = false

    func validate() throws {
        if recipe == nil, settings.isEmpty, format == nil, root == nil {
            throw ValidationError("say which data is meant: --format and its keys, or --recipe")
        }
    }

    func run() throws {
        var all: [String] = []
        for (key, value) in [
            ("format", format), ("root", root), ("longtail.profile", profile),
            ("longtail.factor", factor.map { "\($0)" }), ("longtail.imbalance", imbalance.map { "\($0)" }),
            ("longtail.seed", seed.map { "\($0)" }),
        ] {
            if let value { all.append("\(key)=\(value)") }
        }
        let construction = try LongTailConstruction(recipe: recipe, settings: all + settings, groups: groups)
        let files = try out.map { try construction.write(to: $0) } ?? []
        print(
            json ? String(decoding: try construction.json(), as: UTF8.self) : construction.text(classes: !summary),
            terminator: "")
        if !json { for file in files { print("wrote \(file)") } }
    }
}
