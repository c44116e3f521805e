// Fourier: the discrete Fourier transform in O(n log n) for every length: mixed radix (Cooley and Tukey) where the prime
// factors are small, else a convolution with a chirp of a power-of-two length (Bluestein). In double precision.
// J. W. Cooley, J. W. Tukey, 1965; L. I. Bluestein, 1970.

import LTCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

struct Complex: Sendable {
    var re: Double
    var im: Double

    static let zero = Complex(0, 0)

    init(_ re: Double, _ im: Double) {
        self.re = re
        self.im = im
    }

    /// e^(-2πi k/n).
    init(turn k: Int, of n: Int) {
        let angle = -2 * Double.pi * Double(k) / Double(n)
        self.init(cos(angle), sin(angle))
    }

    var conjugate: Complex { Complex(re, -im) }
    static func + (a: Complex, b: Complex) -> Complex { Complex(a.re + b.re, a.im + b.im) }
    static func * (a: Complex, b: Complex) -> Complex { Complex(a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re) }
}

/// The transform of one length: X_k = Σ x_n e^(-2πi kn/N).
struct FourierTransform: Sendable {
    /// Longer transforms are refused: their tables alone would take gigabytes.
    static let longest = 1 << 24
    /// From here on a chirp is cheaper than a butterfly of that many inputs.
    private static let largestRadix = 32

    private indirect enum Method {
        case radices([Int], roots: [Complex])
        case chirp([Complex], spectrum: [Complex], FourierTransform)
    }

    let length: Int
    private let method: Method

    init(_ length: Int) throws(LTError) {
        try Self.check(length)
        self.init(checked: length)
    }

    /// - Throws: `invalidArgument` for lengths that are not from 1 to `longest`.
    static func check(_ length: Int) throws(LTError) {
        guard length >= 1, length <= longest else {
            throw LTError(.invalidArgument, "a Fourier transform of length \(length), expected 1 to \(longest)")
        }
    }

    private init(checked length: Int) {
        self.length = length
        var (radices, rest) = ([Int](), length)
        for radix in 2..<Self.largestRadix {
            while rest % radix == 0 {
                radices.append(radix)
                rest /= radix
            }
        }
        if rest == 1 {
            method = .radices(radices, roots: (0..<length).map { Complex(turn: $0, of: length) })
            return
        }
        // nk = (n² + k² - (k - n)²) / 2, so X_k = c_k Σ x_n c_n / c_(k - n) with c_n = e^(-πi n²/N).
        let chirp = (0..<length).map { Complex(turn: $0 * $0 % (2 * length), of: 2 * length) }
        var padded = 1
        while padded < 2 * length - 1 { padded *= 2 }
        let inner = FourierTransform(checked: padded)
        var filter = [Complex](repeating: .zero, count: padded)
        for (n, factor) in chirp.enumerated() {
            filter[n] = factor.conjugate
            filter[(padded - n) % padded] = factor.conjugate
        }
        method = .chirp(chirp, spectrum: inner(filter), inner)
    }

    func callAsFunction(_ x: [Complex]) -> [Complex] {
        precondition(x.count == length)
        switch method {
        case .radices(let radices, let roots):
            return [Complex](unsafeUninitializedCapacity: length) { y, count in
                count = length
                withUnsafeTemporaryAllocation(of: Complex.self, capacity: Self.largestRadix) { terms in
                    x.withUnsafeBufferPointer { x in
                        roots.withUnsafeBufferPointer { roots in
                            Butterflies(radices: radices, roots: roots, terms: terms)
                                .transform(x[...], 1, y, at: 0, length, 0)
                        }
                    }
                }
            }
        case .chirp(let chirp, let spectrum, let inner):
            var signal = [Complex](repeating: .zero, count: inner.length)
            for n in 0..<length { signal[n] = x[n] * chirp[n] }
            signal = inner(signal)
            for k in signal.indices { signal[k] = (signal[k] * spectrum[k]).conjugate }
            // The inverse transform is the conjugate of the transform of the conjugate, over the length.
            signal = inner(signal)
            let scale = Complex(1 / Double(inner.length), 0)
            return (0..<length).map { signal[$0].conjugate * chirp[$0] * scale }
        }
    }

    /// x_n = 1/N Σ X_k e^(2πi kn/N).
    func inverse(_ x: [Complex]) -> [Complex] {
        let scale = 1 / Double(length)
        return self(x.map(\.conjugate)).map { Complex($0.re * scale, -$0.im * scale) }
    }
}

/// The recursion of the mixed-radix transform.
private struct Butterflies {
    let radices: [Int]
    /// The N-th roots of unity, clockwise.
    let roots: UnsafeBufferPointer<Complex>
    /// Scratch memory for the inputs of one butterfly.
    let terms: UnsafeMutableBufferPointer<Complex>

    /// Transforms every `step`-th element of `x` into `length` elements of `y` from `start` on; step · length = N.
    func transform(
        _ x: Slice<UnsafeBufferPointer<Complex>>, _ step: Int, _ y: UnsafeMutableBufferPointer<Complex>, at start: Int,
        _ length: Int, _ level: Int
    ) {
        guard length > 1 else {
            y[start] = x[x.startIndex]
            return
        }
        let radix = radices[level]
        let part = length / radix
        for r in 0..<radix {
            transform(x.dropFirst(r * step), step * radix, y, at: start + r * part, part, level + 1)
        }
        for k in 0..<part {
            for r in 0..<radix { terms[r] = y[start + r * part + k] * roots[r * k * step] }
            for q in 0..<radix {
                var (sum, turn) = (terms[0], 0)
                for r in 1..<radix {
                    turn += q * part * step
                    if turn >= roots.count { turn -= roots.count }
                    sum = sum + terms[r] * roots[turn]
                }
                y[start + q * part + k] = sum
            }
        }
    }
}

/// The elements of a tensor as complex numbers, each of 1 or 2 parts.
struct Signal<T: Real> {
    private let elements: UnsafeMutableBufferPointer<T>
    private let isComplex: Bool

    init(_ tensor: Tensor, parts: Int?) {
        elements = tensor.elements(T.self)
        isComplex = parts == 2
    }

    subscript(index: Int) -> Complex {
        get {
            isComplex
                ? Complex(elements[2 * index].double, elements[2 * index + 1].double)
                : Complex(elements[index].double, 0)
        }
        nonmutating set {
            if isComplex {
                elements[2 * index] = T(newValue.re)
                elements[2 * index + 1] = T(newValue.im)
            } else {
                elements[index] = T(newValue.re)
            }
        }
    }
}
