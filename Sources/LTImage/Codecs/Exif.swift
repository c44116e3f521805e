// Exif: the orientation tag (0x0112) of IFD 0 in a TIFF structure, as JPEG's APP1, PNG's eXIf and WebP's EXIF carry it.

enum Exif {
    /// The orientation 1 … 8; 1 when there is none or the structure is damaged (a picture is not refused for its metadata).
    static func orientation(_ tiff: UnsafeRawBufferPointer) -> Int {
        guard tiff.count >= 8 else { return 1 }
        let little: Bool
        switch (tiff[0], tiff[1]) {
        case (0x49, 0x49): little = true
        case (0x4D, 0x4D): little = false
        default: return 1
        }
        func u16(_ at: Int) -> Int? {
            guard at >= 0, at + 2 <= tiff.count else { return nil }
            let (a, b) = (Int(tiff[at]), Int(tiff[at + 1]))
            return little ? a | b << 8 : a << 8 | b
        }
        func u32(_ at: Int) -> Int? {
            guard let first = u16(at), let second = u16(at + 2) else { return nil }
            return little ? first | second << 16 : first << 16 | second
        }
        guard u16(2) == 42, let directory = u32(4), let entries = u16(directory) else { return 1 }
        for entry in 0..<entries {
            let at = directory + 2 + 12 * entry
            guard let tag = u16(at) else { return 1 }
            guard tag == 0x0112 else { continue }
            // SHORT as the standard has it; some writers use LONG.
            guard let type = u16(at + 2), let value = type == 3 ? u16(at + 8) : type == 4 ? u32(at + 8) : nil,
                (1...8).contains(value)
            else { return 1 }
            return value
        }
        return 1
    }
}
