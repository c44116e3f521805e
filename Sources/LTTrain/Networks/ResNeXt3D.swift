// 3D ResNeXt (Hara et al., arXiv:1711.09577): 7×7×7 stem that halves height and width, 3×3×3 maximum pooling, bottleneck
// blocks with grouped 3×3×3 convolutions and expansion 2, shortcuts of option B (1×1×1 convolution where the shape
// changes). Depth 101 with 32 groups and 19 classes has 47,560,147 parameters.

import LTCore
import LTGraph

/// ResNeXt over clips [N, 3, frames, height, width].
public struct ResNeXt3D: Network {
    public static let name = "resnext3d"
    public static let summary = "3D ResNeXt-50, 101, 152 for clips, shortcuts by convolution (option B)"

    /// Residual blocks per stage.
    public var blocks: [Int]
    /// Groups of the 3×3×3 convolutions.
    public var cardinality: Int
    /// Channels of the stem; the stages' inner widths are 2, 4, 8 and 16 times as many, their outputs 4, 8, 16 and 32.
    public var width: Int
    /// Images of a clip.
    public var frames: Int
    public var head = ClassifierHead(.uniform)

    public static let depths: [Int: [Int]] = [50: [3, 4, 6, 3], 101: [3, 4, 23, 3], 152: [3, 8, 36, 3]]

    /// - Throws: `invalidArgument` for a depth that is not published, or inner widths that the groups do not divide.
    public init(depth: Int = 101, cardinality: Int = 32, width: Int = 64, frames: Int = 10) throws(LTError) {
        guard let blocks = Self.depths[depth] else {
            throw LTError(.invalidArgument, "depth \(depth), expected 50, 101 or 152")
        }
        guard cardinality > 0, width > 0, 2 * width % cardinality == 0 else {
            throw LTError(.invalidArgument, "\(2 * width) channels in \(cardinality) groups, expected a multiple")
        }
        self.blocks = blocks
        self.cardinality = cardinality
        self.width = width
        self.frames = frames
    }

    /// Keys: `depth`, `cardinality`, `width`, `frames`, `classifier`, `head`.
    public init(_ section: RecipeSection) throws(LTError) {
        let depth = try section.int("depth", in: 1...1000) ?? 101
        let cardinality = try section.int("cardinality", in: 1...1024) ?? 32
        let width = try section.int("width", in: 1...1024) ?? 64
        let frames = try section.int("frames", in: 1...1024) ?? 10
        do {
            try self.init(depth: depth, cardinality: cardinality, width: width, frames: frames)
        } catch { throw section.place(error, Self.depths[depth] == nil ? "depth" : "cardinality") }
        head = try ClassifierHead(section, default: head)
        try section.finish()
    }

    public func graph(_ request: inout NetworkRequest) throws(LTError) -> Graph {
        let size = request.inputSize
        var net = NetworkBuilder(name: "resnext3d", spatial: [frames, size, size], request)
        defer { request = net.request }
        var x = try net.conv(net.input, "conv1", from: 3, to: width, kernel: 7, stride: 2, frameStride: 1)
        x = net.relu(try net.batchNorm(x, "bn1", channels: width))
        x = net.maxPool(x, kernel: 3, stride: 2)
        var channels = width
        for (stage, count) in blocks.enumerated() {
            let planes = 2 * width << stage
            for block in 0..<count {
                x = try self.block(
                    x, "layer\(stage + 1).\(block)", &net, from: channels, planes: planes,
                    stride: block == 0 && stage > 0 ? 2 : 1)
                channels = 2 * planes
            }
        }
        return try net.finish(net.pooled(x), head, "fc", from: channels)
    }

    private func block(
        _ x: String, _ name: String, _ net: inout NetworkBuilder, from inputs: Int, planes: Int, stride: Int
    ) throws(LTError) -> String {
        let outputs = 2 * planes
        var y = try net.conv(x, "\(name).conv1", from: inputs, to: planes, kernel: 1)
        y = net.relu(try net.batchNorm(y, "\(name).bn1", channels: planes))
        y = try net.conv(y, "\(name).conv2", from: planes, to: planes, kernel: 3, stride: stride, groups: cardinality)
        y = net.relu(try net.batchNorm(y, "\(name).bn2", channels: planes))
        y = try net.conv(y, "\(name).conv3", from: planes, to: outputs, kernel: 1)
        y = try net.batchNorm(y, "\(name).bn3", channels: outputs)
        var shortcut = x
        if stride != 1 || inputs != outputs {
            shortcut = try net.conv(x, "\(name).downsample.0", from: inputs, to: outputs, kernel: 1, stride: stride)
            shortcut = try net.batchNorm(shortcut, "\(name).downsample.1", channels: outputs)
        }
        return net.relu(net.add(y, shortcut))
    }
}
