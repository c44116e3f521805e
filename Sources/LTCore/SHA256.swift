// SHA-256 (FIPS 180-4), streaming: the digest that names models, settings and inputs wherever one file speaks of another.

import CLTKernels

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A running SHA-256: `update` as often as needed, then `digest`.
public struct SHA256: Sendable {
    private var state: [UInt32] = [
        0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19,
    ]
    /// Bytes of an unfinished block; always fewer than 64.
    private var pending: [UInt8] = []
    private var byteCount: UInt64 = 0

    public init() { pending.reserveCapacity(128) }

    /// Adds bytes to the message.
    public mutating func update(_ bytes: UnsafeRawBufferPointer) {
        byteCount &+= UInt64(bytes.count)
        var rest = bytes[...]
        if !pending.isEmpty {
            let head = rest.prefix(64 - pending.count)
            pending.append(contentsOf: head)
            rest = rest.dropFirst(head.count)
            guard pending.count == 64 else { return }
            let block = pending
            block.withUnsafeBytes { compress($0) }
            pending.removeAll(keepingCapacity: true)
        }
        let whole = rest.count & ~63
        compress(UnsafeRawBufferPointer(rebasing: rest.prefix(whole)))
        pending.append(contentsOf: rest.dropFirst(whole))
    }

    /// Adds the bytes of an array to the message.
    public mutating func update(_ bytes: [UInt8]) { bytes.withUnsafeBytes { update($0) } }

    /// Adds the UTF-8 bytes of a text to the message.
    public mutating func update(_ text: String) { update(Array(text.utf8)) }

    /// The digest of everything added so far, as 64 lower-case hexadecimal digits. More may be added afterwards.
    public var digest: String {
        var last = self
        var tail = pending + [0x80]
        while tail.count % 64 != 56 { tail.append(0) }
        let bitCount = byteCount &* 8
        for shift in stride(from: 56, through: 0, by: -8) { tail.append(UInt8(truncatingIfNeeded: bitCount >> shift)) }
        tail.withUnsafeBytes { last.compress($0) }
        let digits = Array("0123456789abcdef")
        var text = ""
        for word in last.state {
            for shift in stride(from: 28, through: 0, by: -4) { text.append(digits[Int(word >> shift) & 15]) }
        }
        return text
    }

    /// The digest of some bytes.
    public static func digest(of bytes: UnsafeRawBufferPointer) -> String {
        var hash = SHA256()
        hash.update(bytes)
        return hash.digest
    }

    /// The digest of the bytes of an array.
    public static func digest(of bytes: [UInt8]) -> String { bytes.withUnsafeBytes { digest(of: $0) } }

    /// The digest of a text's UTF-8 bytes.
    public static func digest(of text: String) -> String { digest(of: Array(text.utf8)) }

    /// The digest of a file's content, read in pieces of 1 MiB.
    /// - Throws: `io` with the system's words when the file cannot be opened or read.
    public static func digest(ofFile path: String) throws(LTError) -> String {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else {
            throw LTError(
                .io, "cannot open for reading: \(String(cString: strerror(errno)))", context: ["file \(path)"])
        }
        defer { close(file) }
        let piece = try Buffer(byteCount: 1 << 20)
        var hash = SHA256()
        while true {
            let count = read(file, piece.pointer, piece.byteCount)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else {
                throw LTError(.io, "cannot read: \(String(cString: strerror(errno)))", context: ["file \(path)"])
            }
            if count == 0 { return hash.digest }
            hash.update(UnsafeRawBufferPointer(rebasing: piece.bytes[0..<count]))
        }
    }

    /// Runs the compression function over whole 64-byte blocks.
    private mutating func compress(_ blocks: UnsafeRawBufferPointer) {
        guard blocks.count >= 64, let base = blocks.baseAddress else { return }
        state.withUnsafeMutableBufferPointer { state in
            Self.roundConstants.withUnsafeBufferPointer { k in
                let bytes = base.assumingMemoryBound(to: UInt8.self)
                if lt_sha256(state.baseAddress!, bytes, blocks.count / 64, k.baseAddress!) { return }
                withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 64) { w in
                    for offset in stride(from: 0, to: blocks.count, by: 64) {
                        Self.compress(base + offset, state.baseAddress!, k.baseAddress!, w.baseAddress!)
                    }
                }
            }
        }
    }

    @inline(__always)
    private static func rotated(_ x: UInt32, _ n: UInt32) -> UInt32 { (x &>> n) | (x &<< (32 &- n)) }

    private static func compress(
        _ block: UnsafeRawPointer, _ state: UnsafeMutablePointer<UInt32>, _ k: UnsafePointer<UInt32>,
        _ w: UnsafeMutablePointer<UInt32>
    ) {
        for t in 0..<16 { w[t] = UInt32(bigEndian: block.loadUnaligned(fromByteOffset: 4 &* t, as: UInt32.self)) }
        for t in 16..<64 {
            let x = w[t &- 15]
            let y = w[t &- 2]
            let s0 = rotated(x, 7) ^ rotated(x, 18) ^ (x &>> 3)
            let s1 = rotated(y, 17) ^ rotated(y, 19) ^ (y &>> 10)
            w[t] = w[t &- 16] &+ s0 &+ w[t &- 7] &+ s1
        }
        var (a, b, c, d) = (state[0], state[1], state[2], state[3])
        var (e, f, g, h) = (state[4], state[5], state[6], state[7])
        // One round leaves its two new words in d and h; the callers rotate the names instead of the values.
        @inline(__always)
        func round(
            _ a: UInt32, _ b: UInt32, _ c: UInt32, _ d: inout UInt32, _ e: UInt32, _ f: UInt32, _ g: UInt32,
            _ h: inout UInt32, _ t: Int
        ) {
            let s1 = rotated(e, 6) ^ rotated(e, 11) ^ rotated(e, 25)
            let t1 = h &+ s1 &+ (g ^ (e & (f ^ g))) &+ k[t] &+ w[t]
            let s0 = rotated(a, 2) ^ rotated(a, 13) ^ rotated(a, 22)
            d = d &+ t1
            h = t1 &+ s0 &+ ((a & b) | (c & (a | b)))
        }
        var t = 0
        while t < 64 {
            round(a, b, c, &d, e, f, g, &h, t)
            round(h, a, b, &c, d, e, f, &g, t &+ 1)
            round(g, h, a, &b, c, d, e, &f, t &+ 2)
            round(f, g, h, &a, b, c, d, &e, t &+ 3)
            round(e, f, g, &h, a, b, c, &d, t &+ 4)
            round(d, e, f, &g, h, a, b, &c, t &+ 5)
            round(c, d, e, &f, g, h, a, &b, t &+ 6)
            round(b, c, d, &e, f, g, h, &a, t &+ 7)
            t &+= 8
        }
        state[0] &+= a
        state[1] &+= b
        state[2] &+= c
        state[3] &+= d
        state[4] &+= e
        state[5] &+= f
        state[6] &+= g
        state[7] &+= h
    }

    private static let roundConstants: [UInt32] = [
        0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5, 0x3956_c25b, 0x59f1_11f1, 0x923f_82a4, 0xab1c_5ed5,
        0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3, 0x72be_5d74, 0x80de_b1fe, 0x9bdc_06a7, 0xc19b_f174,
        0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc, 0x2de9_2c6f, 0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da,
        0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7, 0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967,
        0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc, 0x5338_0d13, 0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85,
        0xa2bf_e8a1, 0xa81a_664b, 0xc24b_8b70, 0xc76c_51a3, 0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070,
        0x19a4_c116, 0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5, 0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3,
        0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208, 0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7, 0xc671_78f2,
    ]
}
