// RegionSampling: the regions that the heads of a detector learn from (Girshick, Fast R-CNN, arXiv:1504.08083, §2.3): proposals and
// the objects themselves, matched with objects, a fixed number drawn.

import LTCore
import LTDecision

/// What is in a picture, as the parts of training see it.
public struct PictureObjects: Sendable, Equatable {
    /// In pixels of the network's input, inside the picture, with sides above 0.
    public var boxes: [Box]
    /// 0 ..< classes, one for each box.
    public var categories: [Int]
    /// Regions that are neither object nor background: crowds.
    public var ignored: [Box]

    public init(boxes: [Box], categories: [Int], ignored: [Box] = []) {
        precondition(boxes.count == categories.count)
        self.boxes = boxes
        self.categories = categories
        self.ignored = ignored
    }
}

/// Draws the regions of a picture.
public struct RegionSampling: Sendable, Equatable {
    public var assigner = BoxAssigner.regions
    public var sampler = BalancedBoxSampler.regions
    public var coder = BoxCoder.regions
    /// The objects' own boxes are proposals too.
    public var addsObjects = true

    public init() {}

    /// - Returns: the regions with an object first.
    public func callAsFunction(
        _ proposals: [Box], _ truth: PictureObjects, _ generator: inout SeededGenerator
    ) -> SampledRegions {
        let candidates = addsObjects ? proposals + truth.boxes : proposals
        let assignment = assigner.assign(candidates, to: truth.boxes, ignored: truth.ignored)
        let drawn = sampler.draw(assignment, &generator)
        let objects = drawn.foreground.map { Int(assignment[$0]) }
        return SampledRegions(
            boxes: (drawn.foreground + drawn.background).map { candidates[$0] }, objects: objects,
            categories: objects.map { truth.categories[$0] },
            codes: zip(drawn.foreground, objects).map { coder.encode(truth.boxes[$1], from: candidates[$0]) })
    }
}

/// The regions drawn of one picture: those with an object, then background.
public struct SampledRegions: Sendable, Equatable {
    public var boxes: [Box]
    /// Of the regions with an object: the object's position, its category, its code.
    public var objects: [Int]
    public var categories: [Int]
    public var codes: [SIMD4<Float>]

    public init(boxes: [Box], objects: [Int], categories: [Int], codes: [SIMD4<Float>]) {
        precondition(objects.count == categories.count && objects.count == codes.count)
        self.boxes = boxes
        self.objects = objects
        self.categories = categories
        self.codes = codes
    }
}

/// The regions of a batch's pictures, one picture after another.
public struct RegionBatch: Sendable, Equatable {
    public var regions: [RoIAlign.Region] = []
    /// Of each region; `classes` is background.
    public var categories: [Int] = []
    /// The regions with an object, ascending; what follows is theirs.
    public var foreground: [Int] = []
    public var foregroundCategories: [Int] = []
    /// The object's position in its picture.
    public var objects: [Int] = []
    public var codes: [SIMD4<Float>] = []

    /// - Parameter classes: without background.
    public init(_ pictures: [SampledRegions], classes: Int) {
        for (image, picture) in pictures.enumerated() {
            foreground += picture.objects.indices.map { regions.count + $0 }
            foregroundCategories += picture.categories
            objects += picture.objects
            codes += picture.codes
            categories += picture.categories
            categories += repeatElement(classes, count: picture.boxes.count - picture.objects.count)
            regions += picture.boxes.map { RoIAlign.Region(image: image, box: $0) }
        }
    }

    /// The regions with an object, for the mask head.
    public var foregroundRegions: [RoIAlign.Region] { foreground.map { regions[$0] } }
}
