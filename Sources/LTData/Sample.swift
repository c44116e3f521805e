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
    /// Position in the archive; `name` is for messages.
    case archived(PixelArchive, Int, name: String)
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
    /// 1 for an image.
    public var frameCount: Int {
        if case .clip(_, let frames) = self { frames.count } else { 1 }
    }

    /// The decoded image; of a clip, one of its frames.
    /// - Throws: `io` or `malformed`, naming the file; `invalidArgument` for a frame that is not there.
    public func image(frame: Int = 0, _ options: DecodeOptions = DecodeOptions()) throws(LTError) -> Image {
        switch self {
        case .file(let path): return try Self.decode(path, options)
        case .clip(let folder, let frames):
            guard frames.indices.contains(frame) else {
                throw LTError(.invalidArgument, "frame \(frame) of a clip of \(frames.count)", context: [folder])
            }
            return try Self.decode("\(folder)/\(frames[frame])", options)
        case .archived(let archive, let index, _):
            return try archive.image(index, options.color)
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
            if let archive { return .archived(archive, image.archived ?? index, name: "\(source) #\(image.id)") }
            if let frames = image.frames { return .clip(folder: file(of: image), frames: frames) }
            return .file(file(of: image))
        }
    }
}
