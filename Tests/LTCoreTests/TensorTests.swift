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

/// The numbers in these tests are those of ml_dtypes, which ONNX's own test cases are made with.
@Suite struct MiniFloatTests {
    private func codes(_ type: ElementType, _ values: [Double], saturates: Bool = true) throws -> [UInt8] {
        let format = try #require(MiniFloat(type))
        return values.map { format.code($0, MiniFloatRounding(saturates: saturates)) }
    }

    @Test(arguments: ElementType.allCases.filter { MiniFloat($0) != nil })
    func everyNumberComesBack(_ type: ElementType) throws {
        let format = try #require(MiniFloat(type))
        var last = -Float.infinity
        for code in 0...UInt8(1 << type.bits - 1) {
            let value = format.value(code)
            if value.isNaN { continue }
            #expect(format.code(Double(value), MiniFloatRounding(saturates: false)) == code)
            // Halfway to the next one rounds to the even code.
            if value > last, value.isFinite, last.isFinite, type != .float8e8m0 {
                #expect(format.code((Double(value) + Double(last)) / 2) == (code % 2 == 0 ? code : code - 1))
            }
            last = value
        }
    }

    @Test func extremes() throws {
        let values = [448, 464, 480, 1e30, -.infinity, .nan, -0.0, 1e-30, -1e-30]
        #expect(try codes(.float8e4m3fn, values) == [0x7E, 0x7E, 0x7E, 0x7E, 0xFE, 0x7F, 0x80, 0, 0x80])
        #expect(
            try codes(.float8e4m3fn, values, saturates: false) == [0x7E, 0x7E, 0x7F, 0x7F, 0xFF, 0x7F, 0x80, 0, 0x80])
        #expect(
            try codes(.float8e4m3fnuz, values, saturates: false) == [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0, 0, 0])
        #expect(try codes(.float8e4m3fnuz, values) == [0x7F, 0x7F, 0x7F, 0x7F, 0xFF, 0x80, 0, 0, 0])
        #expect(
            try codes(.float8e5m2, values, saturates: false) == [0x5F, 0x5F, 0x60, 0x7C, 0xFC, 0x7F, 0x80, 0, 0x80])
        #expect(try codes(.float8e5m2, [57344, 61439, 61440, 1e30]) == [0x7B, 0x7B, 0x7B, 0x7B])
        #expect(try codes(.float4e2m1, [6, 7, 1e30, -.infinity, -0.0, 5, 2.5, -0.25]) == [7, 7, 7, 15, 8, 6, 4, 8])
    }

    @Test func powersOfTwoRoundAsAsked() throws {
        let format = try #require(MiniFloat(.float8e8m0))
        let values = [1, 1.25, 1.5, 1.75, 0, 1e-40, 1e39, .infinity, .nan]
        func codes(_ mode: MiniFloatRounding.Mode, _ saturates: Bool) -> [UInt8] {
            values.map { format.code($0, MiniFloatRounding(saturates: saturates, mode: mode)) }
        }
        #expect(codes(.up, true) == [127, 128, 128, 128, 0, 0, 254, 254, 255])
        #expect(codes(.down, true) == [127, 127, 127, 127, 0, 0, 254, 254, 255])
        #expect(codes(.nearest, true) == [127, 127, 128, 128, 0, 0, 254, 254, 255])
        #expect(codes(.nearest, false) == [127, 127, 128, 128, 255, 255, 255, 255, 255])
    }
}
