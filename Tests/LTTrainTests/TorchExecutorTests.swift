// The executor against vectors made with PyTorch: ResNet-32's blocks in double precision, forward and backward.

import Foundation
import LTCore
import LTGraph
import LTTrain
import Testing

@Suite struct TorchExecutorTests {
    /// A block of CIFAR's ResNet as the vectors describe it.
    static func block(_ entry: [String: Any]) throws -> Graph {
        let hyper = try #require(entry["hyper"] as? [String: Any])
        let parameters = try #require(entry["parameters"] as? [String: Any])
        let planes = try #require(hyper["planes"] as? Int)
        let stride = try #require(hyper["stride"] as? Int)
        var builder = GraphBuilder(name: "block")
        let x = builder.input("x", .float32, ["N", "C", "H", "W"])
        func weights(_ name: String) throws -> String {
            let json = try #require(parameters[name])
            return builder.initializer(name, try Tensor(flat(json).map { Float($0) }, dims(json)))
        }
        func convBN(_ x: String, _ number: Int, stride: Int) throws -> String {
            let s = Int64(stride)
            let y = builder.node(
                "Conv", [x, try weights("conv\(number).weight")],
                attributes: ["kernel_shape": .ints([3, 3]), "strides": .ints([s, s]), "pads": .ints([1, 1, 1, 1])])
            let names = try ["weight", "bias", "running_mean", "running_var"].map { try weights("bn\(number).\($0)") }
            return builder.node("BatchNormalization", [y] + names, attributes: ["epsilon": .float(1e-5)])
        }
        var y = builder.node("Relu", [try convBN(x, 1, stride: stride)])
        y = try convBN(y, 2, stride: 1)
        var shortcut = x
        if stride == 2 {
            func ints(_ name: String, _ values: [Int64]) throws -> String {
                builder.initializer(name, try Tensor(values))
            }
            shortcut = builder.node(
                "Slice",
                [
                    x, try ints("starts", [0, 0]), try ints("ends", [.max, .max]), try ints("axes", [2, 3]),
                    try ints("steps", [2, 2]),
                ])
            let pad = Int64(planes / 4)
            shortcut = builder.node("Pad", [shortcut, try ints("pads", [0, pad, 0, 0, 0, pad, 0, 0])])
        }
        y = builder.node("Relu", [builder.node("Add", [y, shortcut])])
        builder.output(y, as: "y", .float32, ["N", "C", "H", "W"])
        return builder.graph
    }

    @Test func blocksEqualPyTorch() throws {
        let cases = try Fixtures.cases("resnet_cifar_blocks.json")
        let blocks = cases.filter { $0["hyper"] != nil }
        #expect(blocks.count == 3)
        for entry in blocks {
            let name = try #require(entry["case"] as? String)
            let inputs = try #require(entry["inputs"] as? [String: Any])
            let outputs = try #require(entry["outputs"] as? [String: Any])
            let graph = try Self.block(entry)
            // Double arithmetic on weights that went through float32.
            let executor = try TorchExecutor(graph, precision: .fp64)
            let x = try tensor(inputs["x"])
            try x.setRequiresGrad(true)
            let evaluated = try executor.run(x, mode: .inference).array(of: Double.self)
            #expect(deviation(evaluated, flat(outputs["eval_output"])) < 1e-6, "\(name): inference")
            let trained = try executor.run(x, mode: TorchMode(training: true))
            let values = try trained.array(of: Double.self)
            #expect(deviation(values, flat(outputs["train_output"])) < 1e-6, "\(name): training")
            try trained.sum().backward()
            let gradient = try #require(try x.grad()).array(of: Double.self)
            #expect(deviation(gradient, flat(outputs["grad_x_of_train_sum"])) < 1e-5, "\(name): gradient")
        }
    }

    @Test func frozenBatchNormKeepsItsStatistics() throws {
        let entry = try #require(try Fixtures.cases("resnet_cifar_blocks.json").first)
        let graph = try Self.block(entry)
        let executor = try TorchExecutor(graph)
        let x = try tensor((entry["inputs"] as? [String: Any])?["x"]).cast(.float32)
        let before = try #require(executor.initializers["bn1.running_mean"]).array(of: Float.self)
        let evaluated = try executor.run(x, mode: .inference).array(of: Float.self)
        let frozen = try executor.run(x, mode: TorchMode(training: true, frozenBatchNorm: true)).array(of: Float.self)
        #expect(evaluated == frozen)
        #expect(try executor.exported().initializers["bn1.running_mean"]?.array(of: Float.self) == before)
        _ = try executor.run(x, mode: TorchMode(training: true))
        #expect(try executor.exported().initializers["bn1.running_mean"]?.array(of: Float.self) != before)
    }

    @Test func unknownOperatorIsNamed() throws {
        var builder = GraphBuilder(name: "g")
        let x = builder.input("x", .float32, ["N"])
        builder.output(builder.node("Unheard", [x], name: "e"), as: "y", .float32, ["N"])
        let error = #expect(throws: LTError.self) { try TorchExecutor(builder.graph) }
        #expect(error?.code == .unsupported && error?.context == ["node 'e' (Unheard)"])
    }
}
