// The keys of the formats that have more of them than folders and files.

import LTCore
import LTData

extension DataFormatTable {
    static func cifar(_ kind: CIFAR, _ section: RecipeSection) throws(LTError) -> Dataset {
        let split = try section.choice("split", CIFAR.Split.self) ?? .train
        return try Dataset.cifar(
            kind, root: try section.required("root", section.string("root")), split: split)
    }
}
