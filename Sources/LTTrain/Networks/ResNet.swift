// ResNet for images of ImageNet's kind: depths 10 to 152, any width, torchvision's state-dict names and its stride in
// the 3×3 convolution (v1.5). He et al., arXiv:1512.03385. With groups in the 3×3 convolutions it is ResNeXt (Xie et al.,
// arXiv:1611.05431). The Distribution-Balanced papers' neck (PFC: linear, batch normalisation, dropout) is an option.

import LTCore
import LTGraph

/// ResNet by depth, or by blocks per stage for small ones.
public struct ResNet: Network {
    public static let name = "resnet"
    public static let summary = "ResNet-10, 18, 34, 50, 101, 152 or by blocks; any width; optional PFC neck"

    /// Residual blocks per stage; three or four stages.
    public var blocks: [Int]
    /// Blocks of 1×1, 3×3, 1×1 convolutions with four times the channels (depth 50 and more).
    public var bottleneck: Bool
    /// Channels of the first stage; each further stage doubles them.
    public var width: Int
    /// Groups of the 3×3 convolutions of bottleneck blocks (cardinality).
    public var groups = 1
    /// Channels of a group where the first stage has 64 channels; they grow with `width` and the stage.
    public var widthPerGroup = 64
    /// Bottleneck blocks halve the picture in their first 1×1 convolution, as Caffe's networks do.
    public var strideIn1x1 = false
    public var stem: Stem
    /// Stride of the first stage.
    public var firstStride: Int
    public var pool: Pool
    /// Channels of the PFC neck; 0 for none.
    public var pfc: Int
    public var head = ClassifierHead(.normal)

    public struct Stem: Sendable {
        public var kernel: Int
        public var stride: Int
        /// A 3×3 maximum pooling of stride 2 after the stem.
        public var maxPool: Bool
    }
    public enum Pool: String, Sendable, CaseIterable { case average, max }

    /// Blocks per stage of the published depths.
    public static let depths: [Int: (blocks: [Int], bottleneck: Bool)] = [
        10: ([1, 1, 1, 1], false), 18: ([2, 2, 2, 2], false), 34: ([3, 4, 6, 3], false),
        50: ([3, 4, 6, 3], true), 101: ([3, 4, 23, 3], true), 152: ([3, 8, 36, 3], true),
    ]

    /// - Throws: `invalidArgument` for a depth that is not published.
    public init(depth: Int, width: Int = 64, pfc: Int = 0) throws(LTError) {
        guard let (blocks, bottleneck) = ResNet.depths[depth] else {
            throw LTError(
                .invalidArgument,
                "depth \(depth), expected one of \(ResNet.depths.keys.sorted().map(String.init).joined(separator: ", "))"
            )
        }
        self.blocks = blocks
        self.bottleneck = bottleneck
        self.width = width
        self.pfc = pfc
        stem = Stem(kernel: 7, stride: 2, maxPool: true)
        firstStride = 1
        pool = .average
    }

    /// Keys: `depth` or `blocks`, `width`, `bottleneck`, `groups`, `width_per_group`, `stride_in_1x1`, `stem` {kernel,
    /// stride, max_pool}, `first_stride`, `pool`, `pfc`, `classifier`, `head`.
    public init(_ section: RecipeSection) throws(LTError) {
        let depth = try section.int("depth", in: 1...1000)
        let blocks = try section.ints("blocks", in: 1...100)
        switch (depth, blocks) {
        case (let depth?, nil):
            do { try self.init(depth: depth) } catch { throw section.place(error, "depth") }
        case (nil, let blocks?):
            guard (1...4).contains(blocks.count) else {
                throw section.error("blocks", "\(blocks.count) stages, expected 1 to 4")
            }
            try self.init(depth: 18)
            self.blocks = blocks
        default: throw section.error("depth", "give either depth or blocks")
        }
        try readOptions(section)
    }

    /// Reads all keys but `depth` and `blocks`.
    mutating func readOptions(_ section: RecipeSection) throws(LTError) {
        bottleneck = try section.bool("bottleneck") ?? bottleneck
        width = try section.int("width", in: 1...1024) ?? width
        if let stem = try section.section("stem") {
            self.stem.kernel = try stem.int("kernel", in: 1...15) ?? self.stem.kernel
            self.stem.stride = try stem.int("stride", in: 1...4) ?? self.stem.stride
            self.stem.maxPool = try stem.bool("max_pool") ?? self.stem.maxPool
            try stem.finish()
        }
        firstStride = try section.int("first_stride", in: 1...4) ?? firstStride
        pool = try section.choice("pool", Pool.self) ?? pool
        pfc = try section.int("pfc", in: 0...65536) ?? pfc
        groups = try section.int("groups", in: 1...4096) ?? groups
        widthPerGroup = try section.int("width_per_group", in: 1...4096) ?? widthPerGroup
        strideIn1x1 = try section.bool("stride_in_1x1") ?? strideIn1x1
        guard bottleneck || !strideIn1x1 else {
            throw section.error("stride_in_1x1", "basic blocks have no 1×1 convolution before the 3×3 one")
        }
        guard bottleneck || (groups == 1 && widthPerGroup == 64) else {
            throw section.error("groups", "basic blocks have no groups")
        }
        guard width * widthPerGroup >= 64 else {
            throw section.error("width_per_group", "\(widthPerGroup) of 64 of \(width) channels is less than one")
        }
        head = try ClassifierHead(section, default: head)
        try section.finish()
    }

    public func graph(_ request: inout NetworkRequest) throws(LTError) -> Graph {
        var net = NetworkBuilder(
            name: "resnet", spatial: [request.inputSize, request.inputSize], request)
        defer { request = net.request }
        let last = try stages(&net).last
        var (x, channels) = (last?.value ?? net.input, last?.channels ?? 3)
        x = net.pooled(x, max: pool == .max)
        if pfc > 0 {
            x = try net.pfc(x, from: channels, to: pfc)
            channels = pfc
        }
        return try net.finish(x, head, "fc", from: channels)
    }

    /// Stem and stages on the graph's input: what each stage makes, and its channels.
    /// - Parameter prefix: stands before the names of all weights.
    func stages(_ net: inout NetworkBuilder, prefix: String = "") throws(LTError) -> [(value: String, channels: Int)] {
        var x = try net.conv(
            net.input, "\(prefix)conv1", from: 3, to: width, kernel: stem.kernel, stride: stem.stride)
        x = net.relu(try net.batchNorm(x, "\(prefix)bn1", channels: width))
        if stem.maxPool { x = net.maxPool(x, kernel: 3, stride: 2) }
        var channels = width
        var stages: [(String, Int)] = []
        for (stage, count) in blocks.enumerated() {
            let planes = width << stage
            for block in 0..<count {
                let stride = block > 0 ? 1 : stage == 0 ? firstStride : 2
                let outputs = bottleneck ? planes * 4 : planes
                x = try self.block(
                    x, "\(prefix)layer\(stage + 1).\(block)", &net, from: channels, planes: planes, to: outputs,
                    stride: stride)
                channels = outputs
            }
            stages.append((x, channels))
        }
        return stages
    }

    private func block(
        _ x: String, _ name: String, _ net: inout NetworkBuilder, from inputs: Int, planes: Int, to outputs: Int,
        stride: Int
    ) throws(LTError) -> String {
        var y: String
        if bottleneck {
            let inner = planes * widthPerGroup / 64 * groups
            let (first, second) = strideIn1x1 ? (stride, 1) : (1, stride)
            y = try net.conv(x, "\(name).conv1", from: inputs, to: inner, kernel: 1, stride: first)
            y = net.relu(try net.batchNorm(y, "\(name).bn1", channels: inner))
            y = try net.conv(y, "\(name).conv2", from: inner, to: inner, kernel: 3, stride: second, groups: groups)
            y = net.relu(try net.batchNorm(y, "\(name).bn2", channels: inner))
            y = try net.conv(y, "\(name).conv3", from: inner, to: outputs, kernel: 1)
            y = try net.batchNorm(y, "\(name).bn3", channels: outputs)
        } else {
            y = try net.conv(x, "\(name).conv1", from: inputs, to: planes, kernel: 3, stride: stride)
            y = net.relu(try net.batchNorm(y, "\(name).bn1", channels: planes))
            y = try net.conv(y, "\(name).conv2", from: planes, to: planes, kernel: 3)
            y = try net.batchNorm(y, "\(name).bn2", channels: planes)
        }
        var shortcut = x
        if stride != 1 || inputs != outputs {
            shortcut = try net.conv(x, "\(name).downsample.0", from: inputs, to: outputs, kernel: 1, stride: stride)
            shortcut = try net.batchNorm(shortcut, "\(name).downsample.1", channels: outputs)
        }
        return net.relu(net.add(y, shortcut))
    }
}
