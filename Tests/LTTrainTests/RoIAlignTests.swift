// RoIAlign: values and gradients against torchvision's, the kernel against libtorch's own operators, the same bits for any
// number of threads.

import LTCore
import LTDecision
import LTTrain
import Testing

@Suite(.serialized) struct RoIAlignTests {
    static func regions(_ json: Any?) -> [RoIAlign.Region] {
        let all = flat(json).map { Float($0) }
        return stride(from: 0, to: all.count, by: 5).map {
            RoIAlign.Region(
                image: Int(all[$0]), box: Box(x1: all[$0 + 1], y1: all[$0 + 2], x2: all[$0 + 3], y2: all[$0 + 4]))
        }
    }

    @Test(arguments: [false, true]) func valuesAndGradientsAreTorchvisions(composed: Bool) throws {
        for reference in try DetectionReference.cases("regions") {
            let sides = dims(reference["result"])
            var align = RoIAlign(
                height: sides[2], width: sides[3], samples: try reference.int("samples"),
                aligned: try reference.bool("aligned"))
            align.isComposed = composed
            if reference["canonical"] != nil { align.canonicalSide = Float(try reference.double("canonical")) }
            let maps = try reference.list("maps").map { try TorchTensor(flat($0).map { Float($0) }, dims($0)) }
            for map in maps { try map.setRequiresGrad(true) }
            let regions = Self.regions(reference["regions"])
            let scales = reference.numbers("scales")
            #expect(regions.map { align.level(of: $0.box, scales: scales) } == reference.ints("levels"))
            let result = try align(maps, scales: scales, regions)
            #expect(result.dims == sides)
            #expect(deviation(try result.doubles(), reference.numbers("result")) < 1e-5)
            try (result * reference.tensor("weight")).sum().backward()
            for (map, gradient) in zip(maps, try reference.list("gradients")) {
                // A level that nothing is cut from may be no part of the graph.
                let own = try map.grad()?.doubles() ?? [Double](repeating: 0, count: map.count)
                #expect(deviation(own, flat(gradient)) < 1e-5)
            }
        }
    }

    /// Maps [2, channels, h, w] of a pyramid for pictures of 256 × 192 pixels, and regions of all sizes.
    static func pyramid<Element: TensorElement>(
        channels: Int, _ element: (Double) -> Element
    ) throws -> (maps: [TorchTensor], scales: [Double], regions: [RoIAlign.Region]) {
        var generator = SeededGenerator(seed: 21)
        var maps: [TorchTensor] = []
        for level in 0..<4 {
            let (height, width) = (48 >> level, 64 >> level)
            maps.append(
                try TorchTensor(
                    (0..<2 * channels * height * width).map { _ in element(generator.normal()) },
                    [2, channels, height, width]))
        }
        let regions = (0..<60).map { row in
            let (width, height) = (1 + 250 * generator.uniform(), 1 + 180 * generator.uniform())
            let (x, y) = ((256 - width) * generator.uniform(), (192 - height) * generator.uniform())
            return RoIAlign.Region(
                image: row % 2,
                box: Box(x1: Float(x), y1: Float(y), x2: Float(x + width), y2: Float(y + height)))
        }
        return (maps, [0.25, 0.125, 0.0625, 0.03125], regions)
    }

    /// Values and gradients of a weighted sum.
    static func run(_ align: RoIAlign, _ maps: [TorchTensor], _ scales: [Double], _ regions: [RoIAlign.Region]) throws
        -> [[Double]]
    {
        for map in maps {
            try map.setRequiresGrad(true)
            map.clearGrad()
        }
        let result = try align(maps, scales: scales, regions)
        let count = result.count
        let weight = try TorchTensor((0..<count).map { Double($0 % 17) / 17 - 0.4 }, result.dims).cast(
            result.type ?? .float32)
        try (result * weight).sum().backward()
        return [try result.doubles()] + (try maps.map { try $0.gradient })
    }

    @Test(arguments: [(true, 0), (false, 2), (false, 0)]) func kernelIsTheComposition(aligned: Bool, samples: Int)
        throws
    {
        var align = RoIAlign(side: 5, samples: samples, aligned: aligned)
        align.canonicalSide = 60
        let (maps, scales, regions) = try Self.pyramid(channels: 21) { $0 }
        let own = try Self.run(align, maps, scales, regions)
        align.isComposed = true
        let composed = try Self.run(align, maps, scales, regions)
        #expect(Set(regions.map { align.level(of: $0.box, scales: scales) }) == [0, 1, 2, 3])
        for (a, b) in zip(own, composed) { #expect(deviation(a, b) < 1e-10) }
    }

    @Test func bitsDoNotDependOnThreads() throws {
        let align = RoIAlign(side: 7)
        let (maps, scales, regions) = try Self.pyramid(channels: 40) { Float($0) }
        defer { Torch.setThreads(1) }
        Torch.setThreads(1)
        let one = try Self.run(align, maps, scales, regions)
        for threads in [2, 3] {
            Torch.setThreads(threads)
            #expect(try Self.run(align, maps, scales, regions) == one)
        }
    }

    @Test func noRegionsAreNoRegions() throws {
        let (maps, scales, _) = try Self.pyramid(channels: 3) { Float($0) }
        for map in maps { try map.setRequiresGrad(true) }
        let result = try RoIAlign(side: 7)(maps, scales: scales, [])
        #expect(result.dims == [0, 3, 7, 7])
        try result.sum().backward()
        #expect(try maps[0].gradient.allSatisfy { $0 == 0 })
    }

    @Test func refusesWhatCannotBeCut() throws {
        let (maps, scales, _) = try Self.pyramid(channels: 3) { Float($0) }
        let align = RoIAlign(side: 7)
        let box = Box(x1: 0, y1: 0, x2: 9, y2: 9)
        #expect(throws: LTError.self) { try align(maps, scales: scales, [.init(image: 2, box: box)]) }
        #expect(throws: LTError.self) {
            try align(maps, scales: scales, [.init(image: 0, box: Box(x1: 0, y1: .nan, x2: 9, y2: 9))])
        }
        #expect(throws: LTError.self) {
            try align(maps, scales: scales, [.init(image: 0, box: Box(x1: 0, y1: 0, x2: 1e9, y2: 9))])
        }
        #expect(throws: LTError.self) { try align(maps, scales: [1], [.init(image: 0, box: box)]) }
        #expect(throws: LTError.self) { try align([maps[0], maps[0].reshaped([1, 6, 48, 64])], scales: [1, 1], []) }
    }

    @Test func aBoxWithoutAreaIsOfTheFinestLevel() {
        let align = RoIAlign(side: 7)
        let scales = [0.25, 0.125, 0.0625, 0.03125]
        #expect(align.level(of: Box(x1: 5, y1: 5, x2: 5, y2: 9), scales: scales) == 0)
        #expect(align.level(of: Box(x1: 0, y1: 0, x2: 112, y2: 112), scales: scales) == 1)
        #expect(align.level(of: Box(x1: 0, y1: 0, x2: 224, y2: 224), scales: scales) == 2)
        #expect(align.level(of: Box(x1: 0, y1: 0, x2: 9000, y2: 9000), scales: scales) == 3)
    }
}
