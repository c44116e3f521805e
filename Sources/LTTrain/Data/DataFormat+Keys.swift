// The keys of the formats that have more of them than folders and files.

import LTCore
import LTData

extension DataFormatTable {
    /// The part of a set that CDB's rule cuts out: the last images of each class in file order are for validation.
    enum Part: String, CaseIterable { case train, validation }

    static func cifar(_ kind: CIFAR, _ section: RecipeSection) throws(LTError) -> Dataset {
        let split = try section.choice("split", CIFAR.Split.self) ?? .train
        let part = try section.choice("part", Part.self)
        let count = try section.int("validation_per_class", in: 1...1_000_000)
        guard count == nil || part != nil else {
            throw section.error("validation_per_class", "only beside part: train or part: validation")
        }
        let dataset = try Dataset.cifar(
            kind, root: try section.required("root", section.string("root")), split: split)
        guard let part else { return dataset }
        let parts = try dataset.holdingOut(lastOfEachClass: count ?? 25)
        return part == .train ? parts.train : parts.validation
    }
}
