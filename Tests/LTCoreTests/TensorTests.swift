// Shape, Tensor, BFloat16 and LTError.

import LTCore
import Testing

@Suite struct TensorTests {
    @Test func shapeCountsAndStrides() throws {
        #expect(try Shape([2, 3, 4]).count == 24)
        #expect(try Shape([2, 3, 4]).strides == [12, 4, 1])
        #expect(Shape.scalar.count == 1)
        #expect(try Shape([0, 5]).count == 0)
        #expect(try Shape([2, 3]).axis(-1) == 1)
    }

    @Test(arguments: [[-1, 2], [Int.max, 2], [1 << 31, 1 << 31], [0, Int.max, Int.max]])
    func absurdShapesAreErrors(dims: [Int]) {
        #expect(throws: LTError.self) { try Shape(dims) }
    }

    @Test func axisOutsideTheRankIsAnError() throws {
        let shape = try Shape([2, 3])
        #expect(throws: LTError.self) { try shape.axis(2) }
        #expect(throws: LTError.self) { try shape.axis(-3) }
    }

    @Test func elementsKeepTheirOrderAndType() throws {
        let tensor = try Tensor([1, 2, 3, 4, 5, 6] as [Float], [2, 3])
        #expect(try tensor.array(of: Float.self) == [1, 2, 3, 4, 5, 6])
        #expect(throws: LTError.self) { try tensor.array(of: Int64.self) }
        #expect(throws: LTError.self) { try Tensor([1, 2] as [Float], [3]) }
        #expect(try tensor.reshaped(Shape([6])).rawPointer == tensor.rawPointer)
        #expect(throws: LTError.self) { try tensor.reshaped(Shape([5])) }
    }

    @Test func subByteTypesArePacked() throws {
        #expect(Tensor.byteCount(.int4, try Shape([3])) == 2)
        #expect(Tensor.byteCount(.uint2, try Shape([5])) == 2)
    }

    @Test func memoryThatIsNotThereIsAnError() {
        #expect(throws: LTError.self) { try Buffer(byteCount: Int.max / 8) }
        #expect(throws: LTError.self) { try Buffer(byteCount: -1) }
    }

    @Test func bfloat16RoundsToNearestEven() {
        #expect(BFloat16(1.0).float == 1.0)
        #expect(BFloat16(Float(bitPattern: 0x3F80_8000)).bitPattern == 0x3F80)
        #expect(BFloat16(Float(bitPattern: 0x3F81_8000)).bitPattern == 0x3F82)
        #expect(BFloat16(Float(bitPattern: 0x3F80_8001)).bitPattern == 0x3F81)
        #expect(BFloat16(.nan).float.isNaN)
        #expect(BFloat16(.greatestFiniteMagnitude).float == .infinity)
    }

    @Test func errorsPrintTheirTrailAndHint() {
        let error = LTError(.shapeMismatch, "Conv weight has 64 input channels, input has 3")
            .inside("node 'conv1' (Conv)").inside("model broken.onnx").hinting("run `lt-infer plan broken.onnx`")
        #expect(
            error.description == """
                shapeMismatch: Conv weight has 64 input channels, input has 3
                  in node 'conv1' (Conv)
                  in model broken.onnx
                hint: run `lt-infer plan broken.onnx`
                """)
    }
}

@Suite struct SeededGeneratorTests {
    @Test func sequenceIsFixed() {
        // xoshiro256** seeded by SplitMix64 of 1, computed apart: it must never change, data sets and runs depend on it.
        var generator = SeededGenerator(seed: 1)
        #expect(generator.next() == 0xb3f2af6d0fc710c5)
        #expect(generator.next() == 0x853b559647364cea)
        #expect(generator.next() == 0x92f89756082a4514)
    }

    @Test func stateSavesAndRestores() {
        var generator = SeededGenerator(seed: 7)
        _ = generator.next()
        var copy = generator
        #expect(copy == generator)
        #expect((0..<10).map { _ in copy.next() } == (0..<10).map { _ in generator.next() })
    }

    @Test func numbersHaveTheirMoments() {
        var generator = SeededGenerator(seed: 3)
        let uniform = (0..<20_000).map { _ in generator.uniform() }
        #expect(abs(uniform.reduce(0, +) / 20_000 - 0.5) < 0.01)
        let normal = (0..<20_000).map { _ in generator.normal() }
        #expect(abs(normal.reduce(0, +) / 20_000) < 0.03)
        #expect(abs(normal.map { $0 * $0 }.reduce(0, +) / 20_000 - 1) < 0.05)
        #expect((0..<1000).allSatisfy { _ in (0..<7).contains(generator.below(7)) })
        #expect(generator.shuffled(Array(0..<50)).sorted() == Array(0..<50))
    }
}
