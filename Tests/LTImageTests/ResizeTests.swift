// Resized pixels against Pillow's and OpenCV's, on every instruction set level of this processor.

import CLTKernels
import LTCore
import LTImage
import Testing

struct ResizeFixtures: Decodable {
    struct Case: Decodable {
        let seed: Int
        let from: [Int]
        let to: [Int]
        /// CRC-32 by "kernel/channels".
        let crc: [String: UInt32]
    }
    struct Whole: Decodable {
        let kernel: ResizeKernel
        let from: [Int]
        let to: [Int]
        let pixels: [UInt8]
    }
    struct Content: Decodable {
        let cases: [Case]
        let arrays: [Whole]
    }
    let resize: Content
}

@Suite struct ResizeTests {
    @Test(arguments: [LT_ISA_PORTABLE, LT_ISA_AVX2, LT_ISA_AVX512])
    func pixelsEqualPillowAndOpenCV(level: lt_isa) throws {
        // A setting of this thread; a level that the processor lacks runs the best one it has.
        lt_image_limit_isa(Int32(level.rawValue))
        defer { lt_image_limit_isa(Int32(LT_ISA_AVX512.rawValue)) }
        let fixtures = try Fixtures.json("resize.json", ResizeFixtures.self).resize
        for whole in fixtures.arrays {
            let image = try Image.noise(whole.from[0], whole.from[1], 3, seed: 3)
            let result = try image.resized(width: whole.to[0], height: whole.to[1], kernel: whole.kernel)
            #expect(result.bytes.elementsEqual(whole.pixels), "\(whole.kernel.rawValue) \(whole.from) → \(whole.to)")
        }
        for item in fixtures.cases {
            for channels in [1, 3, 4] {
                let image = try Image.noise(item.from[0], item.from[1], channels, seed: item.seed)
                for kernel in ResizeKernel.allCases {
                    let result = try image.resized(width: item.to[0], height: item.to[1], kernel: kernel)
                    let name = "\(kernel.rawValue)/\(channels)"
                    #expect(
                        result.crc == item.crc[name], "\(name) \(item.from) → \(item.to) at level \(level.rawValue)")
                }
            }
        }
    }

    @Test func impossibleSizesAreErrors() throws {
        let image = try Image.noise(5, 4, 3, seed: 0)
        for (width, height, code) in [
            (0, 3, LTError.Code.invalidArgument), (3, -1, .invalidArgument), (1 << 30, 1 << 30, .outOfMemory),
            (.max, 2, .outOfMemory),
        ] {
            let error = errorOf { () throws(LTError) in
                try image.resized(width: width, height: height, kernel: .pilBilinear)
            }
            #expect(error?.code == code)
        }
    }
}

@Suite struct WindowTests {
    @Test(arguments: [LT_ISA_PORTABLE, LT_ISA_AVX2, LT_ISA_AVX512])
    func croppingWhileResizingEqualsCroppingAfter(level: lt_isa) throws {
        lt_image_limit_isa(Int32(level.rawValue))
        defer { lt_image_limit_isa(Int32(LT_ISA_AVX512.rawValue)) }
        var generator = SeededGenerator(seed: 3)
        let kernels: [ResizeKernel] = [.pilBox, .pilBilinear, .pilBicubic, .pilLanczos, .cv2Linear]
        for number in 0..<150 {
            let kernel = kernels[number % kernels.count]
            // Every tenth keeps its height, every eleventh its width.
            let (width, height) = (1 + generator.below(90), 1 + generator.below(300))
            let target = Preprocess.Size(
                height: number % 10 == 0 ? height : 1 + generator.below(100),
                width: number % 11 == 0 ? width : 1 + generator.below(100))
            let crop = Preprocess.Size(height: 1 + generator.below(70), width: 1 + generator.below(70))
            let image = try Image.noise(width, height, 3, seed: number)
            let chain = Preprocess(
                resize: .init(mode: .squash, size: target, kernel: kernel), crop: crop, scale: 1, layout: .nhwc)
            var tensor = [Float](repeating: -1, count: 3 * crop.height * crop.width)
            try tensor.withUnsafeMutableBufferPointer { _ = try chain.apply(image, into: $0) }
            let whole = try image.resized(width: target.width, height: target.height, kernel: kernel)
            let after = Preprocess(crop: crop, scale: 1, layout: .nhwc)
            var expected = [Float](repeating: -2, count: tensor.count)
            try expected.withUnsafeMutableBufferPointer { _ = try after.apply(whole, into: $0) }
            #expect(tensor == expected, "\(kernel.rawValue) \(width)×\(height) → \(target) → \(crop)")
        }
    }
}
