// ImageNet-LT's lists (Liu et al., 2019, OLTR): one `relative/path label` per line, labels from 0. Places-LT has the same form.

import Foundation
import LTCore

/// How the images of a list lie in their folder.
public enum ImageListLayout: String, CaseIterable, Sendable {
    /// As the list says.
    case plain
    /// As Class-wise Difficulty-Balanced loss keeps ILSVRC 2012: train/… in ILSVRC2012_img_train/…, and what has "val" in its
    /// path directly in ILSVRC2012_img_val.
    case ilsvrc

    func path(_ path: String) -> String {
        guard self == .ilsvrc else { return path }
        if path.hasPrefix("train/") { return "ILSVRC2012_img_train" + path.dropFirst(5) }
        return path.contains("val") ? "ILSVRC2012_img_val/" + (path as NSString).lastPathComponent : path
    }
}

extension Dataset {
    /// Reads a list of images.
    /// - Parameters:
    ///   - root: the folder that its paths start from.
    ///   - classes: names in order of the labels; nil: the labels' numbers, up to the largest in the list.
    /// - Throws: `io`; `malformed` naming the line.
    public static func imageList(
        _ path: String, root: String, layout: ImageListLayout = .plain, classes: [String]? = nil
    ) throws(LTError) -> Dataset {
        let list = try LineFile(path)
        var dataset = Dataset(source: path, digest: list.digest, imageFolder: root, categories: [], images: [])
        dataset.images.reserveCapacity(list.lines.count)
        var count = classes?.count ?? 0
        for line in list.lines {
            let text = line.text.trimmed
            guard let blank = text.lastIndex(where: { $0 == " " || $0 == "\t" }) else {
                throw list.error(line, "'\(text)', expected a path and a label")
            }
            let label = try list.number(
                text[text.index(after: blank)...], in: 0...((classes?.count ?? 1 << 20) - 1), "label", line)
            count = max(count, label + 1)
            let name = text[..<blank].trimmed
            dataset.images.append(Image(id: dataset.images.count, path: layout.path(name), labels: [label]))
        }
        guard count > 0 else { throw LTError(.malformed, "\(path) names no images") }
        dataset.categories = (0..<count).map { Category(id: $0, name: classes?[$0] ?? String($0)) }
        return dataset
    }
}
