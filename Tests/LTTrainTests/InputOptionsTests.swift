// The recipe's `input` and `augment` sections: the preprocessing they stand for, keys that contradict each other.

import LTCore
import LTDecision
import LTImage
import LTTrain
import Testing

@Suite struct InputOptionsTests {
    func input(_ yaml: String) throws -> InputOptions {
        try Recipe(yaml: testRecipe, overrides: ["input={\(yaml)}"]).input
    }
    func failure(_ overrides: String...) -> LTError? {
        do {
            _ = try Recipe(yaml: testRecipe, overrides: overrides)
            return nil
        } catch { return error }
    }

    @Test func theUsualIsASquashWithImageNetsNormalisation() throws {
        let usual = try input("size: 32")
        #expect(usual.sampleDims == [3, 32, 32] && usual.clip == nil)
        #expect(
            usual.preprocess
                == Preprocess(
                    resize: .init(mode: .squash, size: .init(32)), mean: [0.485, 0.456, 0.406],
                    std: [0.229, 0.224, 0.225]))
    }

    @Test func resizeAndCentreCrop() throws {
        let expected = Preprocess(
            resize: .init(mode: .shortest, size: .init(256)), crop: .init(224), mean: [0.485, 0.456, 0.406],
            std: [0.229, 0.224, 0.225])
        #expect(try input("size: 224, resize: {mode: shortest, size: 256}").preprocess == expected)
        #expect(try input("size: 224, center_crop: 224, resize: {mode: shortest, size: 256}").preprocess == expected)
        #expect(try input("size: 224, resize: {mode: shortest}").preprocess.crop == .init(224))
        #expect(try input("size: 224, resize: {mode: letterbox}").preprocess.crop == nil)
        #expect(try input("size: 224, resize: {size: 256}").preprocess.fixedSize == .init(224))
        let wrong = failure("input={size: 224, center_crop: 480}")
        #expect(wrong?.message.contains("center_crop is 480, expected the input's size 224") ?? false)
        #expect(wrong?.hint?.contains("precrop") ?? false)
    }

    @Test func clipsOfBytesInOpenCVsOrder() throws {
        let video = try input("size: 224, precrop: 480, color: bgr, scale: 1, clip: {frames: 10}")
        #expect(video.sampleDims == [3, 10, 224, 224])
        #expect(video.clip == ClipSampling(frames: 10, sampling: .segments))
        #expect(
            video.preprocess
                == Preprocess(
                    decode: .init(color: .bgr), precrop: .init(480), resize: .init(mode: .squash, size: .init(224)),
                    scale: 1))
        #expect(try Preprocess(json: video.preprocess.json()) == video.preprocess)
        let window = try input("size: 8, clip: {frames: 4, sampling: center, stride: 2, layout: tchw}")
        #expect(window.sampleDims == [4, 3, 8, 8])
        #expect(window.clip == ClipSampling(frames: 4, sampling: .center, stride: 2, layout: .tchw))
        #expect(try input("size: 32, color: bgr").preprocess.mean == [0.406, 0.456, 0.485])
        #expect(failure("input={size: 8, clip: {frames: 4, stride: 2}}")?.message.contains("clip.stride") ?? false)
        #expect(failure("input={size: 8, clip: {}}")?.message.contains("'frames'") ?? false)
        #expect(failure("input={size: 8, color: grey}")?.message.contains("expected one of rgb, bgr") ?? false)
    }

    @Test func everyPartOfAugmentation() throws {
        func augmentation(_ yaml: String) throws -> Augmentation {
            try Recipe(yaml: testRecipe, overrides: ["augment={\(yaml)}"]).augmentation
        }
        #expect(try augmentation("") == Augmentation())
        var cifar = Augmentation()
        (cifar.padding, cifar.flip) = (4, 0.5)
        #expect(try augmentation("pad_crop: {padding: 4}, flip: 0.5") == cifar)
        var imagenet = Augmentation()
        imagenet.window = .resizedCrop(RandomResizedCrop(scale: 0.1...0.9, ratio: 0.5...2))
        imagenet.jitter = ColorJitter(brightness: 0.4, contrast: 0.3, saturation: 0.2, hue: 0)
        #expect(
            try augmentation(
                "resized_crop: {scale: [0.1, 0.9], ratio: [0.5, 2]}, jitter: {brightness: 0.4, contrast: 0.3, saturation: 0.2}"
            ) == imagenet)
        var video = Augmentation()
        video.window = .randomCrop(RandomWindow(width: 480, height: 480))
        video.rotation = 10
        #expect(try augmentation("random_crop: {size: 480}, rotate: 10") == video)
        let both = failure("augment={crop: {}, resized_crop: {}}")
        #expect(both?.message.contains("augment.resized_crop: comes beside crop") ?? false)
        #expect(failure("augment={pad_crop: {}}")?.message.contains("'padding'") ?? false)
        #expect(failure("augment={jitter: {hue: 0.6}}")?.message.contains("augment.jitter.hue") ?? false)
    }
}
