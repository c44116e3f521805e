// Parallel: work in numbered parts on the machine's cores. How work is split never depends on the number of cores and
// results are joined in the order of the parts, so that sums have the same bits everywhere.

import Dispatch

/// What `body` makes of 0 ..< count, in that order.
func parallelMap<Part: Sendable>(_ count: Int, _ body: @Sendable (Int) -> Part) -> [Part] {
    guard count > 1 else { return (0..<count).map { body($0) } }
    return [Part](unsafeUninitializedCapacity: count) { buffer, initialized in
        nonisolated(unsafe) let base = buffer.baseAddress!
        DispatchQueue.concurrentPerform(iterations: count) { (base + $0).initialize(to: body($0)) }
        initialized = count
    }
}

/// 0 ..< count cut into at most `parts` ranges of nearly equal length, none shorter than `minimum` unless it is the only one.
func stripes(_ count: Int, parts: Int = 32, minimum: Int = 64) -> [Range<Int>] {
    let parts = max(1, min(parts, count / max(minimum, 1)))
    return (0..<parts).map { count * $0 / parts..<count * ($0 + 1) / parts }
}

/// Work that goes on beside the caller's.
final class Background<Value: Sendable>: @unchecked Sendable {
    private let group = DispatchGroup()
    private var result: Value?

    init(_ work: @escaping @Sendable () -> Value) {
        DispatchQueue.global().async(group: group) { self.result = work() }
    }

    /// Waits for the result.
    var value: Value {
        group.wait()
        return result!
    }
}
