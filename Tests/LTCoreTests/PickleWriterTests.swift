// Pickles written here: read back, and byte for byte what pickletools takes apart (a fixed small one).

import LTCore
import Testing

@Suite struct PickleWriterTests {
    private func read(_ bytes: [UInt8]) throws -> PickleValue {
        let buffer = try Buffer(byteCount: bytes.count)
        buffer.mutableBytes.copyBytes(from: bytes)
        return try Pickle.read(buffer, allowing: NumPyArray.globals).value
    }

    @Test(arguments: [Pickle.Writer.python2, .python3])
    func comesBack(_ writer: Pickle.Writer) throws {
        let numbers = [
            0, 1, 255, 256, 65_535, 65_536, -1, -40_000, 2_147_483_647, 2_147_483_648, -2_147_483_649, .max, .min,
        ]
        let long = String(repeating: "x", count: 300)
        let value = try read(
            Pickle.bytes(
                of: .dict([
                    (.string("numbers"), .list(numbers.map { .int($0) })),
                    (.string("texts"), .tuple([.string(""), .string(long)])),
                    (.string("set"), .set([.int(3), .int(5)])), (.int(7), .list([])),
                    (.string("data"), .array(type: "u1", shape: [2, 128], bytes: (0..<256).map { UInt8($0) })),
                    (.string("vector"), .int64([5, -6])),
                    (.string("matrix"), .float64([0.5, -1, 2, 1e300], shape: [2, 2])),
                ]), as: writer))
        #expect(value["numbers"]?.elements?.map(\.whole) == numbers)
        #expect(value["texts"]?.elements?.map(\.text) == ["", long])
        guard case .set(let members)? = value["set"] else {
            Issue.record("no set")
            return
        }
        #expect(members.map(\.whole) == [3, 5])
        #expect(value.entries?.count == 7 && value.entries?[3].key.whole == 7)
        let data = try NumPyArray(try #require(value["data"])).tensor()
        #expect(data.type == .uint8 && data.shape.dims == [2, 128] && data.bytes.elementsEqual(0...255))
        let vector = try NumPyArray(try #require(value["vector"])).tensor()
        #expect(try vector.wholeNumbers() == [5, -6])
        let matrix = try NumPyArray(try #require(value["matrix"])).tensor()
        #expect(matrix.type == .float64 && Array(matrix.elements(Double.self)) == [0.5, -1, 2, 1e300])
    }

    @Test func bytesOfSmallOnes() {
        #expect(
            Pickle.bytes(of: .dict([(.string("a"), .list([.int(1), .int(300)]))]), as: .python2)
                == [0x80, 2, 0x7D, 0x28, 0x55, 1, 0x61, 0x5D, 0x28, 0x4B, 1, 0x4D, 0x2C, 1, 0x65, 0x75, 0x2E])
        #expect(Pickle.bytes(of: .string("é")) == [0x80, 2, 0x58, 2, 0, 0, 0, 0xC3, 0xA9, 0x2E])
    }
}
