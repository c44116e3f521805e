// Isotonic calibration (Zadrozny & Elkan 2002): the non-decreasing curve nearest to the outcomes in squares, by pooling
// adjacent violators; equal scores enter as one. Linear between blocks, constant beyond (as scikit-learn, out_of_bounds clip).
// Per class it is shrunk as a whole: group curves are fitted on the log-odds that the class's shrunk Platt fit gives, so that
// they say how reliable such a score is whatever the class's rate, and are read back through that fit.

import LTCore

/// Fits isotonic curves.
public enum Isotonic {
    /// A monotone line through knots.
    public struct Curve: Sendable, Equatable {
        /// Ascending.
        public var x: [Double]
        /// 0…1, not descending.
        public var y: [Double]

        public init(x: [Double], y: [Double]) {
            precondition(x.count == y.count && !x.isEmpty)
            self.x = x
            self.y = y
        }

        public func value(_ z: Double) -> Double {
            guard z > x[0] else { return y[0] }
            guard z < x[x.count - 1] else { return y[y.count - 1] }
            var (low, high) = (0, x.count - 1)
            while high - low > 1 {
                let middle = (low + high) / 2
                if x[middle] <= z { low = middle } else { high = middle }
            }
            return y[low] + (z - x[low]) / (x[high] - x[low]) * (y[high] - y[low])
        }

        /// w·self + (1 − w)·other, which is linear between the knots of both.
        func blended(_ other: Curve, _ weight: Double) -> Curve {
            let knots = Set(x).union(other.x).sorted()
            return Curve(x: knots, y: knots.map { weight * value($0) + (1 - weight) * other.value($0) })
        }

        /// The same curve with knots of float32: x ascend, y do not descend.
        public var knots: (x: [Float], y: [Float]) {
            var (xs, ys) = ([Float](), [Float]())
            for (x, y) in zip(x, y) {
                let (x, y) = (Float(x), Float(min(max(y, 0), 1)))
                guard x.isFinite else { continue }
                // Knots that fall together in float32 keep the first's y and the last's.
                if let last = xs.last, x <= last {
                    ys[ys.count - 1] = max(ys[ys.count - 1], y)
                    continue
                }
                // Of a level stretch only the ends count.
                if ys.count >= 2, ys[ys.count - 1] == y, ys[ys.count - 2] == y {
                    xs[xs.count - 1] = x
                    continue
                }
                xs.append(x)
                ys.append(max(y, ys.last ?? 0))
            }
            return xs.isEmpty ? ([0], [0]) : (xs, ys)
        }
    }

    private struct Block {
        var low: Double
        var high: Double
        var hits: Int
        var count: Int
    }

    /// Fits the curve of one class.
    /// - Returns: `nil` without any event.
    public static func fit(_ events: BinaryEvents) -> Curve? {
        guard events.count > 0 else { return nil }
        let ranking = Ranking(descending: events.scores)
        var blocks: [Block] = []
        var end = events.count
        // From the lowest score up, a run of equal scores at a time.
        for run in ranking.runEnds.indices.reversed() {
            let start = run == 0 ? 0 : ranking.runEnds[run - 1]
            let score = Double(events.scores[ranking.positions[start]])
            var block = Block(low: score, high: score, hits: 0, count: end - start)
            for rank in start..<end where events.hits[ranking.positions[rank]] { block.hits += 1 }
            end = start
            while let last = blocks.last, last.hits * block.count >= block.hits * last.count {
                block.low = last.low
                block.hits += last.hits
                block.count += last.count
                blocks.removeLast()
            }
            blocks.append(block)
        }
        var (x, y) = ([Double](), [Double]())
        for block in blocks {
            let value = Double(block.hits) / Double(block.count)
            x.append(block.low)
            y.append(value)
            if block.high > block.low {
                x.append(block.high)
                y.append(value)
            }
        }
        return Curve(x: x, y: y)
    }

    /// Fits every class.
    public static func fit(_ classes: [BinaryEvents], _ shrinkage: Shrinkage) -> [Curve] {
        guard shrinkage.positives > 0 else {
            return classes.map { fit($0) ?? Curve(x: [0], y: [0]) }
        }
        let sigmoids = Platt.fit(classes, shrinkage)
        let aligned = zip(classes, sigmoids).map { events, sigmoid in
            events.mapping { Float(-(sigmoid.a * Double($0) + sigmoid.b)) }
        }
        let curves = shrinkage.fitted(aligned, own: { fit($0) }, blend: { $0.blended($1, $2) })
        return zip(curves, sigmoids).map { curve, sigmoid in
            guard let curve else { return Curve(x: [0], y: [0]) }
            return Curve(x: curve.x.map { -($0 + sigmoid.b) / sigmoid.a }, y: curve.y)
        }
    }
}
