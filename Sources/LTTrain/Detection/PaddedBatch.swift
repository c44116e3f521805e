// PaddedBatch: pictures of different sizes as one batch, filled with zeros at the right and at the bottom.

import LTCore

/// Pictures side by side.
public struct PaddedBatch {
    /// [N, channels, height, width], float32.
    public let images: TorchTensor
    /// Heights and widths without padding.
    public let sizes: [(height: Int, width: Int)]
    /// Height and width with it.
    public var padded: (height: Int, width: Int) { (images.dims[2], images.dims[3]) }

    /// - Parameters:
    ///   - pictures: [channels, height, width] each, float32.
    ///   - multiple: the sides of the batch are the least multiples of this that hold every picture.
    ///   - least: the least sides before they become multiples.
    /// - Throws: `invalidArgument` without pictures; `typeMismatch`, `shapeMismatch` for others than float32 of equal channels.
    public init(_ pictures: [Tensor], multiple: Int = 32, least: (height: Int, width: Int) = (1, 1)) throws(LTError) {
        guard let first = pictures.first, multiple > 0 else {
            throw LTError(.invalidArgument, "a batch of \(pictures.count) pictures to multiples of \(multiple) pixels")
        }
        var (height, width) = (max(1, least.height), max(1, least.width))
        for picture in pictures {
            guard picture.type == .float32 else {
                throw LTError(.typeMismatch, "picture of \(picture.type.onnxName), expected float")
            }
            guard picture.dims.count == 3, picture.dims[0] == first.dims[0], picture.count > 0 else {
                throw LTError(.shapeMismatch, "picture of \(picture.dims), expected [\(first.dims.first ?? 3), h, w]")
            }
            height = max(height, picture.dims[1])
            width = max(width, picture.dims[2])
        }
        height = (height + multiple - 1) / multiple * multiple
        width = (width + multiple - 1) / multiple * multiple
        let channels = first.dims[0]
        let batch = try Tensor(.float32, Shape([pictures.count, channels, height, width]))
        let target = batch.elements(Float.self)
        target.update(repeating: 0)
        for (index, picture) in pictures.enumerated() {
            let source = picture.elements(Float.self)
            let (h, w) = (picture.dims[1], picture.dims[2])
            for channel in 0..<channels {
                for row in 0..<h {
                    let start = ((index * channels + channel) * height + row) * width
                    let line = UnsafeBufferPointer(
                        rebasing: source[(channel * h + row) * w..<(channel * h + row + 1) * w])
                    _ = UnsafeMutableBufferPointer(rebasing: target[start..<start + w]).update(from: line)
                }
            }
        }
        images = try withExtendedLifetime(pictures) { () throws(LTError) in try TorchTensor(batch) }
        sizes = pictures.map { ($0.dims[1], $0.dims[2]) }
    }
}
