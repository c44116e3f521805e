// The keys of each format, in the order of the table.

import LTCore
import LTData

extension RecipeSection {
    /// A key that must be there, with text.
    fileprivate func text(_ key: String) throws(LTError) -> String { try required(key, string(key)) }

    /// Class names from the file that a key names, one per line.
    fileprivate func classNames(_ key: String) throws(LTError) -> [String]? {
        guard let path = try string(key) else { return nil }
        return try Dataset.classNames(path)
    }
}

extension DataFormatTable {
    static func coco(_ section: RecipeSection) throws(LTError) -> Dataset {
        let path = try section.text("annotations")
        return try chosen(section, try Dataset.coco(path, imageFolder: try section.text("images")))
    }
    static func lvis(_ section: RecipeSection) throws(LTError) -> Dataset {
        let path = try section.text("annotations")
        return try chosen(section, try Dataset.lvis(path, imageFolder: try section.text("images")))
    }
    /// The classes that occur in the annotation file of `classes_of`; all without it.
    private static func chosen(_ section: RecipeSection, _ dataset: Dataset) throws(LTError) -> Dataset {
        guard let path = try section.string("classes_of") else { return dataset }
        return try within("classes_of") { () throws(LTError) in
            try dataset.keepingCategories(occurringIn: try Dataset.coco(path))
        }
    }
    static func folder(_ section: RecipeSection) throws(LTError) -> Dataset {
        try Dataset.imageFolder(try section.text("root"))
    }

    static func cifar(_ kind: CIFAR, _ section: RecipeSection) throws(LTError) -> Dataset {
        let split = try section.choice("split", CIFAR.Split.self) ?? .train
        return try Dataset.cifar(kind, root: try section.text("root"), split: split)
    }

    static func cocoMLT(_ section: RecipeSection) throws(LTError) -> Dataset {
        let split = try section.choice("split", MLTSplit.self) ?? .train
        return try Dataset.cocoMLT(
            lists: try lists(section, split), annotations: try section.text("annotations"),
            imageFolder: try section.text("images"), split: split)
    }
    static func vocMLT(_ section: RecipeSection) throws(LTError) -> Dataset {
        let split = try section.choice("split", MLTSplit.self) ?? .train
        return try Dataset.vocMLT(lists: try lists(section, split), root: try section.text("root"), split: split)
    }
    /// The test set is whole; with lists it has the training counts.
    private static func lists(_ section: RecipeSection, _ split: MLTSplit) throws(LTError) -> String? {
        split == .train ? try section.text("lists") : try section.string("lists")
    }

    static func voc(_ section: RecipeSection) throws(LTError) -> Dataset {
        let classes = try section.classNames("classes")
        return try Dataset.voc(
            try section.text("root"), set: try section.text("set"), classes: classes ?? VOC.classes)
    }

    static func imageNetLT(_ section: RecipeSection) throws(LTError) -> Dataset {
        let layout = try section.choice("layout", ImageListLayout.self) ?? .plain
        let classes = try section.classNames("classes")
        return try Dataset.imageList(
            try section.text("list"), root: try section.text("root"), layout: layout, classes: classes)
    }
    static func tinyImageNet(_ section: RecipeSection) throws(LTError) -> Dataset {
        let split = try section.choice("split", Dataset.TinyImageNetSplit.self) ?? .train
        return try Dataset.tinyImageNet(try section.text("root"), split: split)
    }
    static func iNaturalist(_ section: RecipeSection) throws(LTError) -> Dataset {
        try Dataset.iNaturalist(try section.text("annotations"), imageFolder: try section.text("images"))
    }
    static func egtea(_ section: RecipeSection) throws(LTError) -> Dataset {
        let classes = try section.classNames("names")
        return try Dataset.egtea(try section.text("list"), root: try section.text("root"), classes: classes)
    }
}
