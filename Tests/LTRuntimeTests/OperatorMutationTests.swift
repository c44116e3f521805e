// The operator cases of ConformanceTests with something changed: an attribute, an element, a shape, a type. Operators answer
// or throw, never trap, and what they infer is what they return. Seeded. (Reaches what random attributes of
// OperatorFuzzTests do not: attributes and inputs that must fit each other.)

import LTCore
import LTGraph
import LTRuntime
import Testing

#if canImport(Glibc)
    import Glibc
#endif

@Suite struct OperatorMutationTests {
    private static let folder = fixture("../../ConformanceTests/Fixtures")

    private static func names() -> [String] {
        guard let directory = opendir(folder) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            if !name.contains(".") { names.append(name) }
        }
        return names.sorted()
    }

    @Test func answersOrThrows() throws {
        let names = Self.names()
        #expect(names.count > 100)
        var answered = 0
        for (number, name) in names.enumerated() {
            let graph = try Graph.read(path: "\(Self.folder)/\(name)/model.onnx")
            guard graph.nodes.count == 1 else { continue }
            var feed: [String: Tensor] = [:]
            for (name, tensor) in graph.initializers { feed[name] = tensor }
            for (index, input) in graph.runtimeInputs.enumerated() {
                let file = "\(Self.folder)/\(name)/test_data_set_0/input_\(index).pb"
                feed[input.name] = try Tensor.read(protobuf: try readBytes(file)).tensor
            }
            let node = graph.nodes[0]
            let inputs = node.inputs.map { feed[$0] }
            var random = SeededGenerator(seed: 5, index: UInt64(number))
            for _ in 0..<60 {
                var changed = (node, inputs)
                for _ in 0..<random.pick(0...2) { try mutate(&changed.0, &changed.1, &random) }
                do throws(LTError) {
                    let opset = Int(graph.opsets[node.domain] ?? 1)
                    guard let op = try OperatorTable.bind(changed.0, opset: opset) as? any Operator else { break }
                    _ = try? op.infer(changed.1.map { $0.map { Facts($0.type, $0.dims.map { _ in nil }) } })
                    let inferred = try op.infer(changed.1.map { $0.map { Facts($0) } })
                    // What is merely large takes long.
                    if inferred.contains(where: { $0.shape.map { $0.count > 1 << 20 } ?? false }) { continue }
                    let results = try op.run(changed.1)
                    for (facts, result) in zip(inferred, results) {
                        #expect(facts.type == result.type, "\(name)")
                        guard let dims = facts.dims else { continue }
                        #expect(dims.count == result.shape.rank, "\(name)")
                        #expect(zip(dims, result.dims).allSatisfy { $0 == nil || $0 == $1 }, "\(name)")
                    }
                    answered += 1
                } catch {
                    #expect(!error.message.isEmpty, "\(name)")
                }
            }
        }
        #expect(answered > names.count * 20)
    }

    private func mutate(
        _ node: inout Node, _ inputs: inout [Tensor?], _ random: inout SeededGenerator
    ) throws(LTError) {
        if random.pick(0...1) == 0, !node.attributes.isEmpty {
            let (name, value) = node.attributes.elements[random.below(node.attributes.count)]
            node.attributes[name] = random.pick(0...9) == 0 ? nil : try changed(value, &random)
        } else if !inputs.isEmpty {
            let place = random.below(inputs.count)
            inputs[place] = try inputs[place].flatMap { (tensor) throws(LTError) in try changed(tensor, &random) }
        }
    }

    private func integer(_ random: inout SeededGenerator) -> Int64 {
        [-3, -2, -1, 0, 1, 2, 3, 4, 7, 1 << 40, .max, .min][random.below(12)]
    }

    private func float(_ random: inout SeededGenerator) -> Float {
        [0, 1, -1, 0.5, 1e30, -1e30, .nan, .infinity, 1e-40][random.below(9)]
    }

    private func changed<T>(
        _ list: [T], _ random: inout SeededGenerator, _ element: (inout SeededGenerator) -> T
    ) -> [T] {
        var list = list
        guard !list.isEmpty else { return [element(&random)] }
        let place = random.below(list.count)
        switch random.pick(0...3) {
        case 0: list.remove(at: place)
        case 1: list.insert(list[random.below(list.count)], at: place)
        default: list[place] = element(&random)
        }
        return list
    }

    private func changed(_ attribute: Attribute, _ random: inout SeededGenerator) throws(LTError) -> Attribute {
        switch attribute {
        case .int: return .int(integer(&random))
        case .float: return .float(float(&random))
        case .ints(let values): return .ints(changed(values, &random, integer))
        case .floats(let values): return .floats(changed(values, &random, float))
        case .strings(let values):
            return .strings(changed(values, &random) { values.isEmpty ? [] : values[$0.below(values.count)] })
        case .tensor(let tensor): return .tensor(try changed(tensor, &random) ?? tensor)
        case .string: return .string("odd")
        default: return attribute
        }
    }

    private func changed(_ tensor: Tensor, _ random: inout SeededGenerator) throws(LTError) -> Tensor? {
        let kind = random.pick(0...9)
        if kind == 0 { return nil }
        if tensor.type == .string || kind < 4 {
            var dims = tensor.dims
            if dims.isEmpty || kind == 1 {
                dims.insert(random.pick(0...2), at: random.pick(0...dims.count))
            } else if kind == 2 {
                dims.remove(at: random.below(dims.count))
            } else {
                dims[random.below(dims.count)] = random.pick(0...4)
            }
            let shape = try Shape(dims)
            if tensor.type == .string {
                return try Tensor(strings: (0..<shape.count).map { _ in ["", "1", "odd"][random.below(3)] }, dims)
            }
            let result = try Tensor(tensor.type, shape)
            let bytes = tensor.bytes
            for index in 0..<result.byteCount {
                let byte = bytes.isEmpty ? 0 : bytes[index % bytes.count]
                result.rawPointer.storeBytes(of: byte, toByteOffset: index, as: UInt8.self)
            }
            return result
        }
        let types: [ElementType] = [.float32, .int64, .uint8, .float64, .int32, .float16]
        let type = kind == 4 ? types[random.below(types.count)] : tensor.type
        let result = try Tensor(type, tensor.shape)
        let bytes = tensor.bytes
        for index in 0..<result.byteCount {
            // Most elements stay; where one changes, its highest byte does, too.
            let keeps = index < bytes.count && random.pick(0...15) > 0
            let byte = keeps ? bytes[index] : UInt8(random.pick(0...(type == .bool ? 1 : 255)))
            result.rawPointer.storeBytes(of: byte, toByteOffset: index, as: UInt8.self)
        }
        return result
    }
}
