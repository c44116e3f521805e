// .npy files: what numpy.save writes (bytes quoted from NumPy 2.2), our own bytes, and damaged ones.

import LTCore
import Testing

private func read(_ bytes: [UInt8]) throws(LTError) -> Tensor {
    var result: Result<Tensor, LTError> = .failure(LTError(.malformed, "not read"))
    bytes.withUnsafeBytes { raw in
        do throws(LTError) { result = .success(try Tensor(npy: raw)) } catch { result = .failure(error) }
    }
    return try result.get()
}

private func file(_ header: String, version: UInt8 = 1, _ data: [UInt8]) -> [UInt8] {
    let length = Array(header.utf8).count
    let size: [UInt8] = [UInt8(length & 0xFF), UInt8(length >> 8)] + (version == 1 ? [] : [0, 0])
    return [0x93] + Array("NUMPY".utf8) + [version, 0] + size + Array(header.utf8) + data
}

@Suite struct NPYTests {
    @Test func readsNumPyHeaders() throws {
        let floats = try read(
            file("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }   \n", [0, 0, 128, 63, 0, 0, 0, 192]))
        #expect(floats.dims == [1, 2])
        #expect(try floats.array(of: Float.self) == [1, -2])
        let scalar = try read(
            file("{'descr': '<i8', 'fortran_order': False, 'shape': (), }\n", version: 2, [7, 0, 0, 0, 0, 0, 0, 0]))
        #expect(try scalar.dims == [] && scalar.array(of: Int64.self) == [7])
        let vector = try read(file("{'descr':'|u1','fortran_order':True,'shape':(3,)}", version: 3, [1, 2, 3]))
        #expect(try vector.array(of: UInt8.self) == [1, 2, 3])
    }

    /// numpy.asfortranarray(numpy.arange(6).reshape(1, 2, 3)): the first index runs fastest.
    @Test func readsFortranOrder() throws {
        let matrix = try read(
            file("{'descr': '<i2', 'fortran_order': True, 'shape': (2, 3), }", [0, 0, 3, 0, 1, 0, 4, 0, 2, 0, 5, 0]))
        #expect(try matrix.dims == [2, 3] && matrix.array(of: Int16.self) == [0, 1, 2, 3, 4, 5])
        let cube = try read(
            file("{'descr': '|u1', 'fortran_order': True, 'shape': (2, 2, 2), }", [0, 4, 2, 6, 1, 5, 3, 7]))
        #expect(try cube.array(of: UInt8.self) == [0, 1, 2, 3, 4, 5, 6, 7])
        let none = try read(file("{'descr': '|u1', 'fortran_order': True, 'shape': (0, 2), }", []))
        #expect(none.dims == [0, 2])
    }

    @Test func writesWhatItReads() throws {
        for dims in [[], [0], [5], [2, 3], [3, 0, 2], [1, 2, 1, 3]] {
            let count = dims.reduce(1, *)
            let tensor = try Tensor((0..<count).map { Double($0) / 7 }, dims)
            let bytes = try tensor.npy()
            #expect((bytes.count - tensor.byteCount) % 64 == 0)
            let again = try read(bytes)
            #expect(again.dims == dims && again.type == .float64)
            #expect(try again.array(of: Double.self) == tensor.array(of: Double.self))
        }
        #expect(throws: LTError.self) { try Tensor([BFloat16(1)]).npy() }
    }

    @Test(arguments: [
        "{'descr': '>f4', 'fortran_order': False, 'shape': (2,), }",
        "{'descr': '|O', 'fortran_order': False, 'shape': (2,), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-2,), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775807, 9223372036854775807), }",
        "{'descr': '<f4', 'fortran_order': False, }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'shape': (2,), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2,)",
        "{'descr': '<f4', 'fortran_order': 1, 'shape': (2,), }",
        "", "{",
    ])
    func refuses(_ header: String) {
        #expect(throws: LTError.self) { try read(file(header, [0, 0, 128, 63, 0, 0, 0, 192])) }
    }

    @Test func survivesDamage() throws {
        let whole = try Tensor([1, 2, 3] as [Float]).npy()
        for length in 0..<whole.count {
            #expect(throws: LTError.self) { try read(Array(whole.prefix(length))) }
        }
        var random = SeededGenerator(seed: 1)
        for _ in 0..<3000 {
            var bytes = whole
            for _ in 0..<3 { bytes[random.below(bytes.count)] = UInt8(random.below(256)) }
            _ = try? read(bytes)
        }
    }
}
