// Sample: where the pixels of one image of a Dataset come from: a file, an archive that is read whole, or a folder of frames.

import Foundation
import LTCore
import LTImage

/// Decoded images of one size that a file format keeps together (CIFAR's batches): RGB, row-major, one after another.
public final class PixelArchive: Sendable {
    public let width: Int
    public let height: Int
    /// [count, height, width, 3].
    public let pixels: [UInt8]

    /// - Throws: `shapeMismatch` when the pixels are no whole number of images.
    public init(width: Int, height: Int, pixels: [UInt8]) throws(LTError) {
        guard width > 0, height > 0, pixels.count % (width * height * 3) == 0 else {
            throw LTError(
                .shapeMismatch, "\(pixels.count) bytes are no whole number of RGB images of \(width)×\(height)")
        }
        self.width = width
        self.height = height
        self.pixels = pixels
    }
    public var count: Int { pixels.count / (width * height * 3) }

    func image(_ index: Int, _ color: DecodeOptions.Color) throws(LTError) -> Image {
        let size = width * height * 3
        let image = try Image(width: width, height: height, channels: 3)
        pixels.withUnsafeBufferPointer { _ = image.bytes.update(fromContentsOf: $0[index * size..<(index + 1) * size]) }
        return color == .grey ? try image.grey() : image
    }
}

/// One sample of a data set.
public enum Sample: Sendable {
    case file(String)
    /// Position in the archive, or those of a clip's frames, which are two or more; `name` is for messages.
    case archived(PixelArchive, Range<Int>, name: String)
    /// A clip: the frame files in order.
    case clip(folder: String, frames: [String])

    /// How messages name it.
    public var name: String {
        switch self {
        case .file(let path): path
        case .archived(_, _, let name): name
        case .clip(let folder, _): folder
        }
    }
    public var isClip: Bool {
        if case .clip = self { true } else { frameCount > 1 }
    }
    /// 1 for an image.
    public var frameCount: Int {
        switch self {
        case .file: 1
        case .clip(_, let frames): frames.count
        case .archived(_, let frames, _): frames.count
        }
    }
    /// How messages name a frame that is there.
    public func frameName(_ frame: Int) -> String {
        if case .clip(_, let frames) = self { frames[frame] } else { "#\(frame)" }
    }

    /// The decoded image; of a clip, one of its frames.
    /// - Throws: `io` or `malformed`, naming the file; `invalidArgument` for a frame that is not there.
    public func image(frame: Int = 0, _ options: DecodeOptions = DecodeOptions()) throws(LTError) -> Image {
        guard (0..<frameCount).contains(frame) else {
            throw LTError(.invalidArgument, "frame \(frame) of a clip of \(frameCount)", context: [name])
        }
        switch self {
        case .file(let path): return try Self.decode(path, options)
        case .clip(let folder, let frames): return try Self.decode("\(folder)/\(frames[frame])", options)
        case .archived(let archive, let frames, _):
            return try archive.image(frames.lowerBound + frame, options.color)
        }
    }

    private static func decode(_ path: String, _ options: DecodeOptions) throws(LTError) -> Image {
        try within("image \(path)") { () throws(LTError) in
            let bytes: Data
            do { bytes = try Data(contentsOf: URL(fileURLWithPath: path)) } catch {
                throw LTError(.io, "cannot read \(path): \(error.localizedDescription)")
            }
            return try Image.decode([UInt8](bytes), options)
        }
    }
}

extension Dataset {
    /// Where each image's pixels come from, in order.
    public var samples: [Sample] {
        images.indices.map { index in
            let image = images[index]
            if let archive {
                let position = image.archived ?? index
                return .archived(archive, position..<position + 1, name: "\(source) #\(image.id)")
            }
            if let frames = image.frames { return .clip(folder: file(of: image), frames: frames) }
            return .file(file(of: image))
        }
    }
}
