// Optimizers against PyTorch's over several steps, in float64; averages by their formula; states go on to the bit.

import Foundation
import LTCore
import LTTrain
import OrderedCollections
import Testing

@Suite struct OptimizerTests {
    struct Reference: Sendable {
        struct Case: Sendable, CustomTestStringConvertible {
            var name: String
            var recipe: String
            var norms: [Double]
            /// Step → parameter → elements.
            var after: [[[Double]]]
            var testDescription: String { name }
        }
        var names: [String] = []
        var shapes: [[Int]] = []
        var start: [[Double]] = []
        var gradients: [[[Double]]] = []
        var rates: [Double] = []
        var cases: [Case] = []

        static let shared: Reference = (try? Reference()) ?? Reference(empty: ())

        init(empty: Void) {}
        init() throws {
            let data = try Data(contentsOf: Fixtures.folder.appendingPathComponent("optimizers.json"))
            let root = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
            func lists(_ json: Any?) -> [[Double]] { (json as? [Any] ?? []).map { flat($0) } }
            names = root["names"] as? [String] ?? []
            shapes = lists(root["shapes"]).map { $0.map { Int($0) } }
            start = lists(root["start"])
            gradients = (root["gradients"] as? [Any] ?? []).map { lists($0) }
            rates = flat(root["rates"])
            cases = (root["cases"] as? [[String: Any]] ?? []).map { own in
                Case(
                    name: own["case"] as? String ?? "", recipe: own["recipe"] as? String ?? "",
                    norms: flat(own["norms"]), after: (own["after"] as? [Any] ?? []).map { lists($0) })
            }
        }

        func parameters() throws -> OrderedDictionary<String, TorchTensor> {
            var result: OrderedDictionary<String, TorchTensor> = [:]
            for (index, name) in names.enumerated() {
                let parameter = try TorchTensor(start[index], shapes[index])
                try parameter.setRequiresGrad(true)
                result[name] = parameter
            }
            return result
        }

        /// Makes the gradients of a step: those of Σ p·g.
        func collect(_ step: Int, _ parameters: OrderedDictionary<String, TorchTensor>) throws {
            for (index, parameter) in parameters.values.enumerated() {
                try (parameter * TorchTensor(gradients[step][index], shapes[index])).sum().backward()
            }
        }
    }

    static func optimizer(_ recipe: String, _ parameters: OrderedDictionary<String, TorchTensor>) throws -> Optimizer {
        let yaml = try Recipe(yaml: testRecipe, overrides: ["optimizer=\(recipe)"])
        return try Optimizer(parameters, yaml.optimizer)
    }

    @Test(arguments: Reference.shared.cases)
    func equalsPyTorch(_ own: Reference.Case) throws {
        let reference = Reference.shared
        let parameters = try reference.parameters()
        let optimizer = try Self.optimizer(own.recipe, parameters)
        for (step, rate) in reference.rates.enumerated() {
            try reference.collect(step, parameters)
            #expect(deviation([try optimizer.step(rate: rate)], [own.norms[step]]) < 1e-12)
            for (parameter, expected) in zip(parameters.values, own.after[step]) {
                #expect(try deviation(parameter.array(of: Double.self), expected) < 1e-12, "step \(step)")
            }
        }
    }

    @Test func allReferencesAreThere() { #expect(Reference.shared.cases.count == 12) }

    @Test(arguments: Reference.shared.cases)
    func statesGoOnToTheBit(_ own: Reference.Case) throws {
        let reference = Reference.shared
        let whole = try reference.parameters()
        let first = try Self.optimizer(own.recipe, whole)
        for step in 0..<3 {
            try reference.collect(step, whole)
            try first.step(rate: reference.rates[step])
        }
        let resumed = try reference.parameters()
        for (name, parameter) in whole { try resumed[name]?.copy(from: parameter) }
        let second = try Self.optimizer(own.recipe, resumed)
        try second.restore(try first.state())
        for step in 3..<6 {
            for (parameters, optimizer) in [(whole, first), (resumed, second)] {
                try reference.collect(step, parameters)
                try optimizer.step(rate: reference.rates[step])
            }
        }
        for (name, parameter) in whole {
            #expect(try parameter.array(of: Double.self) == resumed[name]?.array(of: Double.self))
        }
        let missing = #expect(throws: LTError.self) { try second.restore([:]) }
        #expect(missing?.code == .notFound)
    }

    @Test func keysAreChecked() throws {
        func message(_ recipe: String) throws -> String {
            let error = #expect(throws: LTError.self) {
                try Self.optimizer(recipe, Reference.shared.parameters())
            }
            return error?.message ?? ""
        }
        #expect(try message("{name: sgd, lr: 1, no_decay: [fc.*]}").contains("no_decay: 'fc.*' matches no"))
        #expect(try message("{name: sgd, lr: 1, groups: [{match: fc.*}]}").contains("groups: 'fc.*' matches no"))
        #expect(try message("{name: sgd, lr: 1, groups: [{lr: 2}]}").contains("no key 'match'"))
        #expect(try message("{name: sgd, lr: 1, groups: [{match: a, rate: 2}]}").contains("optimizer.groups.0.rate"))
        #expect(try message("{name: sgd, lr: 1, nesterov: true, momentum: 0}").contains("momentum above 0"))
        #expect(try message("{name: adam, lr: 1, betas: [0.9]}").contains("expected two"))
        #expect(try message("{name: adam, lr: 1, momentum: 0.9}").contains("unknown key 'optimizer.momentum'"))
        #expect(try message("{name: lamb, lr: 1}").contains("expected one of adam, adamw, sgd"))
    }

    @Test func gradientsThatAreNoNumbersChangeNothing() throws {
        let parameters = try Reference.shared.parameters()
        let before = try parameters.values.map { try $0.array(of: Double.self) }
        let optimizer = try Self.optimizer("{name: adam, lr: 1}", parameters)
        for parameter in parameters.values { try (parameter * Double.nan).sum().backward() }
        let error = #expect(throws: LTError.self) { try optimizer.step(rate: 1) }
        #expect(error?.code == .notFinite)
        optimizer.skip()
        #expect(optimizer.skipped == 1)
        #expect(try parameters.values.map { try $0.array(of: Double.self) } == before)
        // Nothing of them is left: the next step is the first.
        try Reference.shared.collect(0, parameters)
        try optimizer.step(rate: 0.1)
        let expected = try #require(Reference.shared.cases.first { $0.name == "adam" })
        for (parameter, values) in zip(parameters.values, expected.after[0]) {
            #expect(try deviation(parameter.array(of: Double.self), values) < 1e-12)
        }
    }

    @Test func averagesFollowTheirFormula() throws {
        for warmUp in [true, false] {
            let value = try TorchTensor([1.0, -3], [2])
            let options = WeightAverageOptions(decay: 0.7, warmUp: warmUp)
            let average = try WeightAverage(["w": value], options)
            var expected = [1.0, -3]
            for step in 1...20 {
                try value.copy(from: try TorchTensor([Double(step), -0.5], [2]))
                try average.update()
                let decay = warmUp ? min(0.7, (1 + Double(step)) / (10 + Double(step))) : 0.7
                expected = zip(expected, [Double(step), -0.5]).map { decay * $0 + (1 - decay) * $1 }
            }
            try average.whileApplied { () throws(LTError) in
                #expect(try deviation(value.array(of: Double.self), expected) < 1e-12)
            }
            #expect(try value.array(of: Double.self) == [20, -0.5])
            let error = #expect(throws: LTError.self) {
                try average.whileApplied { () throws(LTError) in throw LTError(.cancelled, "in between") }
            }
            #expect(error?.code == .cancelled)
            #expect(try value.array(of: Double.self) == [20, -0.5])
            // Another run goes on from its state.
            let other = try TorchTensor([20.0, -0.5], [2])
            let resumed = try WeightAverage(["w": other], options)
            try resumed.restore(try average.state())
            try average.update()
            try resumed.update()
            #expect(
                try average.state()["average/w"]?.array(of: Double.self)
                    == resumed.state()["average/w"]?.array(of: Double.self))
            #expect(try average.state()["steps"]?.array(of: Int64.self) == [21])
        }
    }
}
