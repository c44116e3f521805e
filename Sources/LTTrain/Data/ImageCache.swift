// ImageCache: decoded images of a set, kept while they fit into a limit; shared by the loader's threads.

import Foundation
import LTCore
import LTData
import LTImage

/// The images of a set, decoded when they are asked for. What was decoded stays as long as there is room; nothing is put
/// out for another, since a sampler comes to every image equally soon.
public final class ImageCache: @unchecked Sendable {
    private let samples: [Sample]
    private let options: DecodeOptions
    private let limit: Int
    private let lock = NSLock()
    private var kept: [Int: Image] = [:]
    private var used = 0

    /// - Parameter limit: bytes of pixels that may be kept.
    public init(_ samples: [Sample], options: DecodeOptions, limit: Int) {
        self.samples = samples
        self.options = options
        self.limit = limit
    }

    /// Bytes of pixels that are kept.
    public var byteCount: Int { lock.withLock { used } }

    /// The decoded image; of a clip, one of its frames, which are not kept.
    /// - Throws: `io` or `malformed`, naming the file.
    public func image(_ index: Int, frame: Int = 0) throws(LTError) -> Image {
        let sample = samples[index]
        guard case .file = sample else { return try sample.image(frame: frame, options) }
        if let image = lock.withLock({ kept[index] }) { return image }
        let image = try sample.image(options)
        lock.withLock {
            if kept[index] == nil, image.pixels.byteCount <= limit - used {
                kept[index] = image
                used += image.pixels.byteCount
            }
        }
        return image
    }
}
