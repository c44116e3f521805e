// ParallelWork: loops over independent pieces of work on a number of threads; the outcome does not depend on the number.

import Dispatch
import Foundation
import LTCore

public enum Parallel {
    /// The processors that this process may use.
    public static let processorCount = max(1, ProcessInfo.processInfo.activeProcessorCount)

    /// Calls `body` once for each worker, 0 ..< threads, at the same time.
    /// - Throws: the error of the lowest worker.
    static func workers(_ threads: Int, _ body: (Int) throws(LTError) -> Void) throws(LTError) {
        guard threads > 1 else { return try body(0) }
        let failures = Column<LTError?>(repeating: nil, count: threads)
        withoutActuallyEscaping(body) { body in
            let shared = Shared(body)
            DispatchQueue.concurrentPerform(iterations: threads) { worker in
                do throws(LTError) { try shared.value(worker) } catch { failures[worker] = error }
            }
        }
        for worker in 0..<threads { if let error = failures[worker] { throw error } }
    }

    /// Calls `body` with each piece of work, 0 ..< count, in any order, with the worker that does it.
    /// - Throws: an error of `body`, after which no more pieces are begun.
    static func forEach(
        _ count: Int, threads: Int, _ body: (_ index: Int, _ worker: Int) throws(LTError) -> Void
    ) throws(LTError) {
        let next = Counter()
        try workers(max(1, min(threads, count))) { (worker) throws(LTError) in
            while true {
                let index = next.take()
                guard index < count else { return }
                do throws(LTError) { try body(index, worker) } catch {
                    next.stop()
                    throw error
                }
            }
        }
    }
}

/// An array of fixed size that threads fill side by side, each its own places; read-only once filled.
final class Column<Value>: @unchecked Sendable {
    let base: UnsafeMutablePointer<Value>
    let count: Int

    init(repeating value: Value, count: Int) {
        base = .allocate(capacity: max(1, count))
        base.initialize(repeating: value, count: count)
        self.count = count
    }

    deinit {
        base.deinitialize(count: count)
        base.deallocate()
    }

    subscript(index: Int) -> Value {
        get { base[index] }
        _modify { yield &base[index] }
    }

    /// A part of it.
    subscript(range: Range<Int>) -> UnsafeMutableBufferPointer<Value> {
        UnsafeMutableBufferPointer(start: base + range.lowerBound, count: range.count)
    }
}

/// Hands out 0, 1, 2, ….
private final class Counter: @unchecked Sendable {
    private let lock = NSLock()
    private var next = 0

    func take() -> Int {
        lock.withLock {
            defer { if next < .max { next += 1 } }
            return next
        }
    }

    func stop() { lock.withLock { next = .max } }
}

/// What threads may share because somebody else sees to it: a lock, or that each uses its own part.
struct Shared<Value>: @unchecked Sendable {
    let value: Value
    init(_ value: Value) { self.value = value }
}
