// What threads that draw images share: a count of what is done, and results by position.

import Foundation
import LTCore

/// Counts up, from any thread.
final class Counter: @unchecked Sendable {
    private let lock = NSLock()
    private var count = 0
    func next() -> Int {
        lock.withLock {
            count += 1
            return count
        }
    }
}

/// Results by position, set from any thread; the first error in order wins.
final class ParallelResults<Value: Sendable>: @unchecked Sendable {
    private let lock = NSLock()
    private var values: [Result<Value, LTError>?]
    private var anyFailed = false

    private init(count: Int) { values = [Result<Value, LTError>?](repeating: nil, count: count) }

    /// Runs `body` for 0 ..< count on all cores; after an error what has not begun is left out.
    static func of(
        _ count: Int, _ body: @Sendable (Int) throws(LTError) -> Value
    ) throws(LTError) -> [Value] {
        let results = ParallelResults(count: count)
        DispatchQueue.concurrentPerform(iterations: count) { index in
            guard !results.failed else { return }
            results.set(index, Result { () throws(LTError) in try body(index) })
        }
        return try results.all()
    }

    private var failed: Bool { lock.withLock { anyFailed } }

    private func set(_ index: Int, _ value: Result<Value, LTError>) {
        lock.withLock {
            values[index] = value
            if case .failure = value { anyFailed = true }
        }
    }

    private func all() throws(LTError) -> [Value] {
        let values = lock.withLock { self.values }
        for case .failure(let error)? in values { throw error }
        return values.compactMap { value in
            if case .success(let item)? = value { item } else { nil }
        }
    }
}
