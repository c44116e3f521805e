// ResNeXt-50 32×4d and ResNeXt-101 32×8d (Xie et al., arXiv:1611.05431) as torchvision has them: a ResNet whose 3×3
// convolutions have groups.

import LTCore
import LTGraph

/// ResNeXt by depth, with ResNet's other options.
public struct ResNeXt: Network {
    public static let name = "resnext"
    public static let summary = "ResNeXt-50 32x4d, ResNeXt-101 32x8d; other groups and widths"

    public var resnet: ResNet

    /// - Throws: `invalidArgument` for a depth that is not published.
    public init(depth: Int, width: Int = 64) throws(LTError) {
        guard depth == 50 || depth == 101 else {
            throw LTError(.invalidArgument, "depth \(depth), expected 50 or 101")
        }
        resnet = try ResNet(depth: depth, width: width)
        resnet.groups = 32
        resnet.widthPerGroup = depth == 50 ? 4 : 8
    }

    /// Keys: `depth`, and those of `resnet` but `blocks`.
    public init(_ section: RecipeSection) throws(LTError) {
        let depth = try section.required("depth", section.int("depth", in: 1...1000))
        do { try self.init(depth: depth) } catch { throw section.place(error, "depth") }
        try resnet.readOptions(section)
    }

    public func graph(_ request: inout NetworkRequest) throws(LTError) -> Graph { try resnet.graph(&request) }
}
