// Networks: published parameter counts and shapes, heads and their initial weights, names of the state dicts.

import Foundation
import LTCore
import LTGraph
import LTTrain
import Testing

@Suite struct NetworkTests {
    /// The structure, with weights of zero.
    static func graph(_ network: some Network, classes: Int = 10, size: Int = 32) throws -> Graph {
        var request = NetworkRequest(classes: classes, inputSize: size, generator: SeededGenerator(seed: 1))
        request.drawsWeights = false
        return try network.graph(&request)
    }
    static func graph(_ name: String, _ yaml: String, classes: Int = 10, size: Int = 32) throws -> Graph {
        let type = try #require(NetworkTable.all.first { $0.name == name })
        var generator = SeededGenerator(seed: 1)
        return try type.init(try RecipeSection(yaml: yaml)).graph(
            classes: classes, inputSize: size, generator: &generator)
    }
    static func parameters(_ graph: Graph) throws -> Int { try TorchExecutor(graph).parameterCount }

    /// The shape of the value that a layer reads, for a batch of two.
    static func shapes(_ graph: Graph, _ input: [Int], before layers: [String]) throws -> [[Int]] {
        var graph = graph
        let names = try layers.map { layer in
            try #require(graph.nodes.first { $0.inputs.contains("\(layer).weight") }?.inputs.first)
        }
        graph.outputs += names.map { ValueInfo($0, .tensor(.float32, nil)) }
        let executor = try TorchExecutor(graph)
        let x = try TorchTensor(try Tensor([Float](repeating: 0.5, count: input.reduce(1, *)), input))
        let values = try executor.run(["images": x.channelsLast()], mode: .inference)
        return try names.map { try #require(values[$0]).dims }
    }

    @Test func cifarResNet() throws {
        #expect(try Self.parameters(Self.graph(CIFARResNet())) == 464_154)
        #expect(try Self.parameters(Self.graph(CIFARResNet(), classes: 100)) == 470_004)
        let cosine = try Self.graph("resnet-cifar", "{classifier: cosine}", classes: 100)
        #expect(try Self.parameters(cosine) == 469_904)
        #expect(
            try Self.shapes(
                Self.graph(CIFARResNet(depth: 8)), [2, 3, 32, 32],
                before: [
                    "layer1.0.conv1", "layer2.0.conv1", "layer3.0.conv1", "linear",
                ]) == [[2, 16, 32, 32], [2, 16, 32, 32], [2, 32, 16, 16], [2, 64]])
    }

    /// torchvision's counts for 1000 classes, and the specification's for ResNet-18 with 200.
    @Test func resNets() throws {
        let counts = [
            (10, 5_418_792), (18, 11_689_512), (34, 21_797_672), (50, 25_557_032), (101, 44_549_160),
            (152, 60_192_808),
        ]
        for (depth, count) in counts {
            #expect(try Self.parameters(Self.graph(ResNet(depth: depth), classes: 1000)) == count, "depth \(depth)")
        }
        #expect(try Self.parameters(Self.graph(ResNet(depth: 18), classes: 200)) == 11_279_112)
        let shapes = try Self.shapes(
            Self.graph(ResNet(depth: 10, width: 8, pfc: 12), size: 64), [2, 3, 64, 64],
            before: ["layer1.0.conv1", "layer2.0.conv1", "layer3.0.conv1", "layer4.0.conv1", "neck.fc", "fc"])
        #expect(
            shapes == [[2, 8, 16, 16], [2, 8, 16, 16], [2, 16, 8, 8], [2, 32, 4, 4], [2, 64], [2, 12]])
    }

    @Test func resNeXts() throws {
        #expect(try Self.parameters(Self.graph(ResNeXt(depth: 50), classes: 1000)) == 25_028_904)
        #expect(try Self.parameters(Self.graph(ResNeXt(depth: 101), classes: 1000)) == 88_791_336)
        // Wide ResNet-50-2.
        var wide = try ResNet(depth: 50)
        wide.widthPerGroup = 128
        #expect(try Self.parameters(Self.graph(wide, classes: 1000)) == 68_883_240)
        let graph = try Self.graph(ResNeXt(depth: 50), classes: 1000)
        #expect(graph.initializers["layer1.0.conv2.weight"]?.dims == [128, 4, 3, 3])
        #expect(graph.initializers["layer4.2.conv3.weight"]?.dims == [2048, 1024, 1, 1])
    }

    /// 47,560,147 parameters; the published feature sizes of ten frames, at an eighth of the channels.
    @Test func resNeXt3D() throws {
        let full = try Self.graph(ResNeXt3D(), classes: 19, size: 224)
        #expect(try Self.parameters(full) == 47_560_147)
        #expect(full.inputs.first?.type == .tensor(.float32, ["N", 3, 10, 224, 224]))
        #expect(full.initializers["layer1.0.conv2.weight"]?.dims == [128, 4, 3, 3, 3])
        var narrow = try ResNeXt3D(cardinality: 4, width: 8)
        narrow.blocks = [1, 1, 1, 1]
        let shapes = try Self.shapes(
            Self.graph(narrow, size: 224), [1, 3, 10, 224, 224],
            before: [
                "bn1", "layer1.0.conv1", "layer2.0.conv1", "layer3.0.conv1", "layer4.0.conv1", "fc",
            ])
        #expect(
            shapes == [
                [1, 8, 10, 112, 112], [1, 8, 5, 56, 56], [1, 32, 5, 56, 56], [1, 64, 3, 28, 28], [1, 128, 2, 14, 14],
                [1, 256],
            ])
    }

    @Test func everyNetworkPassesTheChecker() throws {
        try Self.graph("resnet-cifar", "{depth: 8, classifier: cosine}").check()
        try Self.graph("resnet", "{depth: 10, width: 8, pfc: 8}").check()
        try Self.graph("resnext", "{depth: 50, width: 16}").check()
        try Self.graph("resnext3d", "{depth: 50, width: 16, frames: 4}").check()
    }

    @Test func headsBeginAsSaid() throws {
        func layer(_ yaml: String) throws -> (weight: [Float], bias: [Float]) {
            let graph = try Self.graph("resnet-cifar", yaml, classes: 100)
            return (
                try #require(graph.initializers["linear.weight"]).array(of: Float.self),
                try #require(graph.initializers["linear.bias"]).array(of: Float.self)
            )
        }
        func deviation(_ values: [Float]) -> Double {
            (values.reduce(0) { $0 + Double($1) * Double($1) } / Double(values.count)).squareRoot()
        }
        let kaiming = try layer("{depth: 8}")
        #expect(abs(deviation(kaiming.weight) - (2.0 / 64).squareRoot()) < 0.005)
        #expect(kaiming.bias.allSatisfy { $0 == 0 })
        let uniform = try layer("{depth: 8, head: {init: uniform}}")
        #expect(uniform.weight.allSatisfy { abs($0) <= 0.125 } && uniform.weight.contains { abs($0) > 0.12 })
        #expect(uniform.bias.allSatisfy { abs($0) <= 0.125 } && Set(uniform.bias).count > 90)
        #expect(abs(deviation(uniform.weight) - 0.125 / 3.0.squareRoot()) < 0.002)
        let prior = try layer("{depth: 8, head: {init: uniform, prior: 1/C}}")
        #expect(prior.bias.allSatisfy { abs($0 + log(Float(99))) < 1e-5 })
        let normal = try layer("{depth: 8, head: {init: normal, std: 0.02, prior: 0.001}}")
        #expect(abs(deviation(normal.weight) - 0.02) < 0.001)
        #expect(normal.bias.allSatisfy { abs($0 + log(Float(999))) < 1e-4 })
    }

    /// Logits are cosines: within ±1 whatever the length of the features, features given as they were before.
    @Test func cosineClassifier() throws {
        let graph = try Self.graph("resnet-cifar", "{depth: 8, width: 4, classifier: cosine}", classes: 5)
        let executor = try TorchExecutor(graph)
        var generator = SeededGenerator(seed: 3)
        let x = try TorchTensor(
            try Tensor((0..<2 * 3 * 32 * 32).map { _ in Float(generator.normal()) }, [2, 3, 32, 32]))
        let (features, logits) = try executor.runWithFeatures(x, mode: .inference)
        #expect(features.dims == [2, 16] && logits.dims == [2, 5])
        let f = try features.array(of: Float.self).map(Double.init)
        let w = try #require(graph.initializers["linear.weight"]).array(of: Float.self).map(Double.init)
        let values = try logits.array(of: Float.self)
        for row in 0..<2 {
            for column in 0..<5 {
                let a = f[row * 16..<row * 16 + 16]
                let b = (0..<16).map { w[$0 * 5 + column] }
                let dot = zip(a, b).reduce(0) { $0 + $1.0 * $1.1 }
                let length = a.reduce(0) { $0 + $1 * $1 } * b.reduce(0) { $0 + $1 * $1 }
                #expect(abs(Double(values[row * 5 + column]) - dot / length.squareRoot()) < 1e-5)
            }
        }
        let first = (0..<16).map { w[$0 * 5] }
        #expect(abs(first.reduce(0) { $0 + $1 * $1 } - 1) < 1e-5)
        let again = try executor.classify(features, mode: .inference).array(of: Float.self)
        #expect(again == values)
    }

    @Test func mistakesAreNamed() {
        func message(_ name: String, _ yaml: String) -> String {
            (#expect(throws: LTError.self) { try Self.graph(name, yaml) }).map { "\($0)" } ?? ""
        }
        #expect(message("resnet", "{depth: 51}").contains("10, 18, 34, 50, 101, 152"))
        #expect(message("resnet", "{depth: 18, groups: 2}").contains("basic blocks have no groups"))
        #expect(message("resnext", "{depth: 152}").contains("expected 50 or 101"))
        #expect(message("resnext3d", "{cardinality: 7}").contains("128 channels in 7 groups"))
        #expect(message("resnet-cifar", "{head: {prior: 2}}").contains("head.prior"))
        #expect(message("resnet-cifar", "{classifier: cosine, head: {init: normal}}").contains("no bias"))
    }
}
