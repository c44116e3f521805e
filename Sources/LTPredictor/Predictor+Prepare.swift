// Predictor+Prepare: images and clips, encoded or decoded already, to the tensors that the model takes.

import LTCore
import LTDecision
import LTImage

extension Predictor {
    /// Decodes and preprocesses one encoded image. Any thread may call it.
    /// - Parameter buffer: memory for the tensor, where it is large enough; it must not be written again while the sample
    ///   is in use.
    public func prepare(_ bytes: UnsafeRawBufferPointer, reusing buffer: Buffer? = nil) throws(LTError) -> Sample {
        try checkTakesImages()
        return try prepare(try Image.decode(bytes, preprocess.decodeOptions), reusing: buffer)
    }

    /// The same for pixels that a host has decoded: the tensor is that of a file of the same picture.
    public func prepare(_ pixels: PixelView, reusing buffer: Buffer? = nil) throws(LTError) -> Sample {
        try checkTakesImages()
        return try prepare(try Image(pixels, preprocess.decodeOptions), reusing: buffer)
    }

    /// The same for an image in memory: upright, grey, RGB or RGBA.
    public func prepare(_ image: Image, reusing buffer: Buffer? = nil) throws(LTError) -> Sample {
        try checkTakesImages()
        let geometry = try preprocess.geometry(width: image.width, height: image.height)
        let (height, width, channels) = (geometry.height, geometry.width, preprocess.channels)
        let shape = try Shape(preprocess.layout == .nchw ? [channels, height, width] : [height, width, channels])
        let tensor = try memory(shape, buffer)
        try preprocess.apply(image, into: tensor.elements())
        return Sample(tensor: tensor, geometry: geometry)
    }

    /// The same for a clip: the encoded frames that `clip` chose, in order.
    /// - Parameter frame: the bytes of frame `index`; asked for one after the other.
    public func prepare(
        frames frame: (_ index: Int) throws(LTError) -> Buffer, reusing buffer: Buffer? = nil
    ) throws(LTError) -> Sample {
        try prepare(
            images: { (index) throws(LTError) in
                let content = try frame(index)
                return try Image.decode(content.bytes, preprocess.decodeOptions)
            }, reusing: buffer)
    }

    /// The same for a clip of images in memory.
    /// - Parameter image: frame `index`; asked for one after the other.
    public func prepare(
        images image: (_ index: Int) throws(LTError) -> Image, reusing buffer: Buffer? = nil
    ) throws(LTError) -> Sample {
        guard let clip, let shape = sampleShape else {
            throw LTError(.invalidArgument, "a clip of frames, the model takes images")
        }
        let tensor = try memory(shape, buffer)
        return Sample(tensor: tensor, geometry: try clip.write(into: tensor, preprocess, image: image))
    }

    private func checkTakesImages() throws(LTError) {
        guard !input.isClip else { throw LTError(.invalidArgument, "an image, the model takes clips of frames") }
    }

    private func memory(_ shape: Shape, _ buffer: Buffer?) throws(LTError) -> Tensor {
        guard let buffer, buffer.byteCount >= shape.count * 4 else { return try Tensor(.float32, shape) }
        return Tensor(.float32, shape, buffer: buffer)
    }
}

extension ClipSampling {
    /// Preprocesses the frames of one clip into its tensor.
    /// - Parameter image: frame `index`, decoded; asked for one after the other.
    /// - Returns: the geometry of the first frame.
    @discardableResult
    func write(
        into tensor: Tensor, _ preprocess: Preprocess, image: (_ index: Int) throws(LTError) -> Image
    ) throws(LTError) -> ImageGeometry {
        let clipElements = tensor.elements(Float.self)
        let (height, width) = (tensor.dims[2], tensor.dims[3])
        let plane = height * width
        let size = preprocess.channels * plane
        let one = try Buffer(byteCount: size * 4)
        let pixels = UnsafeMutableBufferPointer(start: one.pointer.assumingMemoryBound(to: Float.self), count: size)
        var geometry: ImageGeometry?
        for index in 0..<frames {
            do throws(LTError) {
                let image = try image(index)
                if geometry == nil { geometry = try preprocess.geometry(width: image.width, height: image.height) }
                try preprocess.apply(image, into: pixels)
            } catch {
                throw error.inside("frame \(index) of the clip")
            }
            for channel in 0..<preprocess.channels {
                let place = layout == .cthw ? channel * frames + index : index * preprocess.channels + channel
                clipElements[place * plane..<(place + 1) * plane] = pixels[channel * plane..<(channel + 1) * plane]
            }
        }
        return geometry ?? .identity(width: width, height: height)
    }
}
