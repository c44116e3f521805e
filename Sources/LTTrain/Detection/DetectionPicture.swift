// DetectionPicture: a picture with its objects, and the geometry that moves both: resizing, mirroring, cutting, pasting objects of
// another picture (Ghiasi et al., Copy-Paste, arXiv:2012.07177).

import LTCore
import LTDecision
import LTImage

/// A decoded picture and what it shows.
public struct DetectionPicture: Sendable {
    /// RGB.
    public var image: Image
    public var objects: [Object]
    /// Regions that are neither object nor background.
    public var ignored: [Box]

    /// Pixels that a side of a box must have at least; where less of an object is left, it is dropped. Codes of such boxes are
    /// logarithms of next to nothing.
    public static let leastSide: Float = 0.01

    /// One object.
    public struct Object: Sendable, Equatable {
        /// In pixels, inside the picture.
        public var box: Box
        public var category: Int
        public var mask: InstanceMask?
        public init(box: Box, category: Int, mask: InstanceMask? = nil) {
            self.box = box
            self.category = category
            self.mask = mask
        }
    }

    public init(image: Image, objects: [Object] = [], ignored: [Box] = []) {
        self.image = image
        self.objects = objects
        self.ignored = ignored
    }

    /// What training matches anchors and proposals with.
    public var truth: PictureObjects {
        PictureObjects(boxes: objects.map(\.box), categories: objects.map(\.category), ignored: ignored)
    }
    /// Of each object.
    public var masks: [InstanceMask?] { objects.map(\.mask) }

    /// The picture at another size.
    public func resized(width: Int, height: Int, kernel: ResizeKernel = .pilBilinear) throws(LTError)
        -> DetectionPicture
    {
        let old = (width: image.width, height: image.height)
        if old == (width, height) { return self }
        let (dx, dy) = (Float(width) / Float(old.width), Float(height) / Float(old.height))
        return try moved(try image.resized(width: width, height: height, kernel: kernel)) {
            Box(x1: $0.x1 * dx, y1: $0.y1 * dy, x2: $0.x2 * dx, y2: $0.y2 * dy)
        } mask: { mask throws(LTError) in
            try mask.resized(from: old, width: width, height: height)
        }
    }

    /// Left and right exchanged.
    public func mirrored() throws(LTError) -> DetectionPicture {
        let width = image.width
        return try moved(try image.flippedHorizontally()) {
            Box(x1: Float(width) - $0.x2, y1: $0.y1, x2: Float(width) - $0.x1, y2: $0.y2)
        } mask: { mask throws(LTError) in
            try mask.mirrored(width: width)
        }
    }

    /// A rectangle of the picture, which may reach beyond it; objects of which less than `least` pixels a side are left are
    /// dropped. Where something is cut, boxes of objects with masks are drawn anew around what is left of the mask.
    public func cropped(
        _ window: InstanceMask.PixelWindow, least: Float = leastSide, fill: [UInt8] = [0, 0, 0]
    ) throws(LTError) -> DetectionPicture {
        let size = (width: image.width, height: image.height)
        if window == .init(x: 0, y: 0, width: size.width, height: size.height) { return self }
        let (dx, dy) = (Float(window.x), Float(window.y))
        var result = try moved(
            try image.placed(x: -window.x, y: -window.y, width: window.width, height: window.height, fill: fill)
        ) {
            Box(x1: $0.x1 - dx, y1: $0.y1 - dy, x2: $0.x2 - dx, y2: $0.y2 - dy)
                .clipped(width: window.width, height: window.height)
        } mask: { mask throws(LTError) in
            try mask.cropped(window, width: size.width, height: size.height)
        }
        for index in result.objects.indices where !window.holds(width: size.width, height: size.height) {
            guard case .pixels(let mask)? = result.objects[index].mask else { continue }
            result.objects[index].box = mask.bounds ?? Box(x1: 0, y1: 0, x2: 0, y2: 0)
        }
        func isLeft(_ box: Box) -> Bool { box.width >= least && box.height >= least }
        result.objects.removeAll { !isLeft($0.box) }
        result.ignored.removeAll { !isLeft($0) }
        return result
    }

    private func moved(
        _ image: Image, box: (Box) -> Box, mask: (InstanceMask) throws(LTError) -> InstanceMask
    ) throws(LTError) -> DetectionPicture {
        var result = DetectionPicture(image: image, ignored: ignored.map(box))
        for object in objects {
            var next = Object(box: box(object.box), category: object.category)
            if let old = object.mask { next.mask = try mask(old) }
            result.objects.append(next)
        }
        return result
    }
}
