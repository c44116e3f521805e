// ResNet for 32×32 images (He et al., arXiv:1512.03385 §4.2): 3×3 stem, three stages of (depth − 2)/6 basic blocks with
// 16, 32, 64 channels, shortcuts of option A (every second row and column, zero channels before and after), Kaiming-normal
// over fan-in. ResNet-32 with 10 classes has 464,154 parameters. The classifier may be LDAM's cosine one.

import LTCore
import LTGraph

/// ResNet-20, 32, 44, 56, 110 of the CIFAR experiments.
public struct CIFARResNet: Network {
    public static let name = "resnet-cifar"
    public static let summary = "ResNet-20, 32, 44, 56, 110 for 32×32 images, shortcuts without parameters (option A)"

    /// 6 n + 2.
    public var depth: Int
    /// Channels of the first stage.
    public var width: Int
    public var head = ClassifierHead(.kaiming)

    public init(depth: Int = 32, width: Int = 16) throws(LTError) {
        guard depth >= 8, (depth - 2) % 6 == 0 else {
            throw LTError(.invalidArgument, "depth \(depth), expected 6 n + 2 (20, 32, 44, 56, 110)")
        }
        // Option A pads a quarter of the new channels on each side.
        guard width > 0, width % 2 == 0 else {
            throw LTError(.invalidArgument, "width \(width), expected an even number")
        }
        self.depth = depth
        self.width = width
    }

    /// Keys: `depth`, `width`, `classifier`, `head`.
    public init(_ section: RecipeSection) throws(LTError) {
        let depth = try section.int("depth", in: 8...1202) ?? 32
        let width = try section.int("width", in: 1...1024) ?? 16
        do { try self.init(depth: depth, width: width) } catch { throw section.place(error, "depth") }
        head = try ClassifierHead(section, default: head)
        try section.finish()
    }

    public func graph(_ request: inout NetworkRequest) throws(LTError) -> Graph {
        var net = NetworkBuilder(
            name: "resnet\(depth)", spatial: [request.inputSize, request.inputSize], request)
        defer { request = net.request }
        var x = try net.conv(net.input, "conv1", from: 3, to: width, kernel: 3, fanIn: true)
        x = net.relu(try net.batchNorm(x, "bn1", channels: width))
        var channels = width
        for stage in 0..<3 {
            let planes = width << stage
            for block in 0..<(depth - 2) / 6 {
                let name = "layer\(stage + 1).\(block)"
                let stride = block == 0 && stage > 0 ? 2 : 1
                var y = try net.conv(
                    x, "\(name).conv1", from: channels, to: planes, kernel: 3, stride: stride, fanIn: true)
                y = net.relu(try net.batchNorm(y, "\(name).bn1", channels: planes))
                y = try net.conv(y, "\(name).conv2", from: planes, to: planes, kernel: 3, fanIn: true)
                y = try net.batchNorm(y, "\(name).bn2", channels: planes)
                let shortcut = stride == 1 && channels == planes ? x : try optionA(x, name, &net, planes: planes)
                x = net.relu(net.add(y, shortcut))
                channels = planes
            }
        }
        return try net.finish(net.pooled(x), head, "linear", from: channels)
    }

    /// Every second row and column, planes/4 zero channels before and after.
    private func optionA(_ x: String, _ name: String, _ net: inout NetworkBuilder, planes: Int) throws(LTError)
        -> String
    {
        func constant(_ suffix: String, _ values: [Int64]) throws(LTError) -> String {
            net.builder.initializer("\(name).shortcut.\(suffix)", try Tensor(values))
        }
        let slice = [
            x, try constant("starts", [0, 0]), try constant("ends", [.max, .max]), try constant("axes", [2, 3]),
            try constant("steps", [2, 2]),
        ]
        let pads = try constant("pads", [0, Int64(planes / 4), 0, 0, 0, Int64(planes / 4), 0, 0])
        let y = net.builder.node("Slice", slice, name: "\(name).shortcut.slice")
        return net.builder.node("Pad", [y, pads], name: "\(name).shortcut.pad")
    }
}
