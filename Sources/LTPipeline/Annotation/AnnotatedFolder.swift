// AnnotatedFolder: the images of a store with their decisions drawn on them, as files under a folder of its own. The paths
// below the images' common folder are kept; .png stays PNG, JPEG stays JPEG, everything else becomes NAME.jpg. Of a clip
// it is the middle frame.

import Foundation
import LTCore
import LTDecision
import LTImage
import LTPredictions

/// Where annotated images go, and what is drawn.
public struct AnnotationOptions: Sendable {
    public var folder: String
    /// Detections below are not drawn; `nil`: below their class's threshold, 0.5 where it has none.
    public var least: Float?

    public init(folder: String, least: Float? = nil) {
        self.folder = folder
        self.least = least
    }
}

struct AnnotatedFolder {
    let store: PredictionStore
    let decider: PredictionDecider
    let options: AnnotationOptions
    let workers: Int
    let isCancelled: @Sendable () -> Bool

    /// Images drawn by one set of workers before the next are read from the store.
    private static let chunk = 256

    /// Draws every image of the store that has a prediction.
    /// - Returns: images drawn, images that could not be read again, and the first of those with its reason.
    /// - Throws: `io` for a folder that cannot be written; `conflict` where a file would replace one of the images.
    func write() throws(LTError) -> (written: Int, failed: Int, firstFailure: String?) {
        try within("--annotate folder \(options.folder)") { () throws(LTError) in
            try Self.makeFolder(options.folder)
            let parent = try commonParent()
            let sources = try SourceFiles(store)
            var result: (written: Int, failed: Int, firstFailure: String?) = (0, 0, nil)
            var pending: [StoredImage] = []
            func flush() throws(LTError) {
                let images = pending
                pending.removeAll()
                let reader = try OrderedReader(count: images.count, workers: workers, window: workers, bufferBytes: 0) {
                    index, _ in
                    draw(images[index], below: parent, sources)
                }
                defer { reader.stop() }
                for image in images {
                    let drawn: Result<Bool, LTError>? = reader.next(isCancelled: isCancelled) { outcome, _ in outcome }
                    guard let drawn else { return }
                    switch drawn {
                    case .success(let isDrawn): if isDrawn { result.written += 1 }
                    case .failure(let error):
                        // What concerns the folder ends the work, what concerns one image does not.
                        guard error.context.contains(Self.reading) else { throw error }
                        result.failed += 1
                        result.firstFailure =
                            result.firstFailure ?? "\(image.path): \(error.code.rawValue): \(error.message)"
                    }
                }
            }
            try store.forEach { image throws(LTError) in
                guard !isCancelled() else { return }
                pending.append(image)
                if pending.count == Self.chunk { try flush() }
            }
            if !isCancelled(), !pending.isEmpty { try flush() }
            return result
        }
    }

    private static let reading = "reading the image again"

    /// Draws one image; false for one without a prediction.
    private func draw(_ image: StoredImage, below parent: [Substring], _ sources: SourceFiles) -> Result<Bool, LTError>
    {
        do throws(LTError) {
            guard let prediction = image.outcome.prediction else { return .success(false) }
            let drawn = try within(Self.reading) { () throws(LTError) in
                let content = try content(of: image)
                let exif = store.run.layer.preprocess?.decode.exif ?? true
                let picture = try Image.decode(content.bytes, DecodeOptions(appliesOrientation: exif))
                return try Annotation(run: store.run, least: options.least).drawn(
                    try decider.decide(prediction), on: picture, decider: decider)
            }
            let (path, isPNG) = target(image.path, below: parent)
            try sources.check(path)
            try Self.makeFolder(URL(fileURLWithPath: path).deletingLastPathComponent().path)
            let bytes = isPNG ? try drawn.encodedPNG() : try drawn.encodedJPEG(quality: 92, fullColor: true)
            try within(path) { () throws(LTError) in try replaceFile(path, with: bytes) }
            return .success(true)
        } catch { return .failure(error) }
    }

    /// The file of an image, or of a clip's middle frame.
    private func content(of image: StoredImage) throws(LTError) -> Buffer {
        let clip = try store.run.layer.clip.map { (clip) throws(LTError) in try ClipFolder(image.path, clip) }
        let stamp = clip.map(\.stamp) ?? FileStamp(of: image.path)
        guard let stamp, stamp == image.stamp else {
            throw LTError(.conflict, "the file is gone or changed since it was predicted")
        }
        return try readFile(clip.map { $0.frames[$0.frames.count / 2] } ?? image.path, limit: 1 << 30)
    }

    /// The folder that all images have in common, as components.
    private func commonParent() throws(LTError) -> [Substring] {
        var parent: [Substring]?
        try store.forEachPath { path in
            let folder = Self.components(path).dropLast()
            guard let known = parent else { return parent = Array(folder) }
            parent = Array(zip(known, folder).prefix { $0 == $1 }.map(\.0))
        }
        return parent ?? []
    }

    private func target(_ path: String, below parent: [Substring]) -> (path: String, isPNG: Bool) {
        // A path that climbs does not leave the folder.
        let rest = Self.components(path).dropFirst(parent.count).map { $0 == ".." ? "__" : String($0) }
        let target = ([options.folder] + rest).joined(separator: "/")
        let suffix = rest.last?.split(separator: ".").last?.lowercased() ?? ""
        if suffix == "png" { return (target, true) }
        return (["jpg", "jpeg", "jpe", "jfif"].contains(suffix) ? target : target + ".jpg", false)
    }

    private static func components(_ path: String) -> [Substring] { path.split(separator: "/").filter { $0 != "." } }

    private static func makeFolder(_ path: String) throws(LTError) {
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        } catch { throw LTError(.io, "cannot make folder \(path): \(error.localizedDescription)") }
    }
}

/// The files that must not be replaced: the images themselves, told by device and inode.
private struct SourceFiles: Sendable {
    private struct Identity: Hashable {
        let device: UInt
        let inode: UInt
    }
    private let known: Set<Identity>

    init(_ store: PredictionStore) throws(LTError) {
        var known: Set<Identity> = []
        try store.forEachPath { path in if let identity = Self.identity(path) { known.insert(identity) } }
        self.known = known
    }

    func check(_ path: String) throws(LTError) {
        guard let identity = Self.identity(path), known.contains(identity) else { return }
        throw LTError(.conflict, "would replace the image \(path)", hint: "give --annotate a folder of its own")
    }

    private static func identity(_ path: String) -> Identity? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        return Identity(device: UInt(status.st_dev), inode: UInt(status.st_ino))
    }
}
