// Whatever goes wrong: a status and a message, out-parameters untouched, the process alive, nothing printed.

import Foundation
import Testing

@Suite struct FailureTests {
    @Test func argumentsThatAreWrong() throws {
        try Host("failures_arguments").expectSilence([try Scene.folder()])
    }

    @Test func filesThatAreBroken() throws {
        let names = [
            "rgb-420.jpg", "rgb-progressive.jpg", "cmyk.jpg", "exif-6.jpg", "rgb.png", "interlaced-rgba.png",
            "palette-trns.png", "grey-16bit.png", "lossy.webp", "lossless-alpha.webp", "animated.webp",
        ]
        try Host("failures_files").expectSilence(
            [try Scene.folder(), "60"] + names.map { Scene.fixtures + "/" + $0 })
    }

    @Test(arguments: ["scores.onnx", "softmax.onnx", "tiny.onnx"])
    func memoryThatIsRefused(model: String) throws {
        try Host("failures_memory").expectSilence([try Scene.folder(), model])
    }
}
