// Reads a data set without being told its format.

import Foundation
import LTCore

extension Dataset {
    /// Reads a folder of one folder per class, or a COCO or LVIS annotation file.
    /// - Parameter imageFolder: where the images of an annotation file lie; see `coco`.
    /// - Throws: `io` when nothing is there, and what the format's reader throws.
    public static func read(_ path: String, imageFolder: String? = nil) throws(LTError) -> Dataset {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw LTError(.io, "no such file or folder", context: ["data \(path)"])
        }
        return isFolder.boolValue ? try self.imageFolder(path) : try coco(path, imageFolder: imageFolder)
    }
}
