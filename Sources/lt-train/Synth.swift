// lt-train synth: draws a synthetic long-tailed data set.

import ArgumentParser
import Foundation
import LTData

extension SyntheticFamily: ExpressibleByArgument {}

struct Synth: ParsableCommand {
    enum Task: String, ExpressibleByArgument, CaseIterable { case multilabel }

    static let configuration = CommandConfiguration(
        abstract: "Draw a synthetic multi-label image folder with COCO/LVIS-style annotations.",
        discussion: """
            The demo family has 20 kinds with 4 … 775 training images each (1,142 images), a calibration split of 400 and a
            test split of 1,000 images; the pretrain family has 48 other kinds, balanced. The same seed gives the same files.
            """)

    @Option(help: "Folder to write to; it must not hold another set.") var out: String
    @Option(help: "What the labels are for.") var task: Task = .multilabel
    @Option(help: "Which kinds to draw.") var kinds: SyntheticFamily = .demo
    @Option(help: "Seed of everything drawn.") var seed: UInt64 = 0
    @Option(help: "Usual side of an image in pixels.") var imageSize = 128
    @Option(help: "Training images (pretrain family only).") var trainImages: Int?
    @Flag(help: "Print the splits as JSON.") var json = false

    func run() throws {
        let set = SyntheticSet(family: kinds, seed: seed, side: imageSize, trainImages: trainImages)
        let splits = try set.write(to: out) { done, total in
            if done % 500 == 0 || done == total {
                FileHandle.standardError.write(Data("synth: \(done) of \(total) images\n".utf8))
            }
        }
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
}
