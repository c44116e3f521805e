// InputOptions: a recipe's `input` section: how images become the network's input when nothing is random. It goes into the
// exported file as `lt.preprocess`.

import LTCore
import LTImage

/// Size, normalisation and resizing of the network's input.
public struct InputOptions: Sendable {
    /// Side of the input in pixels.
    public var size: Int
    public var preprocess: Preprocess

    /// Keys: `size`, `mean`, `std`, `kernel`.
    init(_ section: RecipeSection) throws(LTError) {
        size = try section.required("size", section.int("size", in: 8...4096))
        let mean = try section.doubles("mean", in: -10...10) ?? [0.485, 0.456, 0.406]
        let std = try section.doubles("std", in: 1e-6...10) ?? [0.229, 0.224, 0.225]
        let kernel = try section.choice("kernel", ResizeKernel.self) ?? .pilBilinear
        try section.finish()
        preprocess = Preprocess(
            resize: Preprocess.Resize(mode: .squash, size: Preprocess.Size(size), kernel: kernel), mean: mean, std: std)
        try preprocess.validate()
    }
}
