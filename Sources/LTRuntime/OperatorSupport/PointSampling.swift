// PointSampling: interpolation between the elements of a plane (or line, or volume) at a point, for operators whose
// points come with the data: GridSample, DeformConv.

import LTCore

/// The elements around a point and their weights; one instance is moved from point to point.
struct PointSampler {
    enum Mode: Sendable {
        case nearest, linear, cubic
    }

    /// What lies outside: zeros, the outer elements, or the plane mirrored at its outer elements' centres
    /// (`alignsCorners`) or edges.
    enum Padding: String, Sendable {
        case zeros, border, reflection
    }

    let extents: [Int]
    let mode: Mode
    let padding: Padding
    let alignsCorners: Bool
    private let strides: [Int]
    /// Positions in the plane, row-major.
    private(set) var taps: [(place: Int, weight: Double)] = []
    private var outer: [(place: Int, weight: Double)] = []

    init(_ extents: [Int], _ mode: Mode, _ padding: Padding, alignsCorners: Bool = false) throws(LTError) {
        self.extents = extents
        self.mode = mode
        self.padding = padding
        self.alignsCorners = alignsCorners
        strides = try Shape(extents).strides
    }

    /// Makes `taps` those of a point in units of elements, one coordinate for each axis. What is not a finite number lies
    /// outside.
    mutating func move(to point: some Sequence<Double>) {
        taps.removeAll(keepingCapacity: true)
        taps.append((0, 1))
        for (axis, x) in point.enumerated() {
            swap(&taps, &outer)
            taps.removeAll(keepingCapacity: true)
            guard let x = inside(x, axis) else { return }
            let floor = x.rounded(.down)
            switch mode {
            case .nearest: add(Int(x.rounded(.toNearestOrEven)), axis, 1)
            case .linear:
                add(Int(floor), axis, 1 - (x - floor))
                add(Int(floor) + 1, axis, x - floor)
            case .cubic:
                for offset in -1...2 { add(Int(floor) + offset, axis, cubicWeight(x - floor - Double(offset), -0.75)) }
            }
        }
    }

    /// The sum over the taps, `plane` being the elements' begin.
    func sum<T: Number>(_ plane: UnsafeMutablePointer<T>) -> Double {
        taps.reduce(0) { $0 + $1.weight * plane[$1.place].double }
    }

    private mutating func add(_ place: Int, _ axis: Int, _ weight: Double) {
        guard weight != 0, let place = inside(place, axis) else { return }
        for tap in outer { taps.append((tap.place + place * strides[axis], tap.weight * weight)) }
    }

    /// A coordinate brought near the plane by the padding; nil where nothing of the plane is in reach.
    private func inside(_ x: Double, _ axis: Int) -> Double? {
        let extent = Double(extents[axis])
        guard extent > 0, x.isFinite else { return nil }
        let (low, high) = alignsCorners ? (0, extent - 1) : (-0.5, extent - 0.5)
        var x = x
        if x < low || x > high {
            switch padding {
            case .zeros: break
            case .border: x = min(max(x, 0), extent - 1)
            case .reflection: x = reflected(x, low, high)
            }
        }
        return x > -3 && x < extent + 3 ? x : nil
    }

    private func inside(_ place: Int, _ axis: Int) -> Int? {
        let extent = extents[axis]
        if place >= 0 && place < extent { return place }
        switch padding {
        case .zeros: return nil
        case .border: return place < 0 ? 0 : extent - 1
        case .reflection:
            let (low, high) = alignsCorners ? (0, Double(extent - 1)) : (-0.5, Double(extent) - 0.5)
            return min(max(Int(reflected(Double(place), low, high)), 0), extent - 1)
        }
    }

    private func reflected(_ x: Double, _ low: Double, _ high: Double) -> Double {
        guard high > low else { return low }
        let distance = abs(x - low).truncatingRemainder(dividingBy: 2 * (high - low))
        return low + min(distance, 2 * (high - low) - distance)
    }
}
