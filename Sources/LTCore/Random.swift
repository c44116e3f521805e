// Random: a small seeded generator (xoshiro256**, seeded through SplitMix64; Blackman & Vigna, prng.di.unimi.it), the same on every machine.

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A seeded random number generator whose whole state can be saved and restored.
public struct SeededGenerator: RandomNumberGenerator, Sendable, Equatable {
    /// Four words; saved and restored by checkpoints.
    public var state: (UInt64, UInt64, UInt64, UInt64)

    public init(seed: UInt64) {
        var x = seed
        func next() -> UInt64 {
            x &+= 0x9E37_79B9_7F4A_7C15
            var z = x
            z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
            z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
            return z ^ (z >> 31)
        }
        state = (next(), next(), next(), next())
    }

    /// A generator of its own for item `index` of a stream, so that items can be made in any order.
    public init(seed: UInt64, index: UInt64) {
        self.init(seed: seed ^ (index &* 0xD134_2543_DE82_EF95 &+ 0x2545_F491_4F6C_DD1D))
        _ = next()
    }

    public mutating func next() -> UInt64 {
        func rotated(_ x: UInt64, _ k: UInt64) -> UInt64 { (x << k) | (x >> (64 - k)) }
        let result = rotated(state.1 &* 5, 7) &* 9
        let t = state.1 << 17
        state.2 ^= state.0
        state.3 ^= state.1
        state.1 ^= state.2
        state.0 ^= state.3
        state.2 ^= t
        state.3 = rotated(state.3, 45)
        return result
    }

    public static func == (a: SeededGenerator, b: SeededGenerator) -> Bool { a.state == b.state }

    /// A number in [0, 1) with 53 random bits.
    public mutating func uniform() -> Double { Double(next() >> 11) * 0x1p-53 }
    public mutating func uniform(_ range: ClosedRange<Double>) -> Double {
        range.lowerBound + (range.upperBound - range.lowerBound) * uniform()
    }
    /// A whole number in 0 ..< bound; the modulo bias is below bound / 2^64.
    public mutating func below(_ bound: Int) -> Int {
        precondition(bound > 0)
        return Int(next().multipliedFullWidth(by: UInt64(bound)).high)
    }
    /// A standard normal number (Marsaglia's polar method).
    public mutating func normal() -> Double {
        while true {
            let u = 2 * uniform() - 1
            let v = 2 * uniform() - 1
            let s = u * u + v * v
            if s > 0, s < 1 { return u * (-2 * log(s) / s).squareRoot() }
        }
    }
    public mutating func shuffled<T>(_ items: [T]) -> [T] {
        var items = items
        shuffle(&items)
        return items
    }
    /// The order that `shuffled` gives, in place.
    public mutating func shuffle<T>(_ items: inout [T]) {
        items.withUnsafeMutableBufferPointer { items in
            var i = items.count - 1
            while i > 0 {
                items.swapAt(i, below(i + 1))
                i -= 1
            }
        }
    }
}
