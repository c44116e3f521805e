// Fixtures (made by Utilities/fixtures/image.py), CRC-32 and the seeded pixels that script and tests share.

import Foundation
import LTCore
import LTImage

enum Fixtures {
    static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures")

    static func json<Content: Decodable>(_ name: String, _: Content.Type = Content.self) throws -> Content {
        try JSONDecoder().decode(Content.self, from: Data(contentsOf: folder.appending(path: name)))
    }

    static func file(_ name: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: folder.appending(path: "files").appending(path: name)))
    }

    static func allFiles() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder.appending(path: "files").path()).sorted()
    }
}

private let crcTable: [UInt32] = (0..<256).map { byte in
    (0..<8).reduce(UInt32(byte)) { value, _ in value & 1 == 1 ? value >> 1 ^ 0xEDB8_8320 : value >> 1 }
}

/// CRC-32 as zlib's.
func crc32(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
    ~bytes.reduce(~0) { crcTable[Int(UInt8(truncatingIfNeeded: $0) ^ $1)] ^ $0 >> 8 }
}

extension Image {
    var crc: UInt32 { crc32(pixels.bytes) }

    /// The fixture script's `noise`.
    static func noise(_ width: Int, _ height: Int, _ channels: Int, seed: Int) throws -> Image {
        let image = try Image(width: width, height: height, channels: channels)
        let row = UInt32(width * channels)
        for at in image.bytes.indices {
            let i = UInt32(at)
            var x = i &* 0x9E37_79B1 &+ UInt32(seed) &* 0x85EB_CA77
            x ^= x >> 15
            x = x &* 0x2C1B_3C6D
            x ^= x >> 12
            x = x &* 0x297A_2D39
            x ^= x >> 15
            if seed % 3 == 1 {
                x = (x & 1) * 255
            } else if seed % 3 == 2 {
                x = (i % row) * 3 / UInt32(channels) + (i / row) * 2 + (x & 15)
            }
            image.bytes[at] = UInt8(truncatingIfNeeded: x)
        }
        return image
    }
}

/// Calls `body` with the error of an operation that must fail.
func errorOf(_ operation: () throws(LTError) -> some Any) -> LTError? {
    do throws(LTError) {
        _ = try operation()
        return nil
    } catch {
        return error
    }
}
