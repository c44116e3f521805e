// Sessions: any batch, many at once, the same bits, no more threads than asked for, and what callers get wrong.

import LTCore
import LTGraph
import LTRuntime
import Testing

#if canImport(Glibc)
    import Glibc
#endif

@Suite struct SessionTests {
    /// Two convolutions with a residual, pooled, and a matrix product.
    static func network() throws -> Graph {
        var random = SeededGenerator(seed: 21)
        var builder = GraphBuilder(name: "net")
        let x = builder.input("x", .float32, ["N", 3, 20, 20])
        let w1 = builder.initializer("w1", try random.tensor([32, 3, 3, 3]))
        let w2 = builder.initializer("w2", try random.tensor([32, 32, 3, 3]))
        let fc = builder.initializer("fc", try random.tensor([32, 10]))
        let pads: Attributes = ["pads": .ints([1, 1, 1, 1])]
        let a = builder.node("Relu", [builder.node("Conv", [x, w1], attributes: pads)])
        let b = builder.node("Add", [builder.node("Conv", [a, w2], attributes: pads), a])
        let pooled = builder.node("GlobalAveragePool", [builder.node("Relu", [b])])
        builder.output(
            builder.node("MatMul", [builder.node("Flatten", [pooled]), fc]), as: "y", .float32, ["N", 10])
        return builder.graph
    }

    /// Rows with a positive first number through two layers: their count is known only as the model runs, and the nodes
    /// behind share memory that grows.
    @Test func valuesOfAnySizeOneAfterTheOther() throws {
        var random = SeededGenerator(seed: 31)
        var builder = GraphBuilder(name: "rows")
        let x = builder.input("x", .float32, ["N", 24])
        let first = builder.node(
            "Gather", [x, builder.initializer("zero", try Tensor(scalar: Int64(0)))], attributes: ["axis": .int(1)])
        let positive = builder.node("Greater", [first, builder.initializer("none", try Tensor(scalar: Float(0)))])
        let places = builder.node(
            "Squeeze", [builder.node("NonZero", [positive]), builder.initializer("axis", try Tensor([Int64(0)]))])
        let rows = builder.node("Gather", [x, places])
        let hidden = builder.node(
            "Relu", [builder.node("MatMul", [rows, builder.initializer("v", try random.tensor([24, 40]))])])
        let y = builder.node("MatMul", [hidden, builder.initializer("w", try random.tensor([40, 7]))])
        builder.output(hidden, as: "hidden", .float32, ["M", 40])
        builder.output(y, as: "y", .float32, ["M", 7])
        let plan = try Plan(builder.graph, on: CPUBackend())
        let session = try Session(plan)
        var earlier: [(Tensor, Tensor)] = []
        for count in [3, 50, 0, 50, 7, 200, 1, 3, 201, 50] {
            let x = ("x", try random.tensor([count, 24]))
            let made = try session.run([x.0: x.1])
            let expected = try run(builder.graph, [x], on: "reference")
            for name in ["hidden", "y"] {
                #expect(try difference(made[name], expected[name]) <= 1e-5, "\(count) rows")
                earlier.append((try #require(made[name]), try #require(expected[name])))
            }
        }
        for (tensor, expected) in earlier { #expect(try difference(tensor, expected) <= 1e-5) }
    }

    @Test func tolerances() throws {
        let expected = try Tensor([Float(-10), 0, 1])
        let actual = try Tensor([Float(-10), 0.0009, 1])
        try Verify.compare(actual, expected, .init(rtol: 0, atol: 0, relativeToMax: 1e-4))
        for strict in [Verify.Tolerance(rtol: 0, atol: 0, relativeToMax: 8e-5), .init(rtol: 1e-2, atol: 1e-4)] {
            #expect(throws: LTError.self) { try Verify.compare(actual, expected, strict) }
        }
    }

    @Test func anyBatchGivesTheSameRows() throws {
        var random = SeededGenerator(seed: 22)
        let plan = try Plan(try Self.network(), on: CPUBackend(), options: PlanOptions(threads: 2, maxBatch: 5))
        let session = try Session(plan)
        let images = try (0..<5).map { _ in try random.tensor([1, 3, 20, 20]) }
        let single = try images.map { try #require(try session.run(["x": $0])["y"]).array(of: Float.self) }
        // More shapes than a session keeps programs for, in an order that evicts and comes back.
        for batch in [5, 1, 3, 2, 4, 5, 1, 2] {
            var pixels: [Float] = []
            for image in images.prefix(batch) { pixels += try image.array(of: Float.self) }
            let output = try #require(try session.run(["x": try Tensor(pixels, [batch, 3, 20, 20])])["y"])
            #expect(output.dims == [batch, 10])
            let rows = try output.array(of: Float.self)
            for row in 0..<batch {
                for column in 0..<10 {
                    let expected = single[row][column]
                    #expect(abs(rows[row * 10 + column] - expected) <= 1e-4 * max(1, abs(expected)))
                }
            }
        }
    }

    @Test func repeatsBitForBitAndOutputsStay() throws {
        var random = SeededGenerator(seed: 23)
        let plan = try Plan(try Self.network(), on: CPUBackend(), options: PlanOptions(threads: 2))
        let session = try Session(plan)
        let x = try random.tensor([2, 3, 20, 20])
        let other = try random.tensor([2, 3, 20, 20])
        let first = try #require(try session.run(["x": x])["y"])
        let before = try first.array(of: Float.self)
        _ = try session.run(["x": other])
        #expect(try first.array(of: Float.self) == before, "an output was overwritten by the next run")
        #expect(try session.run(["x": x])["y"]?.array(of: Float.self) == before)
        #expect(try Session(plan).run(["x": x])["y"]?.array(of: Float.self) == before)
    }

    @Test func constantsAndInputsAsOutputs() throws {
        var builder = GraphBuilder(name: "odd")
        let x = builder.input("x", .float32, [2, 2])
        let k = builder.initializer("k", try Tensor([Float(1), 2]))
        builder.output(builder.node("Identity", [x]), as: "same", .float32, [2, 2])
        builder.output(builder.node("Add", [k, k]), as: "four", .float32, [2])
        builder.output(builder.node("Shape", [x]), as: "shape", .int64, [2])
        let input = try Tensor([Float(1), 2, 3, 4], [2, 2])
        for device in ["reference", "cpu"] {
            let outputs = try run(builder.graph, [("x", input)], on: device)
            #expect(try outputs["same"]?.array(of: Float.self) == [1, 2, 3, 4])
            #expect(try outputs["four"]?.array(of: Float.self) == [2, 4])
            #expect(try outputs["shape"]?.array(of: Int64.self) == [2, 2])
        }
    }

    @Test func sessionsShareAPlan() async throws {
        var random = SeededGenerator(seed: 24)
        let plan = try Plan(try Self.network(), on: CPUBackend(), options: PlanOptions(threads: 1))
        let x = try random.tensor([1, 3, 20, 20])
        let expected = try Session(plan).run(["x": x])["y"]?.array(of: Float.self)
        await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    guard let session = try? Session(plan) else { return false }
                    for _ in 0..<10 {
                        guard (try? session.run(["x": x])["y"]?.array(of: Float.self)) == expected else { return false }
                    }
                    return true
                }
            }
            for await same in group { #expect(same) }
        }
    }

    @Test func profileTimesEveryStep() throws {
        let plan = try Plan(try Self.network(), on: CPUBackend(), options: PlanOptions(threads: 1))
        let shapes = try plan.inputShapes(batch: 2)
        #expect(shapes["x"]?.dims == [2, 3, 20, 20])
        let rows = try plan.rows(shapes)
        let (outputs, steps) = try Session(plan).profile(["x": try Tensor(.float32, Shape([2, 3, 20, 20]))])
        #expect(outputs["y"]?.dims == [2, 10])
        #expect(steps.map(\.row) == rows)
        #expect(rows.contains { $0.op == "FusedConv" && $0.kernel.hasPrefix("dnnl conv") })
        #expect(!rows.contains { $0.op == "Relu" || $0.op == "Add" }, "the residual and its activation were not fused")
    }

    @Test func wrongInputsSayWhatWasExpected() throws {
        let plan = try Plan(try Self.network(), on: CPUBackend(), options: PlanOptions(threads: 1, maxBatch: 2))
        let session = try Session(plan)
        let cases: [([String: Tensor], LTError.Code, String)] = [
            ([:], .notFound, "input 'x' is missing, given: nothing"),
            (["z": try Tensor([Float(1)])], .notFound, "input 'x' is missing, given: 'z'"),
            (
                ["x": try Tensor([Float](repeating: 0, count: 300), [1, 3, 10, 10])], .shapeMismatch,
                "input 'x' has shape [1,3,10,10], expected [N,3,20,20]"
            ),
            (
                ["x": try Tensor(.float32, Shape([3, 3, 20, 20]))], .shapeMismatch,
                "input 'x' has batch 3, the plan was made for at most 2"
            ),
            (
                ["x": try Tensor(.int32, Shape([1, 3, 20, 20]))], .typeMismatch,
                "input 'x' is tensor(int32), expected tensor(float)"
            ),
            (
                ["x": try Tensor(.float32, Shape([1, 3, 20, 20])), "w": try Tensor([Float(1)])], .notFound,
                "the model has no input 'w', expected 'x'"
            ),
        ]
        for (inputs, code, message) in cases {
            do {
                _ = try session.run(inputs)
                Issue.record("accepted: \(message)")
            } catch {
                #expect(error.code == code)
                #expect(error.message == message)
            }
        }
    }
}

/// Threads that a session starts carry the name of the thread that called it, so that they can be counted beside others.
@Suite struct ThreadBudgetTests {
    private final class Work {
        let session: Session
        let input: Tensor
        var named = 0
        init(session: Session, input: Tensor) {
            self.session = session
            self.input = input
        }
    }

    private static func write(_ text: String, to path: String) {
        guard let file = fopen(path, "w") else { return }
        fputs(text, file)
        fclose(file)
    }

    private static func threads(named name: String) -> Int {
        guard let folder = opendir("/proc/self/task") else { return 0 }
        defer { closedir(folder) }
        var count = 0
        while let entry = readdir(folder) {
            let id = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            // Threads of other tests may be gone by now.
            guard let file = fopen("/proc/self/task/\(id)/comm", "r") else { continue }
            defer { fclose(file) }
            var line = [CChar](repeating: 0, count: 64)
            guard fgets(&line, 64, file) != nil else { continue }
            if String(decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self) == name + "\n" {
                count += 1
            }
        }
        return count
    }

    @Test(arguments: [1, 2, 3]) func asManyThreadsAsAskedFor(budget: Int) throws {
        let plan = try Plan(try SessionTests.network(), on: CPUBackend(), options: PlanOptions(threads: budget))
        let input = try Tensor([Float](repeating: 1, count: 8 * 1200), [8, 3, 20, 20])
        let work = Work(session: try Session(plan), input: input)
        var thread = pthread_t()
        let context = Unmanaged.passRetained(work)
        let name = "lt-budget-\(budget)"
        let status = pthread_create(
            &thread, nil,
            { context in
                guard let context else { return nil }
                let work = Unmanaged<Work>.fromOpaque(context).takeUnretainedValue()
                let name = "lt-budget-\(work.session.plan.options.threads)"
                ThreadBudgetTests.write(name, to: "/proc/thread-self/comm")
                for _ in 0..<5 { _ = try? work.session.run(["x": work.input]) }
                work.named = ThreadBudgetTests.threads(named: name)
                return nil
            }, context.toOpaque())
        #expect(status == 0)
        pthread_join(thread, nil)
        context.release()
        #expect(work.named == budget, "threads named \(name)")
    }
}
