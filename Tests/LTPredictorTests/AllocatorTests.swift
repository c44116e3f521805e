// Memory of a host: what buffers ask of it, and that any request may be refused: an error, never a trap, then the same
// bits. Each test runs in a process of its own, since there is one allocator per process.

import Foundation
import LTCore
import LTDecision
import LTGraph
import LTImage
import LTPredictor
import LTRuntime
import Synchronization
import Testing

/// Counts what is asked for and refuses one request.
private final class CountingAllocator: Sendable {
    private struct State {
        var requests = 0
        var refused: Int?
        var live: [UInt: Int] = [:]
        var mistakes: [String] = []
    }
    private let state = Mutex(State())
    /// Bytes by which memory is off its alignment.
    private let shift: Int

    init(shift: Int = 0) { self.shift = shift }

    var requests: Int { state.withLock { $0.requests } }
    var live: Int { state.withLock { $0.live.count } }
    var mistakes: [String] { state.withLock { $0.mistakes } }

    /// From now on requests count from 0, and number `refused` fails.
    func refuse(_ refused: Int?) { state.withLock { ($0.requests, $0.refused) = (0, refused) } }

    var allocator: BufferAllocator {
        BufferAllocator(
            allocate: { byteCount, alignment in
                self.state.withLock { state in
                    state.requests += 1
                    if state.refused == state.requests - 1 { return nil }
                    if byteCount <= 0 || alignment != 64 {
                        state.mistakes.append("asked for \(byteCount) \(alignment)")
                    }
                    let memory = UnsafeMutableRawPointer.allocate(byteCount: byteCount + 64, alignment: 64) + self.shift
                    // What is not written must not be counted on.
                    memset(memory, 0xA5, byteCount)
                    state.live[UInt(bitPattern: memory)] = byteCount
                    return memory
                }
            },
            release: { pointer, byteCount in
                self.state.withLock { state in
                    if state.live.removeValue(forKey: UInt(bitPattern: pointer)) != byteCount {
                        state.mistakes.append("released \(byteCount) bytes that were not given")
                    }
                    (pointer - self.shift).deallocate()
                }
            })
    }
}

/// Convolution, normalisation, residual, pooling, a matrix product: three numbers of a picture.
private func convolutions() throws -> Graph {
    var random = SeededGenerator(seed: 5)
    func tensor(_ dims: [Int], positive: Bool = false) throws -> Tensor {
        let values = (0..<dims.reduce(1, *)).map { _ in Float(random.normal()) * 0.2 }
        return try Tensor(positive ? values.map { abs($0) + 0.5 } : values, dims)
    }
    var builder = GraphBuilder(name: "net")
    let x = builder.input("x", .float32, ["N", 3, 16, 16])
    let pads: [Int64] = [1, 1, 1, 1]
    let w1 = builder.initializer("w1", try tensor([16, 3, 3, 3]))
    let w2 = builder.initializer("w2", try tensor([16, 16, 3, 3]))
    let first = builder.node("Conv", [x, w1], attributes: ["pads": .ints(pads)])
    var parameters = [first]
    for name in ["scale", "shift", "mean"] { parameters.append(builder.initializer(name, try tensor([16]))) }
    parameters.append(builder.initializer("variance", try tensor([16], positive: true)))
    let a = builder.node("Relu", [builder.node("BatchNormalization", parameters)])
    let b = builder.node("Add", [builder.node("Conv", [a, w2], attributes: ["pads": .ints(pads)]), a])
    let pooled = builder.node("MaxPool", [b], attributes: ["kernel_shape": .ints([2, 2]), "strides": .ints([2, 2])])
    let shuffled = builder.node("Transpose", [pooled], attributes: ["perm": .ints([0, 1, 3, 2])])
    let flat = builder.node("Flatten", [builder.node("GlobalAveragePool", [shuffled])])
    let product = builder.node("MatMul", [flat, builder.initializer("fc", try tensor([16, 3]))])
    let y = builder.node("Add", [product, builder.initializer("bias", try tensor([3]))])
    builder.output(y, as: "y", .float32, ["N", 3])
    var graph = builder.graph
    try DecisionLayer(
        task: .multiclass,
        preprocess: Preprocess(
            resize: .init(mode: .shortest, size: .init(20)), crop: .init(16), mean: [0.5, 0.4, 0.3], std: [0.2]),
        labels: (0..<3).map { .init(id: $0, name: "c\($0)") }, activation: .softmax
    ).write(into: &graph)
    return graph
}

/// A loop around a branch around a product, behind rows whose number the data choose.
private func controlFlow() throws -> Graph {
    func graph(_ nodes: [Node], inputs: [ValueInfo] = [], outputs: [ValueInfo]) -> Graph {
        var graph = Graph()
        graph.opsets[""] = 17
        (graph.nodes, graph.inputs, graph.outputs) = (nodes, inputs, outputs)
        return graph
    }
    let then = graph(
        [Node("MatMul", inputs: ["v", "w"], outputs: ["t"])], outputs: [ValueInfo("t", .float32, ["R", 4])])
    let otherwise = graph([Node("Neg", inputs: ["v"], outputs: ["t"])], outputs: [ValueInfo("t", .float32, ["R", 4])])
    let body = graph(
        [
            Node("Identity", inputs: ["go"], outputs: ["on"]),
            Node("Mod", inputs: ["i", "two"], outputs: ["m"]),
            Node("Cast", inputs: ["m"], outputs: ["odd"], attributes: ["to": .int(9)]),
            Node(
                "If", inputs: ["odd"], outputs: ["next"],
                attributes: ["then_branch": .graph(then), "else_branch": .graph(otherwise)]),
            Node("ReduceSum", inputs: ["next"], outputs: ["sum"], attributes: ["keepdims": .int(0)]),
        ],
        inputs: [ValueInfo("i", .int64, []), ValueInfo("go", .bool, []), ValueInfo("v", .float32, ["R", 4])],
        outputs: [
            ValueInfo("on", .bool, []), ValueInfo("next", .float32, ["R", 4]), ValueInfo("sum", .float32, []),
        ])
    var model = graph(
        [
            Node("ReduceMax", inputs: ["x"], outputs: ["most"], attributes: ["axes": .ints([1]), "keepdims": .int(0)]),
            Node("Greater", inputs: ["most", "zero"], outputs: ["chosen"]),
            Node("Compress", inputs: ["x", "chosen"], outputs: ["rows"], attributes: ["axis": .int(0)]),
            Node("Loop", inputs: ["trips", "", "rows"], outputs: ["y", "sums"], attributes: ["body": .graph(body)]),
        ],
        inputs: [ValueInfo("x", .float32, ["N", 4])],
        outputs: [ValueInfo("y", .float32, ["R", 4]), ValueInfo("sums", .float32, ["T"])])
    model.initializers["zero"] = try Tensor(scalar: Float(0))
    model.initializers["two"] = try Tensor(scalar: Int64(2))
    model.initializers["trips"] = try Tensor(scalar: Int64(5))
    model.initializers["w"] = try Tensor((0..<16).map { Float($0 % 5) / 4 - 0.5 }, [4, 4])
    return model
}

private func picture(_ width: Int, _ height: Int) throws -> Image {
    let image = try Image(width: width, height: height, channels: 3)
    for index in image.bytes.indices { image.bytes[index] = UInt8(truncatingIfNeeded: index &* index &* 7 &+ index) }
    return image
}

/// Refuses request after request of `work` until it asks for no more; each refusal must come out as `outOfMemory`.
/// - Returns: the requests of undisturbed work.
private func refuseEach(
    _ counting: CountingAllocator, _ expected: [UInt32], _ work: () throws(LTError) -> [UInt32]
) -> Int {
    for refused in 0..<20_000 {
        counting.refuse(refused)
        var code: LTError.Code?
        var made: [UInt32] = []
        do throws(LTError) { made = try work() } catch { code = error.code }
        let requests = counting.requests
        counting.refuse(nil)
        if requests <= refused {
            #expect(code == nil && made == expected, "\(requests) requests")
            return requests
        }
        #expect(code == .outOfMemory, "request \(refused)")
    }
    Issue.record("the work never ended")
    return 0
}

@Suite struct AllocatorTests {
    @Test func buffersComeFromAndGoToWhereTheyCameFrom() async {
        await #expect(processExitsWith: .success) {
            let own = try Buffer(byteCount: 100)
            let (first, second) = (CountingAllocator(), CountingAllocator())
            BufferAllocator.use(first.allocator)
            var early: Buffer? = try Buffer(byteCount: 1000)
            #expect(early?.byteCount == 1000 && UInt(bitPattern: early?.pointer) % 64 == 0)
            #expect(first.requests == 1 && first.live == 1)
            let zeros = try Buffer.zeroed(byteCount: 77)
            #expect(zeros.bytes.allSatisfy { $0 == 0 })
            BufferAllocator.use(second.allocator)
            var late: Buffer? = try Buffer(byteCount: 0)
            #expect(first.live == 2 && second.live == 1 && late?.byteCount == 0)
            BufferAllocator.use(nil)
            let system = try Buffer(byteCount: 64)
            withExtendedLifetime((early, late, own, system)) {}
            (early, late) = (nil, nil)
            #expect(first.live == 1 && second.live == 0)
            withExtendedLifetime(zeros) {}
            #expect(first.mistakes.isEmpty && second.mistakes.isEmpty)

            BufferAllocator.use(first.allocator)
            first.refuse(0)
            #expect(throws: LTError(.outOfMemory, "the allocator refuses 74 bytes")) { try Buffer(byteCount: 10) }
            first.refuse(0)
            #expect(throws: LTError.self) { try Buffer.zeroed(byteCount: 10) }
            first.refuse(nil)
            let before = first.requests
            for absurd in [-1, Int.min, Int.max, Int.max / 2] {
                #expect(throws: LTError.self) { try Buffer(byteCount: absurd) }
            }
            #expect(first.requests == before)

            let crooked = CountingAllocator(shift: 8)
            BufferAllocator.use(crooked.allocator)
            let error = #expect(throws: LTError.self) { try Buffer(byteCount: 10) }
            #expect(error?.code == .invalidArgument && crooked.live == 0 && crooked.mistakes.isEmpty)
            // Nothing of a run traps over it either.
            #expect(throws: LTError.self) { try Tensor([Float(1)]) }
            BufferAllocator.use(nil)
            _ = try Tensor([Float(1)])
        }
    }

    @Test func anyRequestOfAPredictorMayBeRefused() async {
        await #expect(processExitsWith: .success) {
            let model = try convolutions().serialized()
            let images = [try picture(31, 23).encodedPNG(), try picture(22, 40).encodedJPEG()]
            for device in ["cpu", "reference"] {
                func work() throws(LTError) -> [UInt32] {
                    let result: Result<Predictor, LTError> = model.withUnsafeBytes { bytes in
                        do throws(LTError) {
                            return .success(
                                try Predictor(bytes: bytes, device: device, options: PlanOptions(threads: 1)))
                        } catch { return .failure(error) }
                    }
                    let predictor = try result.get()
                    var bits: [UInt32] = []
                    for image in try predictor.makeSession().decide(images) {
                        bits += try image.get().classes?.map(\.raw.bitPattern) ?? []
                    }
                    return bits
                }
                let expected = try work()
                #expect(expected.count == 6)
                let counting = CountingAllocator()
                BufferAllocator.use(counting.allocator)
                #expect(refuseEach(counting, expected, work) > 40)
                #expect(counting.live == 0 && counting.mistakes.isEmpty, "\(counting.live) \(counting.mistakes)")
                BufferAllocator.use(nil)
                #expect(try work() == expected)
            }
        }
    }

    @Test func aSessionOutlivesRefusedRuns() async {
        await #expect(processExitsWith: .success) {
            let graph = try controlFlow()
            for device in ["cpu", "reference"] {
                let values = (0..<28).map { Float($0 * 7 % 11) - 5 }
                func plan() throws(LTError) -> Plan {
                    try Plan(graph, on: try BackendTable.named(device), options: PlanOptions(threads: 1))
                }
                func bits(_ session: Session) throws(LTError) -> [UInt32] {
                    let outputs = try session.run(["x": try Tensor(values, [7, 4])])
                    var bits: [UInt32] = []
                    for name in ["y", "sums"] {
                        bits += try outputs[name]?.array(of: Float.self).map(\.bitPattern) ?? []
                    }
                    return bits
                }
                let expected = try bits(try Session(plan()))
                #expect(expected.count > 8)
                let counting = CountingAllocator()
                BufferAllocator.use(counting.allocator)
                // Made anew each time, then one for all runs: what a refusal leaves behind must not be run with.
                let first = refuseEach(counting, expected) { () throws(LTError) in try bits(try Session(plan())) }
                #expect(first > 20 && counting.live == 0)
                let session = try Session(plan())
                let again = refuseEach(counting, expected) { () throws(LTError) in
                    let made: Result<[UInt32], LTError>
                    do throws(LTError) { made = .success(try bits(session)) } catch { made = .failure(error) }
                    return try made.get()
                }
                #expect(again > 10 && counting.mistakes.isEmpty)
                #expect(try bits(session) == expected)
                BufferAllocator.use(nil)
                #expect(try bits(session) == expected)
            }
        }
    }

    @Test func decodersAndResizersAskTheHostToo() async {
        await #expect(processExitsWith: .success) {
            let files = [try picture(40, 30).encodedPNG(), try picture(40, 30).encodedJPEG()]
            for kernel in ResizeKernel.allCases {
                func work(_ file: [UInt8]) throws(LTError) -> [UInt32] {
                    let image = try Image.decode(file).resized(width: 17, height: 61, kernel: kernel)
                    return image.bytes.map(UInt32.init)
                }
                for file in files {
                    let expected = try work(file)
                    let counting = CountingAllocator()
                    BufferAllocator.use(counting.allocator)
                    let requests = refuseEach(counting, expected) { () throws(LTError) in try work(file) }
                    // The two images and the resizer's tables; libjpeg's own memory is malloc's.
                    #expect(requests >= 3, "\(kernel)")
                    #expect(counting.live == 0 && counting.mistakes.isEmpty)
                    BufferAllocator.use(nil)
                }
            }
        }
    }
}
