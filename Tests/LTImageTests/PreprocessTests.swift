// Whole chains against torchvision on PIL images and against OpenCV pipelines; the JSON of `lt.preprocess`.

import Foundation
import LTCore
import LTImage
import Testing

struct TensorFixtures: Decodable {
    struct Case: Decodable {
        let kind: String
        let seed: Int
        let width: Int
        let height: Int
        let shape: [Int]
        let crc: UInt32
        let sum: Double
        let at: [Int]
        let values: [Float]
    }
    let tensors: [Case]
}

private let imageNetMean = [0.485, 0.456, 0.406]
private let imageNetStd = [0.229, 0.224, 0.225]

private func preprocess(_ kind: String) -> Preprocess? {
    switch kind {
    case "imagenet":
        Preprocess(
            resize: .init(mode: .shortest, size: .init(64)), crop: .init(56), mean: imageNetMean, std: imageNetStd)
    case "bicubic":
        Preprocess(
            resize: .init(mode: .shortest, size: .init(71), kernel: .pilBicubic), crop: .init(height: 60, width: 64),
            mean: imageNetMean, std: imageNetStd)
    case "squash":
        Preprocess(
            resize: .init(mode: .squash, size: .init(height: 48, width: 40)), mean: imageNetMean, std: imageNetStd)
    case "crop-larger": Preprocess(crop: .init(height: 101, width: 95), mean: imageNetMean, std: imageNetStd)
    case "grey":
        Preprocess(
            decode: .init(color: .grey), resize: .init(mode: .shortest, size: .init(64)), crop: .init(56),
            mean: [0.5], std: [0.25])
    case "letterbox":
        Preprocess(
            resize: .init(mode: .letterbox, size: .init(height: 64, width: 80), kernel: .cv2Linear),
            pad: .init(value: [114]))
    case "bgr-multiple":
        // mmcv pads after normalising: the padding's pixel value is the mean.
        Preprocess(
            decode: .init(color: .bgr),
            resize: .init(mode: .squash, size: .init(height: 37, width: 45), kernel: .cv2Linear),
            pad: .init(value: [103.53, 116.28, 123.675], multiple: 64, at: .end), scale: 1,
            mean: [103.53, 116.28, 123.675], std: [57.375, 57.12, 58.395], layout: .nhwc)
    default: nil
    }
}

@Suite struct PreprocessTests {
    @Test func chainsEqualTorchvisionAndOpenCV() throws {
        for item in try Fixtures.json("tensors.json", TensorFixtures.self).tensors {
            let chain = try #require(preprocess(item.kind))
            let image = try Image.noise(item.width, item.height, 3, seed: item.seed)
            let geometry = try chain.geometry(width: item.width, height: item.height)
            let shape =
                chain.layout == .nchw
                ? [chain.channels, geometry.height, geometry.width] : [geometry.height, geometry.width, chain.channels]
            #expect(shape == item.shape, "\(item.kind) \(item.width)×\(item.height)")
            guard shape == item.shape else { continue }
            // Through the encoded bytes, so that decoding is part of it.
            let (tensor, applied) = try image.encodedPNG().withUnsafeBytes { try chain.tensor($0) }
            #expect(applied == geometry)
            #expect(tensor.dims == shape)
            let elements = tensor.elements(Float.self)
            let sum = elements.reduce(0) { $0 + Double($1) }
            #expect(abs(sum - item.sum) < 1e-6 * Double(elements.count), "\(item.kind) \(item.width)×\(item.height)")
            for (at, value) in zip(item.at, item.values) {
                #expect(abs(elements[at] - value) <= 1e-6, "\(item.kind) \(item.width)×\(item.height) at \(at)")
            }
            #expect(crc32(tensor.bytes) == item.crc, "\(item.kind) \(item.width)×\(item.height): not bit-equal")
        }
    }

    @Test func geometryMapsBack() throws {
        let chain = Preprocess(
            resize: .init(mode: .letterbox, size: .init(640), kernel: .cv2Linear), pad: .init(value: [114]))
        let geometry = try chain.geometry(width: 1280, height: 720)
        #expect(geometry.scaleX == 0.5)
        #expect([geometry.offsetX, geometry.offsetY] == [0, 140])
        let point = geometry.original(x: 320, y: 320)
        #expect([point.x, point.y] == [640, 360])
        let cropped = try Preprocess(resize: .init(mode: .shortest, size: .init(256)), crop: .init(224))
            .geometry(width: 640, height: 480)
        #expect([cropped.offsetX, cropped.offsetY] == [-58, -16])
        #expect(cropped.height == 224 && cropped.width == 224)
    }

    /// torchvision's Resize(20, max_size=33).
    @Test func longestSideIsBounded() throws {
        let chain = Preprocess(resize: .init(mode: .shortest, size: .init(20), longest: 33))
        #expect(try Preprocess(json: chain.json()) == chain)
        for (width, height, expected) in [
            (60, 40, [30, 20]), (100, 43, [33, 14]), (43, 100, [14, 33]), (33, 20, [33, 20]), (1000, 9, [33, 1]),
        ] {
            let geometry = try chain.geometry(width: width, height: height)
            #expect([geometry.width, geometry.height] == expected)
        }
    }

    @Test func fixedSizesAreKnown() throws {
        #expect(Preprocess(resize: .init(mode: .shortest, size: .init(256))).fixedSize == nil)
        let cropped = Preprocess(resize: .init(mode: .shortest, size: .init(256)), crop: .init(224))
        #expect(cropped.fixedSize == Preprocess.Size(224))
        let padded = Preprocess(resize: .init(mode: .squash, size: .init(100)), pad: .init(multiple: 32))
        #expect(padded.fixedSize == Preprocess.Size(128))
    }

    @Test func jsonRoundTrips() throws {
        for kind in ["imagenet", "bicubic", "squash", "crop-larger", "grey", "letterbox", "bgr-multiple"] {
            let chain = try #require(preprocess(kind))
            #expect(try Preprocess(json: try chain.json()) == chain, "\(kind)")
        }
        let text = """
            {"decode":{"exif":true,"color":"rgb"},"resize":{"mode":"shortest","size":256,"kernel":"pil-bilinear"},
             "crop":224,"scale":0.00392156862745098,"mean":[0.485,0.456,0.406],"std":[0.229,0.224,0.225],
             "layout":"NCHW"}
            """
        let chain = try Preprocess(json: text)
        #expect(chain.scale == 1.0 / 255)
        #expect(chain.crop == Preprocess.Size(224))
    }

    @Test func badJSONNamesTheKey() throws {
        for (text, word) in [
            (#"{"sclae":1}"#, "sclae"),
            (#"{"resize":{"mode":"shortest","size":1,"kernel":"pil-bilinear","x":1}}"#, "'x'"),
            (#"{"resize":{"mode":"shortest","kernel":"pil-bilinear"}}"#, "resize.size"),
            (#"{"resize":{"mode":"tallest","size":3,"kernel":"pil-bilinear"}}"#, "resize.mode"),
            (#"{"resize":{"mode":"shortest","size":3,"kernel":"bilinear"}}"#, "resize.kernel"),
            (#"{"resize":{"mode":"shortest","size":[3,4],"kernel":"pil-box"}}"#, "resize.size"),
            (#"{"resize":{"mode":"longest","size":3,"longest":4,"kernel":"pil-box"}}"#, "resize.longest"),
            (#"{"resize":{"mode":"shortest","size":3,"longest":2,"kernel":"pil-box"}}"#, "resize.longest"),
            (#"{"crop":0}"#, "crop"), (#"{"crop":[1,2,3]}"#, "crop"), (#"{"crop":1e9}"#, "crop"),
            (#"{"scale":0}"#, "scale"),
            (#"{"mean":[1,2]}"#, "mean"), (#"{"std":[1,0,1]}"#, "std"), (#"{"pad":{"value":[300]}}"#, "pad.value"),
            (#"{"pad":{"multiple":0}}"#, "pad.multiple"), (#"{"layout":"CHWN"}"#, "layout"), (#"{"mean":"x"}"#, "mean"),
            ("[1]", "preprocess"), ("", "preprocess"), ("{", "preprocess"),
        ] {
            let error = errorOf { () throws(LTError) in try Preprocess(json: text) }
            #expect(error?.message.contains(word) == true, "\(text): \(error?.description ?? "accepted")")
        }
    }

    @Test func wrongTensorSizesAreErrors() throws {
        let image = try Image.noise(20, 10, 3, seed: 0)
        var memory = [Float](repeating: 0, count: 5)
        let error = memory.withUnsafeMutableBufferPointer { memory in
            errorOf { () throws(LTError) in try Preprocess().apply(image, into: memory) }
        }
        #expect(error?.code == .shapeMismatch)
    }
}
