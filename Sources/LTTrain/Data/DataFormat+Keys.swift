// The keys of the formats that have more of them than folders and files.

import LTCore
import LTData

extension DataFormatTable {
    static func cifar(_ kind: CIFAR, _ section: RecipeSection) throws(LTError) -> Dataset {
        let split = try section.choice("split", CIFAR.Split.self) ?? .train
        return try Dataset.cifar(
            kind, root: try section.required("root", section.string("root")), split: split)
    }

    static func cocoMLT(_ section: RecipeSection) throws(LTError) -> Dataset {
        let split = try section.choice("split", MLTSplit.self) ?? .train
        return try Dataset.cocoMLT(
            lists: try lists(section, split),
            annotations: try section.required("annotations", section.string("annotations")),
            imageFolder: try section.required("images", section.string("images")), split: split)
    }
    static func vocMLT(_ section: RecipeSection) throws(LTError) -> Dataset {
        let split = try section.choice("split", MLTSplit.self) ?? .train
        return try Dataset.vocMLT(
            lists: try lists(section, split), root: try section.required("root", section.string("root")), split: split)
    }
    private static func lists(_ section: RecipeSection, _ split: MLTSplit) throws(LTError) -> String? {
        let lists = try section.string("lists")
        return split == .train ? try section.required("lists", lists) : lists
    }

    static func voc(_ section: RecipeSection) throws(LTError) -> Dataset {
        let classes = try section.string("classes").map { path throws(LTError) in try Dataset.classNames(path) }
        return try Dataset.voc(
            try section.required("root", section.string("root")),
            set: try section.required("set", section.string("set")),
            classes: classes ?? VOC.classes)
    }
}
