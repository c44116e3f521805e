// Normalize: (x · scale − mean) / std in 32-bit steps, as torchvision's ToTensor and Normalize compute them; the 256
// values of each channel are computed once, so every processor gives the same bits.

import CLTKernels
import LTCore

/// What each byte becomes, and what padding becomes.
struct Normalization {
    /// [channels][256]
    var table: [Float] = []
    /// [channels]
    var fill: [Float] = []
}

extension Preprocess {
    var normalization: Normalization {
        var result = Normalization()
        func at(_ list: [Double], _ channel: Int) -> Double { list.count == 1 ? list[0] : list[channel] }
        for channel in 0..<channels {
            let (mean, std) = (Float(at(mean, channel)), Float(at(std, channel)))
            func value(_ x: Double) -> Float { (Float(x * scale) - mean) / std }
            for byte in 0..<256 { result.table.append(value(Double(byte))) }
            result.fill.append(value(at(pad?.value ?? [0], channel)))
        }
        return result
    }
}

/// A Preprocess whose values are looked up already: for many images of one run. Any thread may use it.
public struct TensorWriter: Sendable {
    public let preprocess: Preprocess
    private let normalization: Normalization

    public init(_ preprocess: Preprocess) {
        self.preprocess = preprocess
        normalization = preprocess.normalization
    }

    /// Preprocesses a decoded image, upright, into `tensor`.
    /// - Parameter plane: with layout NCHW, floats from one channel's plane to the next; nil: they are dense. A frame of
    ///   a clip [C, T, H, W] has T · H · W.
    /// - Throws: `shapeMismatch` when the tensor's count is not the result's.
    public func apply(
        _ image: Image, into tensor: UnsafeMutableBufferPointer<Float>, plane: Int? = nil
    ) throws(LTError) {
        let (pixels, plan) = try preprocess.pixels(image)
        try write(pixels, plan, plane, tensor)
    }

    /// Only the last step, for an image (RGB, or grey where the tensor is) of the tensor's size: normalises and lays out.
    public func write(
        _ picture: Image, into tensor: UnsafeMutableBufferPointer<Float>, plane: Int? = nil
    ) throws(LTError) {
        let (width, height) = (picture.width, picture.height)
        let whole = PixelRectangle(x: 0, y: 0, width: width, height: height)
        try write(
            picture,
            PreprocessPlan(part: whole, resizedWidth: width, resizedHeight: height, width: width, height: height),
            plane, tensor)
    }

    private func write(
        _ pixels: Image, _ plan: PreprocessPlan, _ plane: Int?, _ tensor: UnsafeMutableBufferPointer<Float>
    ) throws(LTError) {
        let channels = preprocess.channels
        guard pixels.channels == channels else {
            throw LTError(.shapeMismatch, "image of \(pixels.channels) channels, expected \(channels)")
        }
        let size = plan.width * plan.height
        let stride = preprocess.layout == .nchw ? plane ?? size : size
        // The floats from the first to the last value, both sides of at most 2^31 pixels.
        let (count, overflow) = stride.multipliedReportingOverflow(by: channels - 1)
        guard !overflow, count >= 0, stride >= size, count + size == tensor.count, let target = tensor.baseAddress
        else {
            throw LTError(
                .shapeMismatch,
                "tensor of \(tensor.count) floats, the preprocessed image has \(channels)×\(plan.height)×\(plan.width)")
        }
        normalization.table.withUnsafeBufferPointer { table in
            var job = lt_tensor_job()
            job.source = UnsafePointer(pixels.bytes.baseAddress)
            job.source_width = pixels.width
            job.source_height = pixels.height
            job.channels = channels
            job.left = plan.left
            job.top = plan.top
            job.target_width = plan.width
            job.target_height = plan.height
            job.table = table.baseAddress
            job.plane = stride
            withUnsafeMutableBytes(of: &job.order) { slots in
                for channel in 0..<channels {
                    slots[channel] = UInt8(preprocess.decode.color == .bgr ? 2 - channel : channel)
                }
            }
            withUnsafeMutableBytes(of: &job.fill) { slots in
                let slots = slots.assumingMemoryBound(to: Float.self)
                for channel in 0..<channels { slots[channel] = normalization.fill[channel] }
            }
            job.planar = preprocess.layout == .nchw ? 1 : 0
            lt_image_to_tensor(&job, target)
        }
    }
}
