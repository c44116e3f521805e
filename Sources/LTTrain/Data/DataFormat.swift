// DataFormat: how a recipe's `train` and `validate` sections become a Dataset; `format` names the reader, COCO-style JSON
// when absent.

import LTCore
import LTData

/// A way to read a data set.
public struct DataFormat: Sendable {
    /// How recipes call it.
    public let name: String
    /// What it reads and its keys, for `lt-train losses`.
    public let summary: String
    /// Reads its keys of the section, then the files.
    public let read: @Sendable (RecipeSection) throws(LTError) -> Dataset

    init(_ name: String, _ summary: String, _ read: @escaping @Sendable (RecipeSection) throws(LTError) -> Dataset) {
        self.name = name
        self.summary = summary
        self.read = read
    }
}

/// Every format, one line each.
public enum DataFormatTable {
    public static let all: [DataFormat] = [
        DataFormat("coco", "COCO-style JSON: annotations, images, classes_of", coco),
        DataFormat("lvis", "LVIS v0.5 or v1: annotations, images (with train2017 and val2017), classes_of", lvis),
        DataFormat("folder", "one folder per class: root", folder),
        DataFormat("cifar10", "CIFAR-10, python or binary version: root, split") {
            section throws(LTError) in try cifar(.cifar10, section)
        },
        DataFormat("cifar100", "CIFAR-100, python or binary version: root, split") {
            section throws(LTError) in try cifar(.cifar100, section)
        },
        DataFormat("coco-mlt", "COCO-MLT: lists, annotations, images, split", cocoMLT),
        DataFormat("voc-mlt", "VOC-MLT: lists, root (VOCdevkit), split", vocMLT),
        DataFormat("voc", "PASCAL VOC: root (a year's folder), set, classes", voc),
        DataFormat("imagenet-lt", "lists of ImageNet-LT, Places-LT: list, root, layout, classes", imageNetLT),
        DataFormat("tiny-imagenet", "Tiny ImageNet: root, split", tinyImageNet),
        DataFormat("inaturalist", "iNaturalist 2018: annotations, images", iNaturalist),
        DataFormat("egtea", "clips of EGTEA: list, root, names", egtea),
    ]
}

/// A recipe's description of one split; read when the run begins.
public struct DataSource {
    private let section: RecipeSection
    let format: DataFormat
    private let held: (part: Part, count: Int)?
    let longTail: LongTailOptions?
    private let limit: Int?

    /// CDB's division: the last images of each class in file order are for validation.
    enum Part: String, CaseIterable { case train, validation }

    public init(_ section: RecipeSection) throws(LTError) {
        self.section = section
        let name = try section.string("format") ?? "coco"
        guard let format = DataFormatTable.all.first(where: { $0.name == name }) else {
            throw section.error(
                "format", "'\(name)', expected one of \(DataFormatTable.all.map(\.name).joined(separator: ", "))")
        }
        self.format = format
        let part = try section.choice("part", Part.self)
        let count = try section.int("validation_per_class", in: 1...1_000_000)
        guard count == nil || part != nil else {
            throw section.error("validation_per_class", "only beside part: train or part: validation")
        }
        held = part.map { ($0, count ?? 25) }
        limit = try section.int("limit", in: 1...1_000_000_000)
        longTail = try section.section("longtail").map { part throws(LTError) in try LongTailOptions(part) }
    }

    /// The data, or the long-tailed part of it that `longtail` describes, or `limit` of its images, the classes in
    /// turn.
    /// - Throws: what the reader throws; `invalidArgument` for a key that the format does not have.
    public func read() throws(LTError) -> Dataset {
        let dataset = try readWhole()
        let whole = try longTail?.apply(to: dataset) ?? dataset
        return limit.map(whole.limited) ?? whole
    }

    /// The data, or the asked for part of it, before `longtail`.
    func readWhole() throws(LTError) -> Dataset {
        let dataset = try format.read(section)
        try section.finish()
        guard let held else { return dataset }
        let parts = try dataset.holdingOut(lastOfEachClass: held.count)
        return held.part == .train ? parts.train : parts.validation
    }
}
