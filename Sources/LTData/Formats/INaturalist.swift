// iNaturalist 2018 (Van Horn et al.): train2018.json, val2018.json in COCO's form, one category per image and no boxes; file names
// such as train_val2018/Plantae/7477/x.jpg. https://github.com/visipedia/inat_comp/tree/master/2018

import LTCore

extension Dataset {
    /// Reads an iNaturalist annotation file.
    /// - Throws: what `coco` throws; `malformed` when an image has not exactly one category.
    public static func iNaturalist(_ annotations: String, imageFolder: String? = nil) throws(LTError) -> Dataset {
        let dataset = try coco(annotations, imageFolder: imageFolder)
        if let image = dataset.images.first(where: { $0.labels.count != 1 }) {
            throw LTError(
                .malformed, "image \(image.id) has \(image.labels.count) categories, expected one",
                context: ["annotation file \(annotations)"])
        }
        return dataset
    }
}
