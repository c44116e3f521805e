// CopyPaste: objects of one picture pasted into another by their masks (Ghiasi et al., arXiv:2012.07177, as BACL uses it,
// arXiv:2308.02213): a uniformly random number of them, 0 to all or `most`. What is covered loses its pixels; an object stays if its
// box hardly moved or enough of its mask is left.

import LTCore
import LTDecision
import LTImage

/// Pastes objects.
public struct CopyPaste: Sendable, Equatable {
    /// Objects pasted at most.
    public var most = 99
    /// Pixels by which every edge of a box may move for its object to stay.
    public var shift: Float = 10
    /// Pixels of a mask, of which more must be left where the box moved by more.
    public var area = 300

    public init() {}

    /// The picture with objects of another of the same size, drawn at random; pasted ones come last.
    /// - Throws: `shapeMismatch` for pictures of different sizes; `invalidArgument` for an object without mask.
    public func callAsFunction(
        _ picture: DetectionPicture, from other: DetectionPicture, _ generator: inout SeededGenerator
    ) throws(LTError) -> DetectionPicture {
        let (width, height) = (picture.image.width, picture.image.height)
        guard (other.image.width, other.image.height) == (width, height),
            picture.image.channels == other.image.channels
        else {
            throw LTError(
                .shapeMismatch,
                "objects of a picture of \(other.image.width)×\(other.image.height) pixels pasted into one of \(width)×\(height)"
            )
        }
        // 0 … min(objects, most), the last one too.
        let number = generator.below(min(other.objects.count, most) + 1)
        var order = Array(other.objects.indices)
        for index in 0..<number { order.swapAt(index, index + generator.below(order.count - index)) }
        let pasted = order.prefix(number).sorted().map { other.objects[$0] }
        guard !pasted.isEmpty else { return picture }

        var cover = Columns(width: width, height: height)
        for object in pasted { cover.unite(try drawn(object, width, height)) }
        let channels = picture.image.channels
        let image = try Image(width: width, height: height, channels: channels)
        let (old, new, target) = (picture.image.bytes, other.image.bytes, image.bytes)
        withExtendedLifetime((picture, other)) {
            for y in 0..<height {
                for x in 0..<width {
                    let from = cover[x, y] ? new : old
                    let start = (y * width + x) * channels
                    for channel in start..<start + channels { target[channel] = from[channel] }
                }
            }
        }
        var result = DetectionPicture(image: image, ignored: picture.ignored)
        for object in picture.objects {
            let left = try Self.uncovered(try drawn(object, width, height), cover)
            guard let box = left.bounds else { continue }
            if box.distance(object.box) <= shift || left.area > area {
                result.objects.append(
                    DetectionPicture.Object(box: box, category: object.category, mask: .pixels(left)))
            }
        }
        result.objects += pasted
        return result
    }

    private func drawn(_ object: DetectionPicture.Object, _ width: Int, _ height: Int) throws(LTError) -> RunLengthMask
    {
        guard let mask = object.mask else {
            throw LTError(
                .invalidArgument, "copy-paste of an object without mask",
                hint: "use annotations with segmentations, or leave out copy-paste")
        }
        return try mask.drawn(width: width, height: height)
    }

    private static func uncovered(_ mask: RunLengthMask, _ cover: Columns) throws(LTError) -> RunLengthMask {
        var left = Spans(width: mask.width, height: mask.height)
        mask.forEachSpan { x, rows in left.append(x, rows) { !cover[x, $0] } }
        return try left.mask
    }
}
