// Operators: what they infer before anything is known, what they refuse and how they say it.

import LTCore
import LTGraph
import LTRuntime
import OrderedCollections
import Testing

/// Binds a node of `opType` with as many inputs and outputs as asked for.
func bound(
    _ opType: String, _ inputs: Int, outputs: Int = 1, opset: Int = 17,
    _ attributes: OrderedDictionary<String, Attribute> = [:]
) throws(LTError) -> any Operator {
    let node = Node(
        opType, inputs: (0..<inputs).map { "x\($0)" }, outputs: (0..<outputs).map { "y\($0)" }, attributes: attributes)
    guard let op = try OperatorTable.bind(node, opset: opset) as? any Operator else {
        throw LTError(.typeMismatch, "\(opType) is no operator on tensors")
    }
    return op
}

@Suite struct OperatorTests {
    private func error(_ body: () throws(LTError) -> Void) -> LTError? {
        do {
            try body()
            return nil
        } catch {
            return error
        }
    }

    @Test func openDimensionsPropagate() throws {
        let x = Facts(.float32, [nil, 512, 1, 1])
        let target = Facts(try Tensor([Int64(0), -1]))
        #expect(try bound("Reshape", 2).infer([x, target])[0].dims == [nil, 512])
        #expect(try bound("Flatten", 1).infer([x])[0].dims == [nil, 512])
        #expect(try bound("GlobalAveragePool", 1).infer([x])[0].dims == [nil, 512, 1, 1])
        let w = Facts(try Tensor([Float](repeating: 1, count: 8 * 512), [8, 512, 1, 1]))
        #expect(try bound("Conv", 2).infer([x, w])[0].dims == [nil, 8, 1, 1])
        #expect(try bound("Concat", 2, ["axis": .int(1)]).infer([x, x])[0].dims == [nil, 1024, 1, 1])
        #expect(try bound("Add", 2).infer([x, Facts(.float32, [3, 1, 2, 2])])[0].dims == [3, 512, 2, 2])
        #expect(try bound("Shape", 1).infer([x])[0].value == nil)
        let tail = try bound("Shape", 1, ["start": .int(1)]).infer([x])[0].value
        #expect(try tail?.array(of: Int64.self) == [512, 1, 1])
        #expect(try bound("Relu", 1).infer([Facts(.float32, nil)])[0].dims == nil)
    }

    @Test func errorsSayActualAndExpected() throws {
        let x = Facts(.float32, [1, 3, 8, 8])
        let conv = error { () throws(LTError) in _ = try bound("Conv", 2).infer([x, Facts(.float32, [4, 64, 3, 3])]) }
        #expect(conv?.code == .shapeMismatch)
        #expect(conv?.message == "W has 64 input channels, X has 3")
        let type = error { () throws(LTError) in _ = try bound("Sigmoid", 1).infer([Facts(.int64, [1])]) }
        #expect(type?.code == .typeMismatch)
        let expected = "tensor(float), tensor(float16), tensor(double), tensor(bfloat16)"
        #expect(type?.message == "input 0 is tensor(int64), expected \(expected)")
        let absent = error { () throws(LTError) in _ = try bound("MatMul", 2).infer([x, nil]) }
        #expect(absent?.message == "input 1 is absent, expected a tensor")
        let kind = error { () throws(LTError) in _ = try bound("Concat", 1, ["axis": .float(1)]) }
        #expect(kind?.message == "attribute 'axis' is of kind float, expected int")
        let window = error { () throws(LTError) in
            _ = try bound("MaxPool", 1, ["kernel_shape": .ints([9, 9])]).infer([x])
        }
        #expect(window?.message == "window of 9 is larger than the padded input 8 on spatial axis 0")
        let index = error { () throws(LTError) in
            _ = try bound("Gather", 2).run([try Tensor([Float(1), 2]), try Tensor([Int64(2)])])
        }
        #expect(index?.message == "index 2, expected -2 to 1")
        let norm = error { () throws(LTError) in _ = try bound("LpNormalization", 1, ["p": .int(3)]) }
        #expect(norm?.message == "attribute 'p' is 3, expected 1 or 2")
    }

    @Test func dropoutDrawsTheSameAgain() throws {
        let x = try Tensor([Float](repeating: 2, count: 4000))
        let inputs = [x, try Tensor(scalar: Float(0.25)), try Tensor(scalar: true)]
        func drop(_ attributes: OrderedDictionary<String, Attribute>) throws -> [Tensor] {
            try bound("Dropout", 3, outputs: 2, opset: 22, attributes).run(inputs)
        }
        let (y, mask) = (try drop([:])[0].array(of: Float.self), try drop([:])[1].array(of: Bool.self))
        #expect(zip(y, mask).allSatisfy { $0 == ($1 ? 2 / 0.75 : 0) })
        #expect(abs(mask.count { $0 } - 3000) < 120)
        #expect(try drop(["seed": .int(5)])[0].array(of: Float.self) != y)
    }

    @Test func smallModelsCannotAskForUnboundedMemory() throws {
        let one = try Tensor([Float(1)])
        let huge = try Tensor([Int64(1) << 40])
        let requests: [(String, OrderedDictionary<String, Attribute>, [Tensor])] = [
            ("ConstantOfShape", [:], [huge]), ("Expand", [:], [one, huge]), ("Tile", [:], [one, huge]),
            ("Pad", [:], [one, try Tensor([Int64(0), 1 << 40])]),
            ("OneHot", [:], [try Tensor([Int64(0)]), huge, try Tensor([Float(0), 1])]),
            (
                "Range", [:],
                [try Tensor(scalar: Int64(0)), try Tensor(scalar: Int64.max), try Tensor(scalar: Int64(1))]
            ),
        ]
        for (name, attributes, inputs) in requests {
            let found = error { () throws(LTError) in
                _ = try bound(name, inputs.count, attributes).run(inputs)
            }
            #expect(found?.code == .outOfMemory, "\(name): \(String(describing: found))")
        }
        let overflow = error { () throws(LTError) in
            _ = try bound("ConstantOfShape", 1).run([try Tensor([Int64.max, Int64.max])])
        }
        #expect(overflow?.code == .shapeMismatch)
    }

    @Test func integersNeverTrap() throws {
        let (low, minus) = (try Tensor([Int32.min, 7]), try Tensor([Int32(-1), 0]))
        #expect(try bound("Div", 2).run([low, minus])[0].array(of: Int32.self) == [.min, 0])
        #expect(try bound("Mod", 2).run([low, minus])[0].array(of: Int32.self) == [0, 0])
        #expect(try bound("Abs", 1).run([low])[0].array(of: Int32.self) == [.min, 7])
        #expect(try bound("Add", 2).run([low, minus])[0].array(of: Int32.self) == [.max, 7])
    }

    @Test func castSaturatesAndRounds() throws {
        let x = try Tensor([Float.nan, -.infinity, 300.7, -1.5, 65520])
        func cast(_ type: ElementType) throws -> Tensor {
            try bound("Cast", 1, ["to": .int(Int64(type.rawValue))]).run([x])[0]
        }
        #expect(try cast(.uint8).array(of: UInt8.self) == [0, 0, 255, 0, 255])
        #expect(try cast(.int32).array(of: Int32.self) == [0, .min, 300, -1, 65520])
        #expect(try cast(.float16).array(of: Float16.self)[4] == .infinity)
        let text = try Tensor(strings: ["3.14", "-inf", "1e-5", "12"])
        let read = try bound("Cast", 1, ["to": .int(1)]).run([text])[0]
        #expect(try read.array(of: Float.self) == [3.14, -.infinity, 1e-5, 12])
        #expect(throws: LTError.self) {
            try bound("Cast", 1, ["to": .int(7)]).run([try Tensor(strings: ["three"])])
        }
    }

    @Test func stringsMove() throws {
        let x = try Tensor(strings: ["a", "b", "c", "d", "e", "f"], [2, 3])
        let turned = try bound("Transpose", 1).run([x])[0]
        #expect(turned.strings == ["a", "d", "b", "e", "c", "f"])
        let picked = try bound("Gather", 2, ["axis": .int(1)]).run([x, try Tensor([Int64(-1)])])[0]
        #expect(picked.strings == ["c", "f"])
        let joined = try bound("Concat", 2, ["axis": .int(1)]).run([x, x])[0]
        #expect(joined.strings == ["a", "b", "c", "a", "b", "c", "d", "e", "f", "d", "e", "f"])
        let same = try bound("Equal", 2, opset: 19).run([x, try Tensor(strings: ["b"])])[0]
        #expect(try same.array(of: Bool.self) == [false, true, false, false, false, false])
    }

    @Test func packedFourBitElementsMove() throws {
        // Six 4-bit elements 1…6, first in the low bits.
        let bytes = try Tensor([UInt8(0x21), 0x43, 0x65])
        let x = Tensor(.uint4, try Shape([2, 3]), buffer: bytes.buffer)
        let turned = try bound("Transpose", 1, opset: 21).run([x])[0]
        #expect(Array(turned.bytes) == [0x41, 0x52, 0x63])
    }
}
