// Decoded pixels against Pillow's, and what is refused.

import LTCore
import LTImage
import Testing

struct DecodeFixtures: Decodable {
    struct Entry: Decodable {
        let file: String
        let width: Int
        let height: Int
        let stored: UInt32
        let uprightWidth: Int
        let uprightHeight: Int
        let upright: UInt32
        let grey: UInt32
    }
    let decode: [Entry]
}

@Suite struct DecodeTests {
    @Test func pixelsEqualPillow() throws {
        for entry in try Fixtures.json("decode.json", DecodeFixtures.self).decode {
            let bytes = try Fixtures.file(entry.file)
            let stored = try Image.decode(bytes, DecodeOptions(appliesOrientation: false))
            #expect(stored.channels == 3)
            #expect([stored.width, stored.height] == [entry.width, entry.height], "\(entry.file)")
            #expect(stored.crc == entry.stored, "\(entry.file) as stored")
            let upright = try Image.decode(bytes)
            #expect([upright.width, upright.height] == [entry.uprightWidth, entry.uprightHeight], "\(entry.file)")
            #expect(upright.crc == entry.upright, "\(entry.file) upright")
            let size = try Image.size(of: bytes)
            #expect([size.width, size.height] == [upright.width, upright.height], "\(entry.file)")
            let grey = try Image.decode(bytes, DecodeOptions(color: .grey))
            #expect(grey.channels == 1)
            #expect(grey.crc == entry.grey, "\(entry.file) grey")
        }
    }

    @Test func everyTruncationIsAnError() throws {
        for file in try Fixtures.allFiles() {
            let bytes = try Fixtures.file(file)
            // PNG ends with a 12-byte IEND chunk and WebP with metadata, which nobody misses.
            let needed = file.hasSuffix(".jpg") ? bytes.count : bytes.count * 3 / 4
            for count in stride(from: 0, to: needed, by: max(1, needed / 60)) {
                let error = errorOf { () throws(LTError) in try Image.decode(Array(bytes[0..<count])) }
                #expect(error?.code == .malformed, "\(file) cut to \(count) of \(bytes.count) bytes")
            }
        }
    }

    @Test func halfAJPEGIsAnErrorEvenWithAnotherWarning() throws {
        var bytes = try Fixtures.file("rgb-444.jpg")
        bytes.removeLast(bytes.count / 3)
        #expect(errorOf { () throws(LTError) in try Image.decode(bytes) }?.message.contains("truncated") == true)
        // Garbage inside the entropy-coded data makes libjpeg warn of something else first.
        for at in stride(from: bytes.count - 60, to: bytes.count - 20, by: 2) { bytes[at] = 0xA7 }
        #expect(errorOf { () throws(LTError) in try Image.decode(bytes) }?.code == .malformed)
    }

    @Test func aJPEGWithAHoleIsAnError() throws {
        var bytes = try Fixtures.file("rgb-444.jpg")
        // Stray bytes before the end marker are common and harmless.
        bytes.insert(contentsOf: [1, 2, 3], at: bytes.count - 2)
        #expect(try Image.decode(bytes).crc == Image.decode(Fixtures.file("rgb-444.jpg")).crc)
        bytes.removeSubrange((bytes.count / 2)..<(bytes.count - 2))
        let error = errorOf { () throws(LTError) in try Image.decode(bytes) }
        #expect(error?.message.contains("missing") == true)
    }

    @Test func whatIsNoImageIsNamed() throws {
        #expect(errorOf { () throws(LTError) in try Image.decode([]) }?.message.contains("empty") == true)
        let text = errorOf { () throws(LTError) in try Image.decode(Array("hello world".utf8)) }
        #expect(text?.code == .malformed)
        #expect(text?.message.contains("68 65 6c 6c") == true)
        #expect(text?.message.contains("JPEG, PNG or WebP") == true)
    }

    @Test func hugeHeadersAreRefusedBeforeMemoryIsTaken() throws {
        // A real PNG whose header is rewritten to 30,000 × 30,000 pixels, with the right CRC.
        var bytes = try Fixtures.file("rgb.png")
        for at in [16, 20] { bytes.replaceSubrange(at..<(at + 4), with: [0, 0, 0x75, 0x30]) }
        let crc = Array(bytes[12..<29]).withUnsafeBytes { crc32($0) }
        bytes.replaceSubrange(29..<33, with: (0..<4).map { UInt8(truncatingIfNeeded: crc >> (24 - 8 * $0)) })
        #expect(try Image.size(of: bytes).width == 30_000)
        let error = errorOf { () throws(LTError) in try Image.decode(bytes) }
        #expect(error?.code == .outOfMemory)
        #expect(error?.message.contains("30000×30000") == true)
        let small = try Fixtures.file("rgb-420.jpg")
        let limit = errorOf { () throws(LTError) in try Image.decode(small, DecodeOptions(maximumPixels: 1000)) }
        #expect(limit?.code == .outOfMemory)
    }

    @Test func smallFilesCannotClaimLargePictures() throws {
        // Below the pixel limit, but more than the bytes can hold.
        var png = try Fixtures.file("rgb.png")
        for at in [16, 20] { png.replaceSubrange(at..<(at + 4), with: [0, 0, 0x27, 0x10]) }
        let crc = Array(png[12..<29]).withUnsafeBytes { crc32($0) }
        png.replaceSubrange(29..<33, with: (0..<4).map { UInt8(truncatingIfNeeded: crc >> (24 - 8 * $0)) })
        #expect(errorOf { () throws(LTError) in try Image.decode(png) }?.message.contains("cannot hold") == true)

        var jpeg = try Fixtures.file("rgb-progressive.jpg")
        let frame = try #require((0..<jpeg.count).first { jpeg[$0] == 0xFF && jpeg[$0 + 1] == 0xC2 })
        jpeg.replaceSubrange((frame + 5)..<(frame + 9), with: [0x27, 0x10, 0x27, 0x10])
        #expect(errorOf { () throws(LTError) in try Image.decode(jpeg) }?.message.contains("cannot hold") == true)
        // Padded so that it could, with very many scans.
        let scan = try #require((frame..<jpeg.count).first { jpeg[$0] == 0xFF && jpeg[$0 + 1] == 0xDA })
        let header = Array(jpeg[scan..<(scan + 2 + Int(jpeg[scan + 3]))])
        for _ in 0..<30_000 { jpeg.append(contentsOf: header) }
        #expect(errorOf { () throws(LTError) in try Image.decode(jpeg) }?.message.contains("scans") == true)
    }

    @Test func headersTellFormatAndOrientation() throws {
        for (file, format, orientation) in [
            ("exif-6.jpg", ImageFormat.jpeg, 6), ("exif-6.png", .png, 6), ("exif-8.webp", .webp, 8),
            ("exif-late.png", .png, 5), ("exif-9.jpg", .jpeg, 1), ("rgb.png", .png, 1),
        ] {
            let header = try Fixtures.file(file).withUnsafeBytes { try Image.header(of: $0) }
            #expect(header.format == format, "\(file)")
            #expect(header.orientation == orientation, "\(file)")
        }
    }

    @Test func pngRoundTripsAndJPEGComesClose() throws {
        for channels in [1, 3, 4] {
            let image = try Image.noise(37, 23, channels, seed: 2)
            let back = try Image.decode(try image.encodedPNG(), DecodeOptions(color: channels == 1 ? .grey : .rgb))
            #expect(back.crc == (channels == 4 ? try image.rgb() : image).crc)
            let lossy = try Image.decode(
                try image.encodedJPEG(quality: 95), DecodeOptions(color: channels == 1 ? .grey : .rgb))
            #expect([lossy.width, lossy.height] == [37, 23])
            let reference = channels == 4 ? try image.rgb() : image
            let error = zip(lossy.bytes, reference.bytes).reduce(0) { $0 + abs(Int($1.0) - Int($1.1)) }
            #expect(Double(error) / Double(reference.bytes.count) < 12)
        }
        let image = try Image.noise(8, 8, 3, seed: 1)
        #expect(errorOf { () throws(LTError) in try image.encodedJPEG(quality: 0) }?.code == .invalidArgument)
    }
}
