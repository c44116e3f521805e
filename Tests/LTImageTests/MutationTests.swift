// Damaged files: whatever the bytes, decoding returns an image or an error.

import LTCore
import LTImage
import Testing

@Suite struct MutationTests {
    @Test(arguments: ["jpg", "png", "webp"])
    func damagedFilesNeverTrap(ending: String) throws {
        let files = try Fixtures.allFiles().filter { $0.hasSuffix(ending) }.map { try Fixtures.file($0) }
        var generator = SeededGenerator(seed: 17)
        var (decoded, refused) = (0, 0)
        for _ in 0..<3000 {
            let bytes = damagedImage(files, &generator)
            do throws(LTError) {
                let image = try Image.decode(bytes, DecodeOptions(maximumPixels: 1 << 22))
                #expect(image.bytes.count == image.width * image.height * 3)
                decoded += 1
            } catch {
                #expect([.malformed, .unsupported, .outOfMemory].contains(error.code), "\(error)")
                refused += 1
            }
        }
        // Both happen, or the mutations test nothing.
        #expect(decoded > 20 && refused > 1000, "\(decoded) decoded, \(refused) refused")
    }

    @Test func anyBytesAfterASignatureAreRefused() throws {
        var generator = SeededGenerator(seed: 29)
        let signatures: [[UInt8]] = [
            [0xFF, 0xD8, 0xFF], [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A],
            Array("RIFF".utf8) + [0, 1, 0, 0] + Array("WEBP".utf8),
        ]
        for number in 0..<1500 {
            var bytes = signatures[number % 3]
            for _ in 0..<generator.below(300) { bytes.append(UInt8(truncatingIfNeeded: generator.next())) }
            #expect(errorOf { () throws(LTError) in try Image.decode(bytes) } != nil)
        }
    }
}

/// One of the files with a few bytes changed, lost or added.
func damagedImage(_ files: [[UInt8]], _ generator: inout SeededGenerator) -> [UInt8] {
    var bytes = files[generator.below(files.count)]
    for _ in 0...generator.below(4) {
        switch generator.below(6) {
        case 0: bytes[generator.below(bytes.count)] ^= 1 << UInt8(generator.below(8))
        case 1: bytes[generator.below(bytes.count)] = UInt8(truncatingIfNeeded: generator.next())
        // The header is where sizes and counts are.
        case 2: bytes[generator.below(min(bytes.count, 40))] = UInt8(truncatingIfNeeded: generator.next())
        case 3: bytes.removeLast(generator.below(bytes.count))
        case 4:
            let at = generator.below(bytes.count)
            bytes.removeSubrange(at..<min(bytes.count, at + 1 + generator.below(16)))
        default:
            let other = files[generator.below(files.count)]
            let at = generator.below(bytes.count)
            bytes.insert(contentsOf: other.prefix(generator.below(64)), at: at)
        }
        if bytes.isEmpty { bytes = [0] }
    }
    if bytes[0] == 0x89 { repairChecksums(&bytes) }
    return bytes
}

/// Makes the CRCs of a PNG's chunks right again: without it, damage never gets past them.
private func repairChecksums(_ bytes: inout [UInt8]) {
    var at = 8
    while at + 12 <= bytes.count {
        let length = (0..<4).reduce(0) { $0 << 8 | Int(bytes[at + $1]) }
        guard length <= bytes.count - at - 12 else { return }
        let end = at + 8 + length
        let crc = bytes[(at + 4)..<end].withUnsafeBytes { crc32($0) }
        for i in 0..<4 { bytes[end + i] = UInt8(truncatingIfNeeded: crc >> (24 - 8 * UInt32(i))) }
        at = end + 4
    }
}
