// Normalize: (x · scale − mean) / std in 32-bit steps, as torchvision's ToTensor and Normalize compute them; the 256
// values of each channel are computed once, so every processor gives the same bits.

import CLTKernels

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

extension Image {
    /// Crops, pads, normalises and lays out in one pass.
    func write(
        _ plan: PreprocessPlan, order: [UInt8], _ normalization: Normalization, _ layout: Preprocess.Layout,
        into target: UnsafeMutablePointer<Float>
    ) {
        normalization.table.withUnsafeBufferPointer { table in
            var job = lt_tensor_job()
            job.source = UnsafePointer(bytes.baseAddress)
            job.source_width = width
            job.source_height = height
            job.channels = channels
            job.left = plan.left
            job.top = plan.top
            job.target_width = plan.width
            job.target_height = plan.height
            job.table = table.baseAddress
            withUnsafeMutableBytes(of: &job.order) { slots in
                for channel in 0..<channels { slots[channel] = order[channel] }
            }
            withUnsafeMutableBytes(of: &job.fill) { slots in
                let slots = slots.assumingMemoryBound(to: Float.self)
                for channel in 0..<channels { slots[channel] = normalization.fill[channel] }
            }
            job.planar = layout == .nchw ? 1 : 0
            lt_image_to_tensor(&job, target)
        }
    }
}
