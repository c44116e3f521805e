// MersenneTwister: MT19937 (Matsumoto & Nishimura, 1998) seeded with init_genrand, and the shuffle of NumPy's legacy
// RandomState: Fisher–Yates from the end, each index drawn by masking 32 bits and rejecting what is too large.
// So `numpy.random.seed(s); numpy.random.shuffle(x)` and `shuffle` give the same order.

/// The generator behind `numpy.random.seed` and `numpy.random.RandomState`.
public struct MersenneTwister: Sendable {
    private static let length = 624
    private var words: [UInt32]
    private var position = length

    public init(seed: UInt32) {
        words = [seed]
        words.reserveCapacity(Self.length)
        for index in 1..<Self.length {
            let last = words[index - 1]
            words.append(1_812_433_253 &* (last ^ (last >> 30)) &+ UInt32(index))
        }
    }

    /// The next 32 bits.
    public mutating func next() -> UInt32 {
        if position == Self.length { twist() }
        var word = words[position]
        position += 1
        word ^= word >> 11
        word ^= (word << 7) & 0x9D2C_5680
        word ^= (word << 15) & 0xEFC6_0000
        return word ^ (word >> 18)
    }

    private mutating func twist() {
        for index in 0..<Self.length {
            let joined = (words[index] & 0x8000_0000) | (words[(index + 1) % Self.length] & 0x7FFF_FFFF)
            words[index] = words[(index + 397) % Self.length] ^ (joined >> 1) ^ (joined & 1 == 0 ? 0 : 0x9908_B0DF)
        }
        position = 0
    }

    /// A whole number in 0 … maximum: as many low bits as `maximum` has, drawn again while they exceed it.
    public mutating func interval(_ maximum: UInt32) -> UInt32 {
        guard maximum > 0 else { return 0 }
        let mask = UInt32.max >> UInt32(maximum.leadingZeroBitCount)
        while true {
            let value = next() & mask
            if value <= maximum { return value }
        }
    }

    /// Puts the items into NumPy's order; at most 2^32 of them.
    public mutating func shuffle<Item>(_ items: inout [Item]) {
        precondition(items.count <= 1 << 32)
        for last in stride(from: items.count - 1, to: 0, by: -1) {
            items.swapAt(last, Int(interval(UInt32(last))))
        }
    }
}
