// JPEG through libjpeg-turbo's TurboJPEG API, with its default (accurate integer) DCT and fancy upsampling: the pixels
// equal Pillow's and OpenCV's. https://libjpeg-turbo.org

import CTurboJPEG
import LTCore

/// A JPEG file with its markers walked up to the first scan.
struct JPEGFile {
    let header: ImageHeader
    let components: Int
    /// SOF's number: 0 baseline, 2 progressive, 9 and more arithmetic coding.
    let process: UInt8
    /// Where the entropy-coded data of the first scan begins.
    let scan: Int

    init(_ bytes: UnsafeRawBufferPointer) throws(LTError) {
        var frame: (width: Int, height: Int, components: Int, process: UInt8)?
        var orientation: Int?
        var at = 2
        walk: while true {
            while at < bytes.count, bytes[at] != 0xFF { at += 1 }
            while at < bytes.count, bytes[at] == 0xFF { at += 1 }
            guard at < bytes.count else { throw LTError(.malformed, "JPEG ends before its picture data") }
            let marker = bytes[at]
            at += 1
            switch marker {
            case 0x00, 0x01, 0xD0...0xD8: continue
            case 0xD9: throw LTError(.malformed, "JPEG has no picture data")
            default: break
            }
            guard at + 2 <= bytes.count else { throw LTError(.malformed, "JPEG ends inside its header") }
            let length = Int(bytes[at]) << 8 | Int(bytes[at + 1])
            guard length >= 2, at + length <= bytes.count else {
                throw LTError(
                    .malformed, "JPEG segment of \(length) bytes at offset \(at), \(bytes.count - at) bytes are left")
            }
            switch marker {
            case 0xC0...0xC3, 0xC5...0xC7, 0xC9...0xCB, 0xCD...0xCF:
                guard frame == nil, length >= 8 else { throw LTError(.malformed, "JPEG has a bad frame header") }
                frame = (
                    Int(bytes[at + 5]) << 8 | Int(bytes[at + 6]), Int(bytes[at + 3]) << 8 | Int(bytes[at + 4]),
                    Int(bytes[at + 7]), marker - 0xC0
                )
            case 0xE1:
                let name = Array("Exif\0\0".utf8)
                if orientation == nil, length >= 8, bytes[(at + 2)..<(at + 8)].elementsEqual(name) {
                    orientation = Exif.orientation(UnsafeRawBufferPointer(rebasing: bytes[(at + 8)..<(at + length)]))
                }
            case 0xDA:
                at += length
                break walk
            default: break
            }
            at += length
        }
        guard let frame, frame.width > 0, frame.height > 0 else {
            throw LTError(.malformed, "JPEG without a picture size")
        }
        guard [1, 3, 4].contains(frame.components) else {
            throw LTError(.unsupported, "JPEG with \(frame.components) components, expected 1, 3 or 4")
        }
        header = ImageHeader(
            format: .jpeg, width: frame.width, height: frame.height, orientation: orientation ?? 1)
        components = frame.components
        process = frame.process
        scan = at
    }

    /// Decodes to RGB, or to grey where the file is grey and `grey` is asked for.
    func decode(_ bytes: UnsafeRawBufferPointer, grey: Bool) throws(LTError) -> Image {
        try checkEffort(bytes)
        guard let handle = tjInitDecompress() else { throw LTError(.outOfMemory, "cannot start the JPEG decoder") }
        defer { tjDestroy(handle) }
        let (channels, format) =
            components == 4 ? (4, TJPF_CMYK) : components == 1 && grey ? (1, TJPF_GRAY) : (3, TJPF_RGB)
        let image = try Image(width: header.width, height: header.height, channels: channels)
        let status = tjDecompress2(
            handle, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), UInt(bytes.count),
            image.bytes.baseAddress, Int32(header.width), Int32(header.width * channels), Int32(header.height),
            format.rawValue, TJFLAG_LIMITSCANS)
        if status != 0 {
            let message = String(cString: tjGetErrorStr2(handle))
            guard tjGetErrorCode(handle) == Int32(bitPattern: TJERR_WARNING.rawValue) else {
                throw LTError(.malformed, "JPEG: \(message)")
            }
            // libjpeg's warnings are about data it could repair, and files with them are common; but a picture with
            // missing parts is not a picture. Only the first warning is kept, so the end marker is looked for too.
            if message.place(of: "Premature end of JPEG file") != nil || count(0xD9, bytes) == 0 {
                throw LTError(.malformed, "truncated JPEG: the file ends before its picture does")
            }
            if message.place(of: "premature end of data segment") != nil {
                throw LTError(.malformed, "damaged JPEG: picture data is missing inside the file")
            }
        }
        return components == 4 ? try image.rgbFromInvertedCMYK() : image
    }

    /// Refuses small files that would take much memory or time.
    private func checkEffort(_ bytes: UnsafeRawBufferPointer) throws(LTError) {
        let pixels = header.width * header.height
        // With Huffman codes each 8×8 block takes one bit at least.
        guard process >= 9 || pixels / 512 <= bytes.count else {
            throw LTError(
                .malformed,
                "truncated JPEG: \(bytes.count) bytes cannot hold \(header.width)×\(header.height) pixels")
        }
        // Each scan of a progressive file walks the whole picture; encoders write about ten, the decoder takes 500.
        guard process & 3 == 2, pixels > (1 << 32) / 500 else { return }
        let scans = 1 + count(0xDA, bytes)
        guard scans <= 20 || pixels <= (1 << 32) / scans else {
            throw LTError(
                .unsupported, "JPEG of \(header.width)×\(header.height) pixels in \(scans) scans, the limit is 20")
        }
    }

    /// How many markers of a kind follow the first scan; inside entropy-coded data 0xFF is followed by 0.
    private func count(_ marker: UInt8, _ bytes: UnsafeRawBufferPointer) -> Int {
        var found = 0
        var at = scan
        while at + 1 < bytes.count {
            if bytes[at] == 0xFF, bytes[at + 1] == marker { found += 1 }
            at += 1
        }
        return found
    }
}

extension Image {
    /// RGB of Adobe's inverted CMYK with Pillow's arithmetic: K − C·K/255, rounded.
    func rgbFromInvertedCMYK() throws(LTError) -> Image {
        let result = try Image(width: width, height: height, channels: 3)
        let (source, target) = (bytes, result.bytes)
        for pixel in 0..<(width * height) {
            let k = Int(source[4 * pixel + 3])
            for channel in 0..<3 {
                let product = (255 - Int(source[4 * pixel + channel])) * k + 128
                target[3 * pixel + channel] = UInt8(max(0, k - ((product >> 8) + product) >> 8))
            }
        }
        return result
    }

    /// Encodes as baseline JPEG with 4:2:0 chroma, or `fullColor` (grey images: one component); alpha is dropped.
    /// - Throws: `invalidArgument` for a quality outside 1 … 100 or sides above 65,500.
    public func encodedJPEG(quality: Int = 90, fullColor: Bool = false) throws(LTError) -> [UInt8] {
        guard (1...100).contains(quality) else {
            throw LTError(.invalidArgument, "JPEG quality \(quality), expected 1 … 100")
        }
        guard width <= 65_500, height <= 65_500 else {
            throw LTError(.invalidArgument, "image of \(width)×\(height) pixels, JPEG holds at most 65500×65500")
        }
        guard let handle = tjInitCompress() else { throw LTError(.outOfMemory, "cannot start the JPEG encoder") }
        defer { tjDestroy(handle) }
        let format = channels == 1 ? TJPF_GRAY : channels == 3 ? TJPF_RGB : TJPF_RGBA
        let sampling = channels == 1 ? TJSAMP_GRAY : fullColor ? TJSAMP_444 : TJSAMP_420
        var memory: UnsafeMutablePointer<UInt8>?
        var count: UInt = 0
        defer { tjFree(memory) }
        let status = tjCompress2(
            handle, bytes.baseAddress, Int32(width), Int32(width * channels), Int32(height),
            format.rawValue, &memory, &count, Int32(bitPattern: sampling.rawValue), Int32(quality), 0)
        guard status == 0, let memory else {
            throw LTError(.library, "JPEG encoder: \(String(cString: tjGetErrorStr2(handle)))")
        }
        return Array(UnsafeBufferPointer(start: memory, count: Int(count)))
    }
}
