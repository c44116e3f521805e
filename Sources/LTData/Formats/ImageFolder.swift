// ImageFolder: one folder for each class, its images below it at any depth. Classes and images in byte order of their
// names, as torchvision.datasets.ImageFolder has them.

import Foundation
import LTCore

extension Dataset {
    /// File name endings that are taken for images, lower case.
    public static let imageExtensions: Set<String> = ["jpg", "jpeg", "png", "webp"]

    /// Reads `path/<class>/…/<image>`; the folder's name is the class's name. Hidden files are passed over.
    /// - Throws: `io` when the folder cannot be read; `invalidArgument` when it has no class folder, or naming class
    ///   folders without images.
    public static func imageFolder(_ path: String) throws(LTError) -> Dataset {
        let classes = try entries(path).filter { isFolder("\(path)/\($0)") }
        guard !classes.isEmpty else {
            throw LTError(
                .invalidArgument, "\(path) has no folders in it, expected one for each class, with its images")
        }
        var dataset = Dataset(source: path, imageFolder: path, categories: [], images: [])
        for (label, name) in classes.enumerated() {
            dataset.categories.append(Category(id: label, name: name))
            try collect(name, depth: 0, label: label, into: &dataset)
        }
        try dataset.requireImagesOfEachCategory()
        return dataset
    }

    private static func collect(
        _ relative: String, depth: Int, label: Int, into dataset: inout Dataset
    ) throws(LTError) {
        guard depth < 64 else { throw LTError(.io, "folders nested deeper than 64 at \(relative)") }
        for name in try entries("\(dataset.imageFolder)/\(relative)") {
            let path = "\(relative)/\(name)"
            if isFolder("\(dataset.imageFolder)/\(path)") {
                try collect(path, depth: depth + 1, label: label, into: &dataset)
            } else if imageExtensions.contains((name as NSString).pathExtension.lowercased()) {
                dataset.images.append(Image(id: dataset.images.count, path: path, labels: [label]))
            }
        }
    }
}
