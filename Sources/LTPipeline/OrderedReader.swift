// OrderedReader: worker threads make items out of order, one consumer takes them in order. A ring bounds how far the
// workers run ahead, so memory does not depend on the number of items, and each slot of it has a buffer of its own.

import Foundation
import LTCore

/// A bounded, ordered, parallel map over 0 ..< count.
final class OrderedReader<Item: Sendable>: @unchecked Sendable {
    private let condition = NSCondition()
    private let count: Int
    private let buffers: [Buffer]
    private let make: @Sendable (Int, Buffer) -> Item
    // Guarded by `condition`.
    private var ready: [Item?]
    private var claimed = 0
    private var taken = 0
    private var stopped = false
    private var workers: Int

    /// Starts the workers.
    /// - Parameters:
    ///   - window: items that may be in the making or waiting, at least 1.
    ///   - bufferBytes: size of each slot's buffer, which belongs to the item until the consumer is done with it.
    init(
        count: Int, workers: Int, window: Int, bufferBytes: Int,
        make: @escaping @Sendable (Int, Buffer) -> Item
    ) throws(LTError) {
        self.count = count
        self.make = make
        self.workers = max(1, min(workers, count))
        var buffers: [Buffer] = []
        for _ in 0..<max(1, min(window, count)) { buffers.append(try Buffer(byteCount: bufferBytes)) }
        self.buffers = buffers
        ready = [Item?](repeating: nil, count: buffers.count)
        for number in 0..<self.workers {
            let thread = Thread { [self] in work() }
            thread.name = "lt-decode-\(number)"
            thread.stackSize = 1 << 21
            thread.start()
        }
    }

    /// Hands the next item to `body`, which may use the buffer until it returns. `nil` after the last one, and soon after
    /// `isCancelled` says so (asked a few times a second while waiting).
    func next<Result>(isCancelled: () -> Bool, _ body: (Item, Buffer) -> Result) -> Result? {
        condition.lock()
        guard taken < count else {
            condition.unlock()
            return nil
        }
        let slot = taken % buffers.count
        while ready[slot] == nil {
            if isCancelled() {
                condition.unlock()
                return nil
            }
            _ = condition.wait(until: Date(timeIntervalSinceNow: 0.1))
        }
        let item = ready[slot]
        ready[slot] = nil
        condition.unlock()
        let result = item.map { body($0, buffers[slot]) }
        condition.lock()
        taken += 1
        condition.broadcast()
        condition.unlock()
        return result
    }

    /// Ends the workers after what they are at, and waits for them.
    func stop() {
        condition.lock()
        stopped = true
        condition.broadcast()
        while workers > 0 { condition.wait() }
        condition.unlock()
    }

    private func work() {
        condition.lock()
        while true {
            while !stopped, claimed < count, claimed >= taken + buffers.count { condition.wait() }
            if stopped || claimed >= count { break }
            let index = claimed
            claimed += 1
            condition.unlock()
            let item = make(index, buffers[index % buffers.count])
            condition.lock()
            ready[index % buffers.count] = item
            condition.broadcast()
        }
        workers -= 1
        condition.broadcast()
        condition.unlock()
    }
}
