// EGTEA Gaze+ (Li et al., 2018) as Class-wise Difficulty-Balanced loss reads it: a split file of clips, each a folder of frames
// <root>/<first three parts of the clip's name>/<clip>/000000.jpg, …. A line is the clip and three numbers; the second, from 1,
// is the verb.

import Foundation
import LTCore

extension Dataset {
    /// Verbs of EGTEA.
    public static let egteaVerbCount = 19

    /// Reads a split file; each image of the result is a clip with its frames.
    /// - Parameters:
    ///   - root: the folder of the frames.
    ///   - classes: names of the verbs in order; nil: "verb 1" to "verb 19".
    /// - Throws: `io` naming a clip whose folder is not there or empty; `malformed` naming the line.
    public static func egtea(_ path: String, root: String, classes: [String]? = nil) throws(LTError) -> Dataset {
        let list = try LineFile(path)
        let names = classes ?? (1...egteaVerbCount).map { "verb \($0)" }
        var dataset = Dataset(
            source: path, digest: list.digest, imageFolder: root,
            categories: names.enumerated().map { Category(id: $0, name: $1) }, images: [])
        for line in list.lines {
            let fields = line.fields
            guard fields.count == 4 else {
                throw list.error(line, "\(fields.count) fields, expected a clip and three numbers")
            }
            let verb = try list.number(fields[2], in: 1...names.count, "verb", line)
            let clip = String(fields[0])
            let parts = clip.split(separator: "-")
            guard parts.count > 3, !clip.contains("/") else {
                throw list.error(line, "clip '\(clip)', expected a name of more than three parts with '-' between them")
            }
            var image = Image(
                id: dataset.images.count, path: "\(parts[0])-\(parts[1])-\(parts[2])/\(clip)", labels: [verb - 1])
            let folder = "\(root)/\(image.path)"
            let frames = try within("clip \(clip), line \(line.number) of \(path)") { () throws(LTError) in
                try imageFiles(folder)
            }
            guard !frames.isEmpty else {
                throw LTError(.io, "no frames in \(folder)", context: ["line \(line.number) of \(path)"])
            }
            image.frames = frames
            dataset.images.append(image)
        }
        guard !dataset.images.isEmpty else { throw LTError(.malformed, "\(path) names no clips") }
        return dataset
    }
}
