// Running a Preprocess: geometry first (from the size alone), then decode, resize, and one pass to the tensor.

import LTCore

/// How the pixels of the upright original map to those of the tensor; boxes and masks go back through it.
public struct ImageGeometry: Sendable, Equatable {
    /// The size of the upright original.
    public var originalWidth: Int
    public var originalHeight: Int
    /// Tensor x = original x · scaleX + offsetX, in continuous coordinates (pixel edges at whole numbers).
    public var scaleX: Double
    public var scaleY: Double
    public var offsetX: Double
    public var offsetY: Double
    /// The tensor's height and width.
    public var height: Int
    public var width: Int

    /// The tensor is the image.
    public static func identity(width: Int, height: Int) -> ImageGeometry {
        ImageGeometry(
            originalWidth: width, originalHeight: height, scaleX: 1, scaleY: 1, offsetX: 0, offsetY: 0, height: height,
            width: width)
    }

    /// The point of the original that a point of the tensor shows.
    public func original(x: Double, y: Double) -> (x: Double, y: Double) {
        ((x - offsetX) / scaleX, (y - offsetY) / scaleY)
    }
}

/// The sizes on the way: cut out, resized to, then placed in the tensor.
struct PreprocessPlan {
    /// The part of the original that goes on.
    var part: PixelRectangle
    var resizedWidth: Int
    var resizedHeight: Int
    /// Where the resized image's (0, 0) lies in the tensor; negative where it is cropped.
    var left = 0
    var top = 0
    var width: Int
    var height: Int

    var scaleX: Double { Double(resizedWidth) / Double(part.width) }
    var scaleY: Double { Double(resizedHeight) / Double(part.height) }
}

extension Image {
    /// The part of the resized image that the tensor shows; `left` and `top` of the plan become that part's.
    fileprivate func resized(_ plan: inout PreprocessPlan, kernel: ResizeKernel) throws(LTError) -> Image {
        let (x, y) = (max(0, -plan.left), max(0, -plan.top))
        let window = PixelRectangle(
            x: x, y: y, width: min(plan.resizedWidth, plan.width - plan.left) - x,
            height: min(plan.resizedHeight, plan.height - plan.top) - y)
        guard let filter = kernel.filter, (width, height) != (plan.resizedWidth, plan.resizedHeight),
            window.width > 0, window.height > 0
        else {
            return try resized(width: plan.resizedWidth, height: plan.resizedHeight, kernel: kernel)
        }
        plan.left += x
        plan.top += y
        return try resampled(width: plan.resizedWidth, height: plan.resizedHeight, window, filter)
    }
}

extension Preprocess {
    /// The tensor's height and width, when they are the same for every image.
    public var fixedSize: Size? {
        let size: Size?
        if let crop {
            size = crop
        } else if let resize, resize.mode == .squash || resize.mode == .letterbox {
            size = resize.size
        } else {
            size = nil
        }
        return size.map { Size(height: padded($0.height), width: padded($0.width)) }
    }

    /// The geometry for an upright original of this size; `height` and `width` of it are the tensor's.
    /// - Throws: `invalidArgument` for an empty image or values that `validate` refuses.
    public func geometry(width: Int, height: Int) throws(LTError) -> ImageGeometry {
        let plan = try plan(width: width, height: height)
        return ImageGeometry(
            originalWidth: width, originalHeight: height, scaleX: plan.scaleX, scaleY: plan.scaleY,
            offsetX: Double(plan.left) - Double(plan.part.x) * plan.scaleX,
            offsetY: Double(plan.top) - Double(plan.part.y) * plan.scaleY, height: plan.height, width: plan.width)
    }

    /// Decodes and preprocesses an encoded image into `tensor`: channels × height × width floats in the `layout`.
    /// - Returns: the geometry that maps boxes back.
    /// - Throws: errors of `Image.decode`; `shapeMismatch` when the tensor's count is not the result's.
    @discardableResult
    public func apply(
        _ bytes: UnsafeRawBufferPointer, into tensor: UnsafeMutableBufferPointer<Float>
    ) throws(LTError) -> ImageGeometry {
        try apply(try Image.decode(bytes, decodeOptions), into: tensor)
    }

    /// The options that `Image.decode` needs for this chain.
    public var decodeOptions: DecodeOptions {
        DecodeOptions(color: decode.color == .grey ? .grey : .rgb, appliesOrientation: decode.exif)
    }

    /// Preprocesses a decoded image (grey, RGB or RGBA, upright) into `tensor`; see above.
    @discardableResult
    public func apply(
        _ image: Image, into tensor: UnsafeMutableBufferPointer<Float>
    ) throws(LTError) -> ImageGeometry {
        try TensorWriter(self).apply(image, into: tensor)
        return try geometry(width: image.width, height: image.height)
    }

    /// The pixels before the last step, and where they lie in the tensor.
    func pixels(_ image: Image) throws(LTError) -> (Image, PreprocessPlan) {
        var plan = try plan(width: image.width, height: image.height)
        var pixels = decode.color == .grey ? try image.grey() : try image.rgb()
        if plan.part.width < image.width || plan.part.height < image.height { pixels = try pixels.cropped(plan.part) }
        if let resize { pixels = try pixels.resized(&plan, kernel: resize.kernel) }
        return (pixels, plan)
    }

    /// The 8-bit picture of the tensor's size: what `apply` does before normalising. Padding is `pad.value`, rounded.
    public func picture(_ image: Image) throws(LTError) -> Image {
        let (pixels, plan) = try pixels(image)
        let fill = (0..<pixels.channels).map { channel in
            let value = pad?.value ?? [0]
            let order = decode.color == .bgr ? 2 - channel : channel
            return UInt8((value.count == 1 ? value[0] : value[order]).rounded())
        }
        return try pixels.placed(x: plan.left, y: plan.top, width: plan.width, height: plan.height, fill: fill)
    }

    /// Preprocesses into memory of its own.
    /// - Returns: the tensor, [channels, height, width] or [height, width, channels], and the geometry.
    public func tensor(_ bytes: UnsafeRawBufferPointer) throws(LTError) -> (Tensor, ImageGeometry) {
        let image = try Image.decode(bytes, decodeOptions)
        let geometry = try geometry(width: image.width, height: image.height)
        let (height, width) = (geometry.height, geometry.width)
        let tensor = try Tensor(
            .float32, try Shape(layout == .nchw ? [channels, height, width] : [height, width, channels]))
        return (tensor, try apply(image, into: tensor.elements()))
    }

    func plan(width: Int, height: Int) throws(LTError) -> PreprocessPlan {
        try validate()
        guard width > 0, height > 0 else { throw LTError(.invalidArgument, "image of \(width)×\(height) pixels") }
        let part = precropped(width: width, height: height)
        var plan = PreprocessPlan(
            part: part, resizedWidth: part.width, resizedHeight: part.height, width: part.width, height: part.height)
        if let resize {
            let size = resize.target(width: part.width, height: part.height)
            plan = PreprocessPlan(
                part: part, resizedWidth: size.width, resizedHeight: size.height, width: size.width, height: size.height
            )
            if resize.mode == .letterbox { place(&plan, resize.size) }
        }
        if let crop { centerCrop(&plan, crop) }
        if let multiple = pad?.multiple, multiple > 1 {
            place(&plan, Size(height: padded(plan.height), width: padded(plan.width)))
        }
        return plan
    }

    private func padded(_ side: Int) -> Int {
        let multiple = pad?.multiple ?? 1
        return (side + multiple - 1) / multiple * multiple
    }
}
