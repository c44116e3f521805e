// Damaged models and inputs: whatever a file says, reading, planning and running it answers or throws; it never traps,
// hangs or takes memory without bound. Cases of ONNX's own suite are changed in their bytes and in their structure, by a
// seeded generator. LT_MUTATIONS=N changes how many (default 2,000), LT_MUTATION_SEED=N where to begin, LT_MUTATION_LOG=F
// names a file that holds the number of the mutation in progress.

import Foundation
import LTCore
import LTGraph
import LTRuntime
import Testing

@Suite struct MutationTests {
    private static let environment = ProcessInfo.processInfo.environment
    private static func setting(_ name: String, _ fallback: Int) -> Int {
        environment[name].flatMap(Int.init) ?? fallback
    }

    @Test func damagedModelsAnswerOrThrow() throws {
        let folder = "\(ConformanceTests.debian)/node"
        let cases = try Verify.cases(under: folder)
        try #require(!cases.isEmpty)
        let first = Self.setting("LT_MUTATION_SEED", 0)
        var (ran, refused, slowest) = (0, 0, (seconds: 0.0, number: 0))
        for number in first..<first + Self.setting("LT_MUTATIONS", 2000) {
            var random = SeededGenerator(seed: 31, index: UInt64(number))
            let path = cases[random.below(cases.count)]
            if let log = Self.environment["LT_MUTATION_LOG"] {
                try "\(number) \(path)\n".write(toFile: log, atomically: false, encoding: .utf8)
            }
            let start = ContinuousClock.now
            do throws(LTError) {
                try run(path, &random)
                ran += 1
            } catch {
                #expect(!error.message.isEmpty)
                refused += 1
            }
            let seconds = (ContinuousClock.now - start) / .seconds(1)
            if seconds > slowest.seconds { slowest = (seconds, number) }
            #expect(seconds < 10, "mutation \(number) of \(path) took \(seconds) s")
        }
        print("mutations: \(ran) ran, \(refused) refused; slowest \(slowest.seconds) s (number \(slowest.number))")
        #expect(ran > 0 && refused > 0)
    }

    private func run(_ path: String, _ random: inout SeededGenerator) throws(LTError) {
        var bytes = try contents("\(path)/model.onnx")
        if random.below(2) == 0 { bytes = damaged(bytes, &random) }
        var graph = try Graph.read(bytes: bytes)
        for _ in 0..<random.below(3) { damage(&graph, &random) }
        let backend = BackendTable.all[random.below(BackendTable.all.count)]
        let plan = try Plan(graph, on: backend, options: PlanOptions(threads: 1))
        var feed: [String: ONNXValue] = [:]
        for (index, info) in plan.inputs.enumerated() {
            let file = "\(path)/test_data_set_0/input_\(index).pb"
            guard FileManager.default.fileExists(atPath: file) else { continue }
            var value = try contents(file)
            if random.below(4) == 0 { value = damaged(value, &random) }
            feed[info.name] = try ONNXValue.read(protobuf: value, as: info.type).1
        }
        _ = try Session(plan).run(values: feed)
    }

    private func contents(_ path: String) throws(LTError) -> [UInt8] {
        let buffer = try readFile(path)
        return Array(buffer.bytes)
    }

    // MARK: Damage

    private func damaged(_ original: [UInt8], _ random: inout SeededGenerator) -> [UInt8] {
        var bytes = original
        for _ in 0...random.below(3) where !bytes.isEmpty {
            let place = random.below(bytes.count)
            switch random.below(6) {
            case 0: bytes[place] ^= 1 << random.below(8)
            case 1: bytes[place] = UInt8(random.below(256))
            case 2: bytes.removeSubrange(place..<min(bytes.count, place + 1 + random.below(8)))
            case 3: bytes = Array(bytes[..<place])
            case 4: bytes[place] = [0, 1, 0x7F, 0x80, 0xFF][random.below(5)]
            default:
                let from = random.below(bytes.count)
                bytes.insert(contentsOf: bytes[from..<min(bytes.count, from + random.below(40))], at: place)
            }
        }
        return bytes
    }

    /// Numbers that are odd, huge, or just beyond what is allowed.
    private func number(_ random: inout SeededGenerator) -> Int64 {
        let odd: [Int64] = [0, 1, -1, 2, -2, 3, 7, 100, 1 << 20, 1 << 31, -(1 << 31), 1 << 40, .max, .min, .max - 1]
        return odd[random.below(odd.count)]
    }

    private func damage(_ graph: inout Graph, _ random: inout SeededGenerator) {
        guard !graph.nodes.isEmpty else { return }
        let place = random.below(graph.nodes.count)
        switch random.below(9) {
        case 0:
            let names = OperatorTable.all.map { $0.schema.name }
            graph.nodes[place].opType = names[random.below(names.count)]
        case 1:
            guard let key = graph.nodes[place].attributes.keys.randomElement(using: &random) else { return }
            change(&graph.nodes[place].attributes[key]!, &random)
        case 2:
            guard !graph.nodes[place].inputs.isEmpty else { return }
            let input = random.below(graph.nodes[place].inputs.count)
            graph.nodes[place].inputs[input] = random.below(2) == 0 ? "" : graph.nodes[place].inputs[0]
        case 3:
            if random.below(2) == 0, !graph.nodes[place].inputs.isEmpty {
                graph.nodes[place].inputs.removeLast()
            } else {
                graph.nodes[place].inputs.append(graph.nodes[place].inputs.first ?? "")
            }
        case 4: graph.opsets[""] = Int64(7 + random.below(19))
        case 5:
            guard !graph.inputs.isEmpty else { return }
            let input = random.below(graph.inputs.count)
            guard case .tensor(let type, var dims)? = graph.inputs[input].type else { return }
            let types = ElementType.allCases
            if random.below(3) == 0 {
                dims = nil
            } else if random.below(2) == 0 {
                dims = dims.map { $0.map { _ in .unknown } }
            }
            let other = random.below(3) == 0 ? types[random.below(types.count)] : type
            graph.inputs[input].type = .tensor(other, dims)
        case 6:
            // An input that the file knows already: constants take other ways than fed values.
            guard let input = graph.inputs.randomElement(using: &random),
                case .tensor(let type?, let dims?)? = input.type,
                let shape = try? Shape(dims.map { $0.fixed ?? 2 }), shape.count < 1000, type != .string,
                let tensor = try? Tensor(type, shape)
            else { return }
            for index in 0..<tensor.byteCount {
                tensor.rawPointer.storeBytes(of: UInt8(random.below(4)), toByteOffset: index, as: UInt8.self)
            }
            graph.initializers[input.name] = tensor
        case 7: graph.nodes.swapAt(place, random.below(graph.nodes.count))
        default: graph.nodes[place].outputs.append("extra")
        }
    }

    private func change(_ attribute: inout Attribute, _ random: inout SeededGenerator) {
        switch attribute {
        case .int: attribute = .int(number(&random))
        case .ints(var values):
            if values.isEmpty || random.below(4) == 0 {
                values.append(number(&random))
            } else {
                values[random.below(values.count)] = number(&random)
            }
            attribute = .ints(values)
        case .float: attribute = .float([0, -1, .nan, .infinity, 1e30][random.below(5)])
        case .floats(let values): attribute = .floats(values.dropLast() + [.nan])
        case .string: attribute = .string(["", "linear", "SAME_UPPER", "\u{0}"][random.below(4)])
        case .graph(var graph):
            damage(&graph, &random)
            attribute = .graph(graph)
        default: attribute = .int(number(&random))
        }
    }
}
