// Interruption: how a caller ends work that runs: a flag that any thread raises, a deadline, or both. The work asks
// between its steps; what it asks costs a test for nil where nobody interrupts.

import Synchronization

/// A flag that ends the work it was given to. Any thread may raise it; it takes no lock and no memory.
public final class Cancellation: Sendable {
    private let flag = Atomic<Bool>(false)

    public init() {}

    /// Ends what runs with this flag at its next step, and what starts with it, until `reset`.
    public func cancel() { flag.store(true, ordering: .releasing) }

    /// Lowers the flag; for work that begins afterwards.
    public func reset() { flag.store(false, ordering: .releasing) }

    public var isCancelled: Bool { flag.load(ordering: .acquiring) }
}

/// What may end a piece of work before it is done.
public struct Interruption: Sendable {
    /// Nothing ends the work.
    public static let none = Interruption()

    private let cancellation: Cancellation?
    private let limit: (start: ContinuousClock.Instant, deadline: ContinuousClock.Instant)?

    /// - Parameter deadline: when the work ends at the latest; the time it is said to have had counts from now.
    public init(_ cancellation: Cancellation? = nil, deadline: ContinuousClock.Instant? = nil) {
        self.cancellation = cancellation
        limit = deadline.map { (ContinuousClock.now, $0) }
    }

    /// Called before each step of the work.
    /// - Throws: `cancelled` once the flag is up, `timedOut` at the deadline.
    public func check() throws(LTError) {
        if let cancellation, cancellation.isCancelled {
            throw LTError(.cancelled, "the caller cancelled the call")
        }
        if let limit {
            let now = ContinuousClock.now
            guard now < limit.deadline else { throw Self.timedOut(limit.start, limit.deadline, now) }
        }
    }

    private static func timedOut(
        _ start: ContinuousClock.Instant, _ deadline: ContinuousClock.Instant, _ now: ContinuousClock.Instant
    ) -> LTError {
        let allowed =
            deadline > start ? "expected at most \(deadline - start)" : "the deadline was over before it began"
        return LTError(.timedOut, "not done after \(now - start), \(allowed)", hint: "give the call more time")
    }
}
