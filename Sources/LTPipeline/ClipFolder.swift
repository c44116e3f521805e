// ClipFolder: a video as a folder of frames, in the order of the numbers in their names.

import Foundation
import LTCore
import LTDecision
import LTPredictions

struct ClipFolder {
    /// Paths of the clip's frames; a short video repeats some.
    let frames: [String]
    /// Sizes and latest change of these frames.
    let stamp: FileStamp?

    /// - Throws: `io` for a folder that cannot be read, `notFound` for one without images.
    init(_ folder: String, _ clip: ClipSampling) throws(LTError) {
        let names = try ImageList.names(in: folder).filter(ImageList.isImage).sorted(by: Self.precedes)
        guard !names.isEmpty else { throw LTError(.notFound, "no frames in folder \(folder)") }
        frames = clip.positions(of: names.count).map { "\(folder)/\(names[$0])" }
        let stamps = frames.compactMap(FileStamp.init(of:))
        stamp =
            stamps.count < frames.count
            ? nil
            : FileStamp(size: stamps.reduce(0) { $0 &+ $1.size }, modified: stamps.map(\.modified).max() ?? 0)
    }

    /// Runs of digits count as numbers, so that frame_9 comes before frame_10; names that differ in zeros alone keep the
    /// order of their bytes.
    static func precedes(_ a: String, _ b: String) -> Bool {
        let (x, y) = (Array(a.utf8), Array(b.utf8))
        var (i, j) = (0, 0)
        func digits(_ bytes: [UInt8], _ start: Int) -> (value: ArraySlice<UInt8>, end: Int) {
            var end = start
            while end < bytes.count, 48...57 ~= bytes[end] { end += 1 }
            return (bytes[start..<end].drop { $0 == 48 }, end)
        }
        while i < x.count, j < y.count {
            if 48...57 ~= x[i], 48...57 ~= y[j] {
                let (left, right) = (digits(x, i), digits(y, j))
                if left.value.count != right.value.count { return left.value.count < right.value.count }
                if !left.value.elementsEqual(right.value) { return left.value.lexicographicallyPrecedes(right.value) }
                (i, j) = (left.end, right.end)
            } else {
                if x[i] != y[j] { return x[i] < y[j] }
                (i, j) = (i + 1, j + 1)
            }
        }
        let (left, right) = (x.count - i, y.count - j)
        return left == right ? x.lexicographicallyPrecedes(y) : left < right
    }
}
